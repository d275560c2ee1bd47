"""What happens in the forked child that becomes the program: confine, compile, run, leave.

Everything up to `publish_start` is ours; from there on the process belongs to the program, and
nothing that it says is believed. This is the one module that may catch every exception.
"""

import atexit
import builtins
import os
import resource
import sys
import threading
import time
import traceback
from mmap import mmap
from struct import Struct
from types import CodeType, ModuleType
from typing import Final, NamedTuple, NoReturn

from rewards.isolation import kernel, seccomp

START: Final = Struct("<QQQQ")
"""Published at the program's start: 1, thread CPU ns, monotonic ns, peak resident KiB so far."""

EXIT_FLUSH_FAILED: Final = 120
EXIT_CONFINEMENT_FAILED: Final = 121
_MAX_OPEN_FILES: Final = 20  # as many pipes as fit hold less than 1 MiB out of sight
_ALL_FILES: Final = 1 << 20  # the worker was started with its socket at any number
_STACK_BYTES: Final = 64 << 20


class Confinement(NamedTuple):
    """What the child puts on itself, prepared in the worker."""

    uid: int | None
    """The worker's own user id, or None to stay the same user."""
    base_address_space: int
    """Bytes of the worker itself, which the program's memory limit comes on top of."""
    seccomp_filter: bytes | None
    """`seccomp.program_filter()`, None without seccomp."""


class Run(NamedTuple):
    """One run's limits, as the worker received them."""

    memory_bytes: int
    output_bytes: int
    num_threads: int


def run_program(source_fd: int, run: Run, confinement: Confinement, page: mmap) -> NoReturn:
    """Become the program whose source is in `source_fd`. Descriptors 0-2 are already its own."""
    code: CodeType | None = None
    try:
        source = os.pread(source_fd, os.fstat(source_fd).st_size, 0)
        confine(run, confinement)
    except BaseException:
        traceback.print_exc()
        os._exit(EXIT_CONFINEMENT_FAILED)
    try:
        code = compile(source, "main.py", "exec", dont_inherit=True)
    except BaseException:
        _leave(_report_failure())
    main = ModuleType("__main__")
    main.__dict__["__builtins__"] = builtins
    main.__dict__["__file__"] = "main.py"
    sys.modules["__main__"] = main
    del source
    _publish_start(page)
    exit_code = 0
    try:
        exec(code, main.__dict__)
    except SystemExit as leaving:
        exit_code = _exit_code_of(leaving)
    except BaseException:
        exit_code = _report_failure()
    _leave(exit_code)


def confine(run: Run, confinement: Confinement) -> None:
    """Close what is not the program's, set its limits, and give up every right."""
    os.closerange(3, _ALL_FILES)
    os.setsid()
    limits = {
        resource.RLIMIT_AS: confinement.base_address_space + run.memory_bytes,
        resource.RLIMIT_FSIZE: run.output_bytes + 1,  # one more, to tell a full file from a cut one
    }
    if confinement.uid is not None:
        limits[resource.RLIMIT_NPROC] = run.num_threads  # exact, as nobody else has this uid
    for name, limit in limits.items():
        resource.setrlimit(name, (limit, limit))
    if confinement.uid is not None:
        os.setgroups([])
        os.setresgid(confinement.uid, confinement.uid, confinement.uid)
        os.setresuid(confinement.uid, confinement.uid, confinement.uid)
    kernel.set_capabilities(frozenset())
    # A process that changed its uid owns nothing under /proc/self, and /dev/stdin lies there.
    kernel.prctl(kernel.PR_SET_DUMPABLE, 1)
    if confinement.seccomp_filter is not None:
        seccomp.install_for(os.getpid(), confinement.seccomp_filter)


def limit_worker() -> None:
    """Set, in the worker, the limits that all its programs inherit."""
    _, hard = resource.getrlimit(resource.RLIMIT_STACK)
    stack = _STACK_BYTES if hard == resource.RLIM_INFINITY else min(_STACK_BYTES, hard)
    limits = {
        resource.RLIMIT_STACK: stack,  # threads get their stacks from it too
        resource.RLIMIT_NOFILE: _MAX_OPEN_FILES,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
    }
    for name, limit in limits.items():
        resource.setrlimit(name, (limit, limit))


def _publish_start(page: mmap) -> None:
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    cpu_ns = time.clock_gettime_ns(time.CLOCK_THREAD_CPUTIME_ID)
    START.pack_into(page, 0, 1, cpu_ns, time.monotonic_ns(), peak_kib)
    page.close()  # unmapped: the program cannot reach it


def _exit_code_of(leaving: SystemExit) -> int:
    if leaving.code is None:
        return 0
    if isinstance(leaving.code, int):
        return leaving.code & 0xFF
    try:
        sys.stderr.write(f"{leaving.code}\n")
    except BaseException:
        return 1
    return 1


def _report_failure() -> int:
    try:
        traceback.print_exc(limit=-6)
    except BaseException:
        return 1
    return 1


def _leave(exit_code: int) -> NoReturn:
    """End as the interpreter would: threads, exit functions, flush; without taking it all down."""
    try:
        if threading.active_count() > 1:
            threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        sys.stdout.flush()
        if sys.__stdout__ is not None:
            sys.__stdout__.flush()
    except BaseException:
        exit_code = exit_code or EXIT_FLUSH_FAILED
    try:
        sys.stderr.flush()
    except BaseException:
        exit_code = exit_code or EXIT_FLUSH_FAILED
    os._exit(exit_code)
