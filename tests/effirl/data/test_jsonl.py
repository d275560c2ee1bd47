"""A user's own problems, from a file of JSON lines."""

import json
from pathlib import Path
from typing import Any

import pytest

from effirl.data import jsonl
from effirl.data.load import load_problems, load_whole
from effirl.data.problems import InputOrigin
from effirl.errors import UserError
from rewards.records import Match

EXAMPLES = Path(__file__).parents[3] / "examples" / "problems.jsonl"
ROW = {
    "problem_id": "double",
    "description": "Double\na number.",
    "source_program": "print(sum([int(input())] * 2))\n",
    "targets": ["print(2 * int(input()))\n", "print(sum([int(input())] * 2))  # the same\n"],
    "tests": [{"input": "2\n", "output": "4\n"}],
    "performance_inputs": [{"input": "300000\n", "output": "600000\n"}],
}


def write(folder: Path, *rows: dict[str, Any]) -> Path:
    path = folder / "own.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_a_row_is_a_problem(tmp_path: Path) -> None:
    (problem,) = jsonl.load(write(tmp_path, ROW), "all").problems
    assert problem.description == "Double a number."
    assert [target.program for target in problem.targets] == ["print(2 * int(input()))\n"]
    assert problem.targets[0].runtime_tag is None  # nothing was measured of it
    assert [case.input for case in problem.performance_inputs] == ["300000\n"]
    assert problem.input_origin is InputOrigin.OWN


def test_without_performance_inputs_the_tests_are_measured(tmp_path: Path) -> None:
    row = {name: value for name, value in ROW.items() if name != "performance_inputs"}
    (problem,) = jsonl.load(write(tmp_path, row), "all").problems
    assert problem.performance_inputs == problem.tests
    assert problem.input_origin is InputOrigin.PUBLIC


def test_the_file_of_the_reward_alone_is_one_of_these() -> None:
    loaded = load_whole("jsonl", data_path=EXAMPLES)
    assert len(loaded.problems) == len(EXAMPLES.read_text().splitlines())
    assert not loaded.dropped


def test_tests_of_functions(tmp_path: Path) -> None:
    row = ROW | {"tests": [{"assert": "assert f(1) == 2"}, {"call": "f(2)", "output": 4}]}
    (problem,) = jsonl.load(write(tmp_path, row), "all").problems
    assert [case.match for case in problem.tests] == [Match.VALUES, Match.VALUES]


def test_splits_are_a_rows_own_or_by_its_id(tmp_path: Path) -> None:
    own = [ROW | {"problem_id": f"p{n}", "split": "test"} for n in range(3)]
    ids = ("p02552", "p02278", "p03371")  # train, validation, test
    path = write(tmp_path, *own, *(ROW | {"problem_id": name} for name in ids))
    names = {
        split: [p.problem_id for p in load_problems("jsonl", data_path=path, split=split).problems]
        for split in ("train", "validation", "test", "all")
    }
    assert names["train"] == ["p02552"]
    assert names["validation"] == ["p02278"]
    assert names["test"] == ["p0", "p1", "p2", "p03371"]
    assert len(names["all"]) == 6


def test_what_cannot_be_used_is_counted(tmp_path: Path) -> None:
    rows = [
        ROW | {"source_program": "print("},
        ROW | {"targets": ["print("]},
        ROW | {"targets": ROW["targets"][1:]},
        ROW | {"tests": []},
    ]
    path = write(tmp_path, ROW, *rows)
    assert jsonl.load(path, "all").dropped == {
        "syntax error": 2,
        "target is the source program": 1,
        "no tests": 1,
    }
    assert len(jsonl.load(path, "all", require_tests=False).problems) == 2
    assert len(jsonl.load(path, "all", limit=1).problems) == 1


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"split": "dev"}, "'split' must be one of train, validation, test, got 'dev'"),
        ({"targets": "print(1)"}, "'targets' must be a list"),
        ({"targets": [" "]}, "'targets' must not have an empty one"),
        ({"targets": [1]}, "'targets[0]' must be a text"),
        ({"tests": [{"input": "2"}]}, "'tests': a test must have output"),
        ({"tests": [{"input": "\ud800", "output": ""}]}, "'tests': "),
        ({"performance_inputs": [3]}, "'performance_inputs': a test must be an object"),
    ],
)
def test_a_malformed_row_is_named(change: dict[str, object], expected: str, tmp_path: Path) -> None:
    path = write(tmp_path, ROW, ROW | change)
    with pytest.raises(UserError) as caught:
        jsonl.load(path, "all")
    assert str(caught.value).startswith(f"{path}:2: ")
    assert expected in str(caught.value)


@pytest.mark.parametrize("path", [None, Path("nowhere/own.jsonl"), Path(__file__).parent])
def test_a_file_must_be_named(path: Path | None) -> None:
    with pytest.raises(UserError, match=r"needs --data-path FILE\.jsonl, got"):
        jsonl.load(path, "all")
