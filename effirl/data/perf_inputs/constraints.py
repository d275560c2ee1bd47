"""What the examples of an input imply beyond its shape: ranges, orders, permutations, graphs.

A statement's constraints are not in the data, so what holds in every example is taken for one. Too
many are harmless (an input stays valid when it is sorted by chance); too few are caught when the
accepted programs crash or disagree.
"""

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from effirl.data.perf_inputs.shape import Block, Field, Kind, Shape, Size, Token, Values

_MIN_COMPARISONS: Final = 3
_MIN_REPEATS: Final = 0.5
_MIN_NUMBERS: Final = 4


class Order(StrEnum):
    """How the tokens of a list, or of a column of lines, follow each other."""

    NONE = "none"
    RISING = "rising"
    STRICTLY_RISING = "strictly rising"
    FALLING = "falling"
    STRICTLY_FALLING = "strictly falling"


@dataclass(frozen=True, slots=True)
class Facts:
    """Of one field, over all examples."""

    low: float
    high: float
    divisor: int
    """Divides all of them, where there are some."""
    bound: Size | None
    """Never exceeded; the tightest one, where several earlier numbers would do."""
    reaches_bound: bool
    order: Order
    is_distinct: bool
    first_of_permutation: int | None
    """0 or 1 where every list is a permutation from there on, else None."""
    lengths: tuple[int, int]
    """Fewest and most: characters of a word, tokens of a list that nothing counts."""
    characters: str
    """As often as seen."""
    places: int
    """Digits after the point."""

    @property
    def never_repeats(self) -> bool:
        """Whether no list, or column, has a number twice."""
        return self.is_distinct or self.order in (Order.STRICTLY_RISING, Order.STRICTLY_FALLING)


@dataclass(frozen=True, slots=True)
class Graph:
    """A block whose first two columns are edges: never from a node to itself."""

    columns: tuple[int, int]
    nodes: Size
    is_simple: bool
    is_connected: bool
    is_ordered: bool
    """The smaller end comes first."""


@dataclass(frozen=True, slots=True)
class Constraints:
    """Of all fields, and between them."""

    facts: tuple[Facts, ...]
    ordered_scalars: tuple[tuple[int, int], ...]
    """Fields x, y that come once: x <= y in every example."""
    ordered_columns: tuple[tuple[int, int, bool], ...]
    """Neighbouring columns x, y: x <= y on every line, or x < y where the third is true."""
    graphs: tuple[tuple[int, Graph], ...]
    """By place of their block."""


def learn(shape: Shape, examples: Sequence[Values]) -> Constraints:
    """Collect what holds in all examples."""
    scalars = [field.number for field in shape.scalars]
    facts = [
        _facts(block, field, shape, examples) for block in shape.blocks for field in block.fields
    ]
    at_most = tuple(
        (x, y)
        for x in scalars
        for y in scalars
        if x != y and all(_scalar(v, x) <= _scalar(v, y) for v in examples)
    )
    found = [(at, _graph(block, shape, examples)) for at, block in enumerate(shape.blocks)]
    graphs = [(at, graph) for at, graph in found if graph is not None]
    ends = {column: graph for _, graph in graphs for column in graph.columns}
    pairs = [pair for block in shape.blocks for pair in _ordered_columns(block, examples)]
    return Constraints(
        tuple(_facts_of_end(fact, ends.get(at)) for at, fact in enumerate(facts)),
        at_most,
        tuple((x, y, is_strict) for x, y, is_strict in pairs if not {x, y} & ends.keys()),
        tuple(graphs),
    )


def _facts_of_end(facts: Facts, graph: Graph | None) -> Facts:
    """Forget what the ends of edges are beyond the graph: names of nodes are ordered by chance."""
    if graph is None:
        return facts
    return replace(
        facts, divisor=1, bound=graph.nodes, order=Order.NONE,
        is_distinct=False, first_of_permutation=None,
    )  # fmt: skip


def runs(block: Block, field: Field, values: Values) -> list[list[Token]]:
    """The sequences that a field makes: its lists, or the one column of a repeated token."""
    rows = values[field.number]
    if field.is_scalar and block.is_repeated:
        return [[row[0] for row in rows]]
    return rows


def _scalar(values: Values, number: int) -> int:
    return int(values[number][0][0])


def _facts(block: Block, field: Field, shape: Shape, examples: Sequence[Values]) -> Facts:
    sequences = [run for values in examples for run in runs(block, field, values)]
    tokens = [token for run in sequences for token in run]
    numbers = [token for token in tokens if not isinstance(token, str)]
    words = [token for token in tokens if isinstance(token, str)]
    is_whole = field.kind is Kind.INTEGER
    bound = _bound([field], shape, examples) if is_whole else None
    sizes = [len(word) for word in words] or [len(run) for run in sequences] or [0]
    # Only numbers are ordered or distinct by intent: words are so by chance.
    seen = [run for run in sequences if run and not isinstance(run[0], str)]
    return Facts(
        low=min(numbers, default=0),
        high=max(numbers, default=0),
        divisor=_divisor(numbers),
        bound=bound,
        reaches_bound=bound is not None and _touches(bound, field, examples),
        order=_order(seen),
        is_distinct=is_whole and _is_distinct(seen),
        first_of_permutation=_first_of_permutation(seen) if is_whole else None,
        lengths=(min(sizes), max(sizes)),
        characters="".join(words),
        places=max((len(str(n).partition(".")[2]) for n in numbers), default=0),
    )


def _divisor(numbers: Sequence[float]) -> int:
    if len(numbers) < _MIN_NUMBERS or not all(isinstance(number, int) for number in numbers):
        return 1
    return max(1, math.gcd(*map(int, numbers)))


def _bound(members: Sequence[Field], shape: Shape, examples: Sequence[Values]) -> Size | None:
    """The earlier number that none of some fields ever exceeds, and comes closest to."""
    found: list[tuple[float, int, int]] = []
    for scalar in shape.scalars:
        if scalar.number >= members[0].number:
            continue
        tops = [
            (max(_largest(field, v) for field in members), _scalar(v, scalar.number))
            for v in examples
        ]
        for plus in (0, -1):
            if all(top <= limit + plus for top, limit in tops):
                slack = sum(math.log(max(1, limit + plus) / max(1.0, top)) for top, limit in tops)
                found.append((slack, scalar.number, plus))
    return Size(*min(found)[1:]) if found else None


def _largest(field: Field, values: Values) -> float:
    numbers = [t for row in values[field.number] for t in row if not isinstance(t, str)]
    return max(numbers, default=0)


def _touches(bound: Size, field: Field, examples: Sequence[Values]) -> bool:
    return any(_largest(field, values) == bound.of(values, 0) for values in examples)


def _order(sequences: Sequence[Sequence[Token]]) -> Order:
    steps = [float(b) - float(a) for run in sequences for a, b in itertools.pairwise(run)]
    if len(steps) < _MIN_COMPARISONS or not any(steps):
        return Order.NONE
    if min(steps) >= 0:
        return Order.STRICTLY_RISING if min(steps) > 0 else Order.RISING
    if max(steps) <= 0:
        return Order.STRICTLY_FALLING if max(steps) < 0 else Order.FALLING
    return Order.NONE


def _is_distinct(sequences: Sequence[Sequence[Token]]) -> bool:
    """Whether no list repeats a value, where random values of this range likely would."""
    tokens = [float(token) for run in sequences for token in run]
    if not tokens or any(len(set(run)) < len(run) for run in sequences):
        return False
    expected = sum(len(run) * (len(run) - 1) / 2 for run in sequences)
    return expected / (max(tokens) - min(tokens) + 1) >= _MIN_REPEATS


def _first_of_permutation(sequences: Sequence[Sequence[Token]]) -> int | None:
    if max(map(len, sequences), default=0) < _MIN_COMPARISONS:
        return None
    for first in (0, 1):
        if all(sorted(run, key=float) == [*range(first, first + len(run))] for run in sequences):
            return first
    return None


def _ordered_columns(block: Block, examples: Sequence[Values]) -> Iterable[tuple[int, int, bool]]:
    if not block.is_repeated:
        return
    columns = [f.number for f in block.fields if f.is_scalar and f.kind is Kind.INTEGER]
    for x, y in itertools.pairwise(columns):
        gaps = [int(b[0]) - int(a[0]) for v in examples for a, b in zip(v[x], v[y], strict=True)]
        if len(gaps) >= _MIN_COMPARISONS and min(gaps) >= 0:
            yield x, y, min(gaps) > 0


def _graph(block: Block, shape: Shape, examples: Sequence[Values]) -> Graph | None:
    ends = block.lines[0][:2]
    if not block.is_repeated or len(ends) < 2:
        return None
    if not all(field.is_scalar and field.kind is Kind.INTEGER for field in ends):
        return None
    nodes = _bound(ends, shape, examples)
    if nodes is None or nodes.plus or not any(_touches(nodes, f, examples) for f in ends):
        return None
    x, y = (field.number for field in ends)
    edges = [
        [(int(a[0]), int(b[0])) for a, b in zip(values[x], values[y], strict=True)]
        for values in examples
    ]
    every = [edge for some in edges for edge in some]
    if len(every) < _MIN_COMPARISONS or any(a == b or min(a, b) < 1 for a, b in every):
        return None
    sizes = [nodes.of(values, 0) for values in examples]
    return Graph(
        (x, y),
        nodes,
        is_simple=all(len({frozenset(e) for e in some}) == len(some) for some in edges),
        is_connected=all(_is_connected(*pair) for pair in zip(edges, sizes, strict=True)),
        is_ordered=all(a < b for a, b in every),
    )


def _is_connected(edges: Sequence[tuple[int, int]], num_nodes: int) -> bool:
    root = list(range(num_nodes + 1))

    def find(node: int) -> int:
        while root[node] != node:
            root[node] = node = root[root[node]]
        return node

    for a, b in edges:
        root[find(a)] = find(b)
    return len({find(node) for node in range(1, num_nodes + 1)}) == 1
