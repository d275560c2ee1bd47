"""What kinds of problems a data set has, as far as its tests and programs show.

By input: the shape that all test inputs of the problem have. By topic: names and constructs in the
two programs. A topic is a hint: a program may sort in a problem on something else, and whoever
writes their own heap does not import one.
"""

import ast
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final

from effirl.data.perf_inputs.constraints import learn
from effirl.data.perf_inputs.inference import infer
from effirl.data.perf_inputs.shape import Kind, Shape, read
from effirl.data.programs import parses, syntax_tree
from rewards.records import Match, TestCase

INPUT_TYPES: Final = (
    "graph", "grid or matrix", "rows of numbers", "rows of words", "counted list", "list", "word",
    "numbers", "calls of a function", "of no shape we know",
)  # fmt: skip
LENGTHS: Final = {"up to 10 lines": 10, "11 to 20": 20, "21 to 40": 40, "more than 40": 10**9}
_NAMES: Final = {
    "sorting": {"sorted", "sort"},
    "heap": {"heapq", "heappush", "heappop"},
    "binary search": {"bisect", "bisect_left", "bisect_right"},
    "queue": {"deque", "Queue"},
    "counting and hashing": {"Counter", "defaultdict", "dict", "set"},
    "enumeration": {"permutations", "combinations", "product"},
    "prefix sums": {"accumulate", "cumsum"},
    "number theory": {"gcd", "lcm", "factorial", "comb", "fractions"},
    "numpy": {"numpy"},
    "other packages": {"scipy", "numba", "networkx", "sympy", "pandas"},
}
_LARGE_MODULI: Final = {"1000000007", "998244353", "10 ** 9 + 7", "int(1000000000.0) + 7"}
TOPICS: Final = (*_NAMES, "large modulus", "recursion", "nested loops", "none of these")


@lru_cache(maxsize=4096)  # pairs of a problem share its tests
def input_type(tests: tuple[TestCase, ...]) -> str:
    """Name what the inputs of a problem are, by the first shape that fits them all."""
    if any(test.match in (Match.VALUES, Match.ASSERTS) for test in tests):
        return "calls of a function"
    texts = [test.input for test in tests if test.input.strip()]
    shapes = infer(texts) if texts else []
    return _name(shapes[0], texts) if shapes else "of no shape we know"


def _name(shape: Shape, texts: Sequence[str]) -> str:
    if learn(shape, [read(shape, text) for text in texts]).graphs:
        return "graph"
    repeated = [block for block in shape.blocks if block.is_repeated]
    rows = [field for block in repeated for field in block.fields]
    if any(not field.is_scalar or field.length is not None for field in rows):
        return "grid or matrix"
    if rows:
        return "rows of words" if any(f.kind is Kind.WORD for f in rows) else "rows of numbers"
    if any(not field.is_scalar for field in shape.fields):
        is_counted = all(field.count is not None for field in shape.fields)
        return "counted list" if is_counted else "list"
    return "word" if any(field.kind is Kind.WORD for field in shape.fields) else "numbers"


def num_lines(program: str) -> int:
    r"""Count the lines of a program, but for blank ones.

    >>> num_lines("a = 1\n\nprint(a)\n")
    2
    """
    return sum(bool(line.strip()) for line in program.splitlines())


def length_of(program: str) -> str:
    """Name the band of `LENGTHS` that a program is in."""
    lines = num_lines(program)
    return next(name for name, most in LENGTHS.items() if lines <= most)


@lru_cache(maxsize=4096)
def topics(programs: tuple[str, ...]) -> tuple[str, ...]:
    r"""Name the topics that a pair's programs give a hint of.

    >>> topics(("import heapq\nheapq.heapify([3])\n", "print(min([3]))\n"))
    ('heap',)
    """
    found: set[str] = set()
    for tree in map(syntax_tree, filter(parses, programs)):
        names = set(_names(tree))
        found |= {topic for topic, known in _NAMES.items() if names & known}
        found |= set(_constructs(tree))
    return tuple(topic for topic in TOPICS if topic in found) or ("none of these",)


def _names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name):
                yield name
            case ast.Import(names=aliases):
                yield from (alias.name.split(".")[0] for alias in aliases)
            case ast.ImportFrom(module=module, names=aliases):
                yield (module or "").split(".")[0]
                yield from (alias.name for alias in aliases)
            case ast.Set() | ast.SetComp() | ast.Dict() | ast.DictComp():
                yield "set"


def _constructs(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.For() | ast.While():
                if sum(isinstance(inner, ast.For | ast.While) for inner in ast.walk(node)) > 1:
                    yield "nested loops"
            case ast.FunctionDef(name=name):
                calls = (inner for inner in ast.walk(node) if isinstance(inner, ast.Call))
                if any(isinstance(c.func, ast.Name) and c.func.id == name for c in calls):
                    yield "recursion"
            case ast.Constant() | ast.BinOp(right=ast.Constant()):
                if ast.unparse(node) in _LARGE_MODULI:
                    yield "large modulus"
