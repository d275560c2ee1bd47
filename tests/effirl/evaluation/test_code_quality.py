from dataclasses import replace

import pytest

from effirl.evaluation.bootstrap import estimate
from effirl.evaluation.code_quality import CODE_QUALITY, code_quality, edit_distance
from effirl.scoring import CompletionRow
from rewards.records import Status
from tests.effirl.evaluation.rows import correct, failed

SOURCE = "n = int(input())\nfor i in range(n):\n    if i % 2 and n:\n        print(i)\n"
PROGRAM = "n = int(input())\n# odd ones\n\nprint(n)\n"


def written(row: CompletionRow) -> CompletionRow:
    return replace(row, program=PROGRAM, source_program=SOURCE)


def value(name: str, rows: list[CompletionRow]) -> float | None:
    (metric,) = [metric for metric in CODE_QUALITY if metric.name == name]
    return estimate(metric.over([rows])).value


def test_lines_and_complexity_by_hand() -> None:
    found = code_quality(SOURCE)
    assert found is not None
    assert (found.num_lines, found.complexity) == (4, 4)  # the loop, the if, the and
    assert 0 < found.maintainability < 100
    shorter = code_quality(PROGRAM)
    assert shorter is not None
    assert (shorter.num_lines, shorter.complexity) == (2, 1)
    assert shorter.maintainability > found.maintainability


def test_what_nests_too_deep_is_not_measured() -> None:
    assert code_quality("x = " + "+".join(["1"] * 5000)) is None


@pytest.mark.parametrize(
    ("source", "program", "expected"),
    [
        ("", "", 0.0),
        ("a = 1", "a  =  1  # one", 0.0),
        ("a = 1\n", "", 1.0),
        ("a = b + 1", "a = c + 1", 1 / 6),  # the end of the line is a token too
        ("a b c d", "x a b c d y", 2 / 7),
        ("a b c d", "b c d", 1 / 5),
        ("kitten", "kitten sitting", 1 / 3),
    ],
)
def test_edit_distance_by_hand(source: str, program: str, expected: float) -> None:
    assert edit_distance(source, program) == pytest.approx(expected)
    assert edit_distance(program, source) == pytest.approx(expected)


def test_quality_stands_beside_the_source_programs() -> None:
    rows = [written(correct(0, runtime_s=0.1)), written(failed(0, sample=1))]
    assert value("lines", rows) == 2.0
    assert value("lines_of_source", rows) == 4.0
    assert value("complexity_of_source", rows) == 4.0
    change, after, before = (
        value(name, rows)
        for name in ("maintainability_change", "maintainability", "maintainability_of_source")
    )
    assert change is not None
    assert after is not None
    assert before is not None
    assert change == pytest.approx(after - before)
    assert change > 0
    assert value("edit_distance", rows) == edit_distance(SOURCE, PROGRAM)


def test_results_without_source_programs_have_no_quality() -> None:
    assert value("lines", [correct(0, runtime_s=0.1)]) is None


def test_parse_rate_is_over_all_that_were_scored() -> None:
    rows = [
        correct(0, runtime_s=0.1),
        failed(0, Status.SYNTAX_ERROR, sample=1),
        failed(0, Status.NO_CODE, sample=2),
        failed(0, Status.RUNTIME_ERROR, sample=3),
        failed(0, Status.SANDBOX_ERROR, sample=4),
    ]
    assert value("parse_rate", rows) == 0.5
