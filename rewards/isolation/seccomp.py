"""System-call filters, as raw BPF for x86-64 (no libseccomp).

Two filters. The worker's is installed once, inherited by every program, and refuses what neither a
worker nor a program needs. The program's is added in its own process and refuses new processes
(threads stay), signals to anybody else, and locks.

A refused call returns EPERM, so that a program which merely tries goes on; calls that exist only to
take over a machine, and calls by a foreign convention that the filter cannot read, kill.
"""

import ctypes
import errno
import struct
from typing import Final

from rewards.isolation import kernel

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

KILLED: Final = {
    "reboot": 169,
    "init_module": 175,
    "delete_module": 176,
    "kexec_load": 246,
    "finit_module": 313,
    "kexec_file_load": 320,
    "swapon": 167,
    "swapoff": 168,
    "iopl": 172,
    "ioperm": 173,
}

REFUSED: Final = {
    # network
    "socket": 41, "connect": 42, "accept": 43, "bind": 49, "listen": 50, "socketpair": 53,
    "accept4": 288,
    # other processes, other programs
    "ptrace": 101, "process_vm_readv": 310, "process_vm_writev": 311, "pidfd_getfd": 438,
    "kcmp": 312, "process_madvise": 440, "process_mrelease": 448, "execve": 59, "execveat": 322,
    # namespaces and mounts
    "mount": 165, "umount2": 166, "pivot_root": 155, "chroot": 161, "setns": 308, "unshare": 272,
    "open_tree": 428, "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432,
    "fspick": 433, "mount_setattr": 442,
    # kernel surface with a bad record
    "bpf": 321, "perf_event_open": 298, "userfaultfd": 323, "io_uring_setup": 425,
    "io_uring_enter": 426, "io_uring_register": 427, "keyctl": 250, "add_key": 248,
    "request_key": 249, "personality": 135, "modify_ldt": 154, "acct": 163, "quotactl": 179,
    "syslog": 103, "vhangup": 153, "lookup_dcookie": 212, "nfsservctl": 180,
    "open_by_handle_at": 304, "name_to_handle_at": 303, "fanotify_init": 300,
    "inotify_init": 253, "inotify_init1": 294,
    # memory that no resident-set meter sees, and state that outlives a process
    "memfd_create": 319, "memfd_secret": 447, "shmget": 29, "shmat": 30, "shmctl": 31,
    "semget": 64, "semop": 65, "semctl": 66, "semtimedop": 220, "msgget": 68, "msgsnd": 69,
    "msgrcv": 70, "msgctl": 71, "mq_open": 240, "mq_unlink": 241, "splice": 275, "tee": 276,
    "vmsplice": 278, "fallocate": 285, "flock": 73, "mlock": 149, "mlockall": 151, "mlock2": 325,
    # clocks, priorities, placement
    "clock_settime": 227, "settimeofday": 164, "adjtimex": 159, "clock_adjtime": 305,
    "setpriority": 141, "sched_setscheduler": 144, "sched_setparam": 142, "sched_setattr": 314,
    "sched_setaffinity": 203, "ioprio_set": 251, "mbind": 237, "set_mempolicy": 238,
    "migrate_pages": 256, "move_pages": 279,
    # changes to files, which Landlock does not cover
    "chmod": 90, "fchmod": 91, "fchmodat": 268, "fchmodat2": 452, "chown": 92, "fchown": 93,
    "lchown": 94, "fchownat": 260, "utime": 132, "utimes": 235, "utimensat": 280, "futimesat": 261,
    "setxattr": 188, "lsetxattr": 189, "fsetxattr": 190, "removexattr": 197, "lremovexattr": 198,
    "fremovexattr": 199, "mknod": 133, "mknodat": 259,
}  # fmt: skip

_CLONE, _FORK, _VFORK, _KILL, _TKILL, _TGKILL, _CLONE3 = 56, 57, 58, 62, 200, 234, 435
_RT_SIGQUEUEINFO, _RT_TGSIGQUEUEINFO, _PIDFD_SEND_SIGNAL, _PIDFD_OPEN = 129, 297, 424, 434
_FCNTL, _IOCTL, _PRCTL = 72, 16, 157
_CLONE_THREAD: Final = 0x00010000
_LOCKS: Final = (5, 6, 7, 36, 37, 38)  # F_GETLK, F_SETLK, F_SETLKW, and those of open files
_F_SETPIPE_SZ, _F_SETOWN, _F_SETSIG, _F_SETLEASE = 1031, 8, 10, 1024
_PID: Final = 0x7EFFF11D  # above any process id, and no other constant of the filter
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C
_PR_SET_SECCOMP, _PR_SET_PTRACER = 22, 0x59616D61


class _Program:
    """An instruction list with the four forms that the filters use."""

    _LOAD, _JUMP_EQ, _JUMP_GE, _JUMP_SET, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06

    def __init__(self) -> None:
        self._code: list[bytes] = []
        self._emit(self._LOAD, _ARCH)
        self._emit(self._JUMP_EQ, _ARCH_X86_64, 1, 0)
        self._emit(self._RETURN, _KILL_PROCESS)
        self._emit(self._LOAD, _NUMBER)
        self._emit(self._JUMP_GE, _X32_BIT, 0, 1)
        self._emit(self._RETURN, _KILL_PROCESS)

    def _emit(self, operation: int, value: int, jump_true: int = 0, jump_false: int = 0) -> None:
        self._code.append(struct.pack("<HBBI", operation, jump_true, jump_false, value))

    def on(self, number: int, action: int) -> None:
        self._emit(self._JUMP_EQ, number, 0, 1)
        self._emit(self._RETURN, action)

    def on_argument(self, number: int, argument: int, values: tuple[int, ...], action: int) -> None:
        """Act when the argument (low 32 bits) is one of `values`."""
        self._emit(self._JUMP_EQ, number, 0, 2 * len(values) + 2)
        self._emit(self._LOAD, _ARGS + 8 * argument)
        for value in values:
            self._emit(self._JUMP_EQ, value & 0xFFFFFFFF, 0, 1)
            self._emit(self._RETURN, action)
        self._emit(self._LOAD, _NUMBER)

    def unless_argument(self, number: int, allowed: tuple[int, ...], action: int) -> None:
        """Act when the first argument is none of `allowed`."""
        count = len(allowed)
        self._emit(self._JUMP_EQ, number, 0, count + 3)
        self._emit(self._LOAD, _ARGS)
        for position, value in enumerate(allowed):
            self._emit(self._JUMP_EQ, value, count - position, 0)
        self._emit(self._RETURN, action)
        self._emit(self._LOAD, _NUMBER)

    def unless_flag(self, number: int, flag: int, action: int) -> None:
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
    for number in KILLED.values():
        program.on(number, _KILL_PROCESS)
    for number in REFUSED.values():
        program.on(number, _EPERM)
    program.on_argument(_IOCTL, 1, (_TIOCSTI, _TIOCLINUX), _EPERM)
    return program.finish()


def program_filter() -> bytes:
    """The filter for one program's process, which may signal itself and its own group only.

    `_PID` stands where that process's id belongs: see `install_for`.
    """
    program = _Program()
    program.on(_CLONE3, _ENOSYS)  # its flags are in memory, out of reach: libc falls back to clone
    for number in (_FORK, _VFORK, _TKILL, _RT_SIGQUEUEINFO, _RT_TGSIGQUEUEINFO):
        program.on(number, _EPERM)
    for number in (_PIDFD_SEND_SIGNAL, _PIDFD_OPEN, _SYS_SECCOMP):
        program.on(number, _EPERM)
    program.unless_flag(_CLONE, _CLONE_THREAD, _EPERM)
    program.unless_argument(_KILL, (_PID, 0), _EPERM)
    program.unless_argument(_TGKILL, (_PID,), _EPERM)
    fcntl = (*_LOCKS, _F_SETPIPE_SZ, _F_SETOWN, _F_SETSIG, _F_SETLEASE)
    program.on_argument(_FCNTL, 1, fcntl, _EPERM)
    program.on_argument(_PRCTL, 0, (_PR_SET_SECCOMP, _PR_SET_PTRACER), _EPERM)
    return program.finish()


def install_for(pid: int, bpf: bytes) -> None:
    """Install `program_filter()` for the process `pid`, which must be the caller."""
    install(bpf.replace(struct.pack("<I", _PID), struct.pack("<I", pid)))


class _FilterProgram(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def install(bpf: bytes) -> None:
    """Add a filter to this thread, for good. Needs no_new_privs.

    Raises:
        OSError: If the kernel refuses the filter.
    """
    buffer = ctypes.create_string_buffer(bpf, len(bpf))
    program = _FilterProgram(len(bpf) // 8, ctypes.addressof(buffer))
    address = ctypes.addressof(program)
    kernel.syscall("seccomp", _SYS_SECCOMP, _SET_MODE_FILTER, 0, address)
