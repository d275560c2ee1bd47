"""Every shared attack program, twice in one executor: its goal stays out of reach."""

import csv
from pathlib import Path

import pytest

from rewards.executor import Executor
from rewards.judging import verdict
from rewards.records import MIB, ExecutionResult, Limits, Status
from tests.shared import SHARED

_LIMITS = Limits(wall_s=2.0, memory_bytes=1024 * MIB)
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


@pytest.fixture(scope="module")
def executor():
    with Executor(isolation_floor=1) as executor:
        yield executor


def _run_twice(executor: Executor, path: Path) -> list[ExecutionResult]:
    source = path.read_bytes()
    results = executor.map(lambda worker, _: worker.run(source, "12345\n", _LIMITS), [0, 1])
    assert not [r for r in results if isinstance(r, Exception)], results
    return results  # type: ignore[return-value]


@pytest.mark.parametrize(("name", "expected", "invariant"), _manifest())
def test_attack(executor: Executor, name: str, expected: str, invariant: str) -> None:
    allowed = set().union(*(_STATUSES[word] for word in expected.split(",")))
    allowed |= _STATUSES["RE"] if name in _DENIED else set()
    for result in _run_twice(executor, SHARED / "attacks" / name):
        status = verdict(result, "152399025\n")
        assert status in allowed, (status, result.stdout[:200], result.stderr[-300:])
        if status is Status.OK and name != _STORES_NOTHING:
            for item in invariant.split():
                _check_invariant(item, result)
    honest = executor.run("n = int(input())\nprint(n * n)", "12345\n")
    assert verdict(honest, "152399025") is Status.OK


def _check_invariant(item: str, result: ExecutionResult) -> None:
    """Those that a result shows; the others (harness alive, nothing left) show in the next run."""
    if item.startswith("mem_mib>="):
        assert result.peak_memory_bytes >= int(item.partition(">=")[2]) * MIB * 0.95
    if item.startswith("cpu_s>="):
        # the manifest's seconds are those of its author's machine
        assert result.runtime_s >= 0.2 * float(item.partition(">=")[2])
