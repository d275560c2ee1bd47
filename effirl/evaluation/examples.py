"""Programs before and after, with what was measured of them: the best, a middling one, the worst.

Which ones are shown follows from the figures alone, so that nobody picks the nicest.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from effirl.evaluation.efficiency_metrics import memory_log2, time_log2
from effirl.scoring import CompletionRow
from rewards.records import Status

_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Example:
    """A program beside its source program."""

    title: str
    problem_id: str
    source_program: str
    program: str
    proof: str
    """What was measured, in a sentence."""


def examples(rows: Sequence[CompletionRow]) -> list[Example]:
    """Choose by speedup times memory reduction.

    Empty where the results do not hold the source programs.
    """
    correct = [
        row
        for row in rows
        if row.is_correct and row.comparison and row.source_program and not row.is_copy
    ]
    ranked = sorted(correct, key=_total, reverse=True)
    chosen = {
        "Best of all": ranked[0],
        "In the middle": ranked[len(ranked) // 2],
        "Worst that is correct": ranked[-1],
    } if ranked else {}  # fmt: skip
    wrong = [row for row in rows if row.status is Status.WRONG_ANSWER and row.source_program]
    if wrong:
        chosen["Wrong answer"] = wrong[len(wrong) // 2]
    return [
        Example(
            title,
            row.problem_id,
            row.source_program.strip("\n"),
            (row.program or "").strip("\n"),
            proof(row),
        )
        for title, row in chosen.items()
    ]


def proof(row: CompletionRow) -> str:
    """Say what was measured of a completion."""
    found = row.comparison
    if found is None or not row.is_correct:
        return f"It ended with {row.status}, at the first test that it failed."
    low, high = 2.0**found.time_low, 2.0**found.time_high
    return (
        f"Runtime {found.source_runtime_s * 1000:.2f} ms before, "
        f"{found.program_runtime_s * 1000:.2f} ms after: {2.0**found.time_log2_ratio:.2f}x as fast "
        f"({low:.2f} to {high:.2f}); net peak memory {found.source_peak_bytes / _MIB:.2f} MiB "
        f"before, {found.program_peak_bytes / _MIB:.2f} MiB after. Measured in "
        f"{found.rounds} interleaved rounds; every test passed."
    )


def _total(row: CompletionRow) -> float:
    assert row.comparison is not None
    return time_log2(row.comparison) + memory_log2(row.comparison)
