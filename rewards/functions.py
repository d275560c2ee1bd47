"""Function-style problems: `class Solution` or plain functions, tested by calls.

Theory of operation. A test case of kind `VALUES` holds a script of calls with its arguments
(`input`) and the checks of what they return (`output`), as `asserts` split them. `compose` puts the
program between a preamble and the script: one ordinary program, with the arguments as its standard
input, that the executor runs like any other. Its values come back on standard output, encoded by
`values`, and `is_right` compares them in this process.

What a program can do: all of it runs in its own process, so it can read its arguments early, know
how many calls there are, patch `call_runner`, or print values of its own and leave. It gains
nothing: whatever it writes is compared with what is expected, which its process never holds, and a
program that prints the right values for these arguments has computed them. Values of types of its
own are no values; what it prints beside (prints go nowhere, but descriptor 1 is open) spoils them.

What it costs: decoding the arguments, the preamble and encoding the values are part of the
program's runtime and memory, for the source program and its replacement alike. They draw ratios
towards 1 where calls are short: measure on calls that compute for longer than they read and write.

Not covered: a test text that cannot be split (kind `ASSERTS`) runs beside the program, asserts and
expected values included. It must end by echoing a number drawn anew for each run, so that leaving
early, crashing or printing a constant is no pass; but a program that was written for it can read
what is expected or echo the number itself. Such verdicts are marked as weakly judged.
"""

import builtins
import re
import secrets
from functools import cache
from importlib import import_module
from typing import Final, NamedTuple

from rewards import checks, values
from rewards.records import Match, TestCase

_STARRED: Final = (
    "typing", "string", "re", "datetime", "collections", "heapq", "bisect", "copy", "math",
    "random", "itertools", "functools", "operator",
)  # fmt: skip
"""All of their public names are taken for granted by solutions, later ones hide earlier ones ..."""
_MODULES: Final = (*_STARRED, "json", "sys")
"""... and these modules hide names, as in EffiBench; built-in functions are never hidden."""
_WORD: Final = re.compile(r"(?<![\w.])[A-Za-z]\w*")  # not an attribute
_FUTURE: Final = re.compile(r"^from __future__ import (?:\([^)]*\).*|.*)\n?", re.MULTILINE)
_BEGIN: Final = """\
from rewards.call_runner import begin as effirl_begin
effirl_data, effirl_observe, effirl_finish = effirl_begin(globals())"""
_BEGIN_CHECKED: Final = """\
from rewards.call_runner import begin_checked as effirl_begin
effirl_finish = effirl_begin(globals())"""
_MIN_ANSWER_BYTES: Final = 1 << 20
_ANSWER_FACTOR: Final = 8


class Composed(NamedTuple):
    """What the executor runs for a program and a test case."""

    program: str
    stdin: str


def compose(program: str, test: TestCase) -> Composed:
    """Make an ordinary program of a function-style one and its test; others stay as they are.

    A syntax error of the program is one of the whole, and line numbers are shifted.
    """
    if test.match not in (Match.VALUES, Match.ASSERTS):
        return Composed(program, test.input)
    # These must come first, and only a sandboxed process may parse the program.
    future, rest = "".join(_FUTURE.findall(program)), _FUTURE.sub("", program)
    if test.match is Match.ASSERTS:
        begin, script, stdin = _BEGIN_CHECKED, test.input, secrets.token_hex(16)
    else:
        begin = _BEGIN
        script, _, stdin = test.input.rpartition("\n")
    prelude = usual_imports(f"{rest}\n{script}")
    parts = (future, begin, prelude, rest, script, "effirl_finish()")
    return Composed("\n".join(parts), stdin)


def usual_imports(program: str) -> str:
    r"""Import what a program takes for granted, of the names that occur in it: more costs time.

    >>> usual_imports("def f(a: List[int]): return math.sqrt(heappop(a))")
    'import math\nfrom heapq import heappop\nfrom typing import List'
    """
    homes = _homes()
    words = sorted(set(_WORD.findall(program)) & homes.keys(), key=lambda word: (homes[word], word))
    return "\n".join(f"{homes[word]}import {word}" for word in words)


@cache
def _homes() -> dict[str, str]:
    """Map each usual name to how it is imported."""
    homes: dict[str, str] = {}
    for name in _STARRED:
        module = import_module(name)
        public = getattr(module, "__all__", [n for n in vars(module) if not n.startswith("_")])
        homes |= dict.fromkeys(public, f"from {name} ")
    for name in vars(builtins):
        homes.pop(name, None)
    return homes | dict.fromkeys(_MODULES, "")


def is_right(stdout: bytes, test: TestCase, stdin: str) -> bool:
    """Whether a clean run of `compose`'s program printed what its test asks for."""
    if test.match is Match.ASSERTS:
        return stdout == stdin.encode()
    # A right answer is about as long as what it is compared with.
    if len(stdout) > _MIN_ANSWER_BYTES + _ANSWER_FACTOR * len(test.output):
        return False
    try:
        found = values.decode(stdout, checks.MAX_HASHED)
    except ValueError:
        return False
    return isinstance(found, list) and checks.all_hold(test.output, found)
