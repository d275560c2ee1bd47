"""Every attack, twice, in each situation, and an honest program after it that must not notice."""

import pytest

from rewards.records import Status
from tests.sandbox.attacks import GROUPS, Attack
from tests.sandbox.environments import HONEST_OUTPUT, Environment

_MOST_TIMES_THE_USUAL_COST = 4.0
_NUM_TRIES = 3  # of the honest program, when this machine is busy
_HONEST_BYTES = 1 << 20

CASES = [
    pytest.param(attack, id=f"{group}-{attack.name}")
    for group, attacks in GROUPS.items()
    for attack in attacks
]


def test_level(environment: Environment) -> None:
    level = environment.isolation.level
    assert level >= 1 if environment.name == "default" else level == 1, environment.isolation


@pytest.mark.parametrize("attack", CASES)
def test_attack(environment: Environment, attack: Attack) -> None:
    if attack.needs is not None and not environment.isolation.mechanisms[attack.needs].is_on:
        pytest.skip(f"NOT CHECKED: {attack.needs} is off in {environment.name}")
    outcome = environment.attack(attack.program, attack.limits)
    for run in outcome.runs:
        assert run.status in attack.allowed, (run.status, run.stdout[:300], run.stderr[-600:])
        attack.check(run)
        assert environment.canary.encode() not in run.stdout + run.stderr
    assert not outcome.leftovers
    assert outcome.honest.status is Status.OK, outcome.honest.stderr
    assert outcome.honest.stdout == HONEST_OUTPUT
    usual = environment.usual
    assert abs(outcome.honest.peak_memory_bytes - usual.peak_memory_bytes) < _HONEST_BYTES
    costs = [outcome.honest.runtime_s]
    while min(costs) > _MOST_TIMES_THE_USUAL_COST * usual.runtime_s and len(costs) < _NUM_TRIES:
        costs.append(environment.attack("pass", attack.limits).honest.runtime_s)
    assert min(costs) <= _MOST_TIMES_THE_USUAL_COST * usual.runtime_s, costs


def test_names_are_unique() -> None:
    for group, attacks in GROUPS.items():
        assert len({a.name for a in attacks}) == len(attacks), group
