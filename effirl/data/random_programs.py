"""Random small programs in a contest's style: input, a few statements, output.

They teach the language to the built-in model: names that are used again, constants that are copied,
indentation. They compute nothing useful, and most are not worth running.
"""

import random
from dataclasses import dataclass, field

from effirl.data import program_templates

_NAME_LINES = """
n m k a b c d e f g h p q r s t u v w x y z i j l aa bb cc dd xs ys zs arr nums vals values data
items seq res ans out total count cnt acc best low high left right lo hi cur prev nxt last first
start end limit size width depth step line word words text chars tokens row rows col cols grid pos
idx index key val table memo cache seen used freq counts prefix suffix sums dp stack queue heap
score cost price weight amount money height length mod base power digit digits target query
queries pairs edges graph node nodes found result answer buf tmp A B C N M K S T X Y MOD LIMIT
num_items max_value min_value running cur_sum
"""
NAMES = tuple(_NAME_LINES.split())
_FUNCTION_NAMES = (
    *("main", "solve", "run", "calc", "compute", "work", "f", "helper", "go", "check"),
    *("process", "evaluate", "get_answer"),
)
_PRINT_PHRASES = {
    "num": ("Print one number.", "Print the value modulo a constant.", "Output the result."),
    "nums": ("Print the resulting numbers.", "Print what is left of the list.", "Output the sum."),
    "text": ("Print the new string.", "Output the string."),
    "words": ("Print the words.", "Output the words that remain."),
    "table": ("Print how often each occurs.", "Print the counts."),
}
_KINDS = tuple(program_templates.PRINTS)


def _split(block: str) -> list[str]:
    return block.strip("\n").split("\n\n")


_READS = [(makes, _split(block)) for makes, block in program_templates.READS]
_STATEMENTS = [
    (makes, text) for makes, block in program_templates.STATEMENTS.items() for text in _split(block)
]
_PRINTS = {kind: _split(block) for kind, block in program_templates.PRINTS.items()}


@dataclass(slots=True)
class _Scope:
    """The variables of one program so far, by kind, and the names that are left."""

    rng: random.Random
    unused: list[str]
    variables: dict[str, list[str]] = field(default_factory=dict)
    newest: tuple[str, str] = ("", "")
    """Kind and name of what was made last."""

    def fits(self, template: str) -> bool:
        return all(kind in self.variables for kind in _KINDS if "{" + kind + "}" in template)

    def read(self, makes: str, template: str) -> tuple[str, str]:
        """Return a description's phrase and the lines that read a variable of the kind `makes`."""
        phrase, _, lines = template.removeprefix("# ").partition("\n")
        slots = {slot: self.unused.pop() for slot in ("out", "num", "x", "y")}
        if "{num}" in lines:
            self._add("num", slots["num"])
        self._add(makes, slots["out"])
        return phrase.format(**slots), lines.format(**slots)

    def make(self, makes: str, template: str) -> str:
        """Return a statement that makes a new variable of the kind `makes`."""
        name = self.unused.pop()
        lines = self.fill(template, out=name)
        self._add(makes, name)
        return lines

    def _add(self, kind: str, name: str) -> None:
        self.variables.setdefault(kind, []).append(name)
        self.newest = (kind, name)

    def fill(self, template: str, **fixed: str) -> str:
        """Fill every slot of a template."""
        rng = self.rng
        slots = {kind: rng.choice(names) for kind, names in self.variables.items()}
        slots |= {local: self.unused.pop() for local in "xy" if "{" + local + "}" in template}
        slots |= {
            "c": str(rng.choice((rng.randint(2, 9), rng.randint(2, 60), rng.randint(2, 999)))),
            "d": str(rng.choice((rng.randint(1, 9), rng.randint(10, 99)))),
            "m": str(
                rng.choice((10**9 + 7, 998244353, rng.randint(7, 99), rng.randint(100, 999999)))
            ),
            "small": str(rng.randint(0, 3)),
            "op": rng.choice(("+", "-", "*", "//", "%", "^")),
            "cmp": rng.choice(("<", ">", "<=", ">=", "==", "!=")),
            "letter": f'"{rng.choice("abcdefghijklmnopqrstuvwxyz-#.,")}"',
            "letters": f'"{"".join(rng.sample("abcdefghijklmnopqrstuvwxyz", rng.randint(1, 5)))}"',
        }
        return template.format(**(slots | fixed))


def random_program(rng: random.Random) -> tuple[str, str]:
    """Return a description and a program of 3 to about 20 lines."""
    scope = _Scope(rng, rng.sample(NAMES, len(NAMES)))
    groups = rng.sample(_READS, rng.choice((1, 1, 1, 2)))
    reads = [scope.read(makes, rng.choice(texts)) for makes, texts in groups]
    parts = [text for _, text in reads]
    for _ in range(rng.randint(1, 4)):
        makes, text = rng.choice([s for s in _STATEMENTS if scope.fits(s[1])])
        parts.append(scope.make(makes, text))
    kind, name = scope.newest
    text = rng.choice([text for text in _PRINTS[kind] if scope.fits(text)])
    parts.append(scope.fill(text, v=name))
    phrases = [phrase for phrase, _ in reads]
    phrases.append(rng.choice(_PRINT_PHRASES[kind]))
    return " ".join(phrases), _arrange(rng, "\n".join(parts))


def _arrange(rng: random.Random, body: str) -> str:
    """Put imports first, and at times the rest into a function."""
    lines = body.split("\n")
    imports = sorted({line for line in lines if line.startswith("from ")})
    if "sys." in body:
        imports.insert(0, "import sys")
    elif rng.random() < 0.15:
        imports.insert(0, "import sys")
        lines.insert(0, "input = sys.stdin.readline")
    lines = [line for line in lines if not line.startswith("from ")]
    if rng.random() < 0.25 and not any(line.startswith("input =") for line in lines):
        name = rng.choice(_FUNCTION_NAMES)
        lines = [f"def {name}():", *(f"    {line}" for line in lines), f"{name}()"]
    return "\n".join((*imports, *lines))
