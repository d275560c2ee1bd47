"""Where a completion stands among the known programs of its problem."""

from pathlib import Path

import pytest

from effirl.data.problems import LoadedProblems, Problem, Target
from effirl.evaluation import run
from effirl.evaluation.completers import make_completer
from effirl.evaluation.config import EvaluateConfig
from effirl.evaluation.efficiency_metrics import time_log2
from effirl.evaluation.evaluations import Evaluation, estimates, make_report
from effirl.evaluation.known_programs import KnownPrograms, percentile
from effirl.scoring import CompletionRow, score_completions
from rewards.records import Status, TestCase
from tests.effirl.evaluation.rows import correct, failed
from tests.fakes import FakeMeter, FakeReward

INPUTS = (TestCase("1\n", "1\n"),)


def program(runtime_s: float, memory: float, name: str, status: str = "OK") -> str:
    return f"# runtime={runtime_s} memory={memory} status={status}\nprint({name!r})\n"


SLOW = program(0.8, 1e6, "slow")
MIDDLE = program(0.4, 2e6, "middle")
FAST = program(0.1, 8e6, "fast")
WRONG = program(0.01, 1e5, "wrong", status="WRONG_ANSWER")
PROBLEMS = [
    Problem("p", "", SLOW, INPUTS, INPUTS, (Target(FAST),)),
    Problem("p", "", MIDDLE, INPUTS, INPUTS, (Target(WRONG),)),
    Problem("alone", "", SLOW, INPUTS, INPUTS),
]


def completed(*texts: str, index: int = 0) -> list[CompletionRow]:
    return score_completions(FakeReward(), [PROBLEMS[index]], [texts], indices=[index])


def known(limit: int = 9, scorer: FakeReward | None = None) -> KnownPrograms:
    return KnownPrograms(PROBLEMS, limit, scorer or FakeReward())


@pytest.mark.parametrize(
    ("text", "runtime", "memory"),
    [
        (program(0.05, 9e6, "new"), 1.0, 0.0),
        (program(0.2, 1.5e6, "new"), 2 / 3, 2 / 3),
        (program(0.4, 2e6, "as the middle one"), 1.5 / 3, 1.5 / 3),
        (FAST, 2.5 / 3, 0.5 / 3),
        (SLOW, 0.5 / 3, 2.5 / 3),
        (WRONG, 0.0, 0.0),
    ],
)
def test_it_is_the_share_of_right_programs_that_are_beaten(
    text: str, runtime: float, memory: float
) -> None:
    (row,) = known().ranked(completed(text))
    assert row.runtime_percentile == pytest.approx(runtime)
    assert row.memory_percentile == pytest.approx(memory)


def test_a_problem_with_one_program_has_none() -> None:
    (row,) = known().ranked(completed(FAST, index=2))
    assert row.runtime_percentile is None
    assert row.memory_percentile is None


def test_what_we_failed_to_measure_has_none() -> None:
    others = [correct(0, runtime_s=0.1), correct(0, runtime_s=0.2)]
    assert percentile(failed(0, Status.SANDBOX_ERROR), others, time_log2) is None
    assert percentile(failed(0), others, time_log2) == 0.0
    assert percentile(failed(0), [failed(0, Status.SANDBOX_ERROR)], time_log2) is None


def test_each_known_program_is_measured_once_and_the_limit_draws_the_same_ones() -> None:
    scorer = FakeReward()
    few = known(1, scorer)
    few.ranked(completed(FAST, MIDDLE))
    few.ranked(completed(WRONG))
    assert len(scorer.requests) == 2  # the source program and one other
    again = FakeReward()
    known(1, again).ranked(completed(SLOW))
    assert again.requests == scorer.requests


def test_an_evaluation_keeps_and_sums_them_up(tmp_path: Path) -> None:
    def evaluated(ranks: KnownPrograms | None, folder: Path) -> Evaluation:
        completer = make_completer(EvaluateConfig(), "source", PROBLEMS)
        return run.evaluate_model(completer, PROBLEMS, folder, FakeReward(), FakeMeter(), ranks)

    found = evaluated(known(), tmp_path / "a")
    assert [row.runtime_percentile for row in found.rows] == [0.5 / 3, 0.5, None]
    values = estimates(found)
    assert values["runtime_percentile"].value == pytest.approx((0.5 / 3 + 0.5) / 2)
    assert evaluated(known(), tmp_path / "a").rows == found.rows
    wrong = Evaluation("m", 1, known().ranked(completed(WRONG)))  # beats none: 0, and is shown
    shown = make_report({"seed": 0}, LoadedProblems(PROBLEMS), [wrong]).sections()
    assert [line.value.value for line in shown["Runtime and memory"][-2:]] == [0.0, 0.0]
    without = estimates(evaluated(None, tmp_path / "b"))
    assert without["runtime_percentile"].value is None
