"""Programs, inputs and outputs as files in memory, sealed so that nothing lasts between runs."""

import fcntl
import os
from typing import Final

_MAX_INPUT_FILES: Final = 8


class InputFiles:
    """The last few programs and inputs as sealed files: measuring runs the same ones in turns."""

    def __init__(self) -> None:
        self._files: dict[bytes, int] = {}

    def get(self, content: bytes) -> int:
        file = self._files.pop(content, None)
        if file is None:
            file = _input_file(content)
        self._files[content] = file  # the newest is last
        os.utime(file, ns=(0, 0))  # reading marks a file: a run must not see when others read it
        if len(self._files) > _MAX_INPUT_FILES:
            os.close(self._files.pop(next(iter(self._files))))
        return file

    def close(self) -> None:
        while self._files:
            os.close(self._files.popitem()[1])


def _input_file(content: bytes) -> int:
    """A memory file that nobody can change any more."""
    file = os.memfd_create("input", os.MFD_ALLOW_SEALING | os.MFD_CLOEXEC)
    try:
        os.fchmod(file, 0o444)
        view = memoryview(content)
        while view:
            view = view[os.write(file, view) :]
        seals = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL
        fcntl.fcntl(file, fcntl.F_ADD_SEALS, seals)
    except OSError:  # no memory left
        os.close(file)
        raise
    return file


def output_file() -> int:
    """A memory file that can only grow: bytes written to it stay in the output, or in the cost."""
    file = os.memfd_create("output", os.MFD_ALLOW_SEALING | os.MFD_CLOEXEC)
    os.fchmod(file, 0o200)
    fcntl.fcntl(file, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL)
    return file


def reopen(file: int, mode: int) -> int:
    """Open anew, so that the program's position and flags are not shared with anybody."""
    return os.open(f"/proc/self/fd/{file}", mode | os.O_CLOEXEC)


def read_file(file: int, limit: int) -> bytes:
    size = min(limit, os.fstat(file).st_size)
    parts: list[bytes] = []
    position = 0
    while position < size:
        part = os.pread(file, size - position, position)
        if not part:
            break
        parts.append(part)
        position += len(part)
    return b"".join(parts)
