import pytest

from effirl.audit.coverage import LENGTHS, input_type, length_of, topics
from rewards.records import Match, TestCase


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        (["3 4\n", "5 6\n"], "numbers"),
        (["ab\n", "abc\n"], "word"),
        (["3\n1 2 3\n", "2\n7 9\n"], "counted list"),
        (["1 2 3\n", "7 9\n", "4\n"], "list"),
        (["2\n1 5\n9 3\n", "3\n4 4\n1 0\n9 9\n"], "rows of numbers"),
        (["2\nabc\nd\n", "1\nef\n"], "rows of words"),
        (["2 3\n#..\n.#.\n", "3 2\n..\n##\n.#\n"], "grid or matrix"),
        (["2 2\n1 2\n3 4\n", "1 3\n4 5 6\n"], "grid or matrix"),
        (["3 2\n1 2\n2 3\n", "4 3\n1 2\n3 4\n2 4\n", "2 1\n1 2\n"], "graph"),
        (["", " "], "of no shape we know"),
    ],
)
def test_input_types(inputs: list[str], expected: str) -> None:
    assert input_type(tuple(TestCase(text, "") for text in inputs)) == expected


def test_functions_have_calls() -> None:
    assert input_type((TestCase("f(1)", "2", Match.VALUES),)) == "calls of a function"


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("print(1)", ("none of these",)),
        ("a = sorted([2, 1])\na.sort()", ("sorting",)),
        ("from bisect import bisect_left as b", ("binary search",)),
        ("import numpy as np\nnp.cumsum([1])", ("prefix sums", "numpy")),
        ("import scipy.sparse", ("other packages",)),
        ("d = {x: 1 for x in 'ab'}", ("counting and hashing",)),
        ("M = 10 ** 9 + 7", ("large modulus",)),
        ("M = int(1e9) + 7", ("large modulus",)),
        ("M = 998244353", ("large modulus",)),
        ("def f(n):\n    return n and f(n - 1)", ("recursion",)),
        ("def f(n):\n    return g(n)", ("none of these",)),
        ("for i in 'a':\n    while 0:\n        pass", ("nested loops",)),
        ("for i in 'a':\n    pass\nfor i in 'a':\n    pass", ("none of these",)),
        ("print 1", ("none of these",)),  # cannot be read
    ],
)
def test_topics(program: str, expected: tuple[str, ...]) -> None:
    assert topics((program,)) == expected


def test_topics_are_of_both_programs() -> None:
    assert topics(("import heapq", "import math\nmath.gcd(4, 6)")) == ("heap", "number theory")


@pytest.mark.parametrize(("num", "place"), [(1, 0), (10, 0), (11, 1), (40, 2), (41, 3)])
def test_bands_of_length(num: int, place: int) -> None:
    assert length_of("\n\n".join(["pass"] * num)) == list(LENGTHS)[place]
