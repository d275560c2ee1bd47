"""What the right answer to a made-up input is: what accepted programs of several authors print.

A judge accepted them on inputs that we do not have, so on a valid input they agree. A crash or a
difference says that the input is not valid, and it is dropped; a program that reaches a limit says
nothing, as a slow one may.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from effirl.data.decimals import with_tolerance
from rewards.judging import run_test
from rewards.records import Limits, Status, TestCase
from rewards.worker import Worker

LIMITS: Final = Limits(wall_s=4.0)
"""Generous: on a busy machine a program gets a share of its core."""
MIN_AUTHORS: Final = 2
OUT_OF_LIMITS: Final = (Status.TIME_LIMIT, Status.MEMORY_LIMIT)


@dataclass(frozen=True, slots=True)
class Voter:
    """An accepted program and who wrote it."""

    program: str
    author: str


@dataclass(frozen=True, slots=True)
class Agreement:
    """An input with the output that so many authors' programs print."""

    case: TestCase
    num_authors: int


def agree(worker: Worker, voters: Sequence[Voter], text: str) -> Agreement | None:
    """Ask for the output on an input.

    Args:
        worker: Runs the programs.
        voters: Accepted programs. Where all are of one author, his word has to do.
        text: The input.

    Returns:
        None where they do not agree, or too few end within the limits.

    Raises:
        SandboxError: If we failed.
    """
    case: TestCase | None = None
    authors: set[str] = set()
    needed = min(MIN_AUTHORS, len({voter.author for voter in voters}))
    for place, voter in enumerate(voters):
        if len(authors) + len(voters) - place < needed:
            return None
        if case is None:
            result = worker.run(voter.program, text, LIMITS)
            if result.status is Status.OK:
                output = result.stdout.decode("utf-8", "replace")
                case = with_tolerance(TestCase(text, output))
        else:
            result = run_test(worker, voter.program, case, LIMITS)
        if result.status is Status.OK:
            authors.add(voter.author)
        elif result.status not in OUT_OF_LIMITS:
            return None
    if case is None or not case.output.strip() or len(authors) < needed:
        return None
    return Agreement(case, len(authors))


def is_right(worker: Worker, program: str, cases: Sequence[TestCase]) -> bool:
    """Whether a program answers all cases within the limits."""
    return all(run_test(worker, program, case, LIMITS).status is Status.OK for case in cases)
