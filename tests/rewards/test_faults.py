"""Faults of the machine and of our own parts, injected for real where that can be done.

One invariant for all: each program gives exactly one row, in its place; trouble of ours is a
`SandboxError` and never a verdict; the executor works when the fault is over; and nothing is left:
no process, descriptor, mount, control group or file.
"""

import errno
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from rewards import worker as worker_module
from rewards import worker_process
from rewards.errors import SandboxError
from rewards.executor import Executor
from rewards.isolation import kernel
from rewards.records import ExecutionResult, Limits, Status
from rewards.worker import Worker
from rewards.zygote import REPLY
from tests.rewards.processes import processes_of
from tests.traces import control_groups, traces

PR_SET_CHILD_SUBREAPER = 36
SPIN = "import time\nend = time.perf_counter() + {seconds}\nwhile time.perf_counter() < end: pass\n"
PROMPT_S = 5.0
"""No fault may hold anybody up for longer."""


@pytest.fixture(autouse=True)
def _nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    kernel.prctl(PR_SET_CHILD_SUBREAPER, 1)  # orphans become our children, where we see them
    before, others = traces(), set(psutil.Process().children(recursive=True))
    yield
    ours = set(psutil.Process().children(recursive=True)) - others
    assert not psutil.wait_procs(ours, timeout=2)[1]
    left = {kind: found - before[kind] for kind, found in traces().items()}
    assert not any(left.values()), left


def echo(worker: Worker, number: int) -> bytes:
    result = worker.run("print(input())", str(number), Limits())
    assert result.status is Status.OK, result
    return result.stdout


def expect_recovery(executor: Executor) -> None:
    assert executor.map(echo, range(3)) == [b"0\n", b"1\n", b"2\n"]


def spin(seconds: float) -> Callable[[Worker, int], Status]:
    return lambda worker, _: worker.run(SPIN.format(seconds=seconds), "", Limits(wall_s=60)).status


@contextmanager
def after(delay_s: float, act: Callable[[], object]) -> Iterator[None]:
    """Do something to the body while it runs."""
    timer = threading.Timer(delay_s, act)
    timer.start()
    yield
    timer.join()


def inject(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """Have workers that start from now on run `code` first; `serve` is what it may wrap."""
    start = worker_process._START.replace("from rewards", f"exec({code!r}); from rewards", 1)
    assert start != worker_process._START
    monkeypatch.setattr(worker_process, "_START", start)


IN_SERVICE = """
import rewards.zygote as z, os
serve = z.serve
def faulty(*a):
    {}
    {}
z.serve = faulty
"""


def test_workers_killed_at_random_moments() -> None:
    chance, num_kills, killed = random.Random(0), 40, []

    def kill_often() -> None:
        for _ in range(num_kills):
            if done.wait(chance.uniform(0.02, 0.15)):
                return
            with suppress(psutil.Error, IndexError):
                outer = chance.choice(psutil.Process().children())
                # Without namespaces, what a worker's process has for children are programs.
                inner = outer.children() if has_namespaces else []
                chance.choice([outer, *inner]).kill()
                killed.append(outer)

    done = threading.Event()
    killer = threading.Thread(target=kill_often)
    with Executor() as executor:
        has_namespaces = executor.isolation.mechanisms["namespaces"].is_on
        num_programs = 60 * executor.num_workers
        killer.start()
        rows = executor.map(
            lambda w, n: w.run(SPIN.format(seconds=0.01) + f"print({n})", "", Limits()).stdout,
            range(num_programs),
        )
        done.set()
        killer.join()
        expect_recovery(executor)
    assert len(rows) == num_programs
    lost = [row for row in rows if isinstance(row, SandboxError)]
    assert all(row in lost or row == f"{n}\n".encode() for n, row in enumerate(rows))
    assert killed
    assert len(lost) <= num_kills / 2  # a program is lost with its second worker


@pytest.mark.parametrize("which", ["outer", "inner"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
@pytest.mark.parametrize("moment", ["between runs", "in mid-run"])
def test_worker_struck(
    which: str, number: int, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "_GRACE_S", 0.2)
    struck: list[str] = []

    def run(worker: Worker, _: int) -> Status:
        process = processes_of(worker)[which]
        delay_s = 0.1 if moment == "in mid-run" else 0
        if not struck:
            struck.append(which)
            with after(delay_s, lambda: process.send_signal(number)):
                time.sleep(0.05 - delay_s / 2)
                return worker.run(SPIN.format(seconds=0.3), "", Limits(wall_s=0.6)).status
        return worker.run("pass", "", Limits()).status

    with Executor(num_workers=1) as executor:
        assert executor.map(run, [0]) == [Status.OK]
        expect_recovery(executor)


def test_connection_closed_in_mid_run() -> None:
    closed: list[int] = []

    def run(worker: Worker, number: int) -> Status:
        if not closed:
            closed.append(number)
            with after(0.1, worker.hang_up):
                return worker.run(SPIN.format(seconds=30), "", Limits()).status
        return worker.run("pass", "", Limits()).status

    with Executor(num_workers=1) as executor:
        assert executor.map(run, [0]) == [Status.OK]
        expect_recovery(executor)


@pytest.mark.parametrize("error", ["EAGAIN", "ENOMEM"])
@pytest.mark.parametrize("times", [2, 1000])
def test_fork_is_refused(error: str, times: int, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse = (
        f"import errno\nleft = [{times}]\nfork = os.fork\n"
        "def refuse():\n"
        "    left[0] -= 1\n"
        f"    if left[0] >= 0: raise OSError(errno.{error}, 'no')\n"
        "    return fork()\n"
    )
    with Executor(num_workers=1) as executor:
        with monkeypatch.context() as faulty:
            inject(faulty, refuse + IN_SERVICE.format("os.fork = refuse", "serve(*a)"))
            executor.map(lambda w, _: w.close(), [0])
            (row,) = executor.map(echo, [0])
            assert row == b"0\n" if times == 2 else isinstance(row, SandboxError)
            executor.map(lambda w, _: w.close(), [0])
        expect_recovery(executor)


@contextmanager
def limited(kind: int, value: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(kind)
    resource.setrlimit(kind, (value, hard))
    try:
        yield
    finally:
        resource.setrlimit(kind, (soft, hard))


@pytest.mark.parametrize("num_spare", range(8))
def test_no_descriptors_left(num_spare: int) -> None:
    with Executor(num_workers=1) as executor:
        expect_recovery(executor)
        highest = max(int(number) for number in os.listdir("/proc/self/fd"))  # noqa: PTH208
        with limited(resource.RLIMIT_NOFILE, highest + num_spare), suppress(SandboxError):
            assert executor.run("print(1)").stdout == b"1\n"
        expect_recovery(executor)


@pytest.mark.parametrize("num_spare", range(10))
def test_no_descriptors_left_to_start(num_spare: int) -> None:
    highest = max(int(number) for number in os.listdir("/proc/self/fd"))  # noqa: PTH208
    with limited(resource.RLIMIT_NOFILE, highest + num_spare), suppress(SandboxError):
        Executor(num_workers=1).close()


def test_memory_file_is_full() -> None:
    with Executor(num_workers=1) as executor:
        with limited(resource.RLIMIT_FSIZE, 1 << 16), pytest.raises(SandboxError):
            executor.run("pass", "x" * (1 << 20))
        expect_recovery(executor)


@pytest.mark.parametrize("answer", [b"x", b"\xff" * REPLY.size, bytes(REPLY.size + 1), b"x" * 9999])
def test_worker_answers_garbage(answer: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    with Executor(num_workers=1) as executor:
        with monkeypatch.context() as faulty:
            lie = f"while a[0].recv(99): a[0].send({answer!r})"
            inject(faulty, IN_SERVICE.format("pass", lie))
            executor.map(lambda w, _: w.close(), [0])
            assert isinstance(*executor.map(echo, [0]), SandboxError)
        expect_recovery(executor)


ANSWER = "import socket, sys; s = socket.socket(fileno=int(sys.argv[1])); s.recv(9); s.send({})"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("raise RuntimeError('boom')", "boom"),
        ("import os; os._exit(0)", "did not start"),
        ("import os; os.kill(os.getpid(), 9)", "did not start"),
        ("import time; time.sleep(60)", "no answer"),
        (ANSWER.format(b"{"), "did not start"),
        (ANSWER.format(b"{}"), "mechanisms"),
        (ANSWER.format(b"[]"), "did not start"),
    ],
)
def test_worker_does_not_start(code: str, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with Executor(num_workers=1) as executor:
        with monkeypatch.context() as faulty:
            faulty.setattr(worker_process, "_START_TIMEOUT_S", 0.5)
            inject(faulty, code)
            with pytest.raises(SandboxError, match=reason):
                Executor(num_workers=1)
            executor.map(lambda w, _: w.close(), [0])
            assert isinstance(*executor.map(echo, [0]), SandboxError)
        expect_recovery(executor)


def test_worker_that_could_not_start_for_a_moment_is_started_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    popen, tries = subprocess.Popen, []

    def busy(*args: object, **settings: object) -> object:
        tries.append(args)
        if len(tries) == 1:
            raise OSError(errno.EIO, "busy")
        return popen(*args, **settings)  # type: ignore[call-overload]

    with Executor(num_workers=1) as executor:
        monkeypatch.setattr(subprocess, "Popen", busy)  # one with numpy is not there yet
        assert executor.map(echo, [0], lambda _: ["import numpy"]) == [b"0\n"]
    assert len(tries) > 1


def test_interpreter_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    with pytest.raises(SandboxError, match="/nonexistent/python"):
        Executor(num_workers=1)


def interrupt() -> None:
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


def test_interrupted_run_does_not_answer_the_next_one() -> None:
    with Executor(num_workers=1) as executor:
        expect_recovery(executor)
        with after(0.2, interrupt), pytest.raises(KeyboardInterrupt):
            executor.run(SPIN.format(seconds=1.5) + "print('stale')")
        time.sleep(1.5)
        assert executor.run("print('fresh')").stdout == b"fresh\n"


def test_interrupted_batch_ends_at_once() -> None:
    started = time.monotonic()
    with after(0.5, interrupt), pytest.raises(KeyboardInterrupt), Executor() as executor:
        executor.map(spin(60), range(8))
    assert time.monotonic() - started < PROMPT_S


def test_closed_in_mid_batch() -> None:
    executor = Executor()
    with after(0.3, executor.close):
        rows = executor.map(spin(0.2), range(50))
    assert len(rows) == 50
    assert rows.count(Status.OK) < 50
    assert all(row is Status.OK or isinstance(row, SandboxError) for row in rows)
    with pytest.raises(SandboxError, match="closed"):
        executor.run("pass")


HOST = """
import signal, sys, threading
from rewards import Executor, Limits
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup has it ignored, in what it starts too
with Executor() as executor:
    threading.Timer(0.3, lambda: print("busy", flush=True)).start()
    executor.map(lambda w, _: w.run("while True: pass", "", Limits(wall_s=60)), range(4))
"""


@pytest.mark.parametrize(
    "signals",
    [[signal.SIGKILL], [signal.SIGTERM], [signal.SIGHUP], [signal.SIGINT], [signal.SIGINT] * 3],
    ids=lambda signals: "-".join(s.name for s in signals),
)
def test_host_is_ended(signals: list[signal.Signals]) -> None:
    """Whatever ends the trainer in mid-batch, no program outlives it."""
    host = subprocess.Popen([sys.executable, "-c", HOST], stdout=-1, stderr=subprocess.DEVNULL)
    with host:
        assert host.stdout is not None
        assert host.stdout.readline() == b"busy\n"
        inside = psutil.Process(host.pid).children(recursive=True)
        assert len(inside) >= 2
        for number in signals:
            host.send_signal(number)
            time.sleep(0.02)
        assert host.wait(timeout=PROMPT_S) != 0
    assert not psutil.wait_procs(inside, timeout=2)[1]
    Executor(num_workers=1).close()  # removes the control groups of a host that could not
    assert not control_groups(host.pid)


def test_machine_stands_still() -> None:
    """A run that a standstill pushed over its time limit is run again, not judged."""
    limits = Limits(wall_s=0.4)

    def run(worker: Worker, _: int) -> ExecutionResult:
        inner = processes_of(worker)["inner"]
        program = SPIN.format(seconds=0.2) + "print('done')"

        def stand_still() -> None:
            stopped = [inner, *inner.children(recursive=True)]
            for process in stopped:
                process.suspend()
            time.sleep(2 * limits.wall_s)
            for process in stopped:
                process.resume()

        with after(0.1, stand_still):
            return worker.run(program, "", limits)

    with Executor(num_workers=1) as executor:
        (row,) = executor.map(run, [0])
        assert isinstance(row, ExecutionResult)
        assert (row.status, row.stdout) == (Status.OK, b"done\n")
        expect_recovery(executor)
