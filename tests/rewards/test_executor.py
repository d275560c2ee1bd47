"""The pool: order, retries, faults of ours, nothing left behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from rewards.errors import SandboxError
from rewards.executor import Executor, packages_of
from rewards.records import Limits, Status
from rewards.worker import Worker
from tests.rewards.processes import kill, processes_of


def test_map_keeps_order(executor: Executor) -> None:
    def run(worker: Worker, number: int) -> bytes:
        return worker.run(f"print({number})", "", Limits()).stdout

    assert executor.map(run, range(20)) == [f"{n}\n".encode() for n in range(20)]


def test_work_of_a_lost_worker_is_done_again(executor: Executor) -> None:
    tries: list[int] = []

    def run(worker: Worker, number: int) -> Status:
        tries.append(number)
        if tries.count(number) == 1:
            kill(worker)
        return worker.run("pass", "", Limits()).status

    assert executor.map(run, range(4)) == [Status.OK] * 4
    assert sorted(tries) == sorted([*range(4), *range(4)])


def test_work_that_loses_two_workers_is_our_failure(executor: Executor) -> None:
    def run(worker: Worker, number: int) -> Status:
        if number == 1:
            kill(worker)
        return worker.run("pass", "", Limits()).status

    first, second, third = executor.map(run, range(3))
    assert first is third is Status.OK
    assert isinstance(second, SandboxError)


def test_stopped_worker_is_replaced(executor: Executor) -> None:
    stopped: list[psutil.Process] = []

    def run(worker: Worker, _: int) -> Status:
        if not stopped:
            stopped.append(processes_of(worker)["inner"])
            stopped[0].send_signal(signal.SIGSTOP)
        return worker.run("pass", "", Limits(wall_s=0.1)).status

    assert executor.map(run, [0]) == [Status.OK]
    assert not psutil.wait_procs(stopped, timeout=2)[1]


def test_nothing_is_left_after_close() -> None:
    before = set(psutil.Process().children(recursive=True))
    files = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    with Executor() as executor:
        executor.map(lambda w, _: w.run("while True: pass", "", Limits(wall_s=0.1)), range(3))
    assert set(psutil.Process().children(recursive=True)) <= before
    assert len(os.listdir("/proc/self/fd")) <= files  # noqa: PTH208


def test_killed_host_leaves_no_program_alive(tmp_path: Path) -> None:
    script = f"""
import threading, time
from pathlib import Path
from rewards import Executor, Limits
executor = Executor(num_workers=1)
run = lambda w, _: w.run("while True: pass", "", Limits(wall_s=60))
threading.Thread(target=lambda: executor.map(run, [0])).start()
time.sleep(1)
Path({str(tmp_path / "ready")!r}).touch()
time.sleep(60)
"""
    host = subprocess.Popen([sys.executable, "-c", script])
    while not (tmp_path / "ready").exists():
        assert host.poll() is None
        time.sleep(0.05)
    inside = psutil.Process(host.pid).children(recursive=True)
    assert len(inside) >= 2
    host.kill()
    host.wait()
    assert not psutil.wait_procs(inside, timeout=2)[1]


@pytest.mark.parametrize("number", [0, 10_000])
def test_number_of_workers_must_fit(number: int) -> None:
    with pytest.raises(ValueError, match="num_workers must be"):
        Executor(num_workers=number)


def test_packages_of() -> None:
    assert packages_of("import numpy as np", "x = 1") == ("numpy",)
    assert packages_of("from numpy.linalg import inv") == ("numpy",)
    assert packages_of("x = 1", "import sys as s, os.path , numpy as np") == ("numpy",)
    assert packages_of("import os, \\\n  numpy") == ("numpy",)
    assert packages_of("import sys, numpy_like\nnumpy = 1") == ()
    assert packages_of("import sys; numpy = 1") == ()
    assert packages_of("numpy_like = 1") == ()


@pytest.mark.parametrize("text", ["import ", "import a, ", "a as import, ", "import\t", "a,", " "])
def test_finding_packages_takes_no_longer_than_reading(text: str) -> None:
    """Quadratic, it would take a minute: it has a second, of which it takes a hundredth."""
    started = time.process_time()
    packages_of(f"import {text * (200_000 // len(text))}")
    assert time.process_time() - started < 1.0
