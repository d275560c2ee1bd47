"""What machine this is, and which of its cores are a process's own."""

import subprocess
import sys

import pytest

from rewards import efficiency, machine
from rewards.efficiency import EfficiencyReward
from rewards.errors import SandboxError

ELSEWHERE = f"""
import platform, sys
me = {__file__!r}
platform.machine = lambda: "aarch64"
"""


@pytest.mark.parametrize(
    ("rank", "processes", "wanted"),
    [("0", "2", [4, 6, 8]), ("1", "2", [5, 7]), ("4", "5", [8])],
)
def test_processes_of_one_machine_take_different_cores(
    rank: str, processes: str, wanted: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {4, 5, 6, 7, 8})
    assert machine.own_cores() == [4, 5, 6, 7, 8]
    monkeypatch.setenv("LOCAL_RANK", rank)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", processes)
    assert machine.own_cores() == wanted


def test_more_processes_than_cores_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {4, 5})
    monkeypatch.setenv("LOCAL_RANK", "2")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "3")
    with pytest.raises(SandboxError, match="3 processes are to measure on 2 cores"):
        machine.own_cores()


def test_a_process_whose_launcher_chose_its_cores_keeps_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: range(64) if pid else [4, 5])
    monkeypatch.setenv("LOCAL_RANK", "3")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    assert machine.own_cores() == [4, 5]


def test_the_reward_alone_takes_its_own_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[list[int]] = []

    class StopError(Exception):
        pass

    def start(cores: list[int]) -> None:
        taken.append(cores)
        raise StopError

    monkeypatch.setattr("os.sched_getaffinity", lambda _: {4, 5})
    monkeypatch.setattr(efficiency, "Executor", start)
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    with pytest.raises(StopError):
        EfficiencyReward()
    assert taken == [[5]]


@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("from rewards.__main__ import main\nsys.exit(main(['doctor']))", 3),
        ("from rewards.__main__ import main\nsys.exit(main(['run', me, '--stdin', me]))", 3),
        ("from effirl.cli import ppo\nppo([])", 2),
    ],
)
def test_another_kind_of_machine_is_told_so_in_one_line(command: str, status: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE + command], capture_output=True, text=True, check=False
    )
    assert done.returncode == status
    assert "Linux on x86-64 only, and this is linux on aarch64" in done.stderr
    assert done.stderr.count("\n") == 1
