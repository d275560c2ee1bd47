"""What two data sets have in common: problems, submissions, and programs but for their layout."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

from effirl.audit.config import DataName
from effirl.data.load import load_whole
from effirl.data.overlap import Footprint
from effirl.data.problems import Problem


@dataclass(frozen=True, slots=True)
class Shared:
    """Counts, of the whole of both data sets, also of what has no tests."""

    name: str
    """Of the other data set."""
    own: Footprint
    other: Footprint
    num_own: int
    """Rows of the audited data set."""
    num_own_shared: int
    """Those of which the other one has the problem, a submission or a program."""
    num_other: int
    num_other_shared: int

    def counts(self) -> list[tuple[str, int, int, int]]:
        """List (what, how many are ours, how many theirs, how many are both's)."""
        found = []
        for field in fields(Footprint):
            own, other = getattr(self.own, field.name), getattr(self.other, field.name)
            found.append((field.name.replace("_", " "), len(own), len(other), len(own & other)))
        return found


def share(own: DataName, others: Sequence[DataName]) -> list[Shared]:
    """Load the whole of a data set and of others, and compare it with each.

    Raises:
        UserError: If one of them cannot be loaded.
    """
    if not others:
        return []
    rows = _rows(own)
    footprint = Footprint.of(rows)
    return [_share(rows, footprint, other) for other in others]


def _share(rows: Sequence[Problem], footprint: Footprint, other: DataName) -> Shared:
    other_rows = _rows(other)
    other_footprint = Footprint.of(other_rows)
    return Shared(
        other.data,
        footprint,
        other_footprint,
        len(rows),
        _num_in(other_footprint, rows),
        len(other_rows),
        _num_in(footprint, other_rows),
    )


def _rows(name: DataName) -> list[Problem]:
    return load_whole(name.data, data_path=name.data_path, require_tests=False).problems


def _num_in(footprint: Footprint, problems: Sequence[Problem]) -> int:
    return sum(footprint.overlap(problem) is not None for problem in problems)
