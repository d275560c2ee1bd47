"""A program that knows its performance input by heart, on a problem of the catalog."""

from collections.abc import Callable, Iterator
from textwrap import indent

import pytest

from effirl.data import catalog
from effirl.data.catalog.loading import instances, own_test
from rewards import monitor
from rewards.efficiency import EfficiencyReward, ScoreRequest
from rewards.executor import Executor
from rewards.records import Status
from rewards.scores import Score

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


@pytest.fixture(scope="module")
def score() -> Iterator[Callable[[str], Score]]:
    tests = tuple(own_test(FAST, text) for text in INSTANCE.checking_inputs)

    def request(program: str) -> ScoreRequest:
        problem_id = f"builtin/{FAMILY.name}/train/0000"
        return ScoreRequest(problem_id, INSTANCE.source_program, tests, (KNOWN,), program, 1.0)

    with Executor(num_workers=1) as executor:
        reward = EfficiencyReward(executor=executor, fresh_inputs=catalog.fresh_inputs)
        yield lambda program: reward.score([request(program)])[0]


def test_the_answers_by_heart_earn_nothing_and_a_faster_program_keeps_its_gain(
    score, monkeypatch
) -> None:
    monkeypatch.setattr(monitor, "AUDIT_SHARE", 1.0)  # whether it is suspicious is a matter of luck
    found = score(BY_HEART)
    assert (found.status, found.reward, found.time_gain) == (Status.OK, None, 0.0)
    honest = score(FAST)
    assert honest.status is Status.OK
    assert honest.flag is not None
    assert honest.reward is not None
    assert honest.reward > 1
