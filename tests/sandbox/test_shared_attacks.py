"""Every shared attack program, twice in each situation: its goal stays out of reach."""

import csv

import pytest

from rewards.judging import verdict
from rewards.records import MIB, ExecutionResult, Limits, Status
from tests.sandbox.environments import HONEST_INPUT, HONEST_OUTPUT, Environment
from tests.shared import SHARED

_WALL_S = 20.0
_SHORT_WALL_S = 0.7  # for those that may reach it
_STATUSES = {
    "OK": {Status.OK},
    "WA": {Status.WRONG_ANSWER},
    "RE": {Status.RUNTIME_ERROR, Status.MEMORY_LIMIT},
    "SG": {Status.RUNTIME_ERROR, Status.VIOLATION},
    "CE": {Status.SYNTAX_ERROR},
    "TLE": {Status.TIME_LIMIT},
    "MLE": {Status.MEMORY_LIMIT},
    "OLE": {Status.OUTPUT_LIMIT, Status.RUNTIME_ERROR},
}
# Where the sandbox denies the very act, a program that does not catch the error ends with it.
_DENIED = {
    "cross_run_persistence/file_lock_channel.py": "the file that it would lock is not visible",
    "forging_memory/exec_reset_vmhwm.py": "execve",
    "harness_tampering/pytest_conftest.py": "there is no folder to write in",
}

_STORES_NOTHING = "forging_memory/shm_file_storage.py"  # finds no place to write, uses no memory


def _manifest() -> list[tuple[str, str, str]]:
    path = SHARED / "attacks" / "MANIFEST.tsv"
    if not path.exists():
        return []
    with path.open(newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [(r["file"], r["expected"], r["invariant"] or "") for r in rows]


def test_manifest_is_there() -> None:
    if not _manifest():
        pytest.skip(f"NOT CHECKED: {SHARED}/attacks is absent; set EFFIRL_SHARED")


@pytest.mark.parametrize("environment", ["default", "container"], indirect=True)
@pytest.mark.parametrize(("name", "expected", "invariant"), _manifest())
def test_attack(environment: Environment, name: str, expected: str, invariant: str) -> None:
    allowed = set().union(*(_STATUSES[word] for word in expected.split(",")))
    allowed |= _STATUSES["RE"] if name in _DENIED else set()
    wall_s = _SHORT_WALL_S if Status.TIME_LIMIT in allowed else _WALL_S
    source = (SHARED / "attacks" / name).read_text("utf-8")
    outcome = environment.attack(source, Limits(wall_s=wall_s), HONEST_INPUT)
    for result in outcome.runs:
        status = verdict(result, HONEST_OUTPUT.decode())
        assert status in allowed, (status, result.stdout[:200], result.stderr[-300:])
        if status is Status.OK and name != _STORES_NOTHING:
            for item in invariant.split():
                _check_invariant(item, result)
    assert not outcome.leftovers
    assert outcome.honest.stdout == HONEST_OUTPUT


def _check_invariant(item: str, result: ExecutionResult) -> None:
    """Those that a result shows; the others (harness alive, nothing left) show in the next run."""
    if item.startswith("mem_mib>="):
        assert result.peak_memory_bytes >= int(item.partition(">=")[2]) * MIB * 0.95
    if item.startswith("cpu_s>="):
        # the manifest's seconds are those of its author's machine
        assert result.runtime_s >= 0.2 * float(item.partition(">=")[2])
