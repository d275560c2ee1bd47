"""What machine this is: stored with every measurement, as figures of two machines never mix."""

import hashlib
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from rewards.errors import IsolationError, SandboxError


@cache
def fingerprint() -> dict[str, str]:
    """Describe what decides how fast a program runs here.

    Returns:
        Names to values: cpu, cores, memory, kernel, python, interpreter build.
    """
    return {
        "cpu": _cpu_model(),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory_gib": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.1f}",
        "kernel": platform.release(),
        "python": platform.python_version(),
        "build": " ".join((*platform.python_build(), platform.python_compiler())),
        "interpreter": hashlib.sha256(os.fsencode(os.path.realpath(sys.executable))).hexdigest()[
            :12
        ],
    }


def fingerprint_key() -> str:
    """A short key: equal for equal fingerprints."""
    return hashlib.sha256(repr(sorted(fingerprint().items())).encode()).hexdigest()[:16]


def joint_fingerprint(machines: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Describe machines that measure together: one of them if they are alike.

    Where they differ a value names all: figures of such a set mix with those of an equal set only.

    >>> joint_fingerprint([{"cpu": "b", "cores": "2"}, {"cpu": "a", "cores": "2"}])
    {'cpu': 'a | b', 'cores': '2'}
    """
    return {
        name: " | ".join(sorted({machine[name] for machine in machines})) for name in machines[0]
    }


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def cores() -> list[int]:
    """The cores that this process may use, in order."""
    return sorted(os.sched_getaffinity(0))


def require_kernel() -> None:
    """Raise an `IsolationError` where programs cannot be isolated whatever the settings are."""
    kind = (sys.platform, platform.machine())
    if kind != ("linux", "x86_64"):
        raise IsolationError(
            f"programs are run and measured on Linux on x86-64 only, and this is {kind[0]} on "
            f"{kind[1]}; use such a machine, or a virtual one"
        )


def own_cores() -> list[int]:
    """The cores that are this process's own among those that a launcher started beside it here.

    torchrun and accelerate tell a process which of how many it is. On a core of two their programs
    would disturb each other's measurements.

    Raises:
        SandboxError: If there are more processes than cores.
    """
    names = ("LOCAL_RANK", "LOCAL_WORLD_SIZE")
    rank, processes = (int(os.environ.get(name, "0")) for name in names)
    found = cores()
    if not processes or len(os.sched_getaffinity(os.getppid())) > len(found):
        return found  # alone, or the launcher has given each process some already
    if processes <= len(found):
        return found[rank::processes]
    raise SandboxError(
        f"{processes} processes are to measure on {len(found)} cores, and two that share one "
        f"disturb each other; start at most {len(found)} on this machine"
    )
