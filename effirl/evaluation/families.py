"""The same figures for each family of problems, where a data set's problem ids name families."""

from collections.abc import Sequence
from typing import Final

from effirl.evaluation.bootstrap import estimate
from effirl.evaluation.evaluations import Estimates, Evaluation
from effirl.evaluation.metrics import Samples

FAMILY_METRICS: Final = {
    "pass@1": "correct",
    "speedup_geometric": "speedup",
    "memory_reduction_geometric": "memory reduction",
}
"""Metric -> what it is called in the table."""


def family_of(problem_id: str) -> str | None:
    """Return the middle of an id such as builtin/FAMILY/test/0000, None for any other id.

    >>> family_of("builtin/prime-count/test/0003"), family_of("p00012")
    ('prime-count', None)
    """
    parts = problem_id.split("/")
    return parts[1] if len(parts) == 4 else None


def by_family(evaluation: Evaluation, seed: int = 0) -> dict[str, Estimates]:
    """Compute some figures of each family, in alphabetical order; empty without families."""
    families: dict[str, list[Samples]] = {}
    for samples in evaluation.by_problem():
        family = family_of(samples[0].problem_id)
        if family is not None:
            families.setdefault(family, []).append(samples)
    return {family: _figures(evaluation, families[family], seed) for family in sorted(families)}


def _figures(evaluation: Evaluation, problems: Sequence[Samples], seed: int) -> Estimates:
    return {
        metric.name: estimate(metric.over(problems), seed)
        for metric in evaluation.metrics()
        if metric.name in FAMILY_METRICS
    }
