"""What a pair is found to be worth: on real runs, and from costs that are known."""

import json
from collections.abc import Iterator
from dataclasses import asdict

import pytest

from effirl.audit.measuring import Cause, Pair, PairRow, audit_pair, pairs_of
from effirl.data.problems import InputOrigin, Problem, Target
from rewards import Executor, Status, TestCase
from rewards.records import MIB
from tests.effirl.audit.pairs import audited, wrong

SLOW = "n = int(input())\ntotal = 0\nfor i in range(n):\n    total += i\nprint(total)\n"
QUICK = "n = int(input())\nprint(n * (n - 1) // 2)\n"
SMALL, LARGE = (TestCase(f"{n}\n", f"{n * (n - 1) // 2}\n") for n in (3, 300_000))


def pair(source: str, target: str, large: TestCase = LARGE) -> Pair:
    found = Target(target)
    problem = Problem("p1", "", source, (SMALL,), (large,), (found,), input_origin=InputOrigin.WEAK)
    return Pair(4, problem, found)


@pytest.fixture(scope="module")
def executor() -> Iterator[Executor]:
    with Executor(num_workers=1) as executor:
        yield executor


def audit(executor: Executor, one: Pair) -> PairRow:
    (row,) = executor.map(audit_pair, [one], lambda pair: pair.programs)
    assert isinstance(row, PairRow)
    return row


def test_a_better_program_is_told_from_a_dropped_import(executor: Executor) -> None:
    row = audit(executor, pair(SLOW, QUICK))
    assert (row.index, row.problem_id, row.input_origin) == (4, "p1", InputOrigin.WEAK)
    assert (row.source_status, row.target_status, row.failed_on) == (Status.OK, Status.OK, None)
    assert row.comparison is not None
    assert row.comparison.time_low > 0
    assert row.with_imports == row.comparison
    assert row.interpreter is not None
    assert row.interpreter.peak_memory_bytes > MIB

    row = audit(executor, pair("import numpy\n" + QUICK, QUICK))
    assert row.comparison is not None
    assert row.with_imports is not None
    assert row.with_imports.source_runtime_s > row.comparison.source_runtime_s
    assert row.with_imports.program_runtime_s == row.comparison.program_runtime_s
    assert row.with_imports.time_low > 0


@pytest.mark.parametrize(
    ("source", "target", "large", "expected"),
    [
        (QUICK, "print(3)\n", LARGE, (Status.OK, Status.WRONG_ANSWER, "performance inputs")),
        ("1 / 0\n", QUICK, LARGE, (Status.RUNTIME_ERROR, Status.OK, "tests")),
        (QUICK, QUICK, TestCase("9\n", "0\n"),
         (Status.WRONG_ANSWER, Status.OK, "performance inputs")),
    ],
)  # fmt: skip
def test_a_wrong_program_is_not_measured(
    executor: Executor, source: str, target: str, large: TestCase, expected: tuple[object, ...]
) -> None:
    row = audit(executor, pair(source, target, large))
    assert (row.source_status, row.target_status, row.failed_on) == expected
    assert row.comparison is row.with_imports is row.interpreter is None


@pytest.mark.parametrize(
    ("costs", "cause", "tag", "sign"),
    [
        ({"source_s": 0.4}, Cause.PROGRAM, 1, 1),
        ({"source_s": 0.11}, Cause.NONE, 0, 1),
        ({"source_s": 0.05}, Cause.NONE, 0, -1),
        ({"source_s": 0.001, "target_s": 0.001, "is_import_dropped": True}, Cause.IMPORT, 0, 0),
        ({"source_s": 0.4, "is_import_dropped": True}, Cause.PROGRAM, 1, 1),
    ],
)
def test_where_a_runtime_gain_comes_from(
    costs: dict[str, float], cause: Cause, tag: int, sign: int
) -> None:
    found = audited(0, **costs)  # type: ignore[arg-type]
    gain = found.time_gain
    assert gain is not None
    assert (found.time_cause, found.runtime_tag) == (cause, tag)
    assert (gain > 0) - (gain < 0) == sign


def test_where_a_memory_gain_comes_from() -> None:
    leaner = audited(0, source_bytes=32 * MIB)
    assert (leaner.memory_cause, leaner.memory_tag) == (Cause.PROGRAM, 1)
    dropped = audited(0, is_import_dropped=True)
    assert (dropped.memory_cause, dropped.memory_tag) == (Cause.IMPORT, 0)


def test_ratios_from_outside_count_the_interpreter_and_the_imports() -> None:
    found = audited(0, source_s=0.02, target_s=0.01, is_import_dropped=True)
    assert found.speedup == pytest.approx(21 / 11)
    assert found.process_speedup == pytest.approx((10 + 70 + 20) / (10 + 10))
    assert found.memory_reduction == 1
    assert found.process_memory_reduction == pytest.approx((9 + 16 + 8) / (9 + 8))


def test_what_was_not_measured_has_no_figures() -> None:
    found = wrong(0)
    assert not found.is_correct
    assert not found.is_measurable
    assert found.speedup is found.process_memory_reduction is found.time_gain is None
    assert found.time_cause is found.memory_cause is found.runtime_tag is None


@pytest.mark.parametrize(
    ("claim", "is_import_dropped", "group"),
    [
        (1, False, "significant"),
        (0, False, "minor"),
        (None, False, "no claim"),
        (1, True, "drops an import"),
    ],
)
def test_groups_follow_the_claim(claim: int | None, is_import_dropped: bool, group: str) -> None:
    assert audited(0, claim=claim, is_import_dropped=is_import_dropped).group == group


def test_every_target_is_a_pair() -> None:
    targets = (Target("print(1)"), Target("print(2)"))
    problems = [Problem("p", "", "pass", targets=targets), Problem("q", "", "pass")]
    found = pairs_of([*problems, problems[0]])
    assert [(one.index, one.target.program) for one in found] == [
        (0, "print(1)"), (1, "print(2)"), (2, "print(1)"), (3, "print(2)"),
    ]  # fmt: skip


@pytest.mark.parametrize("found", [audited(3), wrong(3)])
def test_a_row_survives_json(found: object) -> None:
    row = found.row  # type: ignore[attr-defined]
    assert PairRow.from_json(json.loads(json.dumps(asdict(row)))) == row
