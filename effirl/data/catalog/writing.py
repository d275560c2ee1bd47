"""How one instance words its programs: its names, its way of reading input, with or without main().

A family writes its programs once, as templates; a `Writer` draws the rest, and words the source
program and its alternatives alike, so that what differs between them is the algorithm.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from string import Template
from textwrap import dedent, indent

from effirl.data.catalog.family import Instance, Scale

# Role in a template -> what a contest programmer would call it. No name is in two pools. The first
# name of a pool is for a role that the source program does not have: what cannot be known from the
# source would only teach a model to guess.
NAMES = {
    "n": ("n", "limit", "size", "top", "length", "num"),
    "m": ("m", "width", "bound", "span"),
    "i": ("i", "k", "idx", "pos", "step"),
    "j": ("j", "t", "col", "nxt"),
    "x": ("x", "v", "value", "cur", "term"),
    "y": ("y", "w", "other", "prev"),
    "c": ("c", "ch", "char", "letter"),
    "total": ("total", "result", "acc", "answer", "res"),
    "best": ("best", "high", "record", "peak"),
    "items": ("values", "items", "seq", "data", "nums", "arr"),
    "table": ("table", "memo", "cache", "dp", "store", "known"),
    "seen": ("seen", "found", "used", "marked"),
    "rows": ("rows", "grid", "lines", "records"),
    "text": ("text", "s", "word", "line"),
}

INDENT = "    "


@dataclass(frozen=True, slots=True)
class Programs:
    """The templates of a family: `$n` and the like are names, `$A` and the like constants."""

    sources: tuple[str, ...]
    """Ways to write the source program, one of which an instance draws."""
    alternatives: Mapping[str, str]


class Writer:
    """Fills the templates of one instance.

    Args:
        rng: Draws names, the reading of input, and whether there is a main().
        constants: Upper-case name in the templates -> number.
    """

    def __init__(self, rng: random.Random, **constants: int) -> None:
        self._rng = rng
        self._constants = constants
        self._has_main = rng.random() < 0.5
        line = rng.choice(("input()", "input()", "sys.stdin.readline()"))
        self._values: dict[str, object] = {role: rng.choice(pool) for role, pool in NAMES.items()}
        self._values |= {"int": f"int({line})", "ints": f"map(int, {line}.split())"}
        self._values["line"] = line if line == "input()" else f"{line}.strip()"
        self._values |= constants

    def constant(self, name: str) -> int:
        """Return a constant, for inputs that must fit the program."""
        return self._constants[name]

    def _write(self, template: str) -> str:
        lines = Template(dedent(template).strip()).substitute(self._values).split("\n")
        imports = [line for line in lines if line.startswith(("import ", "from "))]
        body = "\n".join(lines[len(imports) :])
        if "sys." in body:
            imports.insert(0, "import sys")
        if self._has_main:
            body = f"def main():\n{indent(body, INDENT)}\n\nmain()"
        return "\n".join([*imports, body]) + "\n"

    def instance(
        self,
        description: str,
        programs: Programs,
        checking: tuple[str, ...],
        performance: Callable[[Scale], str],
    ) -> Instance:
        """Put an instance together; the description is a template, too."""
        source = self._rng.choice(programs.sources)
        used = set(Template(dedent(source)).get_identifiers())
        self._values |= {role: pool[0] for role, pool in NAMES.items() if role not in used}
        return Instance(
            Template(description).substitute(self._constants),
            self._write(source),
            {name: self._write(template) for name, template in programs.alternatives.items()},
            tuple(f"{text}\n" for text in checking),
            performance,
            tuple(self._constants.values()),
        )


def odd_modulus(rng: random.Random) -> int:
    """Return a modulus whose residues are no small cached integers: storing them costs memory."""
    return rng.randrange(10_001, 99_999, 2)


def sizes(rng: random.Random, training: int, evaluation: int) -> Callable[[Scale], str]:
    """Return the performance input that is a lone number, near the given ones."""
    factor = rng.uniform(0.95, 1.05)
    numbers: dict[Scale, int] = {"training": training, "evaluation": evaluation}
    return lambda scale: f"{round(numbers[scale] * factor)}\n"
