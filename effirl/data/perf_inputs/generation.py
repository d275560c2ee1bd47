"""Makes larger inputs of a known shape: some numbers grow, and the rest is filled to match."""

import itertools
import random
from collections.abc import Sequence
from typing import Final, TypeVar

from effirl.data.perf_inputs.columns import (
    Chain,
    Column,
    chains,
    fit_ranges,
    match_lines,
    sort_lines,
)
from effirl.data.perf_inputs.conformance import conforms
from effirl.data.perf_inputs.constraints import Constraints, Facts, Graph, Order
from effirl.data.perf_inputs.random_parts import alphabet, prime_at_most, random_edges
from effirl.data.perf_inputs.shape import Block, Field, Kind, Shape, Token, Values, write
from effirl.data.perf_inputs.strategies import Fill, Strategy

MAX_CHARACTERS: Final = 2_000_000
MAX_NUMBER: Final = 10**18
_MAX_WIDE: Final = 10**9
_Number = TypeVar("_Number", int, float)


class InfeasibleError(Exception):
    """No input of this size keeps to what the examples imply."""


def generate(
    shape: Shape,
    constraints: Constraints,
    base: Values,
    strategy: Strategy,
    factor: float,
    rng: random.Random,
) -> str:
    """Make an input about `factor` times the size of an example.

    Raises:
        InfeasibleError: If none of this size keeps the constraints, or it would be too large.
    """
    return _Generator(shape, constraints, base, strategy, factor, rng).text()


class _Generator:
    """Fills in one input, field after field."""

    def __init__(
        self,
        shape: Shape,
        constraints: Constraints,
        base: Values,
        strategy: Strategy,
        factor: float,
        rng: random.Random,
    ) -> None:
        self._shape, self._constraints, self._base = shape, constraints, base
        self._strategy, self._factor, self._rng = strategy, factor, rng
        self._values: Values = [[] for _ in shape.fields]
        self._room = MAX_CHARACTERS
        self._chains = {chain.fields[-1]: chain for chain in chains(constraints.ordered_columns)}

    def text(self) -> str:
        for field in self._shape.scalars:
            self._values[field.number] = [[self._grown_scalar(field.number)]]
        self._keep_order()
        facts = self._constraints.facts
        if any(facts[f.number].low >= 1 > self._scalar(f.number) for f in self._shape.scalars):
            raise InfeasibleError  # as a multiple of its divisor a small number can become 0
        graphs = dict(self._constraints.graphs)
        for at, graph in graphs.items():
            self._make_room(self._shape.blocks[at], graph)
        for at, block in enumerate(self._shape.blocks):
            self._fill_block(block, graphs.get(at))
        # What was filled in first may not suit what came later.
        if not conforms(self._shape, self._constraints, self._values):
            raise InfeasibleError
        return write(self._shape, self._values)

    def _spend(self, num_characters: int) -> None:
        """Give up before a text that is too long is made."""
        self._room -= num_characters
        if self._room < 0 or num_characters < 0:
            raise InfeasibleError

    def _grown_scalar(self, number: int) -> int:
        value = int(self._base[number][0][0])
        if number not in self._strategy.grown:
            return value
        grown = round(value * self._factor) if value else round(self._factor)
        if abs(grown) > MAX_NUMBER:
            raise InfeasibleError
        divisor = self._constraints.facts[number].divisor
        is_count = any(size.field == number for size in self._shape.sizes())
        if not is_count and self._strategy.fill is Fill.HIGH and divisor == 1:
            grown = prime_at_most(grown)
        elif not is_count and self._strategy.fill in (Fill.UNIFORM, Fill.WIDE):
            grown += self._rng.randrange(max(1, round(self._factor)))
        return grown // divisor * divisor

    def _keep_order(self) -> None:
        """Lower what exceeds a number that it never exceeded."""
        for _ in self._shape.scalars:
            for x, y in self._constraints.ordered_scalars:
                facts = self._constraints.facts[x]
                limits = [self._scalar(y)]
                if facts.bound is not None:  # it may have to stay less
                    limits.append(facts.bound.of(self._values, 0))
                lowered = min(limits) // facts.divisor * facts.divisor
                self._values[x][0][0] = min(self._scalar(x), lowered)

    def _scalar(self, number: int) -> int:
        return int(self._values[number][0][0])

    def _make_room(self, block: Block, graph: Graph) -> None:
        """Have as many edges as a graph of this kind can have."""
        nodes = graph.nodes.of(self._values, 0)
        if block.count is None or block.count.field in (None, graph.nodes.field):
            return
        least, most = _edges_possible(graph, nodes)
        wanted = block.count.of(self._values, 0)
        if block.count.field in self._strategy.grown:
            self._values[block.count.field] = [[min(max(wanted, least), most) - block.count.plus]]
        elif not least <= wanted <= most:
            raise InfeasibleError

    def _fill_block(self, block: Block, graph: Graph | None) -> None:
        if not block.is_repeated:
            num_rows = 1
        elif block.count is None:
            first = block.fields[0].number
            num_rows = round(len(self._base[first]) * self._factor)
        else:
            num_rows = block.count.of(self._values, 0)
        self._spend(num_rows)
        if graph is not None:
            self._fill_edges(graph, num_rows)
        for field in block.fields:
            if len(self._values[field.number]) != num_rows or not num_rows:
                self._values[field.number] = self._rows(block, field, num_rows)
            # Before lists are made that a column counts.
            if num_rows and field.number in self._chains:
                self._order_columns(self._chains[field.number], num_rows)

    def _rows(self, block: Block, field: Field, num_rows: int) -> list[list[Token]]:
        old = self._base[field.number]
        if field.is_scalar and block.is_repeated:
            column = [row[0] for row in old]
            return [[token] for token in self._tokens(field, num_rows, column)]
        counts = [self._count(field, row) for row in range(num_rows)]
        example = [token for row in old for token in row]
        return [self._tokens(field, count, example) for count in counts]

    def _count(self, field: Field, row: int) -> int:
        if field.count is not None:
            return field.count.of(self._values, row)
        if field.number in self._strategy.grown:
            return round(len(self._base[field.number][0]) * self._factor)
        return self._rng.randint(*self._constraints.facts[field.number].lengths)

    def _tokens(self, field: Field, num: int, example: Sequence[Token]) -> list[Token]:
        self._spend(2 * num)  # at the least: a character and a space
        facts = self._constraints.facts[field.number]
        if field.kind is Kind.WORD:
            return [self._word(field, facts, row, example) for row in range(num)]
        if field.kind is Kind.DECIMAL:
            draw = self._rng.uniform
            decimals = [round(draw(facts.low, facts.high), facts.places) for _ in range(num)]
            return [*_in_order(decimals, facts.order)]
        limits = self._limits(facts, num)
        numbers = self._numbers(facts, num, limits, [int(token) for token in example])
        return [*_in_order(numbers, facts.order)]

    def _numbers(
        self, facts: Facts, num: int, limits: tuple[int, int], example: Sequence[int]
    ) -> list[int]:
        low, high = limits
        if facts.never_repeats:
            places = range(low, high + 1, facts.divisor)
            if len(places) < num:
                raise InfeasibleError
            return self._rng.sample(places, num)
        if self._strategy.fill is Fill.TILED and example:
            return list(itertools.islice(itertools.cycle(example), num))
        if self._strategy.fill is Fill.HIGH:
            return [high] * num
        return [self._rng.randrange(low, high + 1, facts.divisor) for _ in range(num)]

    def _limits(self, facts: Facts, num: int) -> tuple[int, int]:
        """The range to draw so many numbers from: a larger one, where they are distinct."""
        if facts.first_of_permutation is not None:
            return facts.first_of_permutation, facts.first_of_permutation + num - 1
        low, high = self._range(facts)
        step = facts.divisor
        if facts.never_repeats and (high - low) // step + 1 < num and facts.bound is None:
            high = low + 2 * num * step
        return low, high

    def _range(self, facts: Facts) -> tuple[int, int]:
        """The lowest and the highest value to use; both multiples of the divisor."""
        # The smallest tests seldom show the least that may come, which is mostly 0 or 1.
        low, high = min(int(facts.low), 1), int(facts.high)
        is_wide = self._strategy.fill is Fill.WIDE
        if is_wide:
            high = max(high, min(round(high * self._factor), _MAX_WIDE))
            low = min(low, max(round(low * self._factor), -_MAX_WIDE))
        if facts.bound is not None:
            limit = facts.bound.of(self._values, 0)
            high = limit if facts.reaches_bound or is_wide else min(high, limit)
        step = facts.divisor
        low, high = -(-low // step) * step, high // step * step
        if high < low:
            raise InfeasibleError
        return low, high

    def _word(self, field: Field, facts: Facts, row: int, example: Sequence[Token]) -> str:
        if field.length is not None:
            length = field.length.of(self._values, row)
        elif field.number in self._strategy.grown:
            length = round(len(str(example[0])) * self._factor)
        else:
            length = self._rng.randint(*facts.lengths)
        self._spend(length)
        if self._strategy.fill is Fill.TILED and example:
            text = str(example[row % len(example)])
            return (text * (length // len(text) + 1))[:length]
        if self._strategy.fill is Fill.HIGH:
            return self._rng.choice(facts.characters) * length
        letters = facts.characters
        if self._strategy.fill is Fill.WIDE:
            letters = alphabet(letters)
        return "".join(self._rng.choices(letters, k=length))

    def _order_columns(self, chain: Chain, num_rows: int) -> None:
        """Have each column at most the next on every line."""
        columns = []
        for number in chain.fields:
            facts = self._constraints.facts[number]
            drawn = [int(row[0]) for row in self._values[number]]
            columns.append(Column(facts, *self._limits(facts, num_rows), drawn))
        ordered = sort_lines(columns, chain.gaps)
        if ordered is None:
            self._draw_again(chain, columns, num_rows)
            ordered = match_lines(columns, chain.gaps, self._rng)
        if ordered is None:
            raise InfeasibleError
        for number, numbers in zip(chain.fields, ordered, strict=True):
            self._values[number] = [[token] for token in numbers]

    def _draw_again(self, chain: Chain, columns: list[Column], num_rows: int) -> None:
        """Fill columns from ranges that leave room for those beside them."""
        fit_ranges(columns, chain.gaps, num_rows)
        for number, column in zip(chain.fields, columns, strict=True):
            if column.high < column.low:
                raise InfeasibleError
            example = [int(row[0]) for row in self._base[number]]
            numbers = self._numbers(column.facts, num_rows, (column.low, column.high), example)
            column.numbers = _in_order(numbers, column.facts.order)

    def _fill_edges(self, graph: Graph, num_edges: int) -> None:
        num_nodes = graph.nodes.of(self._values, 0)
        least, most = _edges_possible(graph, num_nodes)
        if num_nodes < 2 or not least <= num_edges <= most:
            raise InfeasibleError
        if graph.is_connected:
            self._spend(num_nodes)
        edges = random_edges(
            num_nodes, num_edges, self._rng,
            is_simple=graph.is_simple, is_connected=graph.is_connected,
            is_ordered=graph.is_ordered,
        )  # fmt: skip
        for place, column in enumerate(graph.columns):
            self._values[column] = [[edge[place]] for edge in edges]


def _edges_possible(graph: Graph, num_nodes: int) -> tuple[int, int]:
    """The fewest and the most edges that a graph of this kind can have."""
    least = num_nodes - 1 if graph.is_connected else 0
    most = num_nodes * (num_nodes - 1) // 2 if graph.is_simple else MAX_CHARACTERS
    return least, most


def _in_order(numbers: list[_Number], order: Order) -> list[_Number]:
    if order is Order.NONE:
        return numbers
    return sorted(numbers, reverse=order in (Order.FALLING, Order.STRICTLY_FALLING))
