"""The host's side of one worker: start it, run programs on it one at a time, end it."""

import contextlib
import importlib.util
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import sysconfig
import time
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Final, Self

from rewards import zygote
from rewards.child import EXIT_CONFINEMENT_FAILED
from rewards.errors import SandboxError
from rewards.isolation import IsolationReport, Mechanism, cgroups
from rewards.memory_files import InputFiles, output_file, read_file, reopen
from rewards.records import MIB, ExecutionResult, Limits, Status

# Modules with work to do at every fork (random, threading) register it when first imported: it
# would cost each run 0.4 ms, and reseed what programs draw.
_START: Final = (
    "import os, sys; os.register_at_fork = lambda **_: None; sys.path.insert(0, sys.argv[2]); "
    "from rewards.zygote import main; del sys.path[0]; main()"
)
_ENVIRONMENT: Final = {
    "PATH": "/usr/bin:/bin",
    "HOME": "/",
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
    "PYTHONHASHSEED": "0",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}
_START_TIMEOUT_S: Final = 60.0
_GRACE_S: Final = 5.0  # past a run's wall limit; then the worker itself is at fault
_COMPUTING_SHARE: Final = 0.8
_FLOOR_RUNS: Final = 7
_FLOOR_AGE_S: Final = 60.0
_MAX_STDERR: Final = 4096
_FIRST_UID: Final = 1_000_000
_UIDS_PER_HOST: Final = 64
_GROUP_SPARE_BYTES: Final = 512 * MIB
_GROUP_MAX_PROCESSES: Final = 128
_serial = count()


class WorkerDiedError(SandboxError):
    """The worker is gone or silent: start another one and do the work again."""


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """How to start a worker."""

    core: int
    packages: tuple[str, ...] = ()
    """Preloaded and importable besides the standard library, such as numpy."""
    namespaces: str = "auto"
    """`auto` takes the best that works; `root`, `user` or `off` insist."""
    seccomp: bool = True
    landlock: bool = True


@dataclass(frozen=True, slots=True)
class Floor:
    """What an empty program costs on a worker."""

    runtime_s: float
    peak_bytes: int
    """Above what is resident when a program starts."""
    resident_bytes: int
    """When a program starts: the interpreter's own."""
    measured_at: float
    """time.monotonic()"""


class Worker:
    """One isolated interpreter, pinned to a core. Not for use by two threads at once.

    Raises:
        SandboxError: From the constructor, when no way to start works.
    """

    def __init__(self, settings: WorkerSettings) -> None:
        self.settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self._floor: Floor | None = None
        self._inputs = InputFiles()
        refusals: dict[str, str] = {}
        for namespaces in _ways(settings.namespaces):
            refusal = self._start(namespaces, refusals)
            if refusal is None:
                return
            refusals[namespaces] = refusal
        raise SandboxError(f"no worker could be started: {refusals}")

    def _start(self, namespaces: str, refusals: dict[str, str]) -> str | None:
        """Start one way; returns why it was refused, or None when it is up."""
        name = str(next(_serial))
        uid = _uid(int(name)) if os.getuid() == 0 else None
        self._group = cgroups.create(
            name, Limits().memory_bytes * 2 + _GROUP_SPARE_BYTES, _GROUP_MAX_PROCESSES
        )
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._errors = os.memfd_create("errors")
        command = [os.path.realpath(sys.executable), "-P", "-s", "-S", "-B", "-X", "utf8"]
        root = str(Path(__file__).resolve().parent.parent)
        self._process = subprocess.Popen(
            [*command, "-c", _START, str(theirs.fileno()), root],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._errors,
            pass_fds=(theirs.fileno(),),
            env=_ENVIRONMENT,
            cwd="/",
            start_new_session=True,  # Ctrl-C at a terminal is for the trainer alone
        )
        theirs.close()
        with contextlib.suppress(OSError):
            self._group.add(self._process.pid)
        self._send_settings(namespaces, uid)
        answer = self._receive_answer()
        if "refused" in answer:
            self.close()
            return str(answer["refused"])
        self.report = self._make_report(answer["mechanisms"], namespaces, refusals)
        return None

    def _send_settings(self, namespaces: str, uid: int | None) -> None:
        folders, import_paths = _package_folders(self.settings.packages)
        message = {
            "core": self.settings.core,
            "preload": list(self.settings.packages),
            "import_paths": import_paths,
            "namespaces": namespaces,
            "readable": [*_system_folders(), *folders],
            "uid": uid,
            "landlock": self.settings.landlock,
            "seccomp": self.settings.seccomp,
        }
        self._socket.send(json.dumps(message).encode())

    def _receive_answer(self) -> dict[str, Any]:
        self._socket.settimeout(_START_TIMEOUT_S)
        try:
            text = self._socket.recv(65536)
        except OSError as error:
            text = b""
            reason = f"no answer: {error}"
        else:
            reason = ""
        if not text:
            self._end_process()
            reason = reason or self._error_text() or "it ended"
            self.close()
            raise SandboxError(f"a worker did not start: {reason}")
        answer: dict[str, Any] = json.loads(text)
        return answer

    def _make_report(
        self, proofs: dict[str, list[Any]], namespaces: str, refusals: dict[str, str]
    ) -> IsolationReport:
        mechanisms = {name: Mechanism(bool(p[0]), str(p[1])) for name, p in proofs.items()}
        if namespaces == "off" and refusals:
            why = "; ".join(f"as {way}: {reason}" for way, reason in refusals.items())
            mechanisms["namespaces"] = Mechanism(False, why)
        if namespaces == "user":
            mechanisms["own_uid"] = Mechanism(False, "inside a user namespace")
        for controller in ("cgroup_memory", "cgroup_pids"):
            problem = self._group.problems.get(controller)
            mechanisms[controller] = Mechanism(problem is None, problem or "a group of its own")
        return IsolationReport(mechanisms)

    @property
    def level(self) -> int:
        return self.report.level

    def run(self, program: str | bytes, stdin: str | bytes, limits: Limits) -> ExecutionResult:
        """Run a program once on one input.

        One that reached its time limit while it hardly computed is run again: it may sleep, or
        this machine may have stood still, for 0.4 s at a time beside busy neighbours.

        Raises:
            WorkerDiedError: If the worker failed, whatever the reason. It is then of no use.
        """
        result = self._run_once(program, stdin, limits)
        if (
            result.status is Status.TIME_LIMIT
            and result.runtime_s < _COMPUTING_SHARE * result.wall_s
        ):
            result = self._run_once(program, stdin, limits)
        return result

    def _run_once(
        self, program: str | bytes, stdin: str | bytes, limits: Limits
    ) -> ExecutionResult:
        reply, stdout, stderr = self._run_raw(_to_bytes(program), _to_bytes(stdin), limits)
        return self._to_result(reply, stdout, stderr, limits)

    def floor(self) -> Floor:
        """What an empty program costs here; measured anew when a minute old."""
        if self._floor is None or time.monotonic() - self._floor.measured_at > _FLOOR_AGE_S:
            costs = [self._run_raw(b"pass", b"", Limits())[0] for _ in range(_FLOOR_RUNS)]
            self._floor = Floor(
                statistics.median((r[3] - r[5]) / 1e9 for r in costs),
                int(statistics.median(max(0, r[6] - r[7]) << 10 for r in costs)),
                int(statistics.median(r[7] << 10 for r in costs)),
                time.monotonic(),
            )
        return self._floor

    def _run_raw(
        self, program: bytes, stdin: bytes, limits: Limits
    ) -> tuple[tuple[int, ...], bytes, bytes]:
        outputs = [output_file(), output_file()]
        ends = [reopen(self._inputs.get(content), os.O_RDONLY) for content in (program, stdin)]
        ends += [reopen(file, os.O_WRONLY) for file in outputs]
        try:
            wall_ms = max(1, round(limits.wall_s * 1000))
            request = zygote.REQUEST.pack(
                wall_ms, limits.memory_bytes, limits.output_bytes, limits.num_threads
            )
            reply = self._exchange(request, ends, limits.wall_s + _GRACE_S)
            stdout = read_file(outputs[0], limits.output_bytes + 1)
            stderr_bytes = os.fstat(outputs[1]).st_size
            stderr = read_file(outputs[1], _MAX_STDERR)
        finally:
            for descriptor in (*outputs, *ends):
                os.close(descriptor)
        if not reply[2] and os.waitstatus_to_exitcode(reply[0]) == EXIT_CONFINEMENT_FAILED:
            raise WorkerDiedError(
                f"a program could not be confined: {stderr.decode(errors='replace')}"
            )
        if stderr_bytes > limits.output_bytes:
            stdout = stdout.ljust(limits.output_bytes + 1)  # over the limit on either stream
        return (*reply, stderr_bytes), stdout, stderr

    def _exchange(
        self, request: bytes, descriptors: list[int], timeout_s: float
    ) -> tuple[int, ...]:
        who = f"the worker on core {self.settings.core}"
        self._socket.settimeout(timeout_s)
        try:
            socket.send_fds(self._socket, [request], descriptors)
            reply = self._socket.recv(zygote.REPLY.size)
        except OSError as error:
            raise WorkerDiedError(f"{who} does not answer") from error
        if len(reply) != zygote.REPLY.size:
            raise WorkerDiedError(
                f"worker on core {self.settings.core} ended: {self._error_text()}"
            )
        return zygote.REPLY.unpack(reply)

    def _to_result(
        self, reply: tuple[int, ...], stdout: bytes, stderr: bytes, limits: Limits
    ) -> ExecutionResult:
        wait_status, was_killed, has_started, cpu_ns, wall_ns, start_ns, peak_kib, base_kib, _ = (
            reply
        )
        floor = self.floor()
        code = os.waitstatus_to_exitcode(wait_status)
        stderr_bytes = reply[8]
        peak = (max(0, peak_kib - base_kib) << 10) + stderr_bytes  # bytes kept there are memory too
        return ExecutionResult(
            status=_status(code, bool(was_killed), bool(has_started), stdout, stderr, limits),
            stdout=stdout[: limits.output_bytes],
            stderr=stderr,
            exit_code=code if code >= 0 else None,
            signal=-code if code < 0 else None,
            runtime_s=max(0.0, (cpu_ns - start_ns) / 1e9 - floor.runtime_s),
            wall_s=wall_ns / 1e9,
            peak_memory_bytes=max(0, peak - floor.peak_bytes),
            isolation_level=self.level,
        )

    def program_pid(self) -> int | None:
        """The running program's process id as this process sees it, for memory sampling."""
        pid = None if self._process is None else self._process.pid
        for _ in range(2 if self.report.mechanisms["namespaces"].is_on else 1):
            pid = _only_child(pid)
        return pid

    def _error_text(self) -> str:
        return os.pread(self._errors, 2000, 0).decode(errors="replace").strip()

    def close(self) -> None:
        """End the worker and whatever runs in it."""
        if self._process is None:
            return
        self._end_process()
        os.close(self._errors)
        self._inputs.close()
        self._group.close()
        self._process = None

    def _end_process(self) -> None:
        assert self._process is not None
        self._socket.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=0.5)  # it ends by itself when we hang up
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _ways(wanted: str) -> list[str]:
    if wanted != "auto":
        return [wanted]
    return [*(["root"] if os.getuid() == 0 else []), "user", "off"]


def _uid(serial: int) -> int:
    """A user id that no other worker on this machine has: from our pid, which is unique."""
    return _FIRST_UID + os.getpid() * _UIDS_PER_HOST + serial % _UIDS_PER_HOST


def _system_folders() -> list[str]:
    """Where the interpreter, its library and the C library lie."""
    paths = [sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")]
    paths += [str(Path(sys.base_prefix, "lib")), "/usr/lib", "/usr/lib64", "/lib", "/lib64"]
    return list(dict.fromkeys(path for path in paths if path and Path(path).exists()))


def _package_folders(packages: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """The folders of third-party packages (shared libraries included), and where they import."""
    folders: list[str] = []
    parents: list[str] = []
    for package in packages:
        spec = importlib.util.find_spec(package)
        if spec is None or spec.origin is None:
            raise SandboxError(f"package {package} is not installed")
        folder = Path(spec.origin).parent
        libraries = folder.with_name(f"{package}.libs")
        folders += [str(folder)] + ([str(libraries)] if libraries.exists() else [])
        parents.append(str(folder.parent))
    return folders, list(dict.fromkeys(parents))


def _status(
    code: int, was_killed: bool, has_started: bool, stdout: bytes, stderr: bytes, limits: Limits
) -> Status:
    """Name a run's end. Only the kernel's and the worker's word counts, but for MEMORY_LIMIT.

    Its text on standard error could be forged, to no gain: it costs the same as RUNTIME_ERROR.
    """
    if was_killed:
        return Status.TIME_LIMIT
    if code == -signal.SIGSYS:
        return Status.VIOLATION
    if not has_started:
        return Status.SYNTAX_ERROR
    if len(stdout) > limits.output_bytes:
        return Status.OUTPUT_LIMIT
    if code == 0:
        return Status.OK
    last_line = stderr.rstrip().rsplit(b"\n", 1)[-1]
    ran_out = last_line.startswith(b"MemoryError")
    return Status.MEMORY_LIMIT if ran_out else Status.RUNTIME_ERROR


def _to_bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")


def _only_child(pid: int | None) -> int | None:
    if pid is None:
        return None
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return None
    return int(children[-1]) if children else None
