"""What machine this is: stored with every measurement, as figures of two machines never mix."""

import hashlib
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from rewards.errors import SandboxError


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


def own_cores() -> list[int]:
    """The cores that are this process's own among those that a launcher started beside it here.

    torchrun and accelerate tell a process which of how many it is. On a core of two their programs
    would disturb each other's measurements.

    Raises:
        SandboxError: If there are more processes than cores.
    """
    rank, processes = (
        int(os.environ.get(name, default))
        for name, default in (("LOCAL_RANK", "0"), ("LOCAL_WORLD_SIZE", "1"))
    )
    if own := cores()[rank::processes]:
        return own
    raise SandboxError(
        f"{processes} processes are to measure on {len(cores())} cores, and two that share one "
        f"disturb each other; start at most {len(cores())} on this machine"
    )
