"""What each question is asked of beside its main comparison: phases, the warm start, controls."""

from collections.abc import Sequence
from typing import Final

from effirl.data.prompts import WISHES
from effirl.evaluation.pareto import Pair, compare
from effirl.evaluation.report_text import cell
from effirl.report.study import CORRECTNESS_ONLY, Group, Study, steered

FIGURES: Final = {"time_gain": "runtime gain", "memory_gain": "memory gain", "pass@1": "correct"}
"""Metric -> head of its column."""
TOWARDS: Final = {"H1": ("runtime", 1.0), "H2": ("memory", 0.0)}
"""Question -> the phase that answers it, and alpha."""
ORDERS: Final = (("runtime", "memory"), ("memory", "runtime"))
"""In which the study trains its phases."""


class Pairs:
    """Policies beside each other, each two compared once, however many figures are asked for."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, bool], Pair] = {}

    def of(self, group: Group, other: Group, *, solved_by_both: bool = False) -> Pair:
        """Compare two policies of one study; the arguments are those of `compare`."""
        key = group.label, other.label, solved_by_both
        if key not in self._found:
            self._found[key] = compare(
                group.candidate, other.candidate, solved_by_both=solved_by_both
            )
        return self._found[key]


def comparisons(study: Study, question: str, pairs: Pairs) -> list[list[str]]:
    """Return the differences of a question as cells with a head; empty if the study has none."""
    lines = [
        [one.label, other.label, *_cells(pairs.of(one, other))]
        for one, other in _asked(study, question)
        if one is not None and other is not None and one is not other
    ]
    if not lines:
        return []
    return [["policy", "minus", *FIGURES.values()], *lines]


def signs(values: Sequence[float]) -> str:
    """Show which seeds of training agree on a direction, nothing for a single one.

    >>> signs([0.1, -0.2, 0.0, float("nan")]), signs([0.1])
    ('+-0?', '')
    """
    if len(values) < 2:
        return ""
    return "".join("+" if v > 0 else "-" if v < 0 else "0" if v == 0 else "?" for v in values)


def _asked(study: Study, question: str) -> list[tuple[Group | None, Group | None]]:
    base, start = study.reference, study.start
    both_orders = [
        (study.named(f"phase {one} then {other}"), study.named(f"phase {one}"))
        for one, other in ORDERS
    ]
    if question == "H3":
        return [
            *both_orders,
            *(
                (
                    study.named(steered(f"phase {one} then {other}", WISHES[one])),
                    study.named(f"phase {one}"),
                )
                for one, other in ORDERS
            ),
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
        f"{cell(pair.differences[name], signed=True)} {signs([run[name] for run in pair.by_seed])}"
        for name in FIGURES
    ]
