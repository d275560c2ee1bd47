"""Outcomes of earlier measurements, for a while: within one process, or shared through a file.

A table maps a digest of all that decides an outcome (`Job.key` and `conditions`) to that outcome.
Who uses it must ask for it: figures that are called best or shown as proof are measured anew, and
reports never read what training measured.

Luck does not last. A timing is noisy, and so is the verdict on a program that draws random
numbers; whoever picks the best of many programs picks lucky measurements (the winner's curse), and
a memory would pay such luck out for ever. So an outcome is served `MAX_SERVINGS` times, or for
`MAX_AGE_S`; then the program is run again, and the new outcome replaces the old one, better or
worse. What a program earns in the long run is the mean of its measurements, not their maximum.

Evaluations that are compared with each other pick nothing by what they measure, and share their
outcomes without limit of number or time: else two policies that write the same program differ by
the noise of two timings, minutes or days apart.
"""

import contextlib
import hashlib
import json
import os
import sqlite3
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from rewards.database import Database
from rewards.jobs import Outcome
from rewards.machine import fingerprint_key
from rewards.measurement import Comparison
from rewards.records import Status

FILE_NAME: Final = "measurements.sqlite3"
MAX_SERVINGS: Final = 8
"""Batches that one outcome is served to before its program is run again."""
MAX_AGE_S: Final = 24 * 3600
MAX_ROWS: Final = 200_000
_CLOCK_SLACK_S: Final = 60.0  # rows of processes that were quicker to write than we are no future
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS outcomes (
    key TEXT PRIMARY KEY, machine TEXT, measured_at REAL, servings INTEGER, outcome TEXT
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_age ON outcomes (measured_at);
"""
_SERVE: Final = """
UPDATE outcomes SET servings = servings + 1
WHERE key = ? AND servings < ? AND measured_at BETWEEN ? AND ?
"""
_TRIM: Final = """
DELETE FROM outcomes WHERE measured_at NOT BETWEEN ? AND ? OR measured_at <
    (SELECT measured_at FROM outcomes ORDER BY measured_at DESC LIMIT 1 OFFSET ?)
"""


def default_folder() -> Path | None:
    """The folder for a user who names none: EFFIRL_CACHE, or `effirl` in the user's cache folder.

    Returns:
        None where EFFIRL_CACHE is empty, which turns the cache off, and for a user without a home.
    """
    chosen = os.environ.get("EFFIRL_CACHE")
    if chosen is not None:
        return Path(chosen) if chosen else None
    base = os.environ.get("XDG_CACHE_HOME", "")
    if Path(base).is_absolute():  # the standard has relative ones ignored
        return Path(base, "effirl")
    try:
        return Path.home() / ".cache" / "effirl"
    except RuntimeError:
        return None


def conditions(machine: Mapping[str, str], *settings: object, packages: Sequence[str]) -> str:
    """Name all that outcomes depend on besides the job.

    That is the machine with its interpreter, the packages that programs may import, the code that
    measures (any change of it: an unneeded measurement is cheaper than a stale one), and the
    settings.

    Args:
        machine: Fingerprint of where outcomes are measured.
        settings: Values whose `repr` says all, such as dataclasses.
        packages: Names of distributions.
    """
    return repr((sorted(machine.items()), code_digest(), _versions(packages), settings))


class MeasurementCache:
    """Remembers outcomes, and forgets them in time. Trouble with its file costs a warning.

    Args:
        folder: Where the file is, or will be; None for a memory of this object alone.
        max_servings: Of an outcome, before its program is run again; None for any number, however
            old it is.
    """

    def __init__(
        self, folder: Path | None = None, *, max_servings: int | None = MAX_SERVINGS
    ) -> None:
        self.max_servings = max_servings
        path = None if folder is None else folder / FILE_NAME
        self._database = Database(path, _SCHEMA)

    @property
    def path(self) -> Path | None:
        """The file, None in memory."""
        return self._database.path

    def serve(self, keys: Sequence[str]) -> dict[str, Outcome]:
        """Look up the outcomes that may still be used, and count that they were."""
        most = sys.maxsize if self.max_servings is None else self.max_servings
        times = self._still_good(_now_s())

        def look_up(database: sqlite3.Connection) -> dict[str, Outcome]:
            found: dict[str, Outcome] = {}
            for key in keys:
                if database.execute(_SERVE, (key, most, *times)).rowcount:
                    row = database.execute("SELECT outcome FROM outcomes WHERE key = ?", (key,))
                    if outcome := _decode(row.fetchone()[0]):
                        found[key] = outcome
            return found

        return self._database.transact(look_up)

    def store(self, outcomes: Mapping[str, Outcome]) -> None:
        """Remember outcomes, in the place of older ones."""
        now = _now_s()
        rows = [(k, _measured_on(o), now, 0, _encode(o)) for k, o in outcomes.items()]

        def insert(database: sqlite3.Connection) -> None:
            database.executemany("REPLACE INTO outcomes VALUES (?, ?, ?, ?, ?)", rows)
            database.execute(_TRIM, (*self._still_good(now), MAX_ROWS - 1))

        if rows:
            self._database.transact(insert)

    def _still_good(self, now: float) -> tuple[float, float]:
        """The times of rows to use. A clock that was set back costs measurements, no more."""
        oldest = 0.0 if self.max_servings is None else now - MAX_AGE_S
        return oldest, now + _CLOCK_SLACK_S

    def summary(self) -> dict[str, Any]:
        """Where it is, its size in bytes, and how many outcomes it holds of which machine."""
        query = "SELECT machine, COUNT(*) FROM outcomes GROUP BY machine ORDER BY machine"
        counts = self._database.transact(lambda database: database.execute(query).fetchall())
        return {
            "path": None if self.path is None else str(self.path),
            "rows": sum(rows for _, rows in counts),
            "bytes": 0 if self.path is None else self.path.stat().st_size,
            "machines": [
                {"machine": key, "is_this_one": key == fingerprint_key(), "rows": rows}
                for key, rows in counts
            ],
        }

    def clear(self) -> None:
        """Forget everything, for all processes that share the file."""
        self._database.transact(lambda database: database.execute("DELETE FROM outcomes"))
        self._database.transact(lambda database: database.execute("VACUUM"))

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()


def _encode(outcome: Outcome) -> str:
    assert outcome.status is not Status.SANDBOX_ERROR, "our own failures are never remembered"
    return json.dumps(asdict(outcome))


def _measured_on(outcome: Outcome) -> str:
    """Where it was timed; a program that was only judged counts to the machine that stores it."""
    machine = "" if outcome.comparison is None else outcome.comparison.machine
    return machine or fingerprint_key()


def _decode(text: str) -> Outcome | None:
    """Undo `_encode`; None for anything else that stands there."""
    values: dict[str, Any]
    try:
        values = json.loads(text)
        comparison = values["comparison"] and Comparison(**values["comparison"])
        return Outcome(**{**values, "status": Status(values["status"]), "comparison": comparison})
    except (ValueError, TypeError, KeyError):
        return None


def _now_s() -> float:
    """Seconds by the wall clock, as rows outlive processes."""
    return datetime.now(UTC).timestamp()


@cache
def code_digest() -> str:
    """Digest the source of this package, as it was when first asked."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _versions(packages: Sequence[str]) -> list[tuple[str, str]]:
    found = []
    for package in packages:
        with contextlib.suppress(PackageNotFoundError):
            found.append((package, version(package)))
    return found
