"""The memory of outcomes: what it keeps apart, for how long, and what it survives."""

import json
import os
import sqlite3
import subprocess
import sys
from dataclasses import dataclass, fields, replace
from pathlib import Path

import pytest

from rewards import cache as cache_module
from rewards import outcomes
from rewards.cache import MAX_AGE_S, MAX_SERVINGS, MeasurementCache, conditions, default_folder
from rewards.efficiency import EfficiencyReward, ScoreRequest
from rewards.executor import Executor
from rewards.jobs import Job, Outcome, run_job
from rewards.machine import fingerprint_key
from rewards.measurement import Comparison, MeasurementPlan
from rewards.records import Limits, Status, TestCase

WRONG = Outcome(Status.WRONG_ANSWER, 0.5, 0.25)
COMPARISON = Comparison(
    **{f.name: 0.1 + i for i, f in enumerate(fields(Comparison)) if f.type in (float, "float")},
    **{f.name: i for i, f in enumerate(fields(Comparison)) if f.type in (int, "int")},
)
MEASURED = Outcome(Status.OK, 1.0, 0.1 + 0.2, COMPARISON, "SPEEDUP", None)
JOB = Job(
    "p", "print(1 + 0)", "print(1)", (TestCase("", "1"),), (TestCase("9", "1"),), Limits(), 0.1
)


@pytest.fixture
def clock(monkeypatch):
    now = [1_000_000.0]
    monkeypatch.setattr(cache_module, "_now_s", lambda: now[0])
    return now


def test_what_one_object_stores_another_serves(tmp_path: Path) -> None:
    MeasurementCache(tmp_path / "new" / "folder").store({"a": WRONG, "b": MEASURED})
    found = MeasurementCache(tmp_path / "new" / "folder").serve(["a", "b", "absent"])
    assert found == {"a": WRONG, "b": MEASURED}
    assert found["a"].status is Status.WRONG_ANSWER


def test_without_a_folder_it_is_its_own_memory() -> None:
    memory = MeasurementCache()
    memory.store({"a": WRONG})
    assert memory.serve(["a"]) == {"a": WRONG}
    assert MeasurementCache().serve(["a"]) == {}


def test_an_outcome_is_served_a_number_of_times_then_replaced_by_the_next_one() -> None:
    memory = MeasurementCache()
    for outcome in (MEASURED, WRONG):  # a worse one takes the place of a lucky one too
        memory.store({"a": outcome})
        served = [memory.serve(["a"]) for _ in range(MAX_SERVINGS + 1)]
        assert served == [{"a": outcome}] * MAX_SERVINGS + [{}]


def test_among_evaluations_it_is_served_any_number_of_times(tmp_path: Path) -> None:
    memory = MeasurementCache(tmp_path, max_servings=None)
    memory.store({"a": MEASURED})
    served = [memory.serve(["a"]) for _ in range(3 * MAX_SERVINGS)]
    assert served == [{"a": MEASURED}] * (3 * MAX_SERVINGS)


def test_among_evaluations_it_never_ages(clock: list[float]) -> None:
    memory = MeasurementCache(max_servings=None)
    memory.store({"a": WRONG})
    clock[0] += 9 * MAX_AGE_S
    memory.store({"b": WRONG})
    assert sorted(memory.serve(["a", "b"])) == ["a", "b"]


def test_an_outcome_ages(clock: list[float]) -> None:
    memory = MeasurementCache()
    memory.store({"a": WRONG})
    clock[0] += MAX_AGE_S - 1
    assert memory.serve(["a"])
    clock[0] += 2
    assert not memory.serve(["a"])
    clock[0] -= MAX_AGE_S + 100  # set back: the row is of the future
    assert not memory.serve(["a"])
    memory.store({"b": WRONG})
    assert memory.summary()["rows"] == 1, "useless rows are removed"


def test_the_newest_rows_are_kept(clock: list[float], monkeypatch) -> None:
    monkeypatch.setattr(cache_module, "MAX_ROWS", 3)
    memory = MeasurementCache()
    for number in range(6):
        clock[0] += 1
        memory.store({str(number): WRONG})
    assert sorted(memory.serve([str(number) for number in range(6)])) == ["3", "4", "5"]


def test_our_own_failures_are_refused() -> None:
    with pytest.raises(AssertionError):
        MeasurementCache().store({"a": replace(WRONG, status=Status.SANDBOX_ERROR)})


def test_a_row_of_another_form_is_a_miss(tmp_path: Path) -> None:
    shared = MeasurementCache(tmp_path)
    shared.store({"a": WRONG, "b": WRONG, "c": WRONG})
    with sqlite3.connect(tmp_path / cache_module.FILE_NAME) as connection:
        connection.execute("""UPDATE outcomes SET outcome = '{"status": "OK"}' WHERE key = 'a'""")
        connection.execute("UPDATE outcomes SET outcome = 'not json' WHERE key = 'b'")
    connection.close()
    assert shared.serve(["a", "b", "c"]) == {"c": WRONG}


@dataclass(frozen=True, slots=True)
class TolerantCase(TestCase):
    """A test case with a field that is added later."""

    tolerance: float = 0.0


@pytest.mark.parametrize(
    "change",
    [
        {"source_program": "print(2 - 1)"},
        {"source_program": "print(1 + 0)  # slower where comments are counted"},
        {"program": "print(1.)"},
        {"tests": (TestCase("", "2"),)},
        {"tests": (TestCase("1", ""),)},
        {"tests": (TolerantCase("", "1"),)},
        {"tests": (TolerantCase("", "1", 0.5),)},
        {"performance_inputs": ()},
        {"limits": Limits(wall_s=9.0)},
        {"limits": Limits(memory_bytes=1 << 20)},
    ],
)
def test_what_decides_an_outcome_is_in_its_key(change: dict) -> None:
    keys = {JOB.key("here"), replace(JOB, **change).key("here"), JOB.key("there")}
    assert len(keys) == 3


@pytest.mark.parametrize(
    "change",
    [{"problem_id": "q"}, {"source_wall_s": 3.0}, {"program": "print( 1 ) # the same\n"}],
)
def test_what_does_not_decide_an_outcome_is_not_in_its_key(change: dict) -> None:
    assert replace(JOB, **change).key("here") == JOB.key("here")


MACHINE = {"cpu": "a"}


def test_conditions_name_machine_code_packages_and_settings(monkeypatch) -> None:
    def now() -> str:
        return conditions(MACHINE, 3, MeasurementPlan(), packages=("numpy",))

    usual = now()
    assert now() == usual
    assert conditions(MACHINE, 2, MeasurementPlan(), packages=("numpy",)) != usual
    assert conditions(MACHINE, 3, MeasurementPlan(max_rounds=9), packages=("numpy",)) != usual
    assert conditions(MACHINE, 3, MeasurementPlan(), packages=()) != usual
    assert conditions({"cpu": "b"}, 3, MeasurementPlan(), packages=("numpy",)) != usual
    monkeypatch.setattr(cache_module, "code_digest", lambda: "another")
    assert now() != usual


@pytest.mark.parametrize(
    ("variables", "folder"),
    [
        ({"EFFIRL_CACHE": "/c"}, "/c"),
        ({"EFFIRL_CACHE": "", "XDG_CACHE_HOME": "/x"}, None),
        ({"XDG_CACHE_HOME": "/x"}, "/x/effirl"),
        ({"XDG_CACHE_HOME": "relative", "HOME": "/h"}, "/h/.cache/effirl"),
        ({"HOME": "/h"}, "/h/.cache/effirl"),
    ],
)
def test_default_folder(monkeypatch, variables: dict[str, str], folder: str | None) -> None:
    for name in ("EFFIRL_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert default_folder() == (None if folder is None else Path(folder))


def command(*arguments: str, **variables: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "rewards", "cache", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, **variables},
    )
    return done.returncode, done.stdout, done.stderr


def test_command_shows_and_clears(tmp_path: Path) -> None:
    MeasurementCache(tmp_path).store({"a": WRONG, "b": WRONG})
    path = str(tmp_path / cache_module.FILE_NAME)
    machine = {"machine": fingerprint_key(), "is_this_one": True, "rows": 2}
    code, text, _ = command(EFFIRL_CACHE=str(tmp_path))
    shown = json.loads(text)
    assert code == 0
    assert shown.pop("bytes") > 0
    assert shown == {"path": path, "rows": 2, "machines": [machine]}
    code, text, _ = command("--clear", "--folder", str(tmp_path), EFFIRL_CACHE="")
    assert (code, json.loads(text)["rows"]) == (0, 0)
    assert MeasurementCache(tmp_path).serve(["a"]) == {}


@pytest.mark.parametrize("folder", ["", "/dev/null"])
def test_command_without_a_usable_folder(folder: str) -> None:
    code, text, error = command(EFFIRL_CACHE=folder)
    assert (code, text) == (2, "")
    assert len(error.splitlines()) == 1
    assert "folder" in error


SLOW = "n = int(input())\ns = 0\nfor i in range(n): s += i\nprint(s)\n"
FAST = "n = int(input())\nprint(sum(range(n)))\n"
TESTS, LARGE = (TestCase("10", "45"),), (TestCase("100000", "4999950000"),)
REQUESTS = [ScoreRequest("sum", SLOW, TESTS, LARGE, text) for text in (FAST, "print(1)")]


@pytest.fixture
def runs(monkeypatch) -> list[str]:
    ran: list[str] = []

    def counting(worker, job, *rest, **settings):
        ran.append(job.program)
        return run_job(worker, job, *rest, **settings)

    monkeypatch.setattr(outcomes, "run_job", counting)
    return ran


def test_a_reward_uses_the_cache_that_it_is_given(executor: Executor, tmp_path, runs) -> None:
    first = EfficiencyReward(executor=executor, cache=MeasurementCache(tmp_path)).score(REQUESTS)
    assert sorted(runs) == sorted([SLOW, FAST, "print(1)"])
    runs.clear()
    later = EfficiencyReward(executor=executor, cache=MeasurementCache(tmp_path))
    assert later.score(REQUESTS) == first
    assert runs == []
    EfficiencyReward(executor=executor).score(REQUESTS)
    assert len(runs) == 3, "without a cache everything is measured anew"


def test_a_gain_is_measured_again_after_a_number_of_batches(executor: Executor, runs) -> None:
    reward = EfficiencyReward(executor=executor)
    scores = [reward.score(REQUESTS[:1] * 2) for _ in range(MAX_SERVINGS + 2)]
    assert runs.count(FAST) == 2
    first, again = scores[0][0].comparison, scores[-1][1].comparison
    assert first is not None
    assert again is not None
    assert first.program_runtime_s != again.program_runtime_s
