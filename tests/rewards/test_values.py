"""The encoding of values between a program's process and its judge: exact, and safe to read."""

import json
import math
import sys
from collections import Counter, OrderedDict, defaultdict, deque

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rewards.values import (
    ListNode,
    Nodes,
    TreeNode,
    decode,
    encode,
    list_node,
    node_values,
    tree_node,
)

HASHABLE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
    | st.binary(),
    lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
PLAIN = st.recursive(
    HASHABLE | st.sets(HASHABLE, max_size=4),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner)
        | st.dictionaries(HASHABLE, inner, max_size=3)
    ),
    max_leaves=20,
)


def shape(value: object) -> object:
    """A value with the types of all its parts, so that 1, 1.0 and True, 0.0 and -0.0 differ."""
    if isinstance(value, list | tuple):
        return type(value), [shape(item) for item in value]
    if isinstance(value, set | frozenset):
        return type(value), sorted(repr(shape(item)) for item in value)
    if isinstance(value, dict):
        return dict, [(shape(key), shape(item)) for key, item in value.items()]
    return type(value), repr(value)


@given(PLAIN)
@example([-0.0, 0.0, 1, 1.0, True, "\ud800", b"\xff", math.inf, -math.inf])
@example({"set": [1]})
@example([{"other": "x"}, {}, [[]], ((),)])
def test_round_trip(value: object) -> None:
    assert shape(decode(encode(value))) == shape(value)
    assert "\n" not in encode(value)


def test_integers_of_any_size() -> None:
    large = [10**5000, -(10**5000), 2**8192, 2**8192 - 1, True, (1, {2**20000: -1})]
    is_same = decode(encode(large)) == large  # pytest cannot print such numbers
    assert is_same
    assert decode(encode(large))[4] is True


def test_nan_survives() -> None:
    (value,) = decode(encode([math.nan]))
    assert math.isnan(value)


@given(st.lists(st.integers()))
def test_linked_list_round_trip(items: list[int]) -> None:
    head = list_node(items)
    assert head is None if not items else node_values(head) == items
    if items:
        assert decode(encode(head)) == Nodes("ListNode", items) == items


@pytest.mark.parametrize(
    "levels", [[1], [1, None, 2], [1, 2, 3, None, None, 4, 5], [1, 2, None, 3], [0, 0, 0]]
)
def test_tree_round_trip(levels: list[int | None]) -> None:
    assert node_values(tree_node(levels)) == levels
    assert decode(encode(tree_node(levels))) == Nodes("TreeNode", levels)
    assert tree_node([]) is tree_node([None]) is None


def test_a_long_list_does_not_recurse() -> None:
    items = list(range(sys.getrecursionlimit() * 3))
    assert decode(encode(list_node(items))).values == items


def test_list_and_tree_differ() -> None:
    assert Nodes("ListNode", [1]) != Nodes("TreeNode", [1])
    assert decode(encode(ListNode(1))) != decode(encode(TreeNode(1)))


def test_a_cycle_is_refused() -> None:
    node = ListNode(1)
    node.next = node
    with pytest.raises(ValueError, match="meet itself"):
        encode(node)


def test_usual_mappings_and_numpy_scalars_are_plain() -> None:
    mappings = [defaultdict(int, a=1), OrderedDict(a=1), Counter("a")]
    assert decode(encode(mappings)) == [{"a": 1}] * 3
    assert shape(decode(encode([np.int64(3), np.float64(0.5), np.bool_(True)]))) == shape(
        [3, 0.5, True]
    )


class EqualList(list):
    def __eq__(self, other: object) -> bool:
        return True


class EqualInt(int):
    def __eq__(self, other: object) -> bool:
        return True


@pytest.mark.parametrize(
    "value", [EqualList([1]), EqualInt(1), deque([1]), iter([1]), object(), {1: object()}, 1j,
              type("ListNode2", (), {})(), np.arange(2), range(3)],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_other_types_are_no_values(value: object) -> None:
    with pytest.raises(ValueError, match="no encoded value"):
        decode(encode([value]))


@pytest.mark.parametrize(
    "text",
    [
        b"", b"[1] [2]", b"[1", b"\xff", b'{"tuple": 1}', b'{"set": [[1]]}', b'{"x": 1}', b"{}",
        b'{"set": [], "tuple": []}', b'{"dict": [1]}', b'{"int": "zz"}', b'{"int": 5}',
        b'{"bytes": "\xe4\xb8\x80"}', b'{"bytes": [1]}', b'{"ListNode": 3}',
        b"[" * 100_000, b"1" * 5000, b'{"dict": [[[1], 2]]}',
    ],
)  # fmt: skip
def test_hostile_text_is_a_value_error(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode(text, 100)


def test_hashed_entries_are_limited() -> None:
    colliding = [key * (2**61 - 1) for key in range(101)]
    with pytest.raises(ValueError, match="more than 100 entries"):
        decode(json.dumps({"set": colliding}), 100)
    with pytest.raises(ValueError, match="more than 100 entries"):
        decode(json.dumps([{"set": [1]}] * 101), 100)
    assert len(decode(json.dumps({"set": colliding}))) == 101
