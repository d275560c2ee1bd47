"""System-call filters, as raw BPF for x86-64 (no libseccomp).

Two filters. The worker's is installed once, inherited by every program, and refuses what neither a
worker nor a program needs. The program's is added in its own process and refuses new processes
(threads stay), signals to anybody else, and other identities; it is short, as each run pays for it.

A refused call returns EPERM, so that a program which merely tries goes on; calls that exist only to
take over a machine, and calls by a foreign convention that the filter cannot read, kill.

Not covered: what a filter cannot see because it lies in memory (paths, structures), and questions
about files and the page cache that leave a trace for the next run; namespaces close most of those.
"""

import ctypes
import errno
import os
import re
import struct
from typing import Final

from rewards.isolation import kernel
from rewards.isolation.syscalls import FIRST_UNKNOWN, KILLED, REFUSED, REFUSED_TO_PROGRAMS

_SYS_SECCOMP: Final = 317
_SET_MODE_FILTER: Final = 1

_ALLOW: Final = 0x7FFF0000
_KILL_PROCESS: Final = 0x80000000
_ERRNO: Final = 0x00050000
_EPERM: Final = _ERRNO | errno.EPERM
_ENOSYS: Final = _ERRNO | errno.ENOSYS

_ARCH_X86_64: Final = 0xC000003E
_X32_BIT: Final = 0x40000000
_NUMBER, _ARCH, _ARGS = 0, 4, 16  # offsets in struct seccomp_data; arguments are 8 bytes each

_MMAP, _MADVISE, _IOCTL, _FCNTL = 9, 28, 16, 72
_CLONE, _KILL, _TGKILL, _PRCTL, _PRLIMIT, _CLONE3 = 56, 62, 234, 157, 302, 435
_CLONE_THREAD: Final = 0x00010000
_PID: Final = 0x7EFFF11D  # above any process id, and no other constant of the filter
_ID: Final = struct.Struct("<I")

_MAP_SHARED, _MAP_ANONYMOUS, _MAP_HUGETLB = 0x1, 0x20, 0x40000
_ADVICE: Final = (0, 1, 2, 3, 14, 15, 16, 17)
"""MADV_NORMAL, RANDOM, SEQUENTIAL, WILLNEED, HUGEPAGE, NOHUGEPAGE, DONTDUMP, DODUMP: none that
drops a page (DONTNEED, FREE, PAGEOUT; GUARD_INSTALL even drops sealed ones), shares one (MERGEABLE)
or that a later kernel brings."""
_FCNTL_COMMANDS: Final = (0, 1, 2, 3, 4, 1030, 1032, 1034)
"""F_DUPFD, GETFD, SETFD, GETFL, SETFL, DUPFD_CLOEXEC, GETPIPE_SZ, GET_SEALS: no locks (marks that
others see), no owner (signals to others), no size of a pipe (memory out of sight)."""
_IOCTL_REQUESTS: Final = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)
"""TCGETS (isatty), TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX: no terminal input, no file
attributes (they last)."""
_PRCTL_OPTIONS: Final = (3, 15, 16, 23, 39, 0x53564D41)
"""GET_DUMPABLE, SET_NAME, GET_NAME, CAPBSET_READ, GET_NO_NEW_PRIVS, SET_VMA (glibc names its
memory): not the parent's death, which must end it, nor speculation, scheduling, page merging."""


class _Program:
    """An instruction list with the few forms that the filters use."""

    _LOAD, _JUMP_EQ, _JUMP_GE, _JUMP_SET, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06

    def __init__(self) -> None:
        self._code: list[bytes] = []
        self._emit(self._LOAD, _ARCH)
        self._emit(self._JUMP_EQ, _ARCH_X86_64, 1, 0)
        self._emit(self._RETURN, _KILL_PROCESS)
        self._emit(self._LOAD, _NUMBER)
        self.from_on(_X32_BIT, _KILL_PROCESS)

    def _emit(self, operation: int, value: int, jump_true: int = 0, jump_false: int = 0) -> None:
        self._code.append(struct.pack("<HBBI", operation, jump_true, jump_false, value))

    def on(self, number: int, action: int) -> None:
        self._emit(self._JUMP_EQ, number, 0, 1)
        self._emit(self._RETURN, action)

    def from_on(self, number: int, action: int) -> None:
        """Act on this call and all with a higher number."""
        self._emit(self._JUMP_GE, number, 0, 1)
        self._emit(self._RETURN, action)

    def unless_argument(
        self, number: int, argument: int, allowed: tuple[int, ...], action: int
    ) -> None:
        """Act when the argument (low 32 bits) is none of `allowed`."""
        count = len(allowed)
        self._emit(self._JUMP_EQ, number, 0, count + 3)
        self._emit(self._LOAD, _ARGS + 8 * argument)
        for position, value in enumerate(allowed):
            self._emit(self._JUMP_EQ, value, count - position, 0)
        self._emit(self._RETURN, action)
        self._emit(self._LOAD, _NUMBER)

    def on_flags(self, number: int, argument: int, flags: tuple[int, ...], action: int) -> None:
        """Act when all of `flags` are set in the argument."""
        count = len(flags)
        self._emit(self._JUMP_EQ, number, 0, count + 3)
        self._emit(self._LOAD, _ARGS + 8 * argument)
        for position, flag in enumerate(flags):
            self._emit(self._JUMP_SET, flag, 0, count - position)
        self._emit(self._RETURN, action)
        self._emit(self._LOAD, _NUMBER)

    def unless_flag(self, number: int, flag: int, action: int) -> None:
        """Act when `flag` is not set in the first argument."""
        self._emit(self._JUMP_EQ, number, 0, 4)
        self._emit(self._LOAD, _ARGS)
        self._emit(self._JUMP_SET, flag, 1, 0)
        self._emit(self._RETURN, action)
        self._emit(self._LOAD, _NUMBER)

    def finish(self) -> bytes:
        self._emit(self._RETURN, _ALLOW)
        return b"".join(self._code)


def worker_filter() -> bytes:
    """The filter that a worker installs on itself, and every program inherits."""
    program = _Program()
    program.from_on(FIRST_UNKNOWN, _ENOSYS)
    for number in KILLED.values():
        program.on(number, _KILL_PROCESS)
    for number in REFUSED.values():
        program.on(number, _EPERM)
    # Shared pages outlast their place in the map, and pages of the pool are never counted: either
    # way a program holds data that its resident set does not show.
    program.on_flags(_MMAP, 3, (_MAP_SHARED, _MAP_ANONYMOUS), _EPERM)
    program.on_flags(_MMAP, 3, (_MAP_HUGETLB,), _EPERM)
    # Nor may it shed the interpreter's pages and fill the gap unseen, or swap its own out. The C
    # library asks for this too (stacks of ended threads, guard pages), and does without.
    program.unless_argument(_MADVISE, 2, _ADVICE, _EPERM)
    program.unless_argument(_IOCTL, 1, _IOCTL_REQUESTS, _EPERM)
    program.unless_argument(_FCNTL, 1, _FCNTL_COMMANDS, _EPERM)
    return program.finish()


class ProgramFilter:
    """The filter for a program's process, which may signal itself and its own group only.

    Laid out once in the worker, so that a forked process has little left to do.
    """

    def __init__(self) -> None:
        code = _program_filter()
        self._id_places = [m.start() for m in re.finditer(re.escape(_ID.pack(_PID)), code)]
        self._code = ctypes.create_string_buffer(code, len(code))
        self._program = _FilterProgram(len(code) // 8, ctypes.addressof(self._code))
        self._call = _install_call(self._program)

    def install(self) -> None:
        """Install it for the process that calls.

        Raises:
            OSError: If the kernel refuses the filter.
        """
        pid = os.getpid()
        for place in self._id_places:
            _ID.pack_into(self._code, place, pid)
        self._call.make()


def _program_filter() -> bytes:
    """Its code, with `_PID` where the process's id belongs."""
    program = _Program()
    program.on(_CLONE3, _ENOSYS)  # its flags are in memory, out of reach: libc falls back to clone
    for number in REFUSED_TO_PROGRAMS.values():
        program.on(number, _EPERM)
    program.unless_flag(_CLONE, _CLONE_THREAD, _EPERM)
    program.unless_argument(_KILL, 0, (_PID, 0), _EPERM)
    program.unless_argument(_TGKILL, 0, (_PID,), _EPERM)
    program.unless_argument(_PRLIMIT, 0, (_PID, 0), _EPERM)  # a worker of the same user has limits
    program.unless_argument(_PRCTL, 0, _PRCTL_OPTIONS, _EPERM)
    return program.finish()


class _FilterProgram(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def install(bpf: bytes) -> None:
    """Add a filter to this thread, for good. Needs no_new_privs.

    Raises:
        OSError: If the kernel refuses the filter.
    """
    code = ctypes.create_string_buffer(bpf, len(bpf))
    _install_call(_FilterProgram(len(bpf) // 8, ctypes.addressof(code))).make()


def _install_call(program: _FilterProgram) -> kernel.SystemCall:
    """The call that installs a filter, which must be kept as long as the call."""
    address = ctypes.addressof(program)
    return kernel.SystemCall("seccomp", _SYS_SECCOMP, _SET_MODE_FILTER, 0, address)
