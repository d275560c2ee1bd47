"""Orders columns of lines beside each other (`a < b <= c` on every line) without breaking them.

Columns that are tied to each other are a chain, and ordered at once: one pair after the other, the
second would undo the first. Where a column has nothing to keep but its range, its numbers change
places with those beside them, or are drawn anew. Where it is sorted or distinct itself, all such
columns of the chain are sorted, so that the least stand beside the least, and what must not be
sorted is mixed again as far as the lines stay ordered.
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from effirl.data.perf_inputs.conformance import keeps
from effirl.data.perf_inputs.constraints import Facts, Order


@dataclass(frozen=True, slots=True)
class Chain:
    """Neighbouring columns, each at most the next."""

    fields: tuple[int, ...]
    gaps: tuple[int, ...]
    """Of each to the next: 1 where it is less, 0 where it may be equal."""


@dataclass(slots=True)
class Column:
    """The numbers of a column, and what they must keep."""

    facts: Facts
    low: int
    high: int
    """Both multiples of the divisor."""
    numbers: list[int]

    def is_kept_by(self, numbers: Sequence[int]) -> bool:
        """Whether numbers may stand in this column."""
        is_inside = self.low <= min(numbers) and max(numbers) <= self.high
        return is_inside and keeps(self.facts, numbers)

    @property
    def is_free(self) -> bool:
        """Whether a number may change whatever the others are."""
        return _strength(self.facts) == 0


def chains(ordered_columns: Iterable[tuple[int, int, bool]]) -> list[Chain]:
    """Join pairs that have a column in common.

    >>> chains([(1, 2, True), (2, 3, False), (5, 6, False)])
    [Chain(fields=(1, 2, 3), gaps=(1, 0)), Chain(fields=(5, 6), gaps=(0,))]
    """
    found: list[Chain] = []
    for x, y, is_strict in ordered_columns:
        if found and found[-1].fields[-1] == x:
            last = found.pop()
            found.append(Chain((*last.fields, y), (*last.gaps, int(is_strict))))
        else:
            found.append(Chain((x, y), (int(is_strict),)))
    return found


def sort_lines(columns: Sequence[Column], gaps: Sequence[int]) -> list[list[int]] | None:
    """Sort each line, and lower what must be less than the next.

    Returns:
        The numbers by column; None where a column would not stay what it is.
    """
    lines = []
    for line in zip(*(column.numbers for column in columns), strict=True):
        numbers = sorted(line)
        for at in reversed(range(len(gaps))):
            numbers[at] = min(numbers[at], numbers[at + 1] - gaps[at])
        lines.append(numbers)
    return _kept(columns, lines)


def fit_ranges(columns: Sequence[Column], gaps: Sequence[int], num_lines: int) -> None:
    """Fit the ranges of columns to each other: the examples' do, but some have been widened."""
    for at, column in enumerate(columns):
        step, before = column.facts.divisor, columns[at - 1]
        if at:
            column.low = max(column.low, _up(before.low + gaps[at - 1], step))
        if column.facts.bound is not None or column.facts.first_of_permutation is not None:
            continue
        if at:
            column.high = max(column.high, _up(before.high + gaps[at - 1], step))
        if column.facts.never_repeats and column.high - column.low < (num_lines - 1) * step:
            column.high = column.low + 2 * num_lines * step
    for at in reversed(range(len(gaps))):
        top = _down(columns[at + 1].high - gaps[at], columns[at].facts.divisor)
        columns[at].high = min(columns[at].high, top)


def match_lines(
    columns: Sequence[Column], gaps: Sequence[int], rng: random.Random
) -> list[list[int]] | None:
    """Find lines for columns that are more than a range.

    Returns:
        The numbers by column; None where no way was found.
    """
    fixed = [at for at, column in enumerate(columns) if not column.is_free]
    if not fixed:
        drawn = zip(*(column.numbers for column in columns), strict=True)
        return _kept(columns, _fit_free(columns, gaps, [sorted(line) for line in drawn], rng))
    numbers = [[*column.numbers] for column in columns]
    between = [sum(gaps[x:y]) for x, y in pairwise(fixed)]
    matched = _match([columns[at] for at in fixed], between, rng)
    for at, some in zip(fixed, matched, strict=True):
        numbers[at] = some
    lines = [[*line] for line in zip(*numbers, strict=True)]
    return _kept(columns, _fit_free(columns, gaps, lines, rng))


def _kept(
    columns: Sequence[Column], lines: Sequence[Sequence[int]] | None
) -> list[list[int]] | None:
    if lines is None:
        return None
    found = [[*numbers] for numbers in zip(*lines, strict=True)]
    pairs = zip(columns, found, strict=True)
    return found if all(column.is_kept_by(numbers) for column, numbers in pairs) else None


def _strength(facts: Facts) -> int:
    """How little the numbers of a column may change: 0 where each may, by itself."""
    if facts.first_of_permutation is not None:
        return 3
    if facts.never_repeats:
        return 2
    return int(facts.order is not Order.NONE)


def _match(columns: Sequence[Column], gaps: Sequence[int], rng: random.Random) -> list[list[int]]:
    """Bring columns into line that are more than a range; whether they stay so is not checked."""
    found = [sorted(column.numbers) for column in columns]
    # The strongest stays as it is. Moved by its neighbour, a sorted column stays sorted, and if
    # its neighbour is distinct, a distinct one stays distinct.
    start = max(range(len(columns)), key=lambda at: _strength(columns[at].facts))
    for at in range(start + 1, len(columns)):
        step = columns[at].facts.divisor
        pairs = zip(found[at - 1], found[at], strict=True)
        found[at] = [max(y, _up(x + gaps[at - 1], step)) for x, y in pairs]
    for at in reversed(range(start)):
        step = columns[at].facts.divisor
        pairs = zip(found[at], found[at + 1], strict=True)
        found[at] = [min(x, _down(y - gaps[at], step)) for x, y in pairs]
    unsorted = [at for at, column in enumerate(columns) if column.facts.order is Order.NONE]
    for at in unsorted:
        _mix(found, at, gaps, rng)
    lines = [*zip(*found, strict=True)]
    if len(unsorted) == len(columns):
        rng.shuffle(lines)
    elif any(c.facts.order in (Order.FALLING, Order.STRICTLY_FALLING) for c in columns):
        lines.reverse()
    return [[*numbers] for numbers in zip(*lines, strict=True)]


def _mix(found: list[list[int]], at: int, gaps: Sequence[int], rng: random.Random) -> None:
    """Let the numbers of one column change lines, where both lines stay ordered."""
    numbers = found[at]

    def fits(number: int, line: int) -> bool:
        is_above = at == 0 or found[at - 1][line] + gaps[at - 1] <= number
        return is_above and (at == len(gaps) or number + gaps[at] <= found[at + 1][line])

    for line in range(len(numbers)):
        other = rng.randrange(len(numbers))
        if fits(numbers[line], other) and fits(numbers[other], line):
            numbers[line], numbers[other] = numbers[other], numbers[line]


def _fit_free(
    columns: Sequence[Column],
    gaps: Sequence[int],
    lines: list[list[int]],
    rng: random.Random,
) -> list[list[int]] | None:
    """Draw anew, line by line, what is free and not between its neighbours."""
    for line in lines:
        tops = _tops(columns, gaps, line)
        for at, (column, top) in enumerate(zip(columns, tops, strict=True)):
            step = column.facts.divisor
            least = max(column.low, _up(line[at - 1] + gaps[at - 1], step)) if at else column.low
            if least <= line[at] <= top and line[at] % step == 0:
                continue
            if not column.is_free or top < least:
                return None
            line[at] = rng.randrange(least, top + 1, step)
    return lines


def _tops(columns: Sequence[Column], gaps: Sequence[int], line: Sequence[int]) -> list[int]:
    """The largest number for each place that leaves room for those behind it."""
    tops: list[int] = []
    for at in reversed(range(len(columns))):
        column = columns[at]
        top = column.high if column.is_free else line[at]
        if tops:
            top = min(top, _down(tops[-1] - gaps[at], column.facts.divisor))
        tops.append(top)
    return tops[::-1]


def _up(number: int, step: int) -> int:
    return -(-number // step) * step


def _down(number: int, step: int) -> int:
    return number // step * step
