"""Plain values as text: what passes between a function-style program and its judge.

One line of JSON, in which a list is a list and each other container is an object of one key that
names its type. This module runs on both sides. In the program's process it encodes whatever the
functions returned; the judge decodes that text with `max_hashed`, as hostile data: nothing is
executed, and the result is made of built-in types and `Nodes` only, so that no comparison of the
program's own can take part. Only exact types are encoded: a subclass of a list may compare equal to
everything, and becomes the name of its type, which decodes to an error.
"""

import json
from collections.abc import Callable
from typing import Any, Final

_SCALARS: Final = frozenset({type(None), bool, int, float, str})
_NO_INTEGERS: Final = _SCALARS - {int}
_SEQUENCES: Final = (tuple, set, frozenset)
_MAPPINGS: Final = ("dict", "defaultdict", "OrderedDict", "Counter")
_NODES: Final = ("ListNode", "TreeNode")
_LARGE_INTEGER: Final = 1 << 8192  # above 2466 digits; str() and int() refuse more than 4300


class ListNode:
    """A singly linked list's node, as LeetCode defines it."""

    def __init__(self, val: Any = 0, next: Any = None) -> None:
        self.val = val
        self.next = next


class TreeNode:
    """A binary tree's node, as LeetCode defines it."""

    def __init__(self, val: Any = 0, left: Any = None, right: Any = None) -> None:
        self.val = val
        self.left = left
        self.right = right


class Nodes:
    """A linked list or tree by its values: equal to its like, and to LeetCode's list for it."""

    def __init__(self, kind: str, values: list[Any]) -> None:
        self.kind = kind
        self.values = values
        """A tree's are in level order, None where a node has no child."""

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Nodes):
            return self.kind == other.kind and self.values == other.values
        return self.values == other

    __hash__ = None  # type: ignore[assignment]


def list_node(values: list[Any], node: Callable[[Any], Any] = ListNode) -> Any:
    """Build a linked list; None when it is empty."""
    head = None
    for value in reversed(values):
        new = node(value)
        new.next = head
        head = new
    return head


def tree_node(values: list[Any], node: Callable[[Any], Any] = TreeNode) -> Any:
    """Build a tree from its level order, None where a child is absent; None when it is empty."""
    if not values or values[0] is None:
        return None
    root = node(values[0])
    parents, rest = [root], iter(values[1:])
    for parent in parents:  # grows while it is walked
        for side in ("left", "right"):
            value = next(rest, None)
            if value is not None:
                child = node(value)
                setattr(parent, side, child)
                parents.append(child)
    return root


def node_values(root: Any) -> list[Any]:
    """The values of a linked list or tree; inverse of `list_node` and `tree_node`.

    Raises:
        ValueError: If a node is met twice.
    """
    is_list = type(root).__name__ == "ListNode"
    seen: set[int] = set()
    values: list[Any] = []
    nodes = [root]
    for node in nodes:
        if node is None:
            values.append(None)
            continue
        if id(node) in seen:
            raise ValueError("a list or tree must not meet itself")
        seen.add(id(node))
        values.append(node.val)
        if not is_list:
            nodes += (node.left, node.right)
        elif node.next is not None:
            nodes.append(node.next)
    while not is_list and values[-1] is None:
        values.pop()
    return values


def encode(value: object) -> str:
    """Write a value as one line of ASCII.

    >>> encode([1, (2.0, None)])
    '[1, {"tuple": [2.0, null]}]'
    """
    try:
        return json.dumps(_plain(value, _SCALARS), check_circular=False)
    except ValueError:  # an integer of too many digits
        return json.dumps(_plain(value, _NO_INTEGERS), check_circular=False)


def can_encode(constant: object) -> bool:
    """Whether a constant of Python's is a value here: complex numbers and `...` are none."""
    return type(constant) in _SCALARS or type(constant) is bytes


def _plain(value: Any, scalars: frozenset[type]) -> Any:
    kind = type(value)
    if kind in scalars:
        return value
    if kind is list:
        if scalars.issuperset(map(type, value)):
            return value
        return [_plain(item, scalars) for item in value]
    if kind is int:
        return value if -_LARGE_INTEGER < value < _LARGE_INTEGER else {"int": hex(value)}
    if kind in _SEQUENCES:
        return {kind.__name__: _plain(list(value), scalars)}
    if kind is bytes:
        return {"bytes": value.decode("latin-1")}
    if kind.__name__ in _MAPPINGS and kind.__module__ in ("builtins", "collections"):
        pairs = [[_plain(k, scalars), _plain(v, scalars)] for k, v in value.items()]
        return {"dict": pairs}
    return _plain_object(value, kind.__name__, scalars)


def _plain_object(value: Any, name: str, scalars: frozenset[type]) -> Any:
    if name in _NODES:
        return {name: _plain(node_values(value), scalars)}
    if type(value) is Nodes:
        return {value.kind: _plain(value.values, scalars)}
    if type(value).__module__ == "numpy" and not getattr(value, "shape", True):
        return _plain(value.item(), scalars)  # a scalar
    return {"other": name}


def decode(text: str | bytes, max_hashed: int | None = None) -> Any:
    """Read what `encode` wrote.

    Args:
        text: Anything at all.
        max_hashed: Most entries of sets and dictionaries altogether: with chosen keys, many of
            them would take us hours to insert. None for text of our own.

    Raises:
        ValueError: If the text is no encoded value, or one that cannot be compared.
    """
    num_hashed = 0

    def restore(item: dict[str, Any]) -> object:
        nonlocal num_hashed
        ((kind, content),) = item.items()
        if kind in ("set", "frozenset", "dict"):
            num_hashed += len(content)
            if max_hashed is not None and num_hashed > max_hashed:
                raise ValueError(f"more than {max_hashed} entries of sets and dictionaries")
        return _RESTORE[kind](content)

    try:
        return json.loads(text, object_hook=restore)
    except (TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError(f"no encoded value: {type(error).__name__}") from error


_RESTORE: Final[dict[str, Callable[[Any], object]]] = {
    "int": lambda content: int(content, 16),
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
    "dict": dict,
    "bytes": lambda content: content.encode("latin-1"),
    "ListNode": lambda content: Nodes("ListNode", list(content)),
    "TreeNode": lambda content: Nodes("TreeNode", list(content)),
}
