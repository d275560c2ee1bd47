"""What is read from examples: structure, and what it implies."""

import pytest

from effirl.data.perf_inputs.constraints import Constraints, Order, learn
from effirl.data.perf_inputs.inference import infer
from effirl.data.perf_inputs.shape import ONE, Block, Kind, Shape, Size, read, write

FREE = None


def sizes(shape: Shape) -> list[tuple[Size | None, list[list[Size | None]]]]:
    """Each block's count, and the counts of its lines' fields."""
    return [
        (block.count, [[field.count for field in line] for line in block.lines])
        for block in shape.blocks
    ]


def learnt(*examples: str) -> Constraints:
    shape = infer(examples)[0]
    return learn(shape, [read(shape, text) for text in examples])


@pytest.mark.parametrize(
    ("examples", "expected"),
    [
        (["5\n", "7\n"], [(ONE, [[ONE]])]),
        (["3\n1 2 3\n", "2\n5 5\n"], [(ONE, [[ONE]]), (ONE, [[Size(0)]])]),
        (["3\n1 2 3 4\n", "1\n5 5\n"], [(ONE, [[ONE]]), (ONE, [[Size(0, 1)]])]),
        (["3 1 2 3\n", "1 9\n"], [(ONE, [[ONE, Size(0)]])]),
        (["1 2 3\n", "1 2 3 4 5\n"], [(ONE, [[FREE]])]),
        (["2\n5\n6\n", "3\n5\n6\n7\n"], [(ONE, [[ONE]]), (Size(0), [[ONE]])]),
        (["3 2\n1 2\n2 3\n", "2 1\n1 2\n"], [(ONE, [[ONE, ONE]]), (Size(1), [[ONE, ONE]])]),
        (["3\n1 2\n2 3\n", "2\n1 2\n"], [(ONE, [[ONE]]), (Size(0, -1), [[ONE, ONE]])]),
        (  # a matrix
            ["2 3\n1 2 3\n4 5 6\n", "1 2\n7 8\n"],
            [(ONE, [[ONE, ONE]]), (Size(0), [[Size(1)]])],
        ),
        (  # lists of their own length
            ["2\n2 5 6\n1 7\n", "1\n3 1 2 3\n"],
            [(ONE, [[ONE]]), (Size(0), [[ONE, Size(1)]])],
        ),
        (  # two lines that come together, the second counted by the first
            ["4 2\n2\n1 3\n1\n3\n", "9 3\n1\n3\n2\n1 1\n1\n3\n"],
            [(ONE, [[ONE, ONE]]), (Size(1), [[ONE], [Size(2)]])],
        ),
        (  # queries after a list
            ["3 2\n7 8 9\n1 2\n2 3\n", "4 1\n1 2 3 4\n1 4\n"],
            [(ONE, [[ONE, ONE]]), (ONE, [[Size(0)]]), (Size(1), [[ONE, ONE]])],
        ),
    ],
)
def test_the_structure_of_examples_is_found(
    examples: list[str], expected: list[tuple[Size | None, list[list[Size | None]]]]
) -> None:
    assert sizes(infer(examples)[0]) == expected


def test_a_number_that_never_varies_counts_only_where_a_list_is_long() -> None:
    shape = infer(["3\n1 2 3\n", "3\n4 5 6\n"])[0]
    assert sizes(shape)[1] == (ONE, [[Size(0)]])
    shape = infer(["2\n1 2\n3 4\n", "2\n5 6\n7 8\n"])[0]
    assert sizes(shape)[1] == (Size(0), [[ONE, ONE]])  # two columns, no matrix


@pytest.mark.parametrize(
    ("examples", "kind", "length"),
    [
        (["abc\n", "de\n"], Kind.WORD, None),
        (["0101\n", "11\n"], Kind.WORD, None),  # digits, but no number
        (["CSS\n", "RRR\n", "SSR\n"], Kind.WORD, Size(None, 3)),
        (["0.5\n", "12\n"], Kind.DECIMAL, None),
        (["-7\n", "12\n"], Kind.INTEGER, None),
    ],
)
def test_kinds_of_tokens(examples: list[str], kind: Kind, length: Size | None) -> None:
    (field,) = infer(examples)[0].fields
    assert (field.kind, field.length) == (kind, length)


def test_a_grid_has_lines_of_counted_characters() -> None:
    shape = infer(["2 3\n..#\n#..\n", "3 2\n##\n#.\n..\n"])[0]
    assert shape.blocks[1].count == Size(0)
    assert shape.blocks[1].fields[0].length == Size(1)


@pytest.mark.parametrize("text", ["", "\n\n", " \n"])
def test_no_token_no_shape(text: str) -> None:
    assert infer([text]) == []


def test_reading_undoes_writing() -> None:
    text = "3 2\n7 8 9\nab -1.5\nc 0.25\n"
    other = "1 3\n5\nab -1.5\nc 0.25\nq 1.0\n"
    shape = infer([text, other])[0]
    assert [write(shape, read(shape, each)) for each in (text, other)] == [text, other]


@pytest.mark.parametrize("text", ["3\n1 2\n", "3\n1 2 3 4\n", "3\n", "3\n1 2 3\n4\n"])
def test_another_shape_is_refused(text: str) -> None:
    shape = Shape((Block(ONE, (infer(["3\n"])[0].fields,)), infer(["2\n1 2", "1\n1"])[0].blocks[1]))
    assert read(shape, "3\n1 2 3\n") == [[[3]], [[1, 2, 3]]]
    with pytest.raises(ValueError, match=r"missing|too many|expected"):
        read(shape, text)


def test_orders_distinctness_and_permutations_are_seen() -> None:
    facts = learnt("4\n1 3 5 9\n2 2 7 7\n2 4 1 3\n8 6 4 2\n", "1\n1\n1\n2\n3\n").facts
    assert [fact.order for fact in facts[1:]] == [
        Order.STRICTLY_RISING,
        Order.RISING,
        Order.NONE,
        Order.STRICTLY_FALLING,
    ]
    facts = learnt("4\n2 4 1 3\n", "3\n3 1 2\n").facts
    assert facts[1].first_of_permutation == 1
    assert facts[1].is_distinct
    assert not learnt("4\n2 4 1 2\n", "3\n3 1 2\n").facts[1].is_distinct
    # Of large values none repeats by chance: that is no constraint.
    assert not learnt("4\n2 400 10 21\n", "3\n3 1 2\n").facts[1].is_distinct


def test_bounds_divisors_and_order_between_numbers_are_seen() -> None:
    found = learnt("9 3\n10 40 90\n1 5\n5 9\n2 2\n", "5 2\n30 40\n1 5\n2 2\n")
    assert found.ordered_scalars == ((1, 0),)
    assert found.facts[2].divisor == 10
    even = learnt("2 50\n6 10\n", "3 100\n14 22 40\n").facts[2]
    assert (even.divisor, even.bound) == (2, Size(1, -1))
    assert (found.facts[4].bound, found.facts[4].reaches_bound) == (Size(0), True)
    assert found.ordered_columns == ((3, 4, False),)


def test_trees_and_graphs_are_seen() -> None:
    ((place, tree),) = learnt("4\n1 2\n3 2\n4 3\n", "3\n1 3\n3 2\n").graphs
    assert (place, tree.is_connected, tree.is_simple, tree.is_ordered) == (1, True, True, False)
    ((_, graph),) = learnt("4 2\n1 2\n1 2\n", "5 3\n1 2\n3 4\n1 5\n").graphs
    assert (graph.is_connected, graph.is_simple, graph.is_ordered) == (False, False, True)
    assert not learnt("4 2\n1 1\n1 2\n", "5 3\n1 2\n3 4\n1 5\n").graphs  # ranges, not edges


def test_ends_of_edges_are_ordered_by_chance() -> None:
    # Starts rise, ends are distinct, and no weight is below its edge's end.
    found = learnt("4\n1 2 9\n2 4 8\n3 1 5\n", "5\n1 3 4\n2 4 7\n3 5 5\n4 2 3\n")
    ((_, tree),) = found.graphs
    start, end = (found.facts[column] for column in tree.columns)
    assert {start.order, end.order} == {Order.NONE}
    assert not start.is_distinct
    assert not end.is_distinct
    assert not found.ordered_columns


def test_decimals_are_no_permutation_and_distinct_by_chance() -> None:
    facts = learnt("3\n1.0 3.0 2.0\n", "4\n1.0 2.0 4.0 3.0\n").facts[1]
    assert (facts.is_distinct, facts.first_of_permutation) == (False, None)
