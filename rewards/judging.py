"""Whether a program's full output is the expected one, decided in the parent process.

One policy for white space: outputs are equal when their sequences of words are, where words are
separated by space, tab, carriage return and line feed only. No number is parsed unless the test
asks for it, and then only where one is expected; nothing is compared up to the shorter one, and
exit status 0 is part of the answer. What functions return is judged in `rewards.functions`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from rewards import functions
from rewards.records import ExecutionResult, Limits, Match, Status, TestCase
from rewards.worker import Worker

_WORD: Final = re.compile(rb"[^ \t\r\n]+")
_NUMBER: Final = re.compile(rb"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_WHOLE: Final = re.compile(rb"[+-]?[0-9]{1,4000}")
"""As many digits as int() reads without being told to."""


def outputs_match(stdout: bytes, expected: str | bytes) -> bool:
    r"""Compare two whole outputs word by word.

    >>> outputs_match(b"1 2\r\n3", "1 2\n3\n")
    True
    >>> outputs_match(b"1 2", "1 2 3")
    False
    >>> outputs_match(b"1\x0c", "1")
    False
    """
    expected = _to_bytes(expected)
    return stdout == expected or _WORD.findall(stdout) == _WORD.findall(expected)


def numbers_match(stdout: bytes, expected: str, absolute: float, relative: float) -> bool:
    """Compare two whole outputs word by word, numbers within a tolerance.

    Only a decimal numeral is a number: nan, infinities, hexadecimal digits, underscores and other
    scripts' digits are words like any other. Whole numbers are not rounded to floats first.

    Args:
        stdout: What was printed.
        expected: What to print.
        absolute: The larger of this ...
        relative: ... and this share of the expected number is how far off an answer may be.

    >>> numbers_match(b"0.3333 yes", "0.33333 yes", 1e-3, 0)
    True
    >>> numbers_match(b"nan", "0.5", 1e-3, 0)
    False
    """
    found, wanted = _WORD.findall(stdout), _WORD.findall(_to_bytes(expected))
    return len(found) == len(wanted) and all(
        one == other or _is_near(one, other, absolute, relative)
        for one, other in zip(found, wanted, strict=True)
    )


def _is_near(found: bytes, wanted: bytes, absolute: float, relative: float) -> bool:
    if not (_NUMBER.fullmatch(found) and _NUMBER.fullmatch(wanted)):
        return False
    number, right = (int(w) if _WHOLE.fullmatch(w) else float(w) for w in (found, wanted))
    try:
        # False when either is beyond the largest float: inf - inf is nan.
        return abs(number - right) <= max(absolute, relative * abs(right)) < float("inf")
    except OverflowError:  # a whole number beyond it
        return False


def _to_bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")


def verdict(result: ExecutionResult, expected: str | bytes) -> Status:
    """The run's status, with WRONG_ANSWER where a clean run printed something else."""
    if result.status is Status.OK and not outputs_match(result.stdout, expected):
        return Status.WRONG_ANSWER
    return result.status


def run_test(
    worker: Worker, program: str, test: TestCase, limits: Limits, *, is_measured: bool = False
) -> ExecutionResult:
    """Run a program on a test case once; the result's status is the verdict.

    Args:
        worker: Where to run.
        program: Untrusted source.
        test: Input and expected output.
        limits: For the run.
        is_measured: See `Worker.run`.

    Raises:
        SandboxError: If we failed.
    """
    composed = functions.compose(program, test)
    result = worker.run(composed.program, composed.stdin, limits, is_measured=is_measured)
    if result.status is Status.OK and not _is_accepted(result.stdout, test, composed.stdin):
        return replace(result, status=Status.WRONG_ANSWER)
    return result


def _is_accepted(stdout: bytes, test: TestCase, stdin: str) -> bool:
    if test.match in (Match.VALUES, Match.ASSERTS):
        return functions.is_right(stdout, test, stdin)
    tolerances = (test.absolute_tolerance, test.relative_tolerance)
    for expected in (test.output, *test.also_accepted):
        if test.match is Match.BYTES:
            is_same = stdout == _to_bytes(expected)
        elif test.match is Match.NUMBERS:
            is_same = numbers_match(stdout, expected, *tolerances)
        else:
            is_same = outputs_match(stdout, expected)
        if is_same:
            return True
    return False


@dataclass(frozen=True, slots=True)
class Judgement:
    """How a program did on a problem's tests."""

    status: Status
    """OK, or the status of the first failed test."""
    num_passed: int
    num_run: int
    num_tests: int
    longest_wall_s: float
    is_weakly_judged: bool = False
    """Whether a test ran beside the program, which could have forged it."""

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
        result = run_test(worker, program, test, limits)
        num_run += 1
        longest_wall_s = max(longest_wall_s, result.wall_s)
        if result.status is Status.OK:
            num_passed += 1
            continue
        if status is Status.OK:
            status = result.status
        if not run_all or result.status is Status.SYNTAX_ERROR:
            break
    is_weak = any(test.is_weakly_judged for test in tests)
    return Judgement(status, num_passed, num_run, len(tests), longest_wall_s, is_weak)
