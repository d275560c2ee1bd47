"""What each question is asked of beside its main comparison: phases, the warm start, controls."""

from collections.abc import Sequence
from typing import Final

from effirl.evaluation.pareto import Pair, compare
from effirl.evaluation.report_text import with_interval
from effirl.report.study import CORRECTNESS_ONLY, Group, Study

FIGURES: Final = {"time_gain": "runtime gain", "memory_gain": "memory gain", "pass@1": "correct"}
"""Metric -> head of its column."""
TOWARDS: Final = {"H1": ("runtime", 1.0), "H2": ("memory", 0.0)}
"""Question -> the phase that answers it, and alpha."""


def comparisons(study: Study, question: str, seed: int = 0) -> list[list[str]]:
    """Return the differences of a question as cells with a head; empty if the study has none."""
    pairs = [
        (one, other)
        for one, other in _pairs(study, question)
        if one is not None and other is not None and one is not other
    ]
    if not pairs:
        return []
    lines = [
        [one.label, other.label, *_cells(compare(one.candidate, other.candidate, seed))]
        for one, other in pairs
    ]
    return [["policy", "minus", *FIGURES.values()], *lines]


def signs(values: Sequence[float]) -> str:
    """Show which seeds of training agree on a direction, nothing for a single one.

    >>> signs([0.1, -0.2, 0.0]), signs([0.1])
    ('+-0', '')
    """
    if len(values) < 2:
        return ""
    return "".join("+" if value > 0 else "-" if value < 0 else "0" for value in values)


def _pairs(study: Study, question: str) -> list[tuple[Group | None, Group | None]]:
    base, start = study.reference, study.start
    both_orders = [
        (study.named(f"phase {one} then {other}"), study.named(f"phase {one}"))
        for one, other in (("runtime", "memory"), ("memory", "runtime"))
    ]
    if question == "H3":
        return [
            *both_orders,
            (study.reinforced(1, is_conditioned=True), study.reinforced(0, is_conditioned=True)),
        ]
    if question == "H4":
        return [
            (study.reinforced(0.5), start),
            (study.reinforced(0.5, is_conditioned=True), start),
            *((phases, base) for phases, _ in both_orders),
        ]
    phase, alpha = TOWARDS[question]
    return [
        (start, base),
        (study.named(f"phase {phase}"), base),
        (study.reinforced(alpha), start),
        (study.reinforced(alpha, is_conditioned=True), start),
        (study.named(CORRECTNESS_ONLY), start),
    ]


def _cells(pair: Pair) -> list[str]:
    return [
        f"{with_interval(pair.differences[name])} {signs([run[name] for run in pair.by_seed])}"
        for name in FIGURES
    ]
