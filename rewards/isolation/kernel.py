"""The few kernel calls that Python's standard library lacks, by ctypes.

Numbers are Linux's own (include/uapi), x86-64: see `rewards.machine.require_kernel`.
"""

import contextlib
import ctypes
import os
import sys
from typing import Final

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long
if sys.platform == "linux":  # elsewhere there is no such function, and nothing is run
    _libc.prctl.argtypes = (ctypes.c_int, *[ctypes.c_ulong] * 4)
_ZEROS: Final = (0, 0, 0)

CLONE_NEWNS: Final = 0x00020000
CLONE_NEWCGROUP: Final = 0x02000000
CLONE_NEWUTS: Final = 0x04000000
CLONE_NEWIPC: Final = 0x08000000
CLONE_NEWUSER: Final = 0x10000000
CLONE_NEWPID: Final = 0x20000000
CLONE_NEWNET: Final = 0x40000000

MS_RDONLY: Final = 1
MS_NOSUID: Final = 2
MS_NODEV: Final = 4
MS_NOEXEC: Final = 8
MS_REMOUNT: Final = 32
MS_BIND: Final = 4096
MS_REC: Final = 16384
MS_PRIVATE: Final = 1 << 18
MNT_DETACH: Final = 2

PR_SET_PDEATHSIG: Final = 1
PR_SET_DUMPABLE: Final = 4
PR_CAPBSET_DROP: Final = 24
PR_SET_NO_NEW_PRIVS: Final = 38
PR_GET_NO_NEW_PRIVS: Final = 39
PR_CAP_AMBIENT: Final = 47
PR_CAP_AMBIENT_CLEAR_ALL: Final = 4

_SYS_CAPGET: Final = 125
_SYS_CAPSET: Final = 126
_SYS_PIVOT_ROOT: Final = 155
_LAST_CAPABILITY: Final = 40
_CAPABILITY_VERSION_3: Final = 0x20080522
_CapabilityHeader = ctypes.c_uint32 * 2  # kept: to make a type costs a child more than the call
_CapabilityData = ctypes.c_uint32 * 6


def _check(result: int, what: str) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return result


class SystemCall:
    """A system call with its arguments laid out: in a new fork that costs more than the call."""

    def __init__(
        self, what: str, number: int, *args: "int | bytes | ctypes.Array[ctypes.c_char]"
    ) -> None:
        self._what = what
        self._words = [ctypes.c_long(a) if isinstance(a, int) else a for a in (number, *args)]

    def make(self) -> int:
        """Make the call.

        Raises:
            OSError: With the kernel's errno and what it was for.
        """
        return _check(_libc.syscall(*self._words), self._what)


def syscall(what: str, number: int, *args: "int | bytes | ctypes.Array[ctypes.c_char]") -> int:
    """Make a system call.

    Raises:
        OSError: With the kernel's errno and `what`.
    """
    return SystemCall(what, number, *args).make()


def unshare(flags: int) -> None:
    _check(_libc.unshare(flags), "unshare")


def mount(source: str | None, target: str, kind: str | None, flags: int, data: str = "") -> None:
    def encode(text: str | None) -> bytes | None:
        return None if text is None else os.fsencode(text)

    result = _libc.mount(
        encode(source), encode(target), encode(kind), ctypes.c_ulong(flags), encode(data or None)
    )
    _check(result, f"mount {target}")


def unmount(target: str) -> None:
    _check(_libc.umount2(os.fsencode(target), MNT_DETACH), f"umount {target}")


def pivot_root(new_root: str, old_root: str) -> None:
    syscall("pivot_root", _SYS_PIVOT_ROOT, os.fsencode(new_root), os.fsencode(old_root))


def set_hostname(name: str) -> None:
    _check(_libc.sethostname(name.encode(), len(name)), "sethostname")


def prctl(option: int, argument: int, *rest: int) -> None:
    _check(_libc.prctl(option, argument, *rest, *_ZEROS[len(rest) :]), f"prctl {option}")


def get_no_new_privs() -> bool:
    return int(_libc.prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)) == 1


def bound_capabilities(keep: frozenset[int], *, regainable: frozenset[int] = frozenset()) -> None:
    """Keep no capability but `keep`, and let programs executed from here regain none but these."""
    with contextlib.suppress(OSError):
        # without CAP_SETPCAP, or past the kernel's last one: capset still decides
        for capability in range(_LAST_CAPABILITY + 1):
            if capability not in regainable:
                prctl(PR_CAPBSET_DROP, capability)
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
    set_capabilities(keep)


def has_capabilities(wanted: frozenset[int]) -> bool:
    """Whether all these are in this process's permitted set."""
    _, permitted, _ = capability_sets()
    return all(permitted >> capability & 1 for capability in wanted)


def capability_sets() -> tuple[int, int, int]:
    """Return this process's effective, permitted and inheritable set, a bit a capability."""
    header = _CapabilityHeader(_CAPABILITY_VERSION_3, 0)
    data = _CapabilityData()
    _check(_libc.syscall(ctypes.c_long(_SYS_CAPGET), header, data), "capget")
    effective, permitted, inheritable = (data[i] | data[i + 3] << 32 for i in range(3))
    return effective, permitted, inheritable


def set_capabilities(keep: frozenset[int]) -> None:
    """Set the effective, permitted and inheritable sets of this process."""
    mask = sum(1 << capability for capability in keep)
    low, high = mask & 0xFFFFFFFF, mask >> 32
    header = _CapabilityHeader(_CAPABILITY_VERSION_3, 0)
    data = _CapabilityData(low, low, 0, high, high, 0)
    _check(_libc.syscall(ctypes.c_long(_SYS_CAPSET), header, data), "capset")
