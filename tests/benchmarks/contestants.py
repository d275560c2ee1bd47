"""The ways to run a program that the benchmarks compare. One call of `run` is one run."""

import os
import shutil
import socket
import subprocess
import sys
import time
import venv
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from rewards.records import Limits, Status
from rewards.worker import Worker, WorkerSettings
from rewards.zygote import PRELOADED
from tests.benchmarks import bare_fork

RUN_TIMEOUT_S = 20.0


def make_clean_python(folder: Path) -> str:
    """An interpreter of its own, in an environment without packages.

    Plain processes start by it: .pth files of the packages around us cost up to 20 ms a start,
    which would flatter the executor.
    """
    venv.create(folder, symlinks=True, with_pip=False)
    return str(folder / "bin" / "python")


@dataclass(frozen=True, slots=True)
class Program:
    """A program, its one input, and what it must print."""

    path: Path
    source: bytes
    stdin: bytes
    expected: bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    seconds: float
    stdout: bytes
    has_succeeded: bool
    """The program ended by itself with exit status 0."""


class Contestant(Protocol):
    @property
    def name(self) -> str: ...

    def run(self, program: Program) -> Outcome: ...

    def close(self) -> None: ...


class BareFork:
    """Fork, compile, exec, wait in a small warm process; timed in there, without the hand-over."""

    name = "bare fork + exec"

    def __init__(self) -> None:
        self._files = [os.memfd_create(name) for name in ("source", "stdin", "stdout")]
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        source, stdin, stdout = self._files
        handed_on = (theirs.fileno(), source)
        command = [
            os.path.realpath(sys.executable),
            "-P",
            "-s",
            "-S",
            "-B",
            "-X",
            "utf8",
            bare_fork.__file__,
        ]
        self._process = subprocess.Popen(
            [*command, *map(str, handed_on), ",".join(PRELOADED)],
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.DEVNULL,
            pass_fds=handed_on,
        )
        theirs.close()
        self._socket.settimeout(RUN_TIMEOUT_S)
        if self._socket.recv(16) != b"ready":
            raise RuntimeError("the bare fork server did not start")

    def run(self, program: Program) -> Outcome:
        source, stdin, stdout = self._files
        for file, content in ((source, program.source), (stdin, program.stdin), (stdout, b"")):
            os.ftruncate(file, 0)
            os.pwrite(file, content, 0)
        self._socket.send(bare_fork.REQUEST.pack(len(program.source)))
        elapsed_ns, status = bare_fork.REPLY.unpack(self._socket.recv(bare_fork.REPLY.size))
        output = os.pread(stdout, os.fstat(stdout).st_size, 0)
        return Outcome(elapsed_ns / 1e9, output, status == 0)

    def close(self) -> None:
        self._socket.close()
        self._process.wait(timeout=RUN_TIMEOUT_S)
        for file in self._files:
            os.close(file)


class OurWorker:
    """`rewards.Worker`, timed from the caller's side: each run is the first of its program."""

    name = "effirl worker"

    def __init__(self, settings: WorkerSettings) -> None:
        self._worker = Worker(settings)
        self._num_runs = 0

    def run(self, program: Program) -> Outcome:
        self._num_runs += 1
        # Another text each time, as a worker keeps the code of the last ones.
        text = program.source + b"\n# %d" % self._num_runs
        self._worker.floor()  # measured anew once a minute: not part of any one run
        return self._time(text, program.stdin)

    def _time(self, text: bytes, stdin: bytes) -> Outcome:
        started = time.perf_counter()
        result = self._worker.run(text, stdin, Limits())
        elapsed = time.perf_counter() - started
        return Outcome(elapsed, result.stdout, result.status is Status.OK)

    def close(self) -> None:
        self._worker.close()


class OurRepeat(OurWorker):
    """The same for a program that the worker has just run."""

    name = "effirl worker, a repeat"

    def run(self, program: Program) -> Outcome:
        self._worker.floor()
        self._time(program.source, program.stdin)
        return self._time(program.source, program.stdin)


class NotIsolated(OurWorker):
    """The same with nothing but the child's own limits and user: what isolation costs."""

    name = "effirl worker, not isolated"

    def __init__(self, settings: WorkerSettings) -> None:
        super().__init__(replace(settings, namespaces="off", seccomp=False, landlock=False))


class PlainProcess:
    """`subprocess.run([python, file])`, as most reward functions do it. Isolates nothing."""

    name = "subprocess.run"

    def __init__(self, python: str) -> None:
        self._python = python

    def run(self, program: Program) -> Outcome:
        return run_command([self._python, str(program.path)], program)

    def close(self) -> None:
        """Keeps nothing open."""


class Bubblewrap:
    """A bubblewrap sandbox for each run: the isolation nearest to ours."""

    name = "bubblewrap per run"

    def __init__(self, python: str, folder: Path) -> None:
        readable = [Path("/usr"), Path(sys.base_prefix), folder]
        self._command = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session"]
        for path in readable:
            self._command += ["--ro-bind", str(path), str(path)]
        for path in (Path("/bin"), Path("/lib"), Path("/lib64")):
            if path.is_symlink():
                self._command += ["--symlink", str(path.readlink()), str(path)]
            elif path.exists():
                self._command += ["--ro-bind", str(path), str(path)]
        self._command += ["--proc", "/proc", "--dev", "/dev", python]

    @staticmethod
    def is_installed() -> bool:
        return shutil.which("bwrap") is not None

    def run(self, program: Program) -> Outcome:
        return run_command([*self._command, str(program.path)], program)

    def close(self) -> None:
        """Keeps nothing open."""


def run_command(command: list[str], program: Program) -> Outcome:
    started = time.perf_counter()
    try:
        done = subprocess.run(
            command, input=program.stdin, capture_output=True, timeout=RUN_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return Outcome(time.perf_counter() - started, b"", False)
    return Outcome(time.perf_counter() - started, done.stdout, done.returncode == 0)
