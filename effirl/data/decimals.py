"""How outputs with digits after a point are compared."""

import re
from dataclasses import replace
from typing import Final

from rewards.records import Match, TestCase

TOLERANCE: Final = 1e-6
"""The usual one of the judges where an answer is not a whole number."""
_DECIMAL: Final = re.compile(r"[0-9]\.[0-9]|[0-9]e-[0-9]")


def with_tolerance(case: TestCase) -> TestCase:
    """Allow for rounding where the expected output has digits after a point."""
    if case.match is not Match.WORDS or not _DECIMAL.search(case.output):
        return case
    return replace(
        case,
        match=Match.NUMBERS,
        absolute_tolerance=TOLERANCE,
        relative_tolerance=TOLERANCE,
    )
