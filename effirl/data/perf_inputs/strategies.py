"""The ways to grow an input that are tried: what grows, and how the rest is filled to match.

What grows are numbers that stand alone (counts, limits, plain values) and words and lists that
nothing counts. How lists are filled is the other half: the worst cases of one program come from
random values, those of another from repeated or extreme ones.
"""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from effirl.data.perf_inputs.constraints import Constraints
from effirl.data.perf_inputs.shape import Kind, Shape, Values

_MAX_BASES: Final = 2


class Fill(StrEnum):
    """Where the values of larger lists come from."""

    UNIFORM = "uniform"
    """The range of the examples, from 1 on if they begin later."""
    TILED = "tiled"
    """An example, repeated: keeps what it has that we do not see."""
    WIDE = "wide"
    """A range that grows too."""
    HIGH = "high"
    """The largest value again and again; plain numbers become prime."""


@dataclass(frozen=True, slots=True)
class Strategy:
    """What grows, and how the rest is filled."""

    grown: frozenset[int]
    """Fields."""
    fill: Fill
    base: int
    """Which example to grow."""

    @property
    def name(self) -> str:
        return f"{self.fill} {','.join(map(str, sorted(self.grown)))} of {self.base}"


def strategies(
    shape: Shape, constraints: Constraints, examples: Sequence[Values]
) -> list[Strategy]:
    """List ways to grow, those that tell most often first."""
    counting = {size.field for size in shape.sizes()}
    scalars = [field.number for field in shape.scalars]
    counts = [number for number in scalars if number in counting] + _uncounted(shape)
    plain = [number for number in scalars if number not in counting]
    groups = [counts, counts + plain, plain, *([n] for n in counts), *([n] for n in plain)]
    sets = dict.fromkeys(_closure(group, constraints) for group in groups if group)
    bases = [_largest(examples)] if counts else list(range(len(examples)))[:_MAX_BASES]
    fills = (Fill.UNIFORM, Fill.HIGH, Fill.TILED, Fill.WIDE)
    ranked = sorted(
        itertools.product(enumerate(sets), enumerate(fills)),
        key=lambda pair: (
            pair[0][0] + 1.5 * pair[1][0]
        ),  # a second fill tells less than a second set
    )
    return [Strategy(some, fill, base) for (_, some), (_, fill) in ranked for base in bases]


def _uncounted(shape: Shape) -> list[int]:
    """Words and lists of any length, which stand once."""
    return [
        field.number
        for block in shape.blocks
        if not block.is_repeated
        for field in block.fields
        if field.count is None or (field.kind is Kind.WORD and field.length is None)
    ]


def _closure(group: Iterable[int], constraints: Constraints) -> frozenset[int]:
    """With all that must not be less than what grows."""
    grown = set(group)
    while more := {y for x, y in constraints.ordered_scalars if x in grown} - grown:
        grown |= more
    return frozenset(grown)


def _largest(examples: Sequence[Values]) -> int:
    sizes = [sum(len(row) for rows in values for row in rows) for values in examples]
    return sizes.index(max(sizes))
