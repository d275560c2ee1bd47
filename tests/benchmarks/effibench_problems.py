"""Twelve problems in EffiBench's schema: quick, computing and holding ones, each with a completion.

The benchmark's own rows need the hub. Here the expected values come from the canonical solutions.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

PRELUDE = """\
import collections, itertools, functools, math, heapq, bisect, random, re, string
from typing import *
from collections import *
from itertools import *
from functools import *
from heapq import *
from bisect import *
"""
"""What solutions take for granted; EffiBench too puts a prelude of this kind before each."""


@dataclass(frozen=True, slots=True)
class Case:
    """A problem: two bodies of one method, and arguments for it."""

    kind: str
    """quick, computing or holding: what a run of it mostly does."""
    signature: str
    canonical: str
    completion: str
    arguments: Callable[[random.Random], list[tuple[Any, ...]]]


def _numbers(count: int, most: int) -> Callable[[random.Random], list[tuple[Any, ...]]]:
    return lambda rng: [([rng.randrange(most) for _ in range(count)],) for _ in range(3)]


def _each(*values: int) -> Callable[[random.Random], list[tuple[Any, ...]]]:
    return lambda _: [(value,) for value in values]


CASES = (
    Case(
        "quick",
        "xs: List[int]",
        "return sorted(set(xs))",
        "return [key for key, _ in groupby(sorted(xs))]",
        _numbers(200, 100),
    ),
    Case(
        "quick",
        "xs: List[int]",
        "return sum(x for x in xs if x % 3 == 0)",
        "total = 0\nfor x in xs:\n    total += x if x % 3 == 0 else 0\nreturn total",
        _numbers(300, 1000),
    ),
    Case(
        "quick",
        "xs: List[int]",
        "return Counter(xs).most_common(1)[0][1]",
        "return max(xs.count(x) for x in xs)",
        _numbers(150, 40),
    ),
    Case(
        "quick",
        "n: int",
        "return bin(n).count('1')",
        "ones = 0\nwhile n:\n    ones += n & 1\n    n >>= 1\nreturn ones",
        _each(0, 1, 255, 12345678901, 2**90 - 1),
    ),
    Case(
        "quick",
        "xs: List[int]",
        "return list(accumulate(xs, max))",
        "return [max(xs[: i + 1]) for i in range(len(xs))]",
        _numbers(120, 10**6),
    ),
    Case(
        "computing",
        "n: int",
        "a, b = 0, 1\nfor _ in range(n):\n    a, b = b, (a + b) % 1000007\nreturn a",
        "a = [0, 1]\nfor i in range(n):\n    a = [a[1], sum(a) % 1000007]\nreturn a[0]",
        _each(400_000, 500_000, 600_000),
    ),
    Case(
        "computing",
        "n: int",
        "return sum(i * i % 7 for i in range(n))",
        "total = 0\nfor i in range(n):\n    total += pow(i, 2, 7)\nreturn total",
        _each(700_000, 800_000),
    ),
    Case(
        "computing",
        "n: int",
        "steps = 0\nwhile n > 1:\n    n = n // 2 if n % 2 == 0 else n - 1\n    steps += 1\n"
        "return steps + sum(x ^ 5 for x in range(500_000)) % 11",
        "steps = 0\nwhile n > 1:\n    n = n >> 1 if not n & 1 else n - 1\n    steps += 1\n"
        "return steps + sum([x ^ 5 for x in range(500_000)]) % 11",
        _each(10**12, 10**15 + 1),
    ),
    Case(
        "holding",
        "n: int",
        "sieve = bytearray([1]) * n\nfor i in range(2, math.isqrt(n) + 1):\n    if sieve[i]:\n"
        "        sieve[i * i :: i] = bytes(len(range(i * i, n, i)))\nreturn sum(sieve) - 2",
        "sieve = [True] * n\nfor i in range(2, math.isqrt(n) + 1):\n    if sieve[i]:\n"
        "        sieve[i * i :: i] = [False] * len(range(i * i, n, i))\nreturn sum(sieve) - 2",
        _each(3_000_000),
    ),
    Case(
        "holding",
        "n: int",
        "table = [i % 1009 for i in range(n)]\nreturn sum(table[::2])",
        "table = {i: i % 1009 for i in range(n)}\nreturn sum(table[i] for i in range(0, n, 2))",
        _each(500_000),
    ),
    Case(
        "holding",
        "n: int",
        "best = 0\nfor i in range(n):\n    best = max(best, i * 7919 % n)\nreturn best",
        "return max([i * 7919 % n for i in range(n)])",
        _each(600_000),
    ),
    Case(
        "holding",
        "n: int",
        "rows = [bytes(1000) for _ in range(n)]\nreturn len(rows) + sum(row[5] for row in rows)",
        "rows = [[0] * 1000 for _ in range(n)]\nreturn len(rows) + sum(row[5] for row in rows)",
        _each(8_000),
    ),
)


def rows() -> list[dict[str, Any]]:
    """Make the rows of a results file: what a model wrote, beside the canonical solution."""
    return [_row(index, case) for index, case in enumerate(CASES)]


def script(solution: str, row: dict[str, Any]) -> str:
    """The file that is run for a solution: prelude, solution, asserts."""
    return f"{PRELUDE}\n{solution}\n{row['test_case']}\n"


def _row(index: int, case: Case) -> dict[str, Any]:
    canonical, completion = (
        _solution(case.signature, body) for body in (case.canonical, case.completion)
    )
    namespace: dict[str, Any] = {}
    exec(f"{PRELUDE}\n{canonical}\nsolution = Solution()", namespace)
    calls = [
        (", ".join(map(repr, arguments)), namespace["solution"].answer(*arguments))
        for arguments in case.arguments(random.Random(index))
    ]
    asserts = [f"assert solution.answer({text}) == {value!r}" for text, value in calls]
    return {
        "problem_idx": 910_000 + index,
        "markdown_description": f"A {case.kind} problem for comparing meters.",
        "canonical_solution": canonical,
        "completion": completion,
        "test_case": "\n".join(["solution = Solution()", *asserts]),
    }


def _solution(signature: str, body: str) -> str:
    lines = "\n".join(f"        {line}" for line in body.split("\n"))
    return f"class Solution:\n    def answer(self, {signature}):\n{lines}\n"
