"""An SQLite file that processes share and that never stops the one which uses it.

Theory of operation
    Every use is one short transaction, so processes wait for each other for milliseconds. A
    process may be killed at any moment: whoever uses the file next rolls its half transaction
    back, by SQLite's rollback journal. The write-ahead log would save nothing where every access
    writes, and it needs memory shared between processes, which home folders on a network lack.
    Nothing is flushed to the disk, so a power cut may corrupt the file. A corrupt file, or one
    that is no database, is set aside with one warning, and a new one begun; a lock on the folder
    keeps two processes from doing so at once, the later one with the new file of the earlier.
    A file that cannot be used for another reason (no space, no right, locked for seconds) costs
    one warning too, and the object goes on in memory.

Not covered
    The file is readable and writable for its user only; that user may write anything into it. An
    object must not be used across `os.fork`.
"""

import contextlib
import fcntl
import logging
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, TypeVar

_BUSY_S: Final = 5.0
_BROKEN: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)

logger = logging.getLogger(__name__)
T = TypeVar("T")


class Database:
    """A file with a schema, or a memory of this object alone.

    Args:
        path: The file; it and its folder are made where absent. None for memory.
        schema: Statements that make the tables where they are absent.
    """

    def __init__(self, path: Path | None, schema: str) -> None:
        self.path = path
        """None in memory, also where the file turned out to be of no use."""
        self._schema = schema
        self._lock = threading.Lock()
        self._connection = self._connect()

    def transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do all of `work` or nothing of it; it is called again where the file had to change."""
        with self._lock:
            for connect_again in (self._connect, self._without_file):
                try:
                    with self._connection:
                        return work(self._connection)
                except sqlite3.DatabaseError as error:
                    if self.path is None:
                        raise
                    self._connection.close()
                    self._connection = connect_again(error)
            with self._connection:
                return work(self._connection)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def _connect(self, error: sqlite3.Error | None = None) -> sqlite3.Connection:
        """Open the file, or a new one, or memory.

        Args:
            error: What just went wrong with the file; None at first.
        """
        if self.path is None:
            return _open(":memory:", self._schema)
        try:
            with _only_opener(self.path.parent):
                if error is not None:
                    _make_room(self.path, error)
                os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
                return _open(str(self.path), self._schema)
        except (OSError, sqlite3.Error) as fault:
            if error is None and isinstance(fault, sqlite3.Error) and _is_broken(fault):
                return self._connect(fault)
            return self._without_file(fault)

    def _without_file(self, fault: Exception) -> sqlite3.Connection:
        logger.warning(
            "cannot use %s (%s): going on without it; mend it or choose another folder",
            self.path,
            fault,
        )
        self.path = None
        return _open(":memory:", self._schema)


def _open(path: str, schema: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, timeout=_BUSY_S, isolation_level="IMMEDIATE", check_same_thread=False
    )
    try:
        connection.execute("PRAGMA synchronous = OFF")
        connection.executescript(schema)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


@contextlib.contextmanager
def _only_opener(folder: Path) -> Iterator[None]:
    """Make the folder, and keep other processes from opening its files meanwhile."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with contextlib.suppress(OSError):  # some network file systems have no such locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _make_room(path: Path, error: sqlite3.Error) -> None:
    """Move a corrupt file aside, unless another process has done so already.

    Raises:
        sqlite3.Error: The one given, where another file would not help.
    """
    code = getattr(error, "sqlite_errorcode", None)
    if code == sqlite3.SQLITE_READONLY_DBMOVED:  # ours was removed, or set aside by another process
        return
    if not _is_broken(error):
        raise error
    if _is_healthy(path):
        return
    aside = path.with_suffix(".corrupt")
    path.replace(aside)
    path.with_name(f"{path.name}-journal").unlink(missing_ok=True)
    logger.warning("%s is corrupt (%s): kept as %s, a new one is begun", path, error, aside)


def _is_broken(error: sqlite3.Error) -> bool:
    code = getattr(error, "sqlite_errorcode", 0)  # the module's own errors have none
    return code & 0xFF in _BROKEN


def _is_healthy(path: Path) -> bool:
    with contextlib.closing(sqlite3.connect(path, timeout=_BUSY_S)) as connection:
        try:
            return connection.execute("PRAGMA quick_check(1)").fetchall() == [("ok",)]
        except sqlite3.Error:
            return False
