"""Landlock: a program may read what it needs of the file system, write nothing, and reach nobody.

Works for any user, without namespaces. What a kernel is too old for is left out and reported.
"""

import ctypes
import os
import struct
from collections.abc import Collection, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Final

from rewards.isolation import kernel

_CREATE, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION_FLAG: Final = 1
_RULE_PATH_BENEATH: Final = 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_FILE_RIGHTS_ABI: Final = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
_NETWORK_ABI, _SCOPE_ABI = 4, 6
_ALL_NETWORK: Final = 0b11  # bind and connect by TCP
_ALL_SCOPES: Final = 0b11  # abstract sockets, and signals, of processes outside


def abi() -> int:
    """Landlock's version on this kernel.

    Raises:
        OSError: If the kernel has none, or it is switched off.
    """
    return kernel.syscall("landlock_create_ruleset", _CREATE, 0, 0, _VERSION_FLAG)


def restrict(readable: Iterable[str], covered: Collection[str], writable: Iterable[str]) -> int:
    """Restrict this thread and what it forks, for good. Needs no_new_privs.

    Args:
        readable: Folders and files to read and map; absent ones are passed over.
        covered: Folders below them of which no more than the names can be read.
        writable: Files (devices) to read and write.

    Returns:
        The version in force: 4 also closes TCP, 6 also signals and abstract sockets.

    Raises:
        OSError: If the kernel has no Landlock or refuses.
    """
    version = abi()
    rights = (1 << _FILE_RIGHTS_ABI.get(version, 16)) - 1
    network = _ALL_NETWORK if version >= _NETWORK_ABI else 0
    scopes = _ALL_SCOPES if version >= _SCOPE_ABI else 0
    size = 24 if version >= _SCOPE_ABI else 16 if version >= _NETWORK_ABI else 8
    attributes = ctypes.create_string_buffer(struct.pack("QQQ", rights, network, scopes), 24)
    ruleset = kernel.syscall("landlock_create_ruleset", _CREATE, attributes, size, 0)
    hidden = {Path(path).resolve() for path in covered}
    shown = {Path(path).resolve() for path in readable}
    for path, its_rights in chain.from_iterable(_readable(path, hidden) for path in shown):
        _allow(ruleset, path, its_rights)
    for name in writable:
        _allow(ruleset, Path(name), _READ_FILE | _WRITE_FILE)
    kernel.syscall("landlock_restrict_self", _RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)
    return version


def _readable(path: Path, hidden: Collection[Path]) -> Iterator[tuple[Path, int]]:
    """List what must be allowed, with its rights: a rule holds for all that is below a folder."""
    if not any(folder.is_relative_to(path) for folder in hidden):
        yield path, _EXECUTE | _READ_FILE | _READ_DIR
        return
    yield path, _READ_DIR
    for entry in path.iterdir():
        if entry not in hidden and not entry.is_symlink():  # what it points to has its own rule
            yield from _readable(entry, hidden)


def _allow(ruleset: int, path: Path, rights: int) -> None:
    if not path.exists():
        return
    if not path.is_dir():
        rights &= ~_READ_DIR  # a right that a plain file cannot have is an error
    folder = os.open(path, os.O_PATH | os.O_CLOEXEC)
    rule = ctypes.create_string_buffer(struct.pack("=Qi", rights, folder), 12)
    kernel.syscall(f"landlock_add_rule {path}", _ADD_RULE, ruleset, _RULE_PATH_BENEATH, rule, 0)
    os.close(folder)
