"""What happens in the forked child that becomes the program: confine, compile, run, leave.

Everything up to `_publish_start` is ours; from there on the process belongs to the program, and
nothing that it says is believed. This is the one module that may catch every exception.

Compiling is untrusted work (a small text can make the compiler use gigabytes), so it is done here,
confined, never in the worker. It also leaves memory behind that the program would use for nothing:
40 MiB of it read as none after 500 KiB of dead code. Hence the code is handed over, through the
page that the start is published in, and a run whose costs count loads it in a child of its own.

There is no process that holds compiled programs and forks their runs: as the programs' own user it
would be theirs to attack, as ours it would load what they can forge.
"""

import atexit
import builtins
import marshal
import os
import resource
import signal
import sys
import threading
import time
import traceback
from mmap import mmap
from struct import Struct
from types import CodeType, ModuleType
from typing import Final, NamedTuple, NoReturn

from rewards.errors import LimitError
from rewards.isolation import kernel, seccomp

START: Final = Struct("<QQQQ")
"""Published at the program's start: 1, thread CPU ns, monotonic ns, peak resident KiB as forked."""
_CODE_BYTES: Final = Struct("<Q")
_CODE_AT: Final = START.size + _CODE_BYTES.size
SHARED_BYTES: Final = 4 << 20
"""Of the start's page with what follows it, the code; larger code is not handed over."""

RUN_TEXT: Final = 0
"""Compile the program, hand its code over, run it."""
COMPILE: Final = 1
"""Compile the program, hand its code over."""
RUN_CODE: Final = 2
"""Run the code that another child handed over."""

EXIT_FLUSH_FAILED: Final = 120
EXIT_CONFINEMENT_FAILED: Final = 121
EXIT_LIMIT_TOO_LOW: Final = 122
_MAX_OPEN_FILES: Final = 20  # as many pipes as fit hold less than 1 MiB out of sight
_MAX_QUEUED_SIGNALS: Final = 64  # and timers, each of which is kernel memory that nobody counts
_ALL_FILES: Final = 1 << 20  # the worker was started with its socket at any number
_STACK_BYTES: Final = 64 << 20
_SHELL_LIMITS: Final = {
    resource.RLIMIT_AS: ("v", "address space, KiB,", 1024),
    resource.RLIMIT_FSIZE: ("f", "the size of files, KiB,", 1024),
    resource.RLIMIT_NPROC: ("u", "processes and threads", 1),
}
"""By number: the shell's letter, what it limits, bytes in its unit."""


CAPABILITIES_TO_CONFINE: Final = frozenset({5, 6, 7, 8})
"""CAP_KILL, CAP_SETGID, CAP_SETUID, CAP_SETPCAP: all that a root worker needs."""


class Confinement(NamedTuple):
    """What the child puts on itself, prepared in the worker."""

    uid: int | None
    """The worker's own user id, or None to stay the same user."""
    effective_uid: int | None
    """Whose files programs read: `uid`, or root where nobody else can read the interpreter."""
    num_others: int | None
    """Processes that count against RLIMIT_NPROC beside the program's threads; None if unknown."""
    base_address_space: int | None
    """Bytes of the worker itself, which the program's memory limit comes on top of; None as long as
    it grows: memory is then without a limit."""
    seccomp_filter: seccomp.ProgramFilter | None
    """None without seccomp."""


class Run(NamedTuple):
    """One run's limits, as the worker received them."""

    memory_bytes: int
    output_bytes: int
    num_threads: int
    form: int = RUN_TEXT
    """`RUN_TEXT`, `COMPILE` or `RUN_CODE`."""
    program_bytes: int = 0


def run_program(program_fd: int, run: Run, confinement: Confinement, page: mmap) -> NoReturn:
    """Become the program whose text or code is in `program_fd`.

    Descriptors 0-2 are already its own. The caller cleared the page.
    """
    code: CodeType | None = None
    try:
        base_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        program = os.pread(program_fd, run.program_bytes, 0)
        confine(run, confinement)
    except LimitError as error:
        os.write(2, f"{error}\n".encode())
        os._exit(EXIT_LIMIT_TOO_LOW)
    except BaseException:
        traceback.print_exc()
        os._exit(EXIT_CONFINEMENT_FAILED)
    try:
        if run.form == RUN_CODE:
            code = marshal.loads(program)
        else:
            code = compile(program, "main.py", "exec", dont_inherit=True)
            _hand_over(code, page)
    except BaseException:
        _leave(_report_failure())
    if run.form == COMPILE:
        os._exit(0)
    main = ModuleType("__main__")
    main.__dict__["__builtins__"] = builtins
    main.__dict__["__file__"] = "main.py"
    sys.modules["__main__"] = main
    del program
    _wind_up()  # once for nothing: the pages that leaving needs are then not the program's
    sys.stderr.flush()
    _publish_start(page, base_kib)
    exit_code = 0
    try:
        exec(code, main.__dict__)
    except SystemExit as leaving:
        exit_code = _exit_code_of(leaving)
    except BaseException:
        exit_code = _report_failure()
    _leave(exit_code)


def confine(run: Run, confinement: Confinement) -> None:
    """Close what is not the program's, set its limits, and give up every right.

    Only root's worker holds capabilities, and they go with its user id; who stays effective root
    must drop them. That none is left is proved (`rewards.probes`), not asked at every run.
    """
    os.closerange(3, _ALL_FILES)
    os.setsid()
    try:
        for name, limit in _limits(run, confinement).items():
            resource.setrlimit(name, (limit, limit))
    except ValueError:
        require_room(run, confinement)
        raise
    if confinement.uid is not None:
        effective_uid = confinement.effective_uid or 0
        os.setgroups([])
        os.setresgid(confinement.uid, confinement.uid, confinement.uid)
        os.setresuid(confinement.uid, effective_uid, effective_uid)
        if effective_uid == 0:
            kernel.set_capabilities(frozenset())
    # Without a process namespace nothing else ends a program whose worker was killed. A change of
    # user clears it, so it comes after.
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    # A process that changed its uid owns nothing under /proc/self, and /dev/stdin lies there.
    kernel.prctl(kernel.PR_SET_DUMPABLE, 1)
    if confinement.seccomp_filter is not None:
        confinement.seccomp_filter.install()


def require_room(run: Run, confinement: Confinement) -> None:
    """Check that a run can be given what it may use: with less, its verdict would be another one.

    Raises:
        LimitError: If a hard limit that this process has inherited is lower.
    """
    for name, limit in _limits(run, confinement).items():
        _, hard = resource.getrlimit(name)
        if hard != resource.RLIM_INFINITY and hard < limit:
            flag, what, unit = _SHELL_LIMITS[name]
            raise LimitError(
                f"the hard limit on {what} (ulimit -H{flag}) is {hard // unit}, and programs need "
                f"{-(-limit // unit)}; raise it, in the shell or container that starts this"
            )


def _limits(run: Run, confinement: Confinement) -> dict[int, int]:
    """What a run is held to, and must be able to use."""
    limits = {
        resource.RLIMIT_FSIZE: run.output_bytes + 1,  # one more, to tell a full file from a cut one
    }
    if confinement.base_address_space is not None:
        limits[resource.RLIMIT_AS] = confinement.base_address_space + run.memory_bytes
    if confinement.num_others is not None:
        limits[resource.RLIMIT_NPROC] = run.num_threads + confinement.num_others
    return limits


def limit_worker() -> None:
    """Set, in the worker, the limits that all its programs inherit: these, or lower hard ones."""
    limits = {
        resource.RLIMIT_STACK: _STACK_BYTES,  # threads get their stacks from it too
        resource.RLIMIT_NOFILE: _MAX_OPEN_FILES,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
        resource.RLIMIT_SIGPENDING: _MAX_QUEUED_SIGNALS,
    }
    for name, wanted in limits.items():
        _, hard = resource.getrlimit(name)
        limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(name, (limit, limit))


def clear(page: mmap) -> None:
    """Make the page ready for another child."""
    START.pack_into(page, 0, 0, 0, 0, 0)
    _CODE_BYTES.pack_into(page, START.size, 0)


def handed_over(page: mmap) -> bytes | None:
    """The code that the last child handed over, to be loaded in a confined child and nowhere else.

    It is trusted as little as the program: loading bytes made to that end can take a process over.
    """
    (num_bytes,) = _CODE_BYTES.unpack_from(page, START.size)
    end: int = _CODE_AT + num_bytes
    return page[_CODE_AT:end] if num_bytes and end <= SHARED_BYTES else None


def _hand_over(code: CodeType, page: mmap) -> None:
    data = marshal.dumps(code)
    end = _CODE_AT + len(data)
    if end <= SHARED_BYTES:
        page[_CODE_AT:end] = data
        _CODE_BYTES.pack_into(page, START.size, len(data))


def _publish_start(page: mmap, base_kib: int) -> None:
    cpu_ns = time.clock_gettime_ns(time.CLOCK_THREAD_CPUTIME_ID)
    START.pack_into(page, 0, 1, cpu_ns, time.monotonic_ns(), base_kib)
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


def _wind_up() -> None:
    if threading.active_count() > 1:
        threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    if sys.__stdout__ is not None:
        sys.__stdout__.flush()


def _leave(exit_code: int) -> NoReturn:
    """End as the interpreter would: threads, exit functions, flush; without taking it all down."""
    try:
        _wind_up()
    except BaseException:
        exit_code = exit_code or EXIT_FLUSH_FAILED
    try:
        sys.stderr.flush()
    except BaseException:
        exit_code = exit_code or EXIT_FLUSH_FAILED
    os._exit(exit_code)
