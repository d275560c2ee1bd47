"""What an attack is, and what may be said about the results of one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from rewards.records import MIB, ExecutionResult, Limits, Status

Check = Callable[[ExecutionResult], None]

PRELUDE: Final = """\
import ctypes, errno, os, sys, threading, time
_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long
_libc.mmap.restype = ctypes.c_void_p

def syscall(number, *args):
    wide = [ctypes.c_long(a) if isinstance(a, int) else a for a in args]
    result = _libc.syscall(ctypes.c_long(number), *wide)
    if result == -1:
        raise OSError(ctypes.get_errno(), f"system call {number}")
    return result

def attempt(act, *args, **options):
    try:
        act(*args, **options)
    except OSError as error:
        print("refused", errno.errorcode.get(error.errno, error.errno))
    else:
        print("REACHED", act, args)

def burn(seconds=0.1):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass
"""
"""Comes before every attack. `attempt` passes over refusals of the kernel only: an attack that is
wrong in itself ends with a traceback, and its test fails."""

BURNED_S: Final = 0.1
"""What `burn()` computes for."""
_REFUSALS: Final = frozenset({"EPERM", "EACCES", "ENOSYS"})


@dataclass(frozen=True, slots=True)
class Attack:
    """A program that tries one thing, and what must come of it."""

    name: str
    body: str
    """Follows `PRELUDE`, unless `is_whole`."""
    check: Check
    statuses: frozenset[Status] | Status = Status.OK
    wall_s: float = 60.0
    """A short one where the attack is to reach it; else enough for a machine with other work."""
    is_whole: bool = False
    """The body is all of the program."""
    needs: str | None = None
    """A mechanism of isolation that not every machine at level 1 has, without which it works."""

    @property
    def program(self) -> str:
        return self.body if self.is_whole else PRELUDE + self.body

    @property
    def limits(self) -> Limits:
        return Limits(wall_s=self.wall_s, memory_bytes=256 * MIB, output_bytes=MIB, num_threads=8)

    @property
    def allowed(self) -> frozenset[Status]:
        one = isinstance(self.statuses, Status)
        return frozenset({self.statuses}) if one else self.statuses  # type: ignore[return-value,arg-type]


def refused(*also: str) -> Check:
    """Every `attempt` failed, with an error that says so, or with one of `also`.

    EINVAL, EFAULT and their like would mean that better arguments might have succeeded.
    """

    def check(result: ExecutionResult) -> None:
        lines = result.stdout.decode().splitlines()
        assert lines, "nothing was attempted"
        for line in lines:
            word, _, code = line.partition(" ")
            assert word == "refused", line
            assert code in _REFUSALS | set(also), line

    return check


def prints(text: str) -> Check:
    """Standard output is `text`, no more and no less."""

    def check(result: ExecutionResult) -> None:
        assert result.stdout == text.encode(), (result.stdout[:500], result.stderr[-500:])

    return check


def prints_no(text: str) -> Check:
    """`text` appears nowhere."""

    def check(result: ExecutionResult) -> None:
        assert text.encode() not in result.stdout + result.stderr, result.stdout[:500]

    return check


def costs(seconds: float = BURNED_S) -> Check:
    """The CPU time that the program spent, by its own clock, is in its cost."""

    def check(result: ExecutionResult) -> None:
        assert result.runtime_s >= 0.9 * seconds, result.runtime_s

    return check


def takes(mebibytes: float) -> Check:
    """The peak includes that much."""

    def check(result: ExecutionResult) -> None:
        assert result.peak_memory_bytes >= 0.95 * mebibytes * MIB, result.peak_memory_bytes / MIB

    return check


def hides_at_most(mebibytes: float) -> Check:
    """The program prints how many bytes it keeps; all but a little of them are in its peak."""

    def check(result: ExecutionResult) -> None:
        kept = int(result.stdout.split()[-1])
        assert kept - result.peak_memory_bytes <= mebibytes * MIB, (
            kept / MIB,
            result.peak_memory_bytes / MIB,
        )

    return check


def lasts(seconds: float) -> Check:
    """The wall clock saw it."""

    def check(result: ExecutionResult) -> None:
        assert result.wall_s >= seconds, result.wall_s

    return check


def ends_by(number: int) -> Check:
    """A signal ended it."""

    def check(result: ExecutionResult) -> None:
        assert result.signal == number, (result.signal, result.exit_code)

    return check


def both(*checks: Check) -> Check:
    def check(result: ExecutionResult) -> None:
        for one in checks:
            one(result)

    return check


def nothing(result: ExecutionResult) -> None:
    """Its status, and what the next run sees, say it all."""
