"""The quality of code: does it parse, how long, how complex, how far from the source program.

By radon: cyclomatic complexity (McCabe; of the whole program, module level included) and the
maintainability index (0 to 100, higher is better), which mixes Halstead's volume, complexity, lines
and comments; radon gives 100 to a program without an operator. Only programs that were run and
found correct are looked at: parsing is done here, in our own process, and a parser is not proof
against every text.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from radon.metrics import mi_visit
from radon.raw import analyze
from radon.visitors import ComplexityVisitor

from effirl.evaluation.metrics import Metric, over_compared, over_scored
from effirl.scoring import CompletionRow
from rewards.extraction import normalise
from rewards.records import Status


@dataclass(frozen=True, slots=True)
class CodeQuality:
    """What a program's text says of it."""

    num_lines: int
    """Of code: neither blank ones nor comments."""
    complexity: int
    """Cyclomatic."""
    maintainability: float


@lru_cache(maxsize=1 << 16)
def code_quality(program: str) -> CodeQuality | None:
    r"""Measure a correct program's text; None if it nests too deep to be read.

    >>> code_quality("n = int(input())\nif n:\n    print(n)\n")
    CodeQuality(num_lines=3, complexity=2, maintainability=100.0)
    """
    try:
        return CodeQuality(
            num_lines=analyze(program).sloc,
            complexity=ComplexityVisitor.from_code(program).total_complexity,
            maintainability=float(mi_visit(program, multi=True)),
        )
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


@lru_cache(maxsize=1 << 16)
def edit_distance(source_program: str, program: str) -> float:
    """Return the Levenshtein distance of two programs' tokens over the longer's number of them.

    Comments, blank lines and spacing do not count.

    >>> edit_distance("a = b + 1", "a = b+1  # one"), edit_distance("a = b + 1", "a = c + 1")
    (0.0, 0.16666666666666666)
    """
    rows, columns = _tokens(source_program), _tokens(program)
    places = np.arange(len(columns) + 1)
    distances = places
    for number, token in enumerate(rows, start=1):
        kept = distances[:-1] + (columns != token)
        reached = np.minimum(np.concatenate(([number], kept)), distances + 1)
        # Insertions: the cheapest place to the left, one more for each step from there.
        distances = np.minimum.accumulate(reached - places) + places
    return float(distances[-1] / max(len(rows), len(columns), 1))


def _tokens(program: str) -> NDArray[np.str_]:
    key = normalise(program)
    # Where it is the text itself, words and signs have to do.
    tokens = key.split("\0") if "\0" in key else re.findall(r"\w+|[^\w\s]", key)
    return np.array([token for token in tokens if token], dtype=np.str_)


def qualities(row: CompletionRow) -> tuple[CodeQuality, CodeQuality] | None:
    """Return those of a correct completion's source program and of the program itself."""
    if not row.is_correct or row.program is None or not row.source_program:
        return None
    source, program = code_quality(row.source_program), code_quality(row.program)
    return None if source is None or program is None else (source, program)


def distance(row: CompletionRow) -> float | None:
    """Return how far a correct program is from its source program, from 0 to 1."""
    if not row.is_correct or row.program is None or not row.source_program:
        return None
    return edit_distance(row.source_program, row.program)


def _parses(row: CompletionRow) -> float:
    return float(row.status not in (Status.NO_CODE, Status.SYNTAX_ERROR))


def _beside(name: str, attribute: str, meaning: str, better: str) -> tuple[Metric, Metric]:
    def of(row: CompletionRow, which: int) -> float | None:
        pair = qualities(row)
        return None if pair is None else float(getattr(pair[which], attribute))

    return (
        over_compared(
            name, f"{meaning}, mean over correct completions", better, lambda r: of(r, 1)
        ),
        over_compared(
            f"{name}_of_source", "the same of their source programs", "", lambda r: of(r, 0)
        ),
    )


def _change(row: CompletionRow) -> float | None:
    pair = qualities(row)
    return None if pair is None else pair[1].maintainability - pair[0].maintainability


CODE_QUALITY = (
    over_scored("parse_rate", "share of completions that are Python programs", "higher", _parses),
    over_compared(
        "maintainability_change",
        "maintainability index of program - of source, mean over correct completions",
        "higher",
        _change,
    ),
    *_beside("maintainability", "maintainability", "maintainability index, 0 to 100", "higher"),
    *_beside("complexity", "complexity", "cyclomatic complexity", "lower"),
    *_beside("lines", "num_lines", "lines of code", "lower"),
    over_compared(
        "edit_distance",
        "share of tokens that differ from the source program's, mean over correct completions",
        "",
        distance,
    ),
)
