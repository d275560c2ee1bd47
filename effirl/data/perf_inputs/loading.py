"""Puts the performance inputs that were found into problems, and says what problems stand on."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from effirl.data.perf_inputs import store
from effirl.data.perf_inputs.store import ProblemRecord, digest
from effirl.data.problems import InputOrigin, Problem
from effirl.errors import UserError

PUBLIC: Final = Path("public")
"""In place of a folder: measure on the public tests."""
PERFORMANCE_INPUTS_HELP: Final = (
    "Folder that make_inputs filled, for problems that have public tests only; `public`: measure "
    "on those."
)


def with_performance_inputs(problems: Sequence[Problem], folder: Path) -> list[Problem]:
    """Replace public tests as performance inputs by those found for a problem's source program.

    Problems for which nothing was found, or whose tests have changed since, stay as they are, and
    so do those of data sets that were made to be measured.

    Args:
        problems: In any order.
        folder: What `scripts/make_inputs.py` filled, or `PUBLIC`. The folder that it fills unless
            told otherwise may be absent.

    Raises:
        UserError: If another folder does not exist.
    """
    if folder == PUBLIC:
        return list(problems)
    if not folder.is_dir() and folder != store.DEFAULT_FOLDER:
        raise UserError(
            f"--performance-inputs must be a folder or `{PUBLIC}`, got {folder}, which does not "
            f"exist; make it with scripts/make_inputs.py --cache-dir {folder}"
        )
    names = dict.fromkeys(p.problem_id for p in problems if p.input_origin is InputOrigin.PUBLIC)
    records = {name: store.load(folder, name) for name in names}
    return [_with_inputs(problem, records.get(problem.problem_id)) for problem in problems]


def _with_inputs(problem: Problem, record: ProblemRecord | None) -> Problem:
    if record is None or record.tests != digest(problem.tests):
        return problem
    source = digest(problem.source_program)
    public = {case.input for case in problem.tests}
    for pair in record.pairs:
        if pair.source == source and pair.cases:
            cases = tuple(record.cases[place] for place in pair.cases)
            origin = InputOrigin.WEAK if record.is_weakly_verified else InputOrigin.FOUND
            if all(case.input in public for case in cases):  # some are large enough
                origin = InputOrigin.PUBLIC
            return replace(problem, performance_inputs=cases, input_origin=origin)
    return problem


def count_origins(problems: Iterable[Problem]) -> dict[str, int]:
    """Count problems by where their performance inputs come from."""
    counts = Counter(problem.input_origin for problem in problems)
    return {str(origin): counts[origin] for origin in InputOrigin if counts[origin]}


def provenance_of(problems: Sequence[Problem]) -> dict[str, object]:
    """Name what results on these problems stand on: the problems, and what they are measured on."""
    bare = [replace(p, performance_inputs=(), input_origin=InputOrigin.OWN) for p in problems]
    inputs = digest([problem.performance_inputs for problem in problems])
    return {
        "problems": digest(bare),
        "performance_inputs": {**count_origins(problems), "digest": inputs},
    }


def describe_inputs(problems: Iterable[Problem]) -> str:
    """Say in one line what the measurements of these problems will stand on.

    Returns:
        Nothing where all come from data sets that were made to be measured.
    """
    counts = count_origins(problems)
    if not counts.keys() - {InputOrigin.OWN}:
        return ""
    listed = ", ".join(f"{count} {origin}" for origin, count in counts.items())
    hint = ""
    if not counts.keys() & {InputOrigin.FOUND, InputOrigin.WEAK}:
        hint = " (most are too small to measure; see docs/data.md for larger ones)"
    return f"performance inputs: {listed}{hint}"
