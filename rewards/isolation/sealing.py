"""Seal the interpreter's memory, so that a program cannot shed it and fill the gap unseen.

A program's peak is counted above what was resident when it started. One that unmaps libraries
which it does not need could put as much of its own in their place at no cost. Sealed mappings
stay where they are, in this process and in what it forks (mseal, Linux 6.10).
"""

import errno
import os
import re
from typing import Final

from rewards.isolation import kernel

_MSEAL: Final = 462
_MAPPING: Final = re.compile(r"(\w+)-(\w+) ..(.)(.) \S+ \S+ \S+ *(.*)")
_MOVING: Final = ("[stack]", "[vvar", "[vdso]", "[vsyscall]")
"""The stack grows; the kernel's own pages cannot be sealed."""


def seal(maps_file: int) -> int:
    """Seal every private mapping of this process.

    Args:
        maps_file: /proc/self/maps, opened while it could be.

    Returns:
        How many bytes are sealed.

    Raises:
        OSError: If the kernel has no such call.
    """
    num_bytes = 0
    for line in _read(maps_file).splitlines():
        match = _MAPPING.match(line)
        assert match is not None, line
        start, end, _, sharing, name = match.groups()
        if sharing == "s" or name.startswith(_MOVING):  # shared: the page with the start clocks
            continue
        first, length = int(start, 16), int(end, 16) - int(start, 16)
        try:
            kernel.syscall("mseal", _MSEAL, first, length, 0)
        except OSError as error:
            if error.errno != errno.ENOMEM:  # freed since we read of it
                raise
        else:
            num_bytes += length
    return num_bytes


def _read(file: int) -> str:
    parts = []
    while part := os.read(file, 1 << 16):
        parts.append(part)
    return b"".join(parts).decode()
