"""The tables of the audit."""

import math
import textwrap
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from effirl.audit.coverage import INPUT_TYPES, LENGTHS, TOPICS, input_type, length_of, topics
from effirl.audit.measuring import Audited, Cause
from effirl.audit.sharing import Shared
from effirl.data.problems import InputOrigin
from effirl.data.programs import imported_packages
from effirl.evaluation.bootstrap import Estimate, Terms, estimate
from effirl.tables import aligned
from rewards.executor import PACKAGES
from rewards.records import Status

GROUPS: Final = ("significant", "minor", "no claim", "drops an import")
Ratio = Callable[[Audited], float | None]


@dataclass(frozen=True, slots=True)
class Table:
    """A table of texts with what its reader must know."""

    title: str
    lines: Sequence[Sequence[str]]
    """The header first."""
    note: str = ""

    def text(self) -> str:
        """Lay it out for a terminal."""
        names, *rest = zip(*self.lines, strict=True)
        width = max(map(len, names))
        figures = aligned([*zip(*rest, strict=True)], str.rjust)
        body = [f"{a:<{width}}  {b}" for a, b in zip(names, figures, strict=True)]
        return "\n".join([self.title, *body, *textwrap.wrap(self.note, 100), ""])

    def markdown(self) -> str:
        head, *body = [f"| {' | '.join(line)} |" for line in self.lines]
        rule = "|---" * len(self.lines[0]) + "|"
        parts = [f"## {self.title}", "\n".join([head, rule, *body]), *filter(None, [self.note])]
        return "\n\n".join(parts)


def all_tables(found: Sequence[Audited], shared: Sequence[Shared]) -> list[Table]:
    """Make every table that has something to say."""
    tables = [
        _counts(found),
        _means(found, "Speedup", _SPEEDUPS),
        _means(found, "Memory reduction", _MEMORY_REDUCTIONS),
        _tags(found),
        _origins(found),
        _failures(found),
    ]
    tables += [_coverage(found, *kind) for kind in _KINDS]
    return [table for table in (*tables, _shared(shared)) if len(table.lines) > 1]


Columns = Sequence[tuple[str, Callable[[Audited], bool]]]
_COUNTS: Final[Columns] = (
    ("both correct", lambda a: a.is_correct),
    ("measurable", lambda a: a.is_measurable),
    ("faster", lambda a: (a.time_gain or 0) > 0),
    ("by an import", lambda a: a.time_cause is Cause.IMPORT),
    ("slower", lambda a: (a.time_gain or 0) < 0),
    ("leaner", lambda a: (a.memory_gain or 0) > 0),
    ("by an import", lambda a: a.memory_cause is Cause.IMPORT),
    ("heavier", lambda a: (a.memory_gain or 0) < 0),
)


def _counts(found: Sequence[Audited]) -> Table:
    return Table(
        "Pairs, by the data set's claim and what was measured",
        _counted("group", _by_group(found), _COUNTS),
        "Counts, and shares of the line. significant, minor: by the data set's own figures; drops "
        "an import: of a package, whatever it claims. measurable: the source program takes at "
        "least 5 ms. faster, slower, leaner, heavier: the target, by the reward's gains, which are "
        "import-neutral and 0 where noise could explain them. by an import: a gain that earns tag "
        "1 only where the loading of modules is counted.",
    )


def _counted(
    name: str, groups: Mapping[str, Sequence[Audited]], columns: Columns
) -> list[list[str]]:
    lines = [[name, "pairs", *(column for column, _ in columns)]]
    for group, members in groups.items():
        counts = [sum(map(holds, members)) for _, holds in columns]
        cells = [f"{count} ({count / len(members):.0%})" for count in counts]
        lines.append([group, str(len(members)), *cells])
    return lines


def _by_group(found: Sequence[Audited]) -> dict[str, list[Audited]]:
    groups = {name: [a for a in found if a.group == name] for name in GROUPS}
    return {name: members for name, members in groups.items() if members} | {"all": list(found)}


_SPEEDUPS: Final[Sequence[tuple[str, Ratio]]] = (
    ("claimed", lambda a: a.pair.target.claimed_speedup),
    ("of the processes", lambda a: a.process_speedup),
    ("import-neutral", lambda a: a.speedup),
)
_MEMORY_REDUCTIONS: Final[Sequence[tuple[str, Ratio]]] = (
    ("claimed", lambda a: a.pair.target.claimed_memory_reduction),
    ("of the processes", lambda a: a.process_memory_reduction),
    ("import-neutral", lambda a: a.memory_reduction),
)


def _means(found: Sequence[Audited], what: str, ratios: Sequence[tuple[str, Ratio]]) -> Table:
    correct = [audited for audited in found if audited.is_correct]
    lines = [["group", "both correct", *(name for name, _ in ratios)]]
    for group, members in _by_group(correct).items() if correct else ():
        cells = [_cell(geometric_mean(members, ratio)) for _, ratio in ratios]
        lines.append([group, str(len(members)), *cells])
    return Table(
        f"{what}, geometric means",
        lines,
        "Source program over target, above 1 is better, with 95% intervals (bootstrap over problem "
        "ids). of the processes: as seen from outside, with the interpreter's start and the "
        "loading of modules, as in the data set's own figures. import-neutral: as the reward "
        "measures, with 1 ms and 1 MiB added to both sides.",
    )


def geometric_mean(found: Sequence[Audited], ratio: Ratio) -> Estimate:
    """Average a ratio over the pairs that have it; those of one problem are never pulled apart."""
    values: dict[str, list[float]] = {}
    for audited in found:
        if (value := ratio(audited)) is not None:
            values.setdefault(audited.row.problem_id, []).append(math.log2(value))
    sums = np.array([sum(some) for some in values.values()])
    counts = np.array([float(len(some)) for some in values.values()])
    return estimate(Terms(sums, counts, is_log2=True))


def _cell(found: Estimate) -> str:
    if found.value is None:
        return "-"
    interval = "" if found.low is None else f" ({found.low:.2f} to {found.high:.2f})"
    return f"{found.value:.2f}{interval}"


def _tags(found: Sequence[Audited]) -> Table:
    lines = [["tag", "claimed", "pairs", "measured 1", "measured 0"]]
    for name in ("runtime_tag", "memory_tag"):
        for claim in (1, 0):
            measured = [
                getattr(audited, name)
                for audited in found
                if audited.is_correct and getattr(audited.pair.target, name) == claim
            ]
            if measured:
                cells = [f"{measured.count(tag)} ({measured.count(tag) / len(measured):.0%})"
                         for tag in (1, 0)]  # fmt: skip
                line = [name.replace("_", " "), str(claim), str(len(measured)), *cells]
                lines.append(line)
    return Table(
        "Tags: the data set's own, and those that the measured gains earn", lines,
        "Of pairs whose programs are both correct. 1: significant.",
    )  # fmt: skip


def _origins(found: Sequence[Audited]) -> Table:
    groups = {str(o): [a for a in found if a.row.input_origin is o] for o in InputOrigin}
    some = {name: members for name, members in groups.items() if members}
    return Table("What the pairs were measured on", _counted("inputs", some, _COUNTS))


def _failures(found: Sequence[Audited]) -> Table:
    counts = Counter(reason for audited in found for reason in _reasons(audited))
    lines = [["why", "pairs"], *([why, str(count)] for why, count in counts.most_common())]
    return Table("Pairs with a program that is not correct", lines)


def _reasons(audited: Audited) -> Iterable[str]:
    sides = ("source program", audited.row.source_status), ("target", audited.row.target_status)
    for (side, status), program in zip(sides, audited.pair.programs, strict=True):
        if status is Status.OK:
            continue
        missing = sorted(imported_packages(program) - set(PACKAGES))
        needs = f", needs {', '.join(missing)}" if missing else ""
        yield f"{side}: {status} on the {audited.row.failed_on}{needs}"


KindsOf = Callable[[Audited], Sequence[str]]
_KINDS: Final[Sequence[tuple[str, Sequence[str], KindsOf]]] = (
    ("input type", INPUT_TYPES, lambda a: [input_type(a.pair.problem.tests)]),
    ("source program", tuple(LENGTHS), lambda a: [length_of(a.pair.problem.source_program)]),
    ("hint of a topic", TOPICS, lambda a: topics(a.pair.programs)),
)
_COVERED: Final = ("both correct", "faster", "slower", "leaner", "heavier")


def _coverage(
    found: Sequence[Audited], what: str, names: Sequence[str], kinds_of: KindsOf
) -> Table:
    kept = {name: [a for a in found if name in kinds_of(a)] for name in names}
    groups = {name: members for name, members in kept.items() if members}
    num_problems = [len({a.row.problem_id for a in members}) for members in groups.values()]
    head, *body = _counted(what, groups, [pair for pair in _COUNTS if pair[0] in _COVERED])
    lines = [[line[0], str(n), *line[1:]] for line, n in zip(body, num_problems, strict=True)]
    return Table(f"Coverage by {what}", [[head[0], "problems", *head[1:]], *lines])


def _shared(shared: Sequence[Shared]) -> Table:
    lines = [["of both", "ours", "theirs", "both's"]]
    for other in shared:
        for what, *figures in other.counts():
            lines.append([f"{other.name}: {what}", *map(str, figures)])
        lines.append([f"{other.name}: rows", str(other.num_own), str(other.num_other), ""])
        num_shared = (str(other.num_own_shared), str(other.num_other_shared))
        lines.append([f"{other.name}: rows with one of these", *num_shared, ""])
    return Table(
        "Overlap with other data sets", lines,
        "Of the whole of both, also of rows without tests. programs: source programs and targets, "
        "but for comments and layout.",
    )  # fmt: skip
