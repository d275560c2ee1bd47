"""Evaluate what is left of an assert when a program's values have been put in.

A check is a Python expression over `values` (what the program returned, decoded: built-in types and
`Nodes` only) and `expected`, such as `sorted(values[0]) == expected[0]`. It is walked, not compiled
or executed, since it comes from a data set; the operations and functions below are all there is.
They mean what Python means by them, so 1 == 1.0 == True and nan differs from itself.
"""

import ast
import math
import operator
from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

from rewards.values import (
    ListNode,
    Nodes,
    TreeNode,
    can_encode,
    decode,
    list_node,
    node_values,
    tree_node,
)

MAX_HASHED: Final = 10_000
"""Entries that we insert into sets and dictionaries for a program: keys that collide take n^2."""
_MAX_REPEATED: Final = 10_000_000
_MAX_POWER_BITS: Final = 100_000


def _range(*bounds: int) -> range:
    numbers = range(*bounds)
    if len(numbers) > _MAX_REPEATED:
        raise ValueError("too long a range")
    return numbers


def _hashing(kind: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def build(items: Any = ()) -> Any:
        if len(items) > MAX_HASHED:
            raise ValueError(f"more than {MAX_HASHED} entries")
        return kind(items)

    return build


def _is_same(one: Any, other: Any) -> bool:
    return bool(_comparable(one) == _comparable(other))


def _comparable(value: Any) -> Any:
    if isinstance(value, ListNode | TreeNode):
        return Nodes(type(value).__name__, node_values(value))
    return value


BUILDERS: Final[dict[str, Callable[..., Any]]] = {
    "ListNode": ListNode, "TreeNode": TreeNode, "list_node": list_node, "tree_node": tree_node,
}  # fmt: skip
"""Make lists and trees of LeetCode's kinds, on the program's side too."""
FUNCTIONS: Final[dict[str, Callable[..., Any]]] = BUILDERS | {
    "abs": abs, "all": all, "any": any, "bool": bool, "dict": _hashing(dict), "float": float,
    "frozenset": _hashing(frozenset), "int": int, "isclose": math.isclose, "len": len, "list": list,
    "max": max, "min": min, "range": _range, "reversed": reversed, "round": round,
    "set": _hashing(set), "sorted": sorted, "str": str, "sum": sum, "tuple": tuple,
    "math.isclose": math.isclose, "math.isnan": math.isnan, "math.isinf": math.isinf,
    "Counter": _hashing(Counter), "collections.Counter": _hashing(Counter),
    "is_same_list": _is_same, "is_same_tree": _is_same,
}  # fmt: skip
_NUMBERS: Final = {"math.inf": math.inf, "math.nan": math.nan, "math.pi": math.pi, "math.e": math.e}
_COMPARISONS: Final[dict[type[ast.cmpop], Callable[[Any, Any], Any]]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le,
    ast.Gt: operator.gt, ast.GtE: operator.ge, ast.Is: operator.is_, ast.IsNot: operator.is_not,
    ast.In: lambda item, items: item in items,
    ast.NotIn: lambda item, items: item not in items,  # codespell:ignore notin
}  # fmt: skip
_UNARY: Final[dict[type[ast.unaryop], Callable[[Any], Any]]] = {
    ast.Not: operator.not_, ast.USub: operator.neg, ast.UAdd: operator.pos,
}  # fmt: skip


def _times(one: Any, other: Any) -> Any:
    for number, repeated in ((one, other), (other, one)):
        if isinstance(repeated, list | tuple | str | bytes):
            if len(repeated) * number > _MAX_REPEATED:
                raise ValueError("too long a repetition")
            break
    return one * other


def _modulo(one: Any, other: Any) -> Any:
    if isinstance(one, str | bytes):  # formats, to any width that the program likes
        raise ValueError("no number")
    return one % other


def _power(base: Any, exponent: Any) -> Any:
    is_whole = isinstance(base, int) and isinstance(exponent, int)
    if is_whole and base.bit_length() * exponent > _MAX_POWER_BITS:
        raise ValueError("too large a power")
    return base**exponent


_ARITHMETIC: Final[dict[type[ast.operator], Callable[[Any, Any], Any]]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: _times, ast.Pow: _power,
    ast.Div: operator.truediv, ast.FloorDiv: operator.floordiv, ast.Mod: _modulo,
}  # fmt: skip


_FAILURES: Final = (
    ArithmeticError, AttributeError, LookupError, MemoryError, RecursionError, TypeError,
    ValueError,
)  # fmt: skip


class _Checks(NamedTuple):
    conditions: list[ast.expr]
    num_values: int
    expected: list[Any]


@lru_cache(maxsize=64)
def _read(text: str) -> _Checks:
    code, _, constants = text.rpartition("\n")
    tree = ast.parse(code)
    conditions = [node.value for node in tree.body if isinstance(node, ast.Expr)]
    names = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name)]
    return _Checks(conditions, names.count("values"), decode(constants))


def all_hold(text: str, values: Sequence[Any]) -> bool:
    """Whether every check of a text holds for a program's values, and there are no other values.

    Args:
        text: Checks, one a line, and a last line of encoded constants.
        values: Decoded, in the order of observation.
    """
    checks = _read(text)
    if len(values) != checks.num_values:
        return False
    names = {"values": values, "expected": checks.expected}
    try:
        return all(_evaluate(condition, names) for condition in checks.conditions)
    except _FAILURES:
        return False  # the assert itself would have raised


def check_form(condition: ast.expr) -> None:
    """Refuse a condition that `all_hold` cannot evaluate.

    Raises:
        ValueError: Naming the part.
    """
    for node in ast.walk(condition):
        match node:
            case ast.Compare(ops=ops, comparators=[*_, last]):
                is_identity = any(isinstance(op, ast.Is | ast.IsNot) for op in ops)
                known = not is_identity or _is_singleton(last)
            case ast.Call(func=function, keywords=keywords):
                allowed = {"rel_tol", "abs_tol", "reverse"}
                known = ast.unparse(function) in FUNCTIONS
                known = known and {keyword.arg for keyword in keywords} <= allowed
            case ast.Attribute():
                known = ast.unparse(node) in FUNCTIONS.keys() | _NUMBERS.keys()
            case ast.Constant(value=constant):
                known = can_encode(constant)
            case ast.Name(id=name):
                known = name in {"values", "expected", "math", "collections"} or name in FUNCTIONS
            case ast.BinOp(op=op):
                known = type(op) in _ARITHMETIC
            case ast.UnaryOp(op=op):
                known = type(op) in _UNARY
            case _:
                known = not isinstance(node, ast.expr) or isinstance(node, _PLAIN)
        if not known:
            raise ValueError(f"{ast.unparse(node):.60} cannot be judged apart")


_PLAIN: Final = (
    ast.BoolOp, ast.Subscript, ast.List, ast.Tuple, ast.Set, ast.Dict,
)  # fmt: skip


def _is_singleton(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, bool | None)


def _evaluate(node: ast.expr, names: dict[str, Any]) -> Any:
    def value(part: ast.expr) -> Any:
        return _evaluate(part, names)

    match node:
        case ast.Name(id=name):
            return names[name]
        case ast.Subscript(value=container, slice=index):
            return value(container)[value(index)]
        case ast.BoolOp(op=op, values=parts):
            return (all if isinstance(op, ast.And) else any)(map(value, parts))
        case ast.UnaryOp(op=op, operand=operand):
            return _UNARY[type(op)](value(operand))
        case ast.BinOp(left=left, op=op, right=right):
            return _ARITHMETIC[type(op)](value(left), value(right))
        case ast.Compare():
            return _compare(node, value)
        case ast.Call(func=function, args=arguments, keywords=keywords):
            by_name = {keyword.arg or "": value(keyword.value) for keyword in keywords}
            return FUNCTIONS[ast.unparse(function)](*map(value, arguments), **by_name)
    return _display(node, value)


def _compare(node: ast.Compare, value: Callable[[ast.expr], Any]) -> bool:
    left = _comparable(value(node.left))
    for operation, comparator in zip(node.ops, node.comparators, strict=True):
        right = _comparable(value(comparator))
        if not _COMPARISONS[type(operation)](left, right):
            return False
        left = right
    return True


def _display(node: ast.expr, value: Callable[[ast.expr], Any]) -> Any:
    match node:
        case ast.Constant(value=constant):
            return constant
        case ast.Attribute():
            return _NUMBERS[ast.unparse(node)]
        case ast.List(elts=items):
            return [_comparable(value(item)) for item in items]
        case ast.Tuple(elts=items):
            return tuple(_comparable(value(item)) for item in items)
        case ast.Set(elts=items):
            return {value(item) for item in items}
        case ast.Dict(keys=keys, values=items):
            pairs = zip(keys, items, strict=True)
            return {value(key): value(item) for key, item in pairs if key is not None}
    raise ValueError(f"no part of a check: {ast.dump(node):.60}")
