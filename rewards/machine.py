"""What machine this is: stored with every measurement, as figures of two machines never mix."""

import hashlib
import os
import platform
import sys
from functools import cache
from pathlib import Path


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


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def cores() -> list[int]:
    """The cores that this process may use, in order."""
    return sorted(os.sched_getaffinity(0))
