"""Tells whether an input keeps all that was learnt from the examples, however it was made.

Not looked at: the range, beyond which some inputs go by intent, and the graphs, which are drawn as
such and not touched again.
"""

import itertools
from collections.abc import Sequence

from effirl.data.perf_inputs.constraints import Constraints, Facts, Order, runs
from effirl.data.perf_inputs.shape import Field, Shape, Token, Values


def conforms(shape: Shape, constraints: Constraints, values: Values) -> bool:
    """Whether sizes, orders, bounds, divisors and the like are those of the examples."""
    return (
        all(_has_its_sizes(field, values) for field in shape.fields)
        and _are_ordered(constraints, values)
        and all(
            _keeps_bound(facts, run, values) and keeps(facts, run)
            for block in shape.blocks
            for field in block.fields
            for facts in (constraints.facts[field.number],)
            for run in runs(block, field, values)
        )
    )


def keeps(facts: Facts, run: Sequence[Token]) -> bool:
    """Whether a list, or a column of lines, keeps what holds of its numbers among themselves."""
    numbers = [token for token in run if not isinstance(token, str)]
    if facts.divisor > 1 and any(number % facts.divisor for number in numbers):
        return False
    if facts.is_distinct and len(set(numbers)) < len(numbers):
        return False
    first = facts.first_of_permutation
    if first is not None and sorted(numbers) != [*range(first, first + len(numbers))]:
        return False
    return _follows(facts.order, numbers)


def _follows(order: Order, numbers: Sequence[float]) -> bool:
    steps = itertools.pairwise(numbers)
    match order:
        case Order.NONE:
            return True
        case Order.RISING:
            return all(a <= b for a, b in steps)
        case Order.STRICTLY_RISING:
            return all(a < b for a, b in steps)
        case Order.FALLING:
            return all(a >= b for a, b in steps)
        case Order.STRICTLY_FALLING:
            return all(a > b for a, b in steps)


def _keeps_bound(facts: Facts, run: Sequence[Token], values: Values) -> bool:
    if facts.bound is None:
        return True
    limit = facts.bound.of(values, 0)
    return all(token <= limit for token in run if not isinstance(token, str))


def _are_ordered(constraints: Constraints, values: Values) -> bool:
    """Whether numbers that come once, and columns, are as far apart as they were."""
    scalars = constraints.ordered_scalars
    if any(int(values[x][0][0]) > int(values[y][0][0]) for x, y in scalars):
        return False
    return all(
        int(a[0]) + is_strict <= int(b[0])
        for x, y, is_strict in constraints.ordered_columns
        for a, b in zip(values[x], values[y], strict=True)
    )


def _has_its_sizes(field: Field, values: Values) -> bool:
    """Whether what counts a field still says so: it may have been changed afterwards."""
    rows = values[field.number]
    count, length = field.count, field.length
    if count is not None and any(len(row) != count.of(values, at) for at, row in enumerate(rows)):
        return False
    return length is None or all(
        len(str(token)) == length.of(values, at) for at, row in enumerate(rows) for token in row
    )
