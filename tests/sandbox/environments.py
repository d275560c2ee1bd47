"""The situations in which attacks run, each a process of its own with one executor.

`default`: whatever this machine offers. `no_namespaces`: nothing may be unshared or mounted, so
programs share the machine's processes and network (level 1). `container`: besides, root has only
the capabilities that container runtimes leave it, and control groups cannot be written.
`no_capabilities`: nor has it those.

The process holds a canary where programs could look for one: in its environment, its memory, a
file, a TCP port and a local socket.
"""

import contextlib
import multiprocessing
import os
import secrets
import socket
import struct
import tempfile
import threading
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final, Self

from rewards.errors import SandboxError
from rewards.executor import Executor
from rewards.isolation import IsolationReport, kernel, seccomp
from rewards.records import ExecutionResult, Limits

NAMES: Final = ("default", "no_namespaces", "container")
HONEST: Final = "n = int(input())\nt = 0\nfor i in range(n * 4): t += i * i % 7\nprint(n * n)"
HONEST_OUTPUT: Final = b"152399025\n"
HONEST_INPUT: Final = "12345\n"
_MARK: Final = "effirl-mark"
_MARKED_FOLDERS: Final = (
    *("/", "/tmp", "/var/tmp", "/dev/shm", "/dev/mqueue", "/run", "/root", "."),
    str(Path(os.__file__).parent),
)
_SYSV: Final = ("shm", "sem", "msg")
_SYSV_KEY: Final = 0xEFF1
_UNSHARE: Final = {"mount": 165, "umount2": 166, "unshare": 272, "setns": 308, "pivot_root": 155}
_CAPABILITIES_LEFT: Final = {
    # chown, dac_override, fowner, fsetid, kill, setgid, setuid, setpcap, net_bind_service, net_raw,
    # sys_chroot, mknod, audit_write, setfcap: what Docker's documentation lists
    "container": frozenset({0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31}),
    "no_capabilities": frozenset[int](),
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """Two runs of an attack and one of an honest program after them, on the same worker."""

    runs: tuple[ExecutionResult, ExecutionResult]
    honest: ExecutionResult
    leftovers: tuple[str, ...]
    """Processes, files and System V objects that were not there before."""


class Environment:
    """A process with an executor, to which attacks are sent one at a time."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.canary = f"effirl-canary-{secrets.token_hex(16)}"
        ours, theirs = multiprocessing.Pipe()
        self._connection = ours
        os.environ["EFFIRL_CANARY"] = self.canary  # the new process's environment, from its start
        self._process = multiprocessing.get_context("spawn").Process(
            target=_serve, args=(name, self.canary, theirs), daemon=False
        )
        self._process.start()
        del os.environ["EFFIRL_CANARY"]
        theirs.close()
        self.isolation: IsolationReport = self._receive()  # type: ignore[assignment]
        self.usual = self.attack("pass", Limits()).honest

    def attack(self, program: str, limits: Limits, stdin: str | None = None) -> Outcome:
        """Run a program twice; without `stdin` it is told where the secrets are."""
        self._connection.send((program, limits, stdin))
        return self._receive()  # type: ignore[return-value]

    def _receive(self) -> object:
        answer = self._connection.recv()
        if isinstance(answer, str):
            raise AssertionError(answer)
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()
        self._process.join(20)


def _serve(name: str, canary: str, connection: Connection) -> None:
    is_contained = name in _CAPABILITIES_LEFT and os.getuid() == 0
    if is_contained:
        _hide_control_groups()
    if name != "default":
        _refuse_namespaces()
    if is_contained:
        left = _CAPABILITIES_LEFT[name]
        kernel.bound_capabilities(left, regainable=left)
    with Executor(num_workers=1) as executor, _secrets(canary) as directions:
        connection.send(executor.isolation)
        with contextlib.suppress(EOFError):
            while True:
                program, limits, stdin = connection.recv()
                try:
                    connection.send(_run(executor, program, limits, stdin or directions))
                except SandboxError:
                    connection.send(traceback.format_exc())


def _run(executor: Executor, program: str, limits: Limits, stdin: str) -> Outcome:
    before = _belongings()
    first, second = (executor.run(program, stdin, limits) for _ in range(2))
    honest = executor.run(HONEST, HONEST_INPUT)
    return Outcome((first, second), honest, tuple(sorted(_belongings() - before)))


@contextlib.contextmanager
def _secrets(canary: str) -> Iterator[str]:
    """The canary in a file and behind two sockets; where they are, as a program's input."""
    name = f"effirl-{os.getpid()}"
    with contextlib.ExitStack() as stack:
        path = Path(stack.enter_context(tempfile.TemporaryDirectory()), "answers.txt")
        path.write_text(canary)
        by_port = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        by_name = stack.enter_context(socket.socket(socket.AF_UNIX))
        by_name.bind(f"\0{name}")
        by_name.listen()
        for listener in (by_port, by_name):
            threading.Thread(target=_answer_all, args=(listener, canary), daemon=True).start()
        yield f"12345 {os.getpid()} {by_port.getsockname()[1]} {path} {name}\n"


def _belongings() -> set[str]:
    """What a program might have added to."""
    processes = {f"process {pid}" for pid in _descendants("self")}
    files = {str(p) for d in _MARKED_FOLDERS for p in Path(d).glob(f"*{_MARK}*")}
    rows = {row for kind in _SYSV for row in _rows(Path("/proc/sysvipc", kind))}
    return processes | files | {row for row in rows if row.split()[0] == str(_SYSV_KEY)}


def _descendants(process: str) -> Iterator[str]:
    for children in Path("/proc", process, "task").glob("*/children"):
        for child in children.read_text().split():
            yield child
            yield from _descendants(child)


def _rows(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def _answer_all(listener: socket.socket, canary: str) -> None:
    with contextlib.suppress(OSError):
        while True:
            caller, _ = listener.accept()
            with caller:
                caller.sendall(canary.encode())


def _refuse_namespaces() -> None:
    if os.getuid() != 0:
        kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    load, jump_if_equal, leave, eperm, allow = 0x20, 0x15, 0x06, 0x00050001, 0x7FFF0000
    code = [(load, 0, 0, 0)]
    for number in _UNSHARE.values():
        code += [(jump_if_equal, 0, 1, number), (leave, 0, 0, eperm)]
    code.append((leave, 0, 0, allow))
    seccomp.install(b"".join(struct.pack("<HBBI", *instruction) for instruction in code))


def _hide_control_groups() -> None:
    kernel.unshare(kernel.CLONE_NEWNS)
    kernel.mount(None, "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
    kernel.mount("tmpfs", "/sys/fs/cgroup", "tmpfs", kernel.MS_RDONLY)
