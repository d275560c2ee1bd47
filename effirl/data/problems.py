"""The one row type that every data set yields, and how a loader makes a list of them."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from effirl.data.rows import Row
from rewards.efficiency import ScoreRequest
from rewards.errors import ProblemError
from rewards.records import TestCase


class InputOrigin(StrEnum):
    """Where the performance inputs of a problem come from: what measured gains stand on."""

    OWN = "the data set's own"
    PUBLIC = "public tests"
    """Examples of a contest: on most of them nothing can be measured."""
    FOUND = "found"
    """By `effirl.data.perf_inputs`, with outputs that programs of several authors agree on."""
    WEAK = "found, weakly verified"
    """The outputs are one author's word alone."""


@dataclass(frozen=True, slots=True)
class Target:
    """An improved program, as a data set gives it, with the tags that its gain earned."""

    program: str
    runtime_tag: int | None = None
    """1 for a significant runtime gain, 0 for a minor or negative one, None when unknown."""
    memory_tag: int | None = None
    """The same for peak memory."""
    name: str = ""
    """What the alternative is, for tables."""
    claimed_speedup: float | None = None
    """Source program's runtime over the target's, by the data set's own figures."""
    claimed_memory_reduction: float | None = None
    """The same of peak memory."""
    balances: tuple[float, ...] = ()
    """Each alpha at which it was measured as the best of its problem; empty for an only one."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A source program to improve, and how to check and measure what replaces it.

    Raises:
        ProblemError: If the id or the source program is empty, or a target is.
    """

    problem_id: str
    """Data set's id. Several rows may share it (PIE has many source programs for one problem)."""
    description: str
    """One or two sentences, without line breaks: the `Problem:` line of the prompt."""
    source_program: str
    tests: tuple[TestCase, ...] = ()
    performance_inputs: tuple[TestCase, ...] = ()
    targets: tuple[Target, ...] = ()
    """The first one is the data set's own answer, where it has several."""
    submission_ids: tuple[str, ...] = ()
    """The judge's ids of the programs, where known: other data sets may hold the same ones."""
    language: str = "python"
    """Of all programs, in lower case. Only Python can be run."""
    author: str = ""
    """Who wrote the programs, where known: one author's programs agree on their own mistakes."""
    input_origin: InputOrigin = InputOrigin.OWN

    @property
    def programs(self) -> tuple[str, ...]:
        """The source program and the targets."""
        return (self.source_program, *(target.program for target in self.targets))

    def request(self, completion: str, alpha: float | None = None) -> ScoreRequest:
        """Ask what a completion is worth, at a balance or, with None, at the scorer's own."""
        return ScoreRequest(
            problem_id=self.problem_id,
            source_program=self.source_program,
            tests=self.tests,
            performance_inputs=self.performance_inputs,
            completion=completion,
            alpha=alpha,
        )

    def __post_init__(self) -> None:
        if not self.problem_id:
            raise ProblemError("problem_id must not be empty")
        if not self.source_program.strip():
            raise ProblemError(f"source_program of {self.problem_id} must not be empty")
        for target in self.targets:
            if not target.program.strip():
                raise ProblemError(f"a target of {self.problem_id} is empty")


@dataclass(slots=True)
class LoadedProblems:
    """What a loader found, and what it left out."""

    problems: list[Problem]
    dropped: Counter[str] = field(default_factory=Counter)
    """Reason -> number of rows."""


TARGET_IS_SOURCE: Final = "target is the source program"
"""A reason that several data sets have."""


class Unusable(Exception):  # noqa: N818  # a finding about a well-formed row, no error
    """Why a row is left out, in the words that are counted."""


def collect(
    rows: Iterable[Row], make: Callable[[Row], Problem | None], limit: int | None
) -> LoadedProblems:
    """Make problems of rows, and count those that cannot be used.

    Args:
        rows: Read only as far as needed.
        make: Gives None for a row of another split; raises `Unusable` for one to count.
        limit: Stop at so many problems.
    """
    loaded = LoadedProblems([])
    for row in rows:
        try:
            problem = make(row)
        except Unusable as reason:
            loaded.dropped[str(reason)] += 1
            continue
        if problem is not None:
            loaded.problems.append(problem)
            if len(loaded.problems) == limit:
                break
    return loaded
