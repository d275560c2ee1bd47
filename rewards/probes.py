"""Prove a worker's isolation by trying, in a child confined as a program is, what must fail.

A version number or a successful set-up call proves nothing: each entry here is an act and its
outcome.
"""

import _thread
import json
import mmap
import os
import resource
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Final, NoReturn

from rewards import child
from rewards.isolation import kernel

_SYS_PERSONALITY, _SYS_CLONE3, _SYS_MEMFD_CREATE = 135, 435, 319
_MADV_GUARD_INSTALL: Final = 102
_WRITABLE_ELSEWHERE: Final = ("/", "/tmp", "/dev/shm", "/var/tmp", "/run", ".")
_HOST_FILES: Final = ("/etc/passwd", "/etc/hostname", "/proc/1/environ", "/proc/1/cmdline")
_PROBE_RUN: Final = child.Run(memory_bytes=256 << 20, output_bytes=1 << 16, num_threads=4)

Proofs = dict[str, list[object]]


def prove(confinement: child.Confinement, *, has_namespaces: bool) -> Proofs:
    """Fork a confined child and let it try.

    Returns:
        Mechanism -> [is on, what was tried and seen].

    Raises:
        OSError: If the child could not even be confined.
    """
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        _attempt_all(writer, confinement)
    os.close(writer)
    with os.fdopen(reader, "rb") as answers:
        text = answers.read()
    _, status = os.waitpid(pid, 0)
    if status or not text:
        raise OSError(0, f"the probe ended with wait status {status}")
    proofs: Proofs = json.loads(text)
    inside = os.getpid() == 1
    seen = "process 1 of its own process, mount, network, ipc, uts and cgroup namespaces"
    proofs["namespaces"] = [inside, seen] if inside else [False, "shares the machine's namespaces"]
    assert inside or not has_namespaces
    return proofs


def is_readable_by_others(path: Path) -> bool:
    """Whether any user could open the file, judging by the permissions along its path."""
    folders = path.resolve().parents
    return bool(path.stat().st_mode & 0o004) and all(f.stat().st_mode & 0o001 for f in folders)


def _attempt_all(writer: int, confinement: child.Confinement) -> NoReturn:
    os.dup2(writer, 1)
    try:
        child.confine(_PROBE_RUN, confinement)
        os.write(1, json.dumps(_attempts()).encode())
    except OSError:
        os._exit(child.EXIT_CONFINEMENT_FAILED)
    os._exit(0)


def _attempts() -> Proofs:
    parent = os.getppid()
    files = {f"create a file in {folder}": _creates(folder) for folder in _WRITABLE_ELSEWHERE}
    files["open /dev/zero to write"] = _opens("/dev/zero", "r+b")  # shared, memory out of sight
    files["memfd_create"] = lambda: kernel.syscall("memfd", _SYS_MEMFD_CREATE, b"probe\0", 0)
    hidden = {f"open {name}": _opens(name, "rb") for name in _HOST_FILES}
    hidden["list /proc"] = lambda: os.listdir("/proc")  # noqa: PTH208
    return {
        "no_new_privs": _no_new_privs(),
        "no_capabilities": _no_capabilities(),
        "seccomp": _all_fail({"personality": _personality}),
        "no_new_processes": _all_fail({"fork": _fork, "clone3": _clone3}),
        "no_network": _all_fail({"socket inet": _socket(2), "socket unix": _socket(1)}),
        "no_signals_outside": _all_fail(
            {"signal the worker": lambda: os.kill(parent, 0), "signal all": lambda: os.kill(-1, 0)}
        ),
        "files_read_only": _all_fail(files),
        "host_files_hidden": _all_fail(hidden),
        "processes_hidden": _all_fail({"open the worker's status": _opens(f"/proc/{parent}/stat")}),
        "memory_counter_sealed": _all_fail({"reset it": _opens("/proc/self/clear_refs", "wb")}),
        "memory_in_sight": _all_fail(
            {
                "share pages": _share_pages,
                "drop pages": _drop_pages,
                "drop sealed pages": _guard_pages,
            }
        ),
        "limits_of_others": _all_fail({"read the worker's": lambda: _limits_of(parent)}),
        "threads_limited": _threads_limited(),
    }


def _all_fail(acts: dict[str, Callable[[], object]]) -> list[object]:
    for name, act in acts.items():
        try:
            act()
        except OSError:
            continue
        return [False, f"possible: {name}"]
    return [True, f"refused: {', '.join(acts)}"]


def _no_new_privs() -> list[object]:
    status = kernel.get_no_new_privs()
    return [status, "set, and inherited by programs" if status else "not set"]


def _no_capabilities() -> list[object]:
    if any(kernel.capability_sets()):
        return [False, "some are left"]
    return [True, "none is effective, permitted or inheritable"]


def _personality() -> None:
    kernel.syscall("personality", _SYS_PERSONALITY, 0xFFFFFFFF)  # a query: harmless if allowed


def _fork() -> None:
    if os.fork() == 0:
        os._exit(0)


def _clone3() -> None:
    kernel.syscall("clone3", _SYS_CLONE3, 0, 0)


def _share_pages() -> None:
    mmap.mmap(-1, mmap.PAGESIZE).close()


def _drop_pages() -> None:
    _advise(mmap.MADV_DONTNEED)


def _guard_pages() -> None:
    _advise(_MADV_GUARD_INSTALL)


def _advise(advice: int) -> None:
    with mmap.mmap(-1, mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as block:
        block.madvise(advice)


def _limits_of(process: int) -> None:
    resource.prlimit(process, resource.RLIMIT_NOFILE)


def _threads_limited() -> list[object]:
    """Start more threads than the limit says. They wait for the end of this process."""
    _thread.stack_size(1 << 16)
    gate = _thread.allocate_lock()
    gate.acquire()
    for number in range(1, 2 * _PROBE_RUN.num_threads):
        try:
            _thread.start_new_thread(gate.acquire, ())
        except RuntimeError:
            return [True, f"refused: thread {number + 1} of {_PROBE_RUN.num_threads}"]
    return [False, "possible: more threads than the limit; memory alone bounds them"]


def _socket(family: int) -> Callable[[], object]:
    return lambda: socket.socket(family, socket.SOCK_STREAM).close()


def _opens(name: str, mode: str = "rb") -> Callable[[], object]:
    return lambda: Path(name).open(mode).close()


def _creates(folder: str) -> Callable[[], object]:
    def act() -> None:
        path = Path(folder, f".effirl-probe-{os.getpid()}")
        path.open("xb").close()
        path.unlink()

    return act
