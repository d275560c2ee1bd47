"""Made-up inputs keep what the examples imply, and grow."""

import random

import pytest

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
