"""CodeNet's tests in both layouts."""

import json
from pathlib import Path

import pytest

from effirl.data import codenet, pie
from effirl.data.decimals import with_tolerance
from effirl.errors import UserError
from rewards.records import Match, TestCase
from tests.effirl.data.test_pie import PAIR, TESTS

FILES = {
    "input.0.txt": "3\n",
    "output.0.txt": "3\n",
    "input.1.txt": "100\n",
    "output.1.txt": "4950",
}


def make_folder(root: Path, name: str, files: dict[str, str]) -> Path:
    folder = root / name / "p00001"
    folder.mkdir(parents=True)
    for file, text in files.items():
        (folder / file).write_text(text)
    return folder


@pytest.mark.parametrize(
    "name", ["public_test_cases", "codenet/public_test_cases", "data/codenet/public_test_cases"]
)
def test_the_benchmarks_own_folder(tmp_path: Path, name: str) -> None:
    folder = make_folder(tmp_path, name, FILES)
    (folder.parent.parent / "problem_list.csv").write_text("id,name\np00001,Sum  of\tall\n")
    (tmp_path / "train.jsonl").write_text(json.dumps(PAIR) + "\n")
    other = PAIR | {"problem_id": "p00002"}
    (tmp_path / "val.jsonl").write_text(json.dumps(other | {"input": "print(1)"}) + "\n")
    loaded = pie.load(tmp_path, "all")
    (problem,) = loaded.problems
    assert problem.tests == (TestCase("3\n", "3\n"), TestCase("100\n", "4950"))
    assert problem.performance_inputs[0].input == "100\n"
    assert problem.description == "Sum of all"
    assert loaded.dropped == {"no tests": 1}


def test_the_file_wins_over_the_folder(tmp_path: Path) -> None:
    make_folder(tmp_path, "public_test_cases", FILES)
    (tmp_path / "public_tests.jsonl").write_text(json.dumps(TESTS) + "\n")
    tests_of = codenet.find_tests([tmp_path / "none", tmp_path])
    assert tests_of is not None
    assert len(tests_of("p00001").tests) == 3
    assert tests_of("p00009") == codenet.NO_TESTS


def test_decimals_may_be_rounded(tmp_path: Path) -> None:
    """Accepted programs print 7.0 where the judge's file has 7.000000000000."""
    files = {**FILES, "output.0.txt": "7.000000000000\n"}
    make_folder(tmp_path, "public_test_cases", files)
    tests_of = codenet.find_tests([tmp_path])
    assert tests_of is not None
    decimal, whole = tests_of("p00001").tests
    assert decimal == with_tolerance(TestCase("3\n", "7.000000000000\n"))
    assert (decimal.match, whole.match) == (Match.NUMBERS, Match.WORDS)


def test_no_tests_anywhere(tmp_path: Path) -> None:
    assert codenet.find_tests([tmp_path, tmp_path / "none"]) is None


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"input.0.txt": "3"}, "every input.N.txt needs its output.N.txt"),
        (FILES | {"input.2.txt": "3\n", "output.2.txt": "4"}, "one input must have one expected"),
    ],
)
def test_a_bad_folder_is_named(tmp_path: Path, files: dict[str, str], message: str) -> None:
    folder = make_folder(tmp_path, "public_test_cases", files)
    tests_of = codenet.find_tests([tmp_path])
    assert tests_of is not None
    with pytest.raises(UserError, match=message) as caught:
        tests_of("p00001")
    assert str(folder) in str(caught.value)


def test_bytes_that_are_no_text_are_named(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, "public_test_cases", FILES)
    (folder / "output.1.txt").write_bytes(b"\xff")
    tests_of = codenet.find_tests([tmp_path])
    assert tests_of is not None
    with pytest.raises(UserError, match=r"output\.1\.txt: not UTF-8"):
        tests_of("p00001")


@pytest.mark.parametrize("problem_id", ["../p00001", "", ".", "p00001/../p00001"])
def test_an_id_is_no_path(tmp_path: Path, problem_id: str) -> None:
    make_folder(tmp_path, "public_test_cases", FILES)
    tests_of = codenet.find_tests([tmp_path])
    assert tests_of is not None
    assert tests_of(problem_id) == codenet.NO_TESTS
