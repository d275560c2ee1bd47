"""What the built-in model is pre-trained on: single programs, never a program with its improvement.

Programs of the catalog's `train` split, and random ones that make names and constants vary. Nothing
of the splits that are held out, not even by coincidence.
"""

import ast
import random
import re
from dataclasses import dataclass

from effirl.data import catalog
from effirl.data.problems import Problem
from effirl.data.random_programs import NAMES, random_program

HELD_OUT_SPLITS = ("validation", "test", "transfer")
_RENAMED_FRACTION = 0.5


@dataclass(frozen=True, slots=True)
class CorpusText:
    """One program and the sentence that says what it does."""

    description: str
    program: str


def build_corpus(*, instances_per_family: int, num_random: int, seed: int) -> list[CorpusText]:
    """Return the programs to learn from, shuffled, each of them once.

    Args:
        instances_per_family: Train instances of each family; all their programs are taken.
        num_random: Random programs beside them.
        seed: Of the random programs, the new names and the order.
    """
    rng = random.Random(seed)
    problems = catalog.load(
        "train", instances_per_family=instances_per_family, with_tests=False
    ).problems
    texts = [CorpusText(p.description, program) for p in problems for program in programs_of(p)]
    texts = [_rename(t, rng) if rng.random() < _RENAMED_FRACTION else t for t in texts]
    texts += [CorpusText(*random_program(rng)) for _ in range(num_random)]
    forbidden = held_out_forms()
    unique = {t.program: t for t in texts if normal_form(t.program) not in forbidden}
    corpus = list(unique.values())
    rng.shuffle(corpus)
    return corpus


def held_out_corpus() -> list[CorpusText]:
    """Return the programs of the catalog's `validation` split, to measure on."""
    problems = catalog.load("validation", with_tests=False).problems
    texts = [CorpusText(p.description, program) for p in problems for program in programs_of(p)]
    return list({t.program: t for t in texts}.values())


def programs_of(problem: Problem) -> list[str]:
    """Return a problem's source program and its targets, as prompts and completions hold them."""
    return [program.strip("\n") for program in problem.programs]


def held_out_forms() -> frozenset[str]:
    """Return the normal forms of all programs that must not be learnt from."""
    return frozenset(
        normal_form(program)
        for split in HELD_OUT_SPLITS
        for problem in catalog.load(split, with_tests=False).problems
        for program in programs_of(problem)
    )


def normal_form(program: str) -> str:
    """Return the program without comments and with one layout.

    >>> normal_form("x=1 # one") == normal_form("x = 1")
    True
    """
    return ast.unparse(ast.parse(program))


def _rename(text: CorpusText, rng: random.Random) -> CorpusText:
    """Give some variables of a program new names, so that none belongs to its family alone."""
    tree = ast.parse(text.program)
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Name | ast.arg)]
    used = {node.id if isinstance(node, ast.Name) else node.arg for node in nodes}
    bound = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    old_names = sorted(name for name in bound if not _is_shadowing(name))
    free = sorted(set(NAMES) - used - set(re.findall(r"\w+", text.program)))
    chosen = rng.sample(old_names, rng.randint(0, len(old_names)))
    new_names = dict(zip(chosen, rng.sample(free, len(chosen)), strict=True))
    # Not behind a dot or a quote: an attribute or a string is not the variable.
    renamed = re.sub(
        r"(?<![\w.\"'\\])[A-Za-z_]\w*", lambda m: new_names.get(m[0], m[0]), text.program
    )
    return CorpusText(text.description, renamed)


def _is_shadowing(name: str) -> bool:
    return name in ("_", "input", "print")
