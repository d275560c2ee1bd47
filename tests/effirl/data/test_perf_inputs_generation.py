"""Made-up inputs keep what the examples imply, and grow."""

import itertools
import random

import pytest

from effirl.data.perf_inputs.constraints import Order
from effirl.data.perf_inputs.generation import MAX_CHARACTERS, InfeasibleError
from effirl.data.perf_inputs.model import InputModel, models
from effirl.data.perf_inputs.random_parts import prime_at_most, random_edges
from effirl.data.perf_inputs.strategies import Fill

LIST = ("3\n4 1 1\n", "5\n9 9 2 7 5\n")
SORTED = ("3 20\n4 6 9\n", "5 30\n2 3 5 8 13\n")
TREE = ("4\n1 2\n3 2\n4 3\n", "3\n1 3\n3 2\n")
CONNECTED = ("3 3\n1 2 5\n1 3 7\n2 3 1\n", "4 4\n1 2 1\n2 3 1\n3 4 1\n1 4 9\n")
GRID = ("2 3\n..#\n#..\n", "3 2\n##\n#.\n..\n")
RANGES = ("9 2\n1 5\n5 9\n", "5 3\n1 5\n2 2\n3 4\n")
WORDS = ("abc\nzz\n", "bb\nazaz\n")
RISING_STARTS = ("3\n1 9\n2 6\n4 8\n", "4\n1 30\n3 5\n6 22\n7 9\n")
FALLING_STARTS = ("3\n9 10\n5 11\n1 3\n", "4\n8 20\n6 7\n3 4\n2 9\n")
RISING_BOTH = ("3\n1 2\n3 4\n5 9\n", "4\n1 3\n4 6\n7 9\n10 11\n")
DISTINCT_BOTH = ("3\n1 4\n3 6\n2 5\n", "4\n7 8\n1 5\n2 3\n4 6\n")
PERMUTATION_FIRST = ("3\n1 4\n3 9\n2 5\n", "4\n4 8\n1 5\n2 3\n3 6\n")
THREE = ("3\n1 50 99\n2 6 70\n40 80 81\n", "3\n40 53 90\n3 24 62\n3 24 62\n")
THREE_DISTINCT = ("3\n1 5 9\n2 6 7\n4 8 20\n", "4\n11 13 30\n3 4 5\n6 12 22\n7 8 9\n")
APART = ("3\n1 5\n10 11\n2 8\n", "3\n4 12\n9 10\n9 10\n")
BY_TENS = ("3\n10 20\n20 60\n10 30\n", "4\n10 100\n50 70\n30 40\n20 30\n")


def model(examples: tuple[str, ...]) -> InputModel:
    return next(models(examples))


def texts(examples: tuple[str, ...], factor: float) -> list[str]:
    """One input of every strategy that has one of this size."""
    found = []
    for strategy in model(examples).strategies():
        try:
            found.append(model(examples).text(strategy, factor, random.Random(1)))
        except InfeasibleError:
            continue
    assert found
    return found


def numbers(text: str) -> list[list[int]]:
    return [[int(token) for token in line.split()] for line in text.splitlines()]


@pytest.mark.parametrize("examples", [LIST, SORTED, TREE, CONNECTED, GRID, RANGES, WORDS])
@pytest.mark.parametrize("factor", [2, 7.3, 100])
def test_made_up_inputs_have_the_shape_of_the_examples(
    examples: tuple[str, ...], factor: float
) -> None:
    from effirl.data.perf_inputs.shape import read

    for text in texts(examples, factor):
        read(model(examples).shape, text)  # raises otherwise


def test_the_first_strategy_makes_it_larger() -> None:
    first = model(LIST).strategies()[0]
    rows = numbers(model(LIST).text(first, 100, random.Random(1)))
    assert rows[0] == [500]
    assert len(rows[1]) == 500
    assert set(rows[1]) <= set(range(1, 10))  # the range of the examples


def test_the_same_seed_makes_the_same_input() -> None:
    first = model(LIST).strategies()[0]
    made = [model(LIST).text(first, 50, random.Random(seed)) for seed in (3, 3, 4)]
    assert made[0] == made[1] != made[2]


def test_sorted_distinct_values_stay_so_and_below_their_bound() -> None:
    for text in texts(SORTED, 16):
        (num, limit), values = numbers(text)
        assert len(values) == num
        assert values == sorted(set(values))
        assert max(values) <= limit


def test_trees_stay_trees() -> None:
    for text in texts(TREE, 30):
        (num,), *edges = numbers(text)
        assert len(edges) == num - 1
        assert connected(num, edges)


def test_connected_simple_graphs_stay_so() -> None:
    for text in texts(CONNECTED, 9):
        (num, num_edges), *rows = numbers(text)
        edges = [row[:2] for row in rows]
        assert len(edges) == num_edges
        assert connected(num, edges)
        assert len({frozenset(edge) for edge in edges}) == num_edges
        assert all(a < b for a, b in edges)  # as in the examples


def test_ranges_stay_in_order_and_in_bounds() -> None:
    for text in texts(RANGES, 40):
        (limit, _), *rows = numbers(text)
        assert all(1 <= a <= b <= limit for a, b in rows)


@pytest.mark.parametrize(
    "examples",
    [
        RISING_STARTS,
        FALLING_STARTS,
        RISING_BOTH,
        DISTINCT_BOTH,
        PERMUTATION_FIRST,
        THREE,
        THREE_DISTINCT,
        APART,
        BY_TENS,
    ],
)
@pytest.mark.parametrize("factor", [2, 4, 50])
def test_ordered_columns_stay_what_they_are_themselves(
    examples: tuple[str, ...], factor: float
) -> None:
    made = texts(examples, factor)
    assert len(made) == len(model(examples).strategies())  # refusing all would be no way out
    for text in made:
        _, *lines = numbers(text)
        assert all(a < b for line in lines for a, b in itertools.pairwise(line))
        columns = [list(column) for column in zip(*lines, strict=True)]
        for column, facts in zip(columns, model(examples).constraints.facts[1:], strict=True):
            assert not facts.is_distinct or len(set(column)) == len(column)
            assert not any(number % facts.divisor for number in column)
            is_falling = facts.order is Order.STRICTLY_FALLING
            assert facts.order is Order.NONE or column == sorted(column, reverse=is_falling)
            if facts.first_of_permutation is not None:
                assert sorted(column) == [*range(1, len(column) + 1)]


def test_what_is_learnt_of_ordered_columns() -> None:
    # Otherwise the test above would look at nothing.
    def facts(examples: tuple[str, ...]) -> list[tuple[Order, bool, int | None, int]]:
        found = model(examples).constraints.facts[1:]
        return [(f.order, f.is_distinct, f.first_of_permutation, f.divisor) for f in found]

    free, distinct = (Order.NONE, False, None, 1), (Order.NONE, True, None, 1)
    assert facts(RISING_STARTS) == [(Order.STRICTLY_RISING, True, None, 1), free]
    assert facts(FALLING_STARTS) == [(Order.STRICTLY_FALLING, True, None, 1), distinct]
    assert [order for order, *_ in facts(RISING_BOTH)] == [Order.STRICTLY_RISING] * 2
    assert facts(DISTINCT_BOTH) == [distinct] * 2
    assert facts(PERMUTATION_FIRST) == [(Order.NONE, True, 1, 1), distinct]
    assert facts(THREE) == [free] * 3
    assert facts(THREE_DISTINCT) == [distinct, distinct, free]
    assert facts(BY_TENS) == [(Order.NONE, False, None, 10)] * 2


@pytest.mark.parametrize("examples", [THREE, APART, BY_TENS])
def test_ordered_columns_stay_in_their_own_ranges(examples: tuple[str, ...]) -> None:
    """From 1 on, but for what is to be wider; one sorted into the other would leave its range."""
    first = model(examples)
    for strategy in first.strategies():
        if strategy.fill is Fill.WIDE:
            continue
        _, *lines = numbers(first.text(strategy, 50, random.Random(1)))
        for column, facts in zip(
            zip(*lines, strict=True), first.constraints.facts[1:], strict=True
        ):
            assert min(1, facts.low) <= min(column)
            assert max(column) <= facts.high


def test_a_range_begins_at_1_where_the_examples_begin_later() -> None:
    examples = ("3\n20 90 33\n", "5\n41 41 25 77 30\n")
    uniform = model(examples).strategies()[0]
    _, values = numbers(model(examples).text(uniform, 100, random.Random(1)))
    assert (uniform.fill, min(values), max(values)) == (Fill.UNIFORM, 1, 90)


def test_mixed_lines_are_not_all_sorted_alike() -> None:
    for text in texts(DISTINCT_BOTH, 50):
        lines = sorted(numbers(text)[1:])
        assert [end for _, end in lines] != sorted(end for _, end in lines)


def test_a_column_that_cannot_keep_its_order_is_refused() -> None:
    # Starts fall and ends rise, so that all starts are below all ends: not in the examples' range.
    examples = ("3\n9 30\n5 31\n1 32\n", "4\n8 20\n6 27\n3 40\n2 90\n")
    with pytest.raises(InfeasibleError):
        model(examples).text(model(examples).strategies()[0], 50, random.Random(1))


def test_counts_of_lists_are_ordered_before_the_lists_are_made() -> None:
    examples = (
        "2\n3 5\n1 2 3 4 5\n2 4\n9 8 7 6\n",
        "3\n1 2\n5 5\n2 6\n1 2 3 4 5 6\n1 3\n4 4 4\n",
    )
    for text in texts(examples, 16):
        _, *lines = numbers(text)
        for (least, count), values in zip(lines[::2], lines[1::2], strict=True):
            assert least < count == len(values)


def test_single_numbers_keep_their_divisor_and_stay_less() -> None:
    for text in texts(("40 20\n", "60 20\n", "100 80\n", "20 0\n"), 3.7):
        ((limit, value),) = numbers(text)
        assert limit % 20 == value % 20 == 0
        assert value < limit


def test_a_count_never_becomes_0() -> None:
    examples = tuple(f"5\n{start} 2 3 4 5\n" for start in (1, 7, 8, 9))
    for text in texts(examples, 1.2):
        assert numbers(text)[0][0] >= 1
    growing = next(s for s in model(examples).strategies() if s.grown)
    with pytest.raises(InfeasibleError):
        model(examples).text(growing, 0.6, random.Random(1))


def test_a_sorted_permutation_stays_sorted() -> None:
    for text in texts(("3\n1 2 3\n", "5\n1 2 3 4 5\n"), 8):
        (num,), values = numbers(text)
        assert values == [*range(1, num + 1)]


def test_sorted_decimals_stay_so() -> None:
    made = texts(("3\n0.125 0.5 0.75\n", "4\n0.25 1.5 1.5 9.0\n"), 8)
    for text in made:
        values = [float(token) for token in text.splitlines()[1].split()]
        assert values == sorted(values)


def test_tiling_repeats_an_example() -> None:
    tiled = next(s for s in model(LIST).strategies() if s.fill is Fill.TILED)
    assert numbers(model(LIST).text(tiled, 2, random.Random(1))) == [[10], [9, 9, 2, 7, 5] * 2]


def test_a_number_that_others_never_exceed_grows_with_them() -> None:
    grown = [s.grown for s in model(SORTED).strategies()]
    assert frozenset({0}) not in grown  # the count never exceeds the limit
    assert frozenset({0, 1}) in grown


def test_what_would_be_too_long_is_refused_before_it_is_made() -> None:
    strategy = model(GRID).strategies()[0]
    with pytest.raises(InfeasibleError):
        model(GRID).text(strategy, MAX_CHARACTERS, random.Random(1))


def test_edges_that_cannot_be_are_no_endless_search() -> None:
    edges = random_edges(
        5, 10, random.Random(1), is_simple=True, is_connected=True, is_ordered=False
    )
    assert len({frozenset(edge) for edge in edges}) == 10  # the complete graph


@pytest.mark.parametrize(
    "examples",
    [
        ("3\n1 2\n2 3\n3 1\n", "4\n1 2\n2 3\n3 1\n3 4\n"),  # as many edges as nodes
        ("4\n1 2\n2 3\n3 1\n", "5\n1 2\n2 3\n3 1\n3 4\n4 5\n1 5\n"),  # to the end of the file
    ],
)
def test_too_few_nodes_for_the_edges_are_refused(examples: tuple[str, ...]) -> None:
    (strategy, *_) = model(examples).strategies()
    with pytest.raises(InfeasibleError):
        model(examples).text(strategy, 0.5, random.Random(1))


@pytest.mark.parametrize("number", [2, 3, 4, 100, 561, 7919, 10**9, 10**12])
def test_primes(number: int) -> None:
    prime = prime_at_most(number)
    assert prime <= number
    assert all(prime % divisor for divisor in range(2, int(prime**0.5) + 1))
    if number <= 7919:
        assert not any(
            all(other % d for d in range(2, other)) for other in range(prime + 1, number + 1)
        )


def connected(num: int, edges: list[list[int]]) -> bool:
    reached, grows = {1}, True
    while grows:
        more = {b for a, b in edges if a in reached} | {a for a, b in edges if b in reached}
        grows = bool(more - reached)
        reached |= more
    return len(reached) == num


def test_few_edges_between_very_many_nodes_take_no_memory() -> None:
    edges = random_edges(
        10**15, 3, random.Random(1), is_simple=True, is_connected=False, is_ordered=True
    )
    assert len(edges) == 3


def test_a_tree_of_very_many_nodes_is_refused() -> None:
    strategy = model(TREE).strategies()[0]
    with pytest.raises(InfeasibleError):
        model(TREE).text(strategy, 10.0**14, random.Random(1))
