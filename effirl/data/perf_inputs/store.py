"""Performance inputs on disk: one compressed file a problem, named and keyed by what made it.

A file is written whole or not at all, so an interrupted command goes on where it stopped.
"""

import gzip
import hashlib
import json
import tempfile
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Final

from effirl.data.problems import Problem
from effirl.errors import UserError
from effirl.files import write_whole
from rewards.errors import ProblemError
from rewards.records import TestCase

DEFAULT_FOLDER: Final = Path("runs/performance-inputs")
_FORMAT: Final = 2
_UNREADABLE: Final = (
    OSError, EOFError, zlib.error, ValueError, TypeError, KeyError, AttributeError, ProblemError,
)  # fmt: skip
"""What a damaged file of ours can end in."""


@dataclass(frozen=True, slots=True)
class Interval:
    """log2 of source program's over target's runtime, and its 95% interval."""

    low: float
    log2_ratio: float
    high: float

    @property
    def is_visible(self) -> bool:
        """Whether it is clear of zero."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, slots=True)
class PairRecord:
    """What was found for one pair."""

    source: str
    """Digest of the source program."""
    target: str
    cases: list[int]
    """Performance inputs, by place in the file."""
    failure: str | None
    """Why there are none."""
    runtime_s: float
    """Net CPU seconds of the source program, on all of them."""
    public: Interval | None
    """On the public tests; None where a program failed there."""
    generated: Interval | None
    same: Interval | None
    """The source program beside itself, on the performance inputs."""


@dataclass(slots=True)
class ProblemRecord:
    """What was found for one problem."""

    key: str
    tests: str
    """Digest of the public tests."""
    is_weakly_verified: bool
    """Whether one author's programs are all there is to agree."""
    cases: list[TestCase] = field(default_factory=list)
    pairs: list[PairRecord] = field(default_factory=list)


def digest(*parts: object) -> str:
    """A short name for some values."""
    return hashlib.sha256(repr(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def key_of(pairs: Sequence[Problem], seed: int) -> str:
    """Name all that a search depends on."""
    programs = [(p.author, p.source_program, p.targets[0].program) for p in pairs]
    return digest(_FORMAT, seed, pairs[0].problem_id, pairs[0].tests, programs)


def path_of(cache_dir: Path, problem_id: str) -> Path:
    """Where a problem's record is kept, whatever characters its id has."""
    name = problem_id if problem_id.isalnum() else digest(problem_id)
    return cache_dir / f"{name}.json.gz"


def prepare(cache_dir: Path) -> None:
    """Make the folder, before anything is spent on what goes there.

    Raises:
        UserError: If it cannot be made or written.
    """
    try:
        cache_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=cache_dir):
            pass
    except OSError as error:
        raise UserError(
            f"cannot write to {cache_dir}: {error.strerror}; name another folder with --cache-dir"
        ) from error


def save(cache_dir: Path, problem_id: str, record: ProblemRecord) -> None:
    """Write a problem's record into a folder that `prepare` made.

    Raises:
        UserError: If it cannot be written.
    """
    path = path_of(cache_dir, problem_id)
    try:
        write_whole(path, gzip.compress(json.dumps(asdict(record)).encode(), mtime=0))
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}; free space there") from error


def load(cache_dir: Path, problem_id: str) -> ProblemRecord | None:
    """Read a problem's record; None where there is none, or it cannot be read."""
    try:
        values = json.loads(gzip.decompress(path_of(cache_dir, problem_id).read_bytes()))
        return _decode(values)
    except _UNREADABLE:
        return None


def _decode(values: dict[str, Any]) -> ProblemRecord:
    names = {entry.name for entry in fields(ProblemRecord)}
    known = {name: value for name, value in values.items() if name in names}
    cases = [TestCase.from_row(case) for case in known.pop("cases")]
    pairs = [_decode_pair(pair) for pair in known.pop("pairs")]
    return ProblemRecord(**known, cases=cases, pairs=pairs)


def _decode_pair(values: dict[str, Any]) -> PairRecord:
    intervals = {
        name: values[name] and Interval(**values[name]) for name in ("public", "generated", "same")
    }
    return PairRecord(**{**values, **intervals})
