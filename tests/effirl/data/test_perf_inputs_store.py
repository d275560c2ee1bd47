"""What is kept of a search, and how it reaches the problems."""

import gzip
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from effirl.data.perf_inputs import describe_inputs, store, with_performance_inputs
from effirl.data.perf_inputs.command import parse_arguments
from effirl.data.perf_inputs.loading import PUBLIC
from effirl.data.perf_inputs.report import table
from effirl.data.perf_inputs.store import Interval, PairRecord, ProblemRecord, digest
from effirl.data.problems import InputOrigin, Problem, Target
from effirl.data.programs import drops_import
from effirl.errors import UserError
from rewards.records import Match, TestCase

SMALL = TestCase("3\n", "6\n")
LARGE = TestCase("9999\n", "49995000.0\n", Match.NUMBERS, absolute_tolerance=1e-6)
PROBLEM = Problem(
    "p1",
    "Sum",
    "print(sum(range(int(input()) + 1)))\n",
    tests=(SMALL,),
    performance_inputs=(SMALL,),
    targets=(Target("n = int(input())\nprint(n * (n + 1) // 2)\n", runtime_tag=1),),
    author="u1",
    input_origin=InputOrigin.PUBLIC,
)
SEEN, UNSEEN = Interval(0.5, 1.0, 1.5), Interval(-0.1, 0.1, 0.3)


def record(*, cases: tuple[int, ...] = (0,), is_weak: bool = False) -> ProblemRecord:
    pair = PairRecord(
        source=digest(PROBLEM.source_program),
        target=digest(PROBLEM.targets[0].program),
        cases=list(cases),
        failure=None if cases else "not measurable",
        runtime_s=0.02,
        public=UNSEEN,
        generated=SEEN if cases else None,
        same=UNSEEN if cases else None,
    )
    return ProblemRecord(
        store.key_of([PROBLEM], 0), digest(PROBLEM.tests), is_weak, cases=[LARGE], pairs=[pair]
    )


@pytest.mark.parametrize(
    ("is_weak", "origin"), [(False, InputOrigin.FOUND), (True, InputOrigin.WEAK)]
)
def test_found_inputs_replace_the_small_ones(
    tmp_path: Path, is_weak: bool, origin: InputOrigin
) -> None:
    store.save(tmp_path, "p1", record(is_weak=is_weak))
    (found,) = with_performance_inputs([PROBLEM], tmp_path)
    assert found == replace(PROBLEM, performance_inputs=(LARGE,), input_origin=origin)


def test_a_public_test_that_is_large_enough_stays_a_public_test(tmp_path: Path) -> None:
    problem = replace(PROBLEM, tests=(SMALL, LARGE))
    kept = record(is_weak=True)
    kept.tests = digest(problem.tests)
    store.save(tmp_path, "p1", kept)
    (found,) = with_performance_inputs([problem], tmp_path)
    assert found == replace(problem, performance_inputs=(LARGE,))


def test_public_tests_can_be_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store.prepare(store.DEFAULT_FOLDER)
    store.save(store.DEFAULT_FOLDER, "p1", record())
    assert with_performance_inputs([PROBLEM], store.DEFAULT_FOLDER) != [PROBLEM]
    assert with_performance_inputs([PROBLEM], PUBLIC) == [PROBLEM]


def test_problems_made_to_be_measured_stay_as_they_are(tmp_path: Path) -> None:
    store.save(tmp_path, "p1", record())
    problem = replace(PROBLEM, input_origin=InputOrigin.OWN)
    assert with_performance_inputs([problem], tmp_path) == [problem]


def test_what_is_measured_on_is_said_and_counted() -> None:
    problems = [replace(PROBLEM, input_origin=o) for o in (*InputOrigin, InputOrigin.FOUND)]
    assert describe_inputs(problems) == (
        "performance inputs: 1 the data set's own, 1 public tests, 2 found, "
        "1 found, weakly verified"
    )
    assert "1 public tests (most are too small to measure" in describe_inputs([PROBLEM])
    assert describe_inputs(problems[:1]) == ""


@pytest.mark.parametrize(
    "changed",
    [
        replace(PROBLEM, tests=(SMALL, TestCase("4\n", "10\n"))),  # not what they were checked by
        replace(PROBLEM, source_program="print(6)\n"),
        replace(PROBLEM, problem_id="p2"),
    ],
)
def test_other_problems_stay_as_they_are(tmp_path: Path, changed: Problem) -> None:
    store.save(tmp_path, "p1", record())
    assert with_performance_inputs([changed], tmp_path) == [changed]


def test_nothing_found_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store.save(tmp_path, "p1", record(cases=()))
    assert with_performance_inputs([PROBLEM], tmp_path) == [PROBLEM]
    monkeypatch.chdir(tmp_path)
    assert with_performance_inputs([PROBLEM], store.DEFAULT_FOLDER) == [PROBLEM]


def test_a_folder_that_was_named_must_exist(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"performance-inputs must be .*absent, which does not"):
        with_performance_inputs([PROBLEM], tmp_path / "absent")


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    store.save(tmp_path, "p1", record())
    assert store.load(tmp_path, "p1") == record()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no gzip",
        gzip.compress(b"no json"),
        gzip.compress(b'{"key": "k"}'),
        gzip.compress(b"[1]"),
        gzip.compress(b"[1]")[:10] + b"\xff" * 9,
    ],
)
def test_a_damaged_record_is_none(tmp_path: Path, content: bytes) -> None:
    store.path_of(tmp_path, "p1").write_bytes(content)
    assert store.load(tmp_path, "p1") is None


def test_a_record_cut_short_is_none(tmp_path: Path) -> None:
    store.save(tmp_path, "p1", record())
    path = store.path_of(tmp_path, "p1")
    path.write_bytes(path.read_bytes()[:-20])
    assert store.load(tmp_path, "p1") is None


def test_ids_of_any_characters_stay_inside_the_folder(tmp_path: Path) -> None:
    assert store.path_of(tmp_path, "../../p1").parent == tmp_path
    assert store.path_of(tmp_path, "../../p1") != store.path_of(tmp_path, "../p1")


def test_the_key_follows_the_programs_the_tests_and_the_seed() -> None:
    other = replace(PROBLEM, source_program="print(1)\n")
    authored = replace(PROBLEM, author="u2")
    keys = [store.key_of([p], 0) for p in (PROBLEM, other, authored)] + [store.key_of([PROBLEM], 1)]
    assert len(set(keys)) == 4


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot write to .*file.*; name another folder"):
        store.prepare(tmp_path / "file")
    with pytest.raises(UserError, match=r"cannot write .*p1"):
        store.save(tmp_path / "absent", "p1", record())
    store.prepare(tmp_path / "new" / "folder")
    store.save(tmp_path / "new" / "folder", "p1", record())


def test_the_table_counts_each_group() -> None:
    minor = replace(PROBLEM, targets=(replace(PROBLEM.targets[0], runtime_tag=0),))
    dropping = replace(PROBLEM, source_program="import numpy\n" + PROBLEM.source_program)
    found = [([PROBLEM], record()), ([minor], record(cases=())), ([dropping], record(is_weak=True))]
    lines = [re.split(r"  +", line.strip()) for line in table(found).splitlines()[:5]]
    nothing, whole = "0 (0%)", "1 (100%)"
    assert lines[1] == ["significant", "1", whole, nothing, *[whole] * 3, *[nothing] * 3]
    assert lines[2] == ["minor", "1", whole, *[nothing] * 7]
    assert lines[3] == [
        "drops an import",
        "1",
        whole,
        nothing,
        *[whole] * 3,
        nothing,
        nothing,
        whole,
    ]
    assert lines[4][:3] == ["all", "3", "3 (100%)"]
    assert "significant and both correct, visible: 0 -> 1 of 1 (0% -> 100%)\n" in table(found)
    assert "visible: 0 -> 0 of 0 (none)\n" in table([])


def test_significant_pairs_that_stay_unseen_are_named_with_the_reason() -> None:
    text = table([([PROBLEM], record(cases=()))])
    assert text.endswith("significant, unseen: p1: not measurable\n")


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("import numpy as np", "pass", True),
        ("from scipy.sparse import csr_matrix", "import numpy", True),
        ("import numpy", "import numpy", False),
        ("import math, sys", "pass", False),  # the standard library is no package
        ("pass", "import numpy", False),
    ],
)
def test_dropped_imports(source: str, target: str, expected: bool) -> None:
    assert drops_import(source, target) is expected


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--num-problems", "x"], "invalid int value: 'x'; --help lists every setting"),
        (["--num-problem", "1"], "unrecognized arguments: --num-problem 1; --help"),
        (["--num-problems", "0"], "--num-problems must be at least 1, got 0"),
        (["--num-workers", "9999"], r"--num-workers must be 1-\d+ on this machine, got 9999"),
    ],
)
def test_numbers_out_of_range_are_refused(flags: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        parse_arguments(["--data-path", "x", *flags])


def test_the_record_is_plain_json(tmp_path: Path) -> None:
    store.save(tmp_path, "p1", record())
    values = json.loads(gzip.decompress(store.path_of(tmp_path, "p1").read_bytes()))
    assert values["cases"][0]["input"] == LARGE.input
