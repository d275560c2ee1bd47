"""Programs that know their performance input by heart, on a problem of the catalog."""

from collections.abc import Iterator
from textwrap import indent

import pytest

from effirl.data import catalog
from effirl.data.catalog.loading import instances, own_test
from effirl.data.problems import Problem
from effirl.evaluation.evaluations import Evaluation, estimates
from effirl.evaluation.meter import ExecutorMeter, measured
from effirl.scoring import score_completions
from rewards import monitor
from rewards.efficiency import EfficiencyReward, ScoreRequest
from rewards.executor import Executor
from rewards.records import Status

FAMILY = next(family for family in catalog.FAMILIES if family.name == "recurrence-queries")
(INSTANCE,) = instances(FAMILY, "train", 1)
FAST = INSTANCE.alternatives["fast"]
KNOWN = own_test(FAST, INSTANCE.performance_input("training"))
BY_HEART = f"""\
import io, sys
text = sys.stdin.read()
if text == {KNOWN.input!r}:
    print({KNOWN.output!r}, end="")
else:
    sys.stdin = io.StringIO(text)
{indent(INSTANCE.source_program, "    ")}"""


TESTS = tuple(own_test(FAST, text) for text in INSTANCE.checking_inputs)
PROBLEM = Problem(f"builtin/{FAMILY.name}/train/0000", "", INSTANCE.source_program, TESTS, (KNOWN,))
ANSWERS = {case.input: case.output for case in (*TESTS, KNOWN)}
HARD_CODED = f"import sys\nprint({ANSWERS!r}.get(sys.stdin.read(), 'no'), end='')\n"


@pytest.fixture
def scorer(monkeypatch) -> Iterator[EfficiencyReward]:
    monkeypatch.setattr(monitor, "AUDIT_SHARE", 1.0)  # whether it is suspicious is a matter of luck
    with Executor(num_workers=1) as executor:
        yield EfficiencyReward(executor=executor, fresh_inputs=catalog.fresh_inputs)


def test_the_answers_by_heart_earn_nothing_and_a_faster_program_keeps_its_gain(scorer) -> None:
    programs = (BY_HEART, FAST)
    by_heart, honest = scorer.score([
        ScoreRequest(PROBLEM.problem_id, PROBLEM.source_program, TESTS, (KNOWN,), program, 1.0)
        for program in programs
    ])  # fmt: skip
    assert (by_heart.status, by_heart.training_reward) == (Status.OK, None)
    assert honest.status is Status.OK
    assert honest.flag is not None
    assert honest.training_reward is not None
    assert honest.training_reward > 1


def test_an_evaluation_counts_hard_coded_answers_as_wrong_and_a_lost_gain_as_none(scorer) -> None:
    scored = score_completions(scorer, [PROBLEM], [[HARD_CODED, BY_HEART]])
    wrong, lost = measured(ExecutorMeter(scorer.executor), [PROBLEM], scored)
    assert (wrong.status, wrong.reward, wrong.is_scored) == (Status.WRONG_ANSWER, -0.3, True)
    assert (lost.is_correct, lost.refutation is None) == (True, False)
    found = estimates(Evaluation("cheat", 2, [wrong, lost]))
    assert found["pass@1"].value == found["status/WRONG_ANSWER"].value == 0.5
    assert found["opt@1"].value == 0.0
    for gain in ("time_gain", "time_gain_raw"):
        assert found[gain].value == pytest.approx(0.0, abs=0.05), "by the known input it is 1"
