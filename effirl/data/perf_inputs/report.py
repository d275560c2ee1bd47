"""What performance inputs make visible of the gains that a data set claims, as a table."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from effirl.data.perf_inputs.search import programs_of
from effirl.data.perf_inputs.store import Interval, PairRecord, ProblemRecord
from effirl.data.problems import Problem
from effirl.data.programs import drops_import
from effirl.tables import aligned


@dataclass(frozen=True, slots=True)
class Row:
    """A pair, and what was found for it."""

    pair: Problem
    record: PairRecord
    is_weakly_verified: bool

    @property
    def group(self) -> str:
        """Which line of the table it counts in."""
        if drops_import(*programs_of(self.pair)):
            return "drops an import"
        return "significant" if self.pair.targets[0].runtime_tag else "minor"


_GROUPS = ("significant", "minor", "drops an import")
_COLUMNS: tuple[tuple[str, Callable[[Row], bool]], ...] = (
    ("both correct", lambda row: row.record.public is not None),
    ("visible, public", lambda row: _is_visible(row.record.public)),
    ("measurable", lambda row: bool(row.record.cases)),
    ("visible", lambda row: _is_visible(row.record.generated)),
    ("faster", lambda row: row.record.generated is not None and row.record.generated.low > 0),
    ("slower", lambda row: row.record.generated is not None and row.record.generated.high < 0),
    ("same visible", lambda row: _is_visible(row.record.same)),
    ("weakly verified", lambda row: bool(row.record.cases) and row.is_weakly_verified),
)
_LEGEND = """
Counts, and shares of all pairs of the group. significant: by the data set's own figures, at least
1.5 times and 50 ms; drops an import: of a package, whatever it gains. visible: the 95% interval of
the time ratio is clear of zero, on the public tests or on the performance inputs. same visible: the
source program beside itself, where 5% are expected.
"""


def table(found: Iterable[tuple[Sequence[Problem], ProblemRecord]]) -> str:
    """Write the table, and why pairs are not measurable."""
    rows = [
        Row(pair, pair_record, record.is_weakly_verified)
        for pairs, record in found
        for pair, pair_record in zip(pairs, record.pairs, strict=True)
    ]
    lines = [["pairs", "all", *(name for name, _ in _COLUMNS)]]
    for group in (*_GROUPS, "all"):
        members = [row for row in rows if group in (row.group, "all")]
        lines.append([group, str(len(members)), *_cells(members)])
    text = "\n".join([*aligned(lines, str.rjust), ""])
    return text + _LEGEND + _of_those_that_run(rows) + _failures(rows)


def _cells(rows: Sequence[Row]) -> list[str]:
    counts = [sum(holds(row) for row in rows) for _, holds in _COLUMNS]
    return [f"{count} ({count / len(rows):.0%})" if rows else "0" for count in counts]


def _of_those_that_run(rows: Sequence[Row]) -> str:
    """Leave out the pairs that no input can help: a program that is wrong on this Python."""
    runs = [r for r in rows if r.group == "significant" and r.record.public is not None]
    before = sum(_is_visible(row.record.public) for row in runs)
    after = sum(_is_visible(row.record.generated) for row in runs)
    share = f"{before / len(runs):.0%} -> {after / len(runs):.0%}" if runs else "none"
    return f"significant and both correct, visible: {before} -> {after} of {len(runs)} ({share})\n"


def _failures(rows: Sequence[Row]) -> str:
    """Name the significant pairs whose difference stays unseen, and why."""
    unseen = [
        f"{row.pair.problem_id}: {row.record.failure or 'no visible difference'}"
        for row in rows
        if row.group == "significant" and not _is_visible(row.record.generated)
    ]
    return "".join(f"significant, unseen: {line}\n" for line in sorted(unseen))


def _is_visible(interval: Interval | None) -> bool:
    return interval is not None and interval.is_visible
