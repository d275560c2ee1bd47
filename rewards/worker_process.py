"""A worker's process as the host holds it: started, spoken to, ended."""

import contextlib
import errno
import json
import mmap
import os
import resource
import signal
import socket
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Final

from rewards import child, interpreter, zygote
from rewards.errors import LimitError, SandboxError
from rewards.isolation import IsolationReport, Mechanism, cgroups
from rewards.records import MIB, Limits

# Modules with work to do at every fork (random, threading) register it when first imported: it
# would cost each run 0.4 ms, and reseed what programs draw.
_START: Final = (
    "import os, sys; os.register_at_fork = lambda **_: None; sys.path.insert(0, sys.argv[2]); "
    "from rewards.zygote import main; del sys.path[0]; main()"
)
_START_TIMEOUT_S: Final = 60.0
_FIRST_UID: Final = 1_000_000
_UIDS_PER_HOST: Final = 512
_GROUP_SPARE_BYTES: Final = 512 * MIB
_GROUP_MAX_PROCESSES: Final = 128
_serial = count()

_LIMITS_BY_ERROR: Final = {
    errno.EFBIG: (resource.RLIMIT_FSIZE, "f", "the size of files, in bytes here,"),
    errno.EMFILE: (resource.RLIMIT_NOFILE, "n", "open files"),
    errno.EAGAIN: (resource.RLIMIT_NPROC, "u", "processes and threads"),
    errno.ENOMEM: (resource.RLIMIT_AS, "v", "address space, in bytes here,"),
}
"""By error number: the limit that may be why, the shell's letter for it, what it limits."""

OUR_TROUBLE: Final = (OSError, ValueError, KeyError)
"""No descriptors, no memory, no disk, no interpreter; or an answer that makes no sense."""


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


class WorkerProcess:
    """One zygote (see `rewards.zygote`) and the means to reach it.

    Raises:
        SandboxError: From the constructor, when no way to start works.
    """

    def __init__(self, settings: WorkerSettings) -> None:
        self.settings = settings
        self._cleanup = contextlib.ExitStack()
        refusals: dict[str, str] = {}
        try:
            for namespaces in _ways(settings.namespaces):
                refusal = self._start(namespaces, refusals)
                if refusal is None:
                    return
                refusals[namespaces] = refusal
        except OUR_TROUBLE as error:
            self.close()
            _blame_limit(error)
            # Of a machine that is short of something for a moment: another try may do.
            raise WorkerDiedError(f"a worker did not start: {error}") from error
        except BaseException:
            self.close()
            raise
        raise SandboxError(f"no worker could be started: {refusals}")

    def _start(self, namespaces: str, refusals: dict[str, str]) -> str | None:
        """Start one way; returns why it was refused, or None when it is up."""
        name = str(next(_serial))
        uid = _uid(int(name)) if os.getuid() == 0 else None
        self._room_bytes = Limits().memory_bytes
        self._group = cgroups.create(name, _group_bytes(self._room_bytes), _GROUP_MAX_PROCESSES)
        self._cleanup.callback(self._group.close)
        self._errors = os.memfd_create("errors")
        self._cleanup.callback(os.close, self._errors)
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._cleanup.enter_context(self._socket)
        self._cleanup.enter_context(theirs)
        root = str(Path(__file__).resolve().parent.parent)
        self._process = subprocess.Popen(
            [*interpreter.command(), "-c", _START, str(theirs.fileno()), root],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._errors,
            pass_fds=(theirs.fileno(),),
            env=interpreter.ENVIRONMENT,
            cwd="/",
            start_new_session=True,  # Ctrl-C at a terminal is for the trainer alone
        )
        self._cleanup.callback(self._end)
        theirs.close()
        self._group.add(self._process.pid)
        self._send_settings(namespaces, uid)
        answer = self._receive_answer()
        if "failed" in answer:
            raise OSError(*answer["failed"])
        if "too_low" in answer:
            raise LimitError(answer["too_low"])
        if "refused" in answer:
            self.close()
            return str(answer["refused"])
        self.report = self._make_report(answer["mechanisms"], namespaces, refusals)
        return None

    def _send_settings(self, namespaces: str, uid: int | None) -> None:
        folders, import_paths = interpreter.package_folders(self.settings.packages)
        limits = Limits()
        message = {
            "core": self.settings.core,
            "preload": list(self.settings.packages),
            "import_paths": import_paths,
            "namespaces": namespaces,
            "readable": [*interpreter.system_folders(), *folders],
            "covered": interpreter.covered_folders(),
            "uid": uid,
            "landlock": self.settings.landlock,
            "seccomp": self.settings.seccomp,
            "limits": {
                "memory_bytes": limits.memory_bytes,
                "output_bytes": limits.output_bytes,
                "num_threads": limits.num_threads,
            },
        }
        with os.fdopen(os.memfd_create("page"), "w+b") as page_file:
            page_file.truncate(child.SHARED_BYTES)
            self._page = mmap.mmap(page_file.fileno(), child.SHARED_BYTES, prot=mmap.PROT_READ)
            self._cleanup.enter_context(self._page)
            with contextlib.suppress(BrokenPipeError):  # it ended, and its last words tell why
                socket.send_fds(self._socket, [json.dumps(message).encode()], [page_file.fileno()])

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
            self._end()
            last_words = self._error_text().splitlines()[-1:]  # of a traceback, what went wrong
            raise WorkerDiedError(
                f"a worker did not start: {' '.join(last_words) or reason or 'it ended'}"
            )
        answer = json.loads(text)
        if not isinstance(answer, dict):
            raise ValueError(f"its answer is {answer!r:.60}")
        return answer

    def _make_report(
        self, proofs: dict[str, list[Any]], namespaces: str, refusals: dict[str, str]
    ) -> IsolationReport:
        mechanisms = {name: Mechanism(bool(p[0]), str(p[1])) for name, p in proofs.items()}
        if namespaces == "off" and refusals:
            why = "; ".join(f"as {way}: {reason}" for way, reason in refusals.items())
            mechanisms["namespaces"] = Mechanism(False, why)
        for controller in ("cgroup_memory", "cgroup_pids"):
            problem = self._group.problems.get(controller)
            mechanisms[controller] = Mechanism(problem is None, problem or "a group of its own")
        return IsolationReport(mechanisms)

    @property
    def pid(self) -> int:
        """The process outside the namespaces, the one that we started."""
        return self._process.pid

    def exchange(
        self, request: bytes, descriptors: Sequence[int], timeout_s: float
    ) -> tuple[int, ...]:
        """Send one request and wait for its reply, the fields of `zygote.REPLY`.

        Raises:
            WorkerDiedError: If there is none.
        """
        who = f"the worker on core {self.settings.core}"
        self._socket.settimeout(timeout_s)
        try:
            socket.send_fds(self._socket, [request], descriptors)
            reply = self._socket.recv(zygote.REPLY.size + 1)
        except OSError as error:
            raise WorkerDiedError(f"{who} does not answer") from error
        except BaseException:  # Ctrl-C: the answer still to come must not be taken for the next one
            self.hang_up()
            raise
        if not reply:
            raise WorkerDiedError(f"{who} ended: {self._error_text()}")
        if len(reply) != zygote.REPLY.size:
            raise WorkerDiedError(f"{who} answered what is no reply")
        return zygote.REPLY.unpack(reply)

    def make_room(self, memory_bytes: int) -> None:
        """Let the control group hold a program with this limit, which must be what ends it.

        Raises:
            OSError: If the machine refuses.
        """
        if memory_bytes > self._room_bytes:
            self._group.limit_memory(_group_bytes(memory_bytes))
            self._room_bytes = memory_bytes

    def handed_over(self) -> bytes | None:
        """The code that the last run compiled, when it handed any over."""
        return child.handed_over(self._page)

    def program_pid(self) -> int | None:
        """The running program's process id as this process sees it, for memory sampling."""
        pid: int | None = self.pid
        for _ in range(2 if self.report.mechanisms["namespaces"].is_on else 1):
            pid = _only_child(pid)
        return pid

    def _error_text(self) -> str:
        return os.pread(self._errors, 2000, 0).decode(errors="replace").strip()

    def close(self) -> None:
        """End the process and whatever runs in it."""
        self._cleanup.close()

    def hang_up(self) -> None:
        """Make the process end, and a run in progress fail. From any thread."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def _end(self) -> None:
        self.hang_up()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=0.5)  # it ends by itself when we hang up
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


def _blame_limit(error: Exception) -> None:
    """Raise a LimitError if what failed is what a limit of this process's makes fail."""
    name, flag, what = _LIMITS_BY_ERROR.get(getattr(error, "errno", None) or 0, (None, "", ""))
    if name is None:
        return
    soft, hard = resource.getrlimit(name)
    if soft != resource.RLIM_INFINITY:
        raise LimitError(
            f"a worker did not start: {error}; the limit on {what} (ulimit -{flag}) is {soft}, at "
            f"most {'unlimited' if hard == resource.RLIM_INFINITY else hard} can be set; raise it"
        ) from error


def _ways(wanted: str) -> list[str]:
    if wanted != "auto":
        return [wanted]
    return [*(["root"] if os.getuid() == 0 else []), "user", "off"]


def _uid(serial: int) -> int:
    """A user id that no other worker on this machine has: from our pid, which is unique."""
    return _FIRST_UID + os.getpid() * _UIDS_PER_HOST + serial % _UIDS_PER_HOST


def _group_bytes(memory_bytes: int) -> int:
    """The worker's group is a backstop: well above what a program may use."""
    return 2 * memory_bytes + _GROUP_SPARE_BYTES


def _only_child(pid: int | None) -> int | None:
    if pid is None:
        return None
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return None
    return int(children[-1]) if children else None
