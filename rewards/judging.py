"""Whether a program's full output is the expected one, decided in the parent process.

One policy for white space: outputs are equal when their sequences of words are, where words are
separated by space, tab, carriage return and line feed only. No number is parsed, nothing is
compared up to the shorter one, and exit status 0 is part of the answer.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rewards.records import ExecutionResult, Limits, Status, TestCase
from rewards.worker import Worker

_WORD: Final = re.compile(rb"[^ \t\r\n]+")


def outputs_match(stdout: bytes, expected: str | bytes) -> bool:
    r"""Compare two whole outputs word by word.

    >>> outputs_match(b"1 2\r\n3", "1 2\n3\n")
    True
    >>> outputs_match(b"1 2", "1 2 3")
    False
    >>> outputs_match(b"1\x0c", "1")
    False
    """
    if isinstance(expected, str):
        expected = expected.encode("utf-8", "surrogatepass")
    return stdout == expected or _WORD.findall(stdout) == _WORD.findall(expected)


def verdict(result: ExecutionResult, expected: str | bytes) -> Status:
    """The run's status, with WRONG_ANSWER where a clean run printed something else."""
    if result.status is Status.OK and not outputs_match(result.stdout, expected):
        return Status.WRONG_ANSWER
    return result.status


@dataclass(frozen=True, slots=True)
class Judgement:
    """How a program did on a problem's tests."""

    status: Status
    """OK, or the status of the first failed test."""
    num_passed: int
    num_run: int
    num_tests: int
    longest_wall_s: float

    @property
    def pass_rate(self) -> float:
        """Share of all tests that passed; a test that was not run did not pass."""
        return self.num_passed / self.num_tests


def judge(
    worker: Worker, program: str, tests: Sequence[TestCase], limits: Limits, *, run_all: bool
) -> Judgement:
    """Run a program on its tests, shortest input first, once each.

    Args:
        worker: Where to run.
        program: Untrusted source.
        tests: At least one: passing none of none is not correct.
        limits: For each run.
        run_all: Go on after a failure, for partial credit.

    Raises:
        ValueError: If there are no tests.
        SandboxError: If we failed.
    """
    if not tests:
        raise ValueError("a program must be judged on at least one test, got none")
    status, num_passed, num_run, longest_wall_s = Status.OK, 0, 0, 0.0
    for test in sorted(tests, key=lambda t: len(t.input)):
        result = worker.run(program, test.input, limits)
        outcome = verdict(result, test.output)
        num_run += 1
        longest_wall_s = max(longest_wall_s, result.wall_s)
        if outcome is Status.OK:
            num_passed += 1
            continue
        if status is Status.OK:
            status = outcome
        if not run_all or outcome is Status.SYNTAX_ERROR:
            break
    return Judgement(status, num_passed, num_run, len(tests), longest_wall_s)
