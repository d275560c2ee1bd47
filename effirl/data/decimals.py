"""How outputs with digits after a point are compared."""

import re
from dataclasses import replace
from typing import Final

from rewards.records import Match, TestCase

TOLERANCE: Final = 1e-6
"""The usual one of the judges where an answer is not a whole number."""
_DECIMAL: Final = re.compile(r"[0-9]\.[0-9]|[0-9]e-[0-9]")
_LARGE: Final = re.compile(r"(?<!\S)-?[0-9]{7,}(?!\S)")
"""A whole number of which that share would be 1 or more."""


def with_tolerance(case: TestCase) -> TestCase:
    """Allow for rounding where the expected output has digits after a point.

    >>> with_tolerance(TestCase("1 3", "0.333333")).relative_tolerance
    1e-06
    >>> with_tolerance(TestCase("7 2", "1000000007 0.5")).relative_tolerance
    0.0
    """
    if case.match is not Match.WORDS or not _DECIMAL.search(case.output):
        return case
    return replace(
        case,
        match=Match.NUMBERS,
        absolute_tolerance=TOLERANCE,
        relative_tolerance=0.0 if _LARGE.search(case.output) else TOLERANCE,
    )
