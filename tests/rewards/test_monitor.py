"""Gains that are too good: doubted, measured again, and paid only when confirmed."""

import json
import logging
import random
from collections.abc import Callable
from dataclasses import fields, replace
from types import SimpleNamespace
from typing import ClassVar

import pytest

from rewards import monitor, outcomes
from rewards.cache import MAX_SERVINGS, MeasurementCache
from rewards.efficiency import EfficiencyReward, ScoreRequest
from rewards.errors import SandboxError
from rewards.executor import Executor
from rewards.imports import ImportCost
from rewards.jobs import Job, Outcome
from rewards.measurement import Comparison, MeasurementPlan, with_imports
from rewards.monitor import Doubt, Monitor, Reason, measure_again, suspicion
from rewards.records import MIB, Limits, Status, TestCase
from rewards.scores import Score
from tests.rewards.fakes import FakeWorker

SATURATION = 3.0


def comparison(**changes: float) -> Comparison:
    """4 times as fast in the same memory, measured without noise."""
    values = {field.name: 0 for field in fields(Comparison)} | {
        "time_log2_ratio": 2.0, "time_low": 1.9, "time_high": 2.1, "time_spread": 0.01,
        "source_runtime_s": 0.020, "program_runtime_s": 0.005,
        "source_wall_s": 0.022, "program_wall_s": 0.006, "num_inputs": 1,
    }  # fmt: skip
    return Comparison(**(values | changes))


FASTER = {"time_log2_ratio": 5.0, "time_low": 4.9}
LEANER = {
    "memory_log2_ratio": 5.0, "memory_low": 4.9, "memory_high": 5.1, "source_peak_bytes": 8 * MIB,
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({**FASTER, "program_runtime_s": 0.0012}, None),
        ({"program_runtime_s": 0.0004}, None),
        ({**FASTER, "program_runtime_s": 0.0004}, Reason.NO_WORK),
        ({"program_runtime_s": 0.0}, Reason.BELOW_EMPTY),
        ({"time_log2_ratio": 6.0, "time_low": 5.9, "program_runtime_s": 0.0012}, Reason.SPEEDUP),
        # What imports cost says nothing of what the program did.
        (
            {
                **FASTER,
                "source_runtime_s": 2.3,
                "source_wall_s": 2.3,
                "program_wall_s": 0.071,
                "program_runtime_s": 0.0704,
                "program_imports_s": 0.07,
            },
            Reason.NO_WORK,
        ),
        (
            {
                "source_runtime_s": 0.28,
                "source_wall_s": 0.28,
                "program_wall_s": 0.07,
                "program_runtime_s": 0.07,
                "program_imports_s": 0.07,
            },
            Reason.BELOW_EMPTY,
        ),
        ({"program_wall_s": 0.030}, Reason.OFF_CPU),
        ({"program_wall_s": 0.019}, None),
        ({**LEANER, "time_low": -1.0}, None),
        ({**LEANER, "time_low": -1.0, "program_runtime_s": 0.0004}, Reason.NO_WORK),
        # Without a gain nothing is paid, so nothing is doubted.
        ({"time_low": -1.0, "program_runtime_s": 0.0}, None),
        ({"time_low": -1.0, "program_wall_s": 9.0}, None),
    ],
)
def test_suspicion(changes: dict, reason: Reason | None) -> None:
    assert suspicion(comparison(**changes), SATURATION) is reason


def test_a_dropped_import_is_no_waiting() -> None:
    """It saves 70 ms where imports count, and waits a tenth of a millisecond more in its runs."""
    runs = comparison(
        time_log2_ratio=0.0, time_low=-0.1, time_high=0.1, source_runtime_s=0.030,
        program_runtime_s=0.0301, source_wall_s=0.031, program_wall_s=0.0312,
    )  # fmt: skip
    added = with_imports(runs, ImportCost(0.07, 0), ImportCost(0.0, 0))
    assert added.time_low > 0
    assert suspicion(added, SATURATION) is None


# FakeWorker: a program costs what its first line says, and prints its input.
KNOWN = (TestCase("known", "known"),)
FRESH = (TestCase("fresh", "fresh"),)
SLOW_FAKE = "# runtime=0.02"
JOB = Job("p", SLOW_FAKE, "# runtime=0.0001", KNOWN, KNOWN, Limits())


class TwoFaced(FakeWorker):
    """The program is another one on fresh inputs."""

    def __init__(self, on_fresh: str) -> None:
        super().__init__()
        self._on_fresh = on_fresh

    def run(self, program, stdin, limits, **_):
        is_another = stdin == "fresh" and program != SLOW_FAKE
        return super().run(self._on_fresh if is_another else program, stdin, limits)


def doubt(job: Job = JOB, fresh: tuple[TestCase, ...] = (), **claimed: float) -> Doubt:
    claim = comparison(time_log2_ratio=7.0, time_low=6.8, time_high=7.2, **claimed)
    return Doubt(job, Outcome(Status.OK, 1.0, 0.01, claim), Reason.NO_WORK, fresh)


def test_a_gain_found_again_is_confirmed_at_its_new_value() -> None:
    found = measure_again(FakeWorker(), doubt(), MeasurementPlan(), SATURATION)
    assert (found.flag, found.refutation) == ("NO_WORK", None)
    assert found.comparison is not None
    assert found.comparison.program_runtime_s == 0.0001


def test_a_gain_that_is_gone_is_refuted() -> None:
    lucky = replace(JOB, program="# runtime=0.02 ")
    found = measure_again(FakeWorker(), doubt(lucky), MeasurementPlan(), SATURATION)
    assert (found.status, found.refutation) == (Status.OK, "no runtime gain when measured again")


@pytest.mark.parametrize(
    ("on_fresh", "status", "refutation"),
    [
        ("# runtime=0.0001", Status.OK, None),
        ("# runtime=0.02", Status.OK, "no runtime gain on fresh inputs"),
        ("# runtime=0.04", Status.OK, "no runtime gain on fresh inputs"),
        ("# prints=wrong", Status.WRONG_ANSWER, "WRONG_ANSWER on fresh inputs"),
        ("# status=RUNTIME_ERROR", Status.RUNTIME_ERROR, "RUNTIME_ERROR on fresh inputs"),
    ],
)
def test_fresh_inputs_tell(on_fresh: str, status: Status, refutation: str | None) -> None:
    found = measure_again(TwoFaced(on_fresh), doubt(fresh=FRESH), MeasurementPlan(), SATURATION)
    assert (found.status, found.refutation) == (status, refutation)
    assert found.pass_rate == (1.0 if status is Status.OK else 0.5)
    assert (found.comparison is not None) == (status is Status.OK)


@pytest.mark.parametrize(("runtime_s", "is_refuted"), [(0.01, False), (0.02, True)])
def test_the_gain_on_fresh_inputs_is_the_one_that_counts(runtime_s, is_refuted) -> None:
    worker = TwoFaced(f"# runtime={runtime_s}")
    found = measure_again(worker, doubt(fresh=FRESH), MeasurementPlan(), SATURATION)
    assert (found.refutation is not None) == is_refuted
    assert found.comparison is not None
    assert found.comparison.program_runtime_s == pytest.approx(runtime_s)


def test_a_slight_gain_may_fade_into_noise_but_not_turn() -> None:
    slight = {"time_log2_ratio": 0.1, "time_low": 0.02, "time_high": 0.18}
    claim = replace(doubt().outcome, comparison=comparison(**slight))
    for program, refutation in (
        ("# runtime=0.0199", None),
        ("# runtime=0.03", "no runtime gain when measured again"),
    ):
        audit = Doubt(replace(JOB, program=program), claim, Reason.AUDIT)
        found = measure_again(FakeWorker(), audit, MeasurementPlan(), SATURATION)
        assert found.refutation == refutation


def test_a_full_gain_may_come_without_the_slight_one_beside_it() -> None:
    beside = {"memory_log2_ratio": 0.5, "memory_low": 0.4, "memory_high": 0.6,
              "source_peak_bytes": 8 * MIB}  # fmt: skip
    found = measure_again(FakeWorker(), doubt(**beside), MeasurementPlan(), SATURATION)
    assert found.refutation is None


def test_a_program_that_fails_when_measured_again_has_failed() -> None:
    broken = replace(JOB, program="# runtime=0.0001 prints=wrong")
    found = measure_again(FakeWorker(), doubt(broken), MeasurementPlan(), SATURATION)
    assert (found.status, found.pass_rate) == (Status.WRONG_ANSWER, 0.5)
    assert found.refutation == "WRONG_ANSWER when measured again"


def test_a_source_program_that_fails_on_fresh_inputs_is_our_trouble() -> None:
    with pytest.raises(SandboxError, match="source program"):
        measure_again(FakeWorker(), doubt(fresh=(TestCase("x", "y"),)), MeasurementPlan(), 3.0)


def test_gains_are_audited_at_random_and_all_where_one_was_refuted() -> None:
    seeds: list[int] = []

    def fresh(problem_id: str, seed: int) -> list[TestCase]:
        seeds.append(seed)
        return list(FRESH)

    watch = Monitor(SATURATION, fresh)
    modest = Outcome(Status.OK, 1.0, 0.01, comparison())
    doubts = [watch.doubt(JOB, modest) for _ in range(2000)]
    found = [d for d in doubts if d is not None]
    assert 60 < len(found) < 220  # 125 expected, five sigma each way
    assert {d.reason for d in found} == {Reason.AUDIT}
    assert len(set(seeds)) > 0.9 * len(found), "no two audits on the same inputs"
    watch.settle(found[0], replace(modest, flag="AUDIT", refutation="no gain"))
    assert all((d := watch.doubt(JOB, modest)) and d.reason is Reason.DISTRUST for _ in range(50))
    settled = replace(modest, flag="DISTRUST")
    none = Outcome(Status.OK, 1.0, 0.01, comparison(time_low=-1.0))
    assert watch.doubt(JOB, settled) is None
    assert watch.doubt(JOB, none) is None
    assert Monitor(SATURATION, lambda problem_id, seed: []).doubt(JOB, modest) is None
    elsewhere = [watch.doubt(replace(JOB, problem_id="q"), modest) for _ in range(50)]
    assert None in elsewhere


# From here on programs are run.
SLOW = "n = int(input())\ns = 0\nfor i in range(n): s += i\nprint(s)\n"
FAST = "n = int(input())\nprint(n * (n - 1) // 2)\n"
TABLE = "print({'10': 45, '0': 0, '300000': 44999850000}[input()])\n"
TABLE_ELSE_GUESS = "print({'10': 45, '0': 0, '300000': 44999850000}.get(input(), 45))\n"
TABLE_ELSE_SLOW = """
n = input()
known = {'10': 45, '0': 0, '300000': 44999850000}
if n in known:
    print(known[n])
else:
    s = 0
    for i in range(int(n)): s += i; t = s * 2 + i  # no gain by luck
    print(s)
"""
TABLE_IN_NO_HURRY = TABLE_ELSE_SLOW.replace("if n in", "for i in range(100000): n + n\nif n in")
SLEEPER = "import time\ntime.sleep(0.5)\n" + FAST
TESTS = (TestCase("10", "45"), TestCase("0", "0"))
LARGE = (TestCase("300000", "44999850000"),)


def fresh_inputs(problem_id: str, seed: int) -> list[TestCase]:
    n = 300_001 + random.Random(seed).randrange(1000)
    return [TestCase(str(n), str(n * (n - 1) // 2))]


def request(program: str) -> ScoreRequest:
    return ScoreRequest("sum", SLOW, TESTS, LARGE, program, alpha=1.0)


@pytest.fixture
def score(executor: Executor) -> Callable[[str], Score]:
    reward = EfficiencyReward(executor=executor, fresh_inputs=fresh_inputs)
    return lambda program: reward.score([request(program)])[0]


def test_a_better_algorithm_is_paid_in_full(score, caplog) -> None:
    caplog.set_level(logging.INFO, "rewards.monitor")
    found = score(FAST)
    assert (found.status, found.reward) == (Status.OK, pytest.approx(1.6))
    assert found.flag in {Reason.NO_WORK, Reason.BELOW_EMPTY, Reason.SPEEDUP}
    (record,) = caplog.records
    line = json.loads(record.getMessage())
    assert (record.levelname, line["confirmed"], line["problem_id"]) == ("INFO", True, "sum")


@pytest.mark.parametrize(
    ("program", "status", "learnt", "refutation"),
    [
        (TABLE, Status.RUNTIME_ERROR, -0.6, "RUNTIME_ERROR on fresh inputs"),
        (TABLE_ELSE_GUESS, Status.WRONG_ANSWER, -0.3, "WRONG_ANSWER on fresh inputs"),
        (TABLE_ELSE_SLOW, Status.OK, None, "no runtime gain on fresh inputs"),
        (SLEEPER, Status.OK, None, "waits again for as long as it saves"),
    ],
)
def test_a_program_that_knows_the_answers_earns_nothing(
    score, caplog, monkeypatch, program: str, status: Status, learnt: float | None, refutation: str
) -> None:
    # Beside other work even a look into a table can take longer than what is suspicious.
    monkeypatch.setattr(monitor, "AUDIT_SHARE", 1.0)
    found = score(program)
    assert (found.status, found.training_reward) == (status, learnt)
    assert found.reward is not None
    assert found.reward <= 1.0, "a report counts it as what it is, and it gains nothing"
    (record,) = caplog.records
    line = json.loads(record.getMessage())
    assert line["event"] == "doubted_gain"
    assert (record.levelname, line["confirmed"]) == ("WARNING", False)
    assert (line["reason"], line["refutation"]) == (found.flag, refutation)
    assert fresh_inputs("sum", line["seed"]), "the log says how to make the inputs again"
    assert score(program).training_reward == learnt
    assert len(caplog.records) == 1, "it is not tried again at once"


def test_a_modest_cheat_is_caught_by_an_audit(score, monkeypatch) -> None:
    monkeypatch.setattr(monitor, "AUDIT_SHARE", 1.0)
    found = score(TABLE_IN_NO_HURRY)
    assert (found.flag, found.training_reward) == (Reason.AUDIT, None)
    monkeypatch.setattr(monitor, "AUDIT_SHARE", 0.0)
    honest = score("n = int(input())\nprint(sum(range(n)))\n")
    assert honest.flag == Reason.DISTRUST
    assert honest.reward is not None
    assert honest.reward > 1.1


def test_flags_are_counted_and_refuted_ones_tried_again_in_time(executor, monkeypatch) -> None:
    tries: list[str] = []

    def counting(worker, doubt, **settings):
        tries.append(doubt.job.program)
        return measure_again(worker, doubt, **settings)

    monkeypatch.setattr(outcomes, "measure_again", counting)
    monkeypatch.setattr(monitor, "AUDIT_SHARE", 1.0)
    reward = EfficiencyReward(executor=executor, fresh_inputs=fresh_inputs)
    for _ in range(MAX_SERVINGS + 2):
        programs = (TABLE_ELSE_SLOW, SLOW, SLOW, "print(1)")
        reward.score([request(program) for program in programs])
    assert tries == [TABLE_ELSE_SLOW] * 2
    metrics = reward.pop_metrics()
    assert metrics["reward/flagged"] == metrics["reward/none"] == 0.25
    assert metrics["reward/correct"] == 0.75


def test_a_doubt_that_we_fail_to_settle_is_not_paid_and_not_remembered() -> None:
    class Executor:
        """Whoever measures again dies."""

        isolation = SimpleNamespace(level=3)
        machine: ClassVar = {"cpu": "a"}

        def map(self, task, items, programs=None):
            worker = FakeWorker()
            return [
                SandboxError("gone") if isinstance(item, Doubt) else task(worker, item)
                for item in items
            ]

    cache = MeasurementCache()
    reward = EfficiencyReward(executor=Executor(), cache=cache)  # type: ignore[arg-type]
    asked = ScoreRequest("p", SLOW_FAKE, KNOWN, KNOWN, "# runtime=0.0001\npass")
    (found,) = reward.score([asked])
    assert (found.status, found.reward) == (Status.SANDBOX_ERROR, None)
    assert cache.summary()["rows"] == 1, "the source program's"
