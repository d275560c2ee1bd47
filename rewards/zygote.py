"""A worker's process: a warm interpreter behind an isolation boundary that forks one child a run.

Theory of operation. The host (`rewards.worker_process`) starts this module as a fresh interpreter
with one end of a SOCK_SEQPACKET pair, sends one JSON message with the settings, and with it the
page that children publish in, and gets one back with what was proved about the isolation. From then
on each request is a fixed struct with four descriptors (program, standard input, output, error:
memory files, no open file shared by two runs, so that nothing lasts from one to the next), and each
reply is a fixed struct of numbers that the kernel or this process made. The child publishes the
code that it compiled and its start clocks in the page, unmaps it, and becomes the program; this
process looks at the clocks, never at the code. The program's end is seen by pidfd, its cost by
wait4. Who kills whom: this process kills a child at its wall limit or when the host hangs up; the
host kills this process when it stops answering; the kernel kills everything inside when process 1
dies.

Started with -P -s -S -B -X utf8, never with -I: that ignores PYTHONHASHSEED.
"""

import _sitebuiltins
import builtins
import errno
import gc
import json
import mmap
import os
import random
import select
import signal
import socket
import struct
import sys
import time
import traceback
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import rewards.call_runner  # noqa: F401 - function-style programs find it loaded
from rewards import child, probes
from rewards.errors import LimitError
from rewards.isolation import kernel, landlock, namespaces, sealing, seccomp

REQUEST: Final = struct.Struct("<IQQIIQ")
"""wall_ms, memory_bytes, output_bytes, num_threads, form, program_bytes; with four descriptors."""
REPLY: Final = struct.Struct("<iIIQQQQQ")
"""wait status, was_killed, has_started, cpu_ns, wall_ns, start_cpu_ns, peak_kib, base_kib."""

_NUM_DESCRIPTORS: Final = 4
_WARM_UP: Final = """
import sys
def f(a, *b, c=1, **d):
    return lambda y: f"{y}{a!r:>3}"
class A:
    x: int = 0
for i in range(3):
    z = [j for j in range(3) if j % 2] + [*{k: 0 for k in "ab"}]
try:
    int("x")
except ValueError as e:
    pass
raise ValueError(1)
"""
PRELOADED: Final = (
    "abc", "array", "atexit", "bisect", "calendar", "cmath", "collections", "collections.abc",
    "contextlib", "copy", "dataclasses", "datetime", "decimal", "enum", "fractions", "functools",
    "heapq", "inspect", "io", "itertools", "json", "math", "numbers",
    "operator", "os", "pprint", "queue", "random", "re", "statistics", "string",
    "struct", "sys", "textwrap", "threading", "time", "traceback", "types", "typing",
    "unicodedata", "zlib",
)  # fmt: skip


class _RefusedError(Exception):
    """Namespaces failed half-way: this process is of no more use, the host tries another way."""


def main() -> None:
    """Prepare, prove, report, serve."""
    with socket.socket(fileno=int(sys.argv[1])) as host:
        message, (page_file,), _, _ = socket.recv_fds(host, 65536, 1)
        page = mmap.mmap(page_file, child.SHARED_BYTES)
        os.close(page_file)
        try:
            confinement, proofs = _prepare(json.loads(message))
        except _RefusedError as refusal:
            host.send(json.dumps({"refused": str(refusal)}).encode())
            return
        except LimitError as error:
            host.send(json.dumps({"too_low": str(error)}).encode())
            return
        except OSError as error:
            host.send(json.dumps({"failed": [error.errno, error.strerror]}).encode())
            return
        except MemoryError:
            host.send(json.dumps({"failed": [errno.ENOMEM, os.strerror(errno.ENOMEM)]}).encode())
            return
        host.send(json.dumps({"mechanisms": proofs}).encode())
        serve(host, confinement, page)


def _prepare(settings: dict[str, Any]) -> tuple[child.Confinement, dict[str, list[object]]]:
    os.sched_setaffinity(0, {settings["core"]})
    _preload(settings["preload"], settings["import_paths"])
    proofs: dict[str, list[object]] = {}
    if settings["namespaces"] != "off":
        try:
            as_user = settings["namespaces"] == "user"
            namespaces.enter(settings["readable"], settings["covered"], as_user=as_user)
        except OSError as error:
            raise _RefusedError(str(error)) from error
    confinement = _choose_user(settings, proofs)
    child.limit_worker()
    maps_file = os.open("/proc/self/maps", os.O_RDONLY)
    size_file = os.open("/proc/self/statm", os.O_RDONLY)  # out of reach once restricted
    _restrict(settings, confinement, proofs)
    if settings["seccomp"]:
        confinement = confinement._replace(seccomp_filter=seccomp.ProgramFilter())
    proofs.update(probes.prove(confinement, has_namespaces=settings["namespaces"] != "off"))
    _warm_up()
    address_space = int(os.pread(size_file, 100, 0).split()[0]) * mmap.PAGESIZE
    os.close(size_file)
    _seal_memory(maps_file, proofs)
    confinement = confinement._replace(base_address_space=address_space)
    child.require_room(child.Run(**settings["limits"]), confinement)
    return confinement, proofs


def _preload(names: list[str], import_paths: list[str]) -> None:
    """Import what programs import, from where they find nothing else."""
    own_path = [path for path in sys.path if path and "zip" not in path]
    sys.path[:] = own_path + import_paths
    sys.argv[:] = ["main.py"]
    sys.dont_write_bytecode = True
    for name in ("exit", "quit"):  # -S leaves these out
        setattr(builtins, name, _sitebuiltins.Quitter(name, "Ctrl-D (i.e. EOF)"))
    for name in (*PRELOADED, *names):
        import_module(name)
    sys.path[:] = own_path
    random.seed(0)


def _choose_user(settings: dict[str, Any], proofs: dict[str, list[object]]) -> child.Confinement:
    """Pick the user that programs run as, where it is ours to choose."""
    uid: int | None = settings["uid"]
    why = "only root can give each worker a uid of its own"
    if settings["namespaces"] == "user":
        uid, why = None, "a user namespace of our making has one user"
    elif uid is not None and not kernel.has_capabilities(child.CAPABILITIES_TO_CONFINE):
        uid, why = None, "root lacks the capabilities to become another user here"
    if uid is None:
        proofs["own_uid"] = [False, why]
        # A user namespace counts its own: process 1, and the one that waits outside for its end.
        num_others = 2 if settings["namespaces"] == "user" else None
        return child.Confinement(None, None, num_others, None, None)
    library = Path(os.__file__)
    if settings["namespaces"] == "off" and not probes.is_readable_by_others(library):
        why = f"another user cannot read the interpreter in {library.parent}"
        proofs["own_uid"] = [False, f"{why}: programs read as root, without its capabilities"]
        return child.Confinement(uid, 0, 0, None, None)
    proofs["own_uid"] = [True, f"programs run as uid {uid}"]
    return child.Confinement(uid, uid, 0, None, None)


def _seal_memory(maps_file: int, proofs: dict[str, list[object]]) -> None:
    try:
        proofs["interpreter_sealed"] = [True, f"{sealing.seal(maps_file) >> 20} MiB cannot be shed"]
    except OSError as error:
        proofs["interpreter_sealed"] = [False, f"{error.strerror} (Linux 6.10 and later can)"]
    os.close(maps_file)


def _restrict(
    settings: dict[str, Any], confinement: child.Confinement, proofs: dict[str, list[object]]
) -> None:
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    is_root = confinement.uid is not None
    kernel.bound_capabilities(child.CAPABILITIES_TO_CONFINE if is_root else frozenset())
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)  # closes our memory to programs of the same user
    if settings["landlock"]:
        try:
            readable = [*settings["readable"], "/dev/random", "/dev/urandom"]
            version = landlock.restrict(readable, settings["covered"], ["/dev/null"])
            proofs["landlock"] = [True, f"version {version}"]
        except OSError as error:
            proofs["landlock"] = [False, str(error)]
    else:
        proofs["landlock"] = [False, "switched off"]
    if settings["seccomp"]:
        seccomp.install(seccomp.worker_filter())
    proofs["seccomp"] = [bool(settings["seccomp"]), "system-call filter"]


def _warm_up() -> None:
    """Touch now what a child would touch first: compiler, traceback, text layers."""
    for _ in range(2):
        try:
            exec(compile(_WARM_UP, "warm_up", "exec"), {"__name__": "warm_up"})
        except ValueError:
            traceback.format_exc()
    gc.collect()
    gc.freeze()


def serve(host: socket.socket, confinement: child.Confinement, page: mmap.mmap) -> None:
    """Answer requests until the host hangs up."""
    while True:
        message, descriptors, _, _ = socket.recv_fds(host, REQUEST.size, _NUM_DESCRIPTORS)
        if len(message) < REQUEST.size:
            return
        try:
            host.send(_answer(host, message, descriptors, confinement, page))
        except BrokenPipeError:
            return
        finally:
            for descriptor in descriptors:
                os.close(descriptor)


def _answer(
    host: socket.socket,
    message: bytes,
    descriptors: list[int],
    confinement: child.Confinement,
    page: mmap.mmap,
) -> bytes:
    wall_ms, *numbers = REQUEST.unpack(message)
    run = child.Run(*numbers)
    child.clear(page)
    forked_ns = time.monotonic_ns()
    pid = _fork()
    if pid == 0:
        program_fd, *streams = descriptors
        for number, descriptor in enumerate(streams):
            os.dup2(descriptor, number)
        child.run_program(program_fd, run, confinement, page)
    was_killed = not _ends_in_time(pid, wall_ms, host)
    ended_ns = time.monotonic_ns()
    _, status, usage = os.wait4(pid, 0)
    cpu_ns = int((usage.ru_utime + usage.ru_stime) * 1e9)  # each alone is sampled; the sum is exact
    has_started, start_cpu_ns, start_ns, base_kib = child.START.unpack_from(page, 0)
    wall_ns = ended_ns - (start_ns or forked_ns)
    return REPLY.pack(
        status, was_killed, has_started, cpu_ns, wall_ns, start_cpu_ns, usage.ru_maxrss, base_kib
    )


def _fork() -> int:
    """Fork, waiting for room where the machine has none for a moment."""
    for wait_s in (0.01, 0.05, 0.2, 0.5):
        try:
            return os.fork()
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.ENOMEM):
                raise
            time.sleep(wait_s)
    return os.fork()


def _ends_in_time(pid: int, wall_ms: int, host: socket.socket) -> bool:
    """Wait for a child's end; kill it at its limit, or when the host is gone."""
    handle = os.pidfd_open(pid)
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    poll.register(host, select.POLLHUP)
    ready = {descriptor for descriptor, _ in poll.poll(wall_ms)}
    ended = handle in ready
    if not ended:
        signal.pidfd_send_signal(handle, signal.SIGKILL)
    os.close(handle)
    return ended
