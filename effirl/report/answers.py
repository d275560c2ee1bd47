"""The four questions, answered from figures alone: the words follow from the intervals."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from effirl.data.tags import Objective
from effirl.evaluation.bootstrap import Estimate, detectable
from effirl.evaluation.pareto import Pair
from effirl.evaluation.report_text import cell, number
from effirl.report.comparisons import Pairs, comparisons
from effirl.report.study import Group, Study

Verdict = Literal["yes", "no", "partly", "not seen", "not answered"]

CORRECTNESS_MARGIN: Final = 0.05
"""A loss of correctness that a reader would mind; kept means that a larger one is excluded."""
QUALITY_MARGIN: Final = 5.0
"""The same, in points of the maintainability index."""
EFFECTS: Final = {
    "time_gain": "runtime gain",
    "memory_gain": "memory gain",
    "speedup_geometric": "speedup",
    "memory_reduction_geometric": "memory reduction",
    "pass@1": "correct",
    "maintainability_change": "change of maintainability",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """One question, and what the figures say."""

    name: str
    question: str
    verdict: Verdict
    words: str
    effects: list[list[str]]
    """A table with a head, as cells; empty without an answer."""
    others: list[list[str]]
    """The comparisons beside the main one, likewise."""


@dataclass(frozen=True, slots=True)
class _Pair:
    """A policy beside another one."""

    group: Group
    other: Group
    found: Pair


def answer(study: Study, pairs: Pairs) -> list[Answer]:
    """Answer all four.

    The policy that a question is about is chosen by what it was trained for (the largest alpha for
    runtime, the smallest for memory, the one nearest to the middle for both), never by its results.
    """
    fast = _chosen(study.tuned, 1.0, "runtime", "both")
    lean = _chosen(study.tuned, 0.0, "memory", "both")
    reference = study.reference
    found = [
        _improves("H1", "Can tuning improve runtime?", "time_gain", fast, reference, pairs),
        _improves("H2", "Can tuning improve memory?", "memory_gain", lean, reference, pairs),
        _costs(fast, lean, pairs),
        _balances(chosen_for_both(study), reference, pairs),
    ]
    return [replace(each, others=comparisons(study, each.name, pairs)) for each in found]


def chosen_for_both(study: Study) -> Group | None:
    """Return the policy that the last question is about: near the middle, not at an end."""
    return _chosen(study.tuned, 0.5, "both", within=0.25)


def _chosen(
    groups: Sequence[Group], wanted: float, *aims: Objective, within: float = 0.5
) -> Group | None:
    """Return the policy trained nearest to a balance, or a conditioned one that was asked nearer.

    Where none is near enough it is a warm start or phase, by what it was trained for: the first of
    `aims` that there is.
    """
    near = [
        (abs(group.first.alpha - wanted), group.first.is_conditioned, place)
        for place, group in enumerate(groups)
        if group.first.alpha is not None and abs(group.first.alpha - wanted) <= within
    ]
    if near:
        return groups[min(near)[-1]]
    found = [(group.first.aim, group) for group in groups if group.first.alpha is None]
    return next((group for aim in aims for its, group in found if its == aim), None)


def _improves(
    name: str, question: str, metric: str, group: Group | None, reference: Group, pairs: Pairs
) -> Answer:
    if group is None:
        what = (
            "runtime (alpha 0.5 or more)" if metric == "time_gain" else "memory (alpha 0.5 or less)"
        )
        return _unanswered(name, question, f"no policy was tuned for {what}")
    pair = _paired(group, reference, pairs)
    difference = pair.found.differences[metric]
    verdict = _direction(difference)
    own, others = pair.found.figures, pair.found.other_figures
    size = {"time_gain": "speedup_geometric", "memory_gain": "memory_reduction_geometric"}[metric]
    adjective = "as fast as" if metric == "time_gain" else "as lean as"
    words = (
        f"{_lead(verdict, difference)} {EFFECTS[metric].capitalize()} of {group.label} minus that "
        f"of {reference.label}: {cell(difference, signed=True)}. Its correct programs are "
        f"{cell(own[size], 2)} times {adjective} their source programs, those of "
        f"{reference.label} {cell(others[size], 2)} times; of its completions "
        f"{_percent(own['pass@1'])} are correct, there {_percent(others['pass@1'])}. "
        f"{_origin(pair, size)}"
    )
    return Answer(name, question, verdict, words, _table(pair), [])


def _costs(fast: Group | None, lean: Group | None, pairs: Pairs) -> Answer:
    name, question = "H3", "What does each cost the other?"
    if fast is None or lean is None or fast.label == lean.label:
        return _unanswered(name, question, "it takes policies tuned at two balances")
    pair = _paired(fast, lean, pairs)
    time, memory = pair.found.differences["time_gain"], pair.found.differences["memory_gain"]
    seen = _direction(memory) == "no"
    traded = _direction(memory) == "no" and _direction(time) == "yes"
    words = (
        f"{'A trade-off is seen.' if traded else 'No clear trade-off is seen.'} From {lean.label} "
        f"to {fast.label}, runtime gain changes by {cell(time, signed=True)} and memory gain by "
        f"{cell(memory, signed=True)}. "
        f"{_smallest(time, 'runtime gain')}{_smallest(memory, 'memory gain')}"
    )
    return Answer(
        name,
        question,
        "yes" if traded else "partly" if seen else "not seen",
        words,
        _table(pair),
        [],
    )


def _balances(group: Group | None, reference: Group, pairs: Pairs) -> Answer:
    name = "H4"
    question = "Can one model balance both, with the quality of the code kept?"
    if group is None:
        return _unanswered(name, question, "no policy was tuned for both (alpha 0.25 to 0.75)")
    pair = _paired(group, reference, pairs)
    quality = pair.found.figures["maintainability_change"]
    improved = {
        "runtime improves": _direction(pair.found.differences["time_gain"]) == "yes",
        "memory improves": _direction(pair.found.differences["memory_gain"]) == "yes",
    }
    parts = {
        **improved,
        f"correctness is kept (no loss above {CORRECTNESS_MARGIN:.0%})": _above(
            pair.found.differences["pass@1"], -CORRECTNESS_MARGIN
        ),
        f"maintainability is kept (no loss above {QUALITY_MARGIN:g} points)": _above(
            quality, -QUALITY_MARGIN
        ),
    }
    held = [what for what, holds in parts.items() if holds]
    failed = [what for what, holds in parts.items() if not holds]
    verdict: Verdict = "yes" if not failed else "partly" if any(improved.values()) else "not seen"
    words = f"{group.label} beside {reference.label}: {'; '.join(held) or 'nothing is shown'}."
    if failed:
        words += f" Not shown: {'; '.join(failed)}."
    words += (
        f" Maintainability of its correct programs minus that of their source programs: "
        f"{cell(quality, signed=True)}."
    )
    return Answer(name, question, verdict, words, _table(pair), [])


def _paired(group: Group, other: Group, pairs: Pairs) -> _Pair:
    return _Pair(group, other, pairs.of(group, other))


def _unanswered(name: str, question: str, why: str) -> Answer:
    words = f"Not answered by these runs: {why}."
    return Answer(name, question, "not answered", words, [], [])


def _direction(difference: Estimate) -> Verdict:
    if difference.low is None or difference.high is None or difference.low <= 0 <= difference.high:
        return "not seen"
    return "yes" if difference.low > 0 else "no"


def _lead(verdict: Verdict, difference: Estimate) -> str:
    if verdict == "yes":
        return "Yes."
    if verdict == "no":
        return "No, it got worse."
    smallest = detectable(difference)
    found = "" if smallest is None else f" One of {smallest:.3f} or more would probably have been."
    return f"No difference is seen.{found}"


def _origin(pair: _Pair, size: str) -> str:
    """Say where a change of a gain comes from: a wrong completion gains 0."""
    differences = pair.found.differences
    correct, better = (_direction(differences[name]) for name in ("pass@1", size))
    seen = {"yes": "higher", "no": "lower", "not seen": "not seen to differ"}
    return (
        f"A gain counts wrong completions as 0: the share that is correct is {seen[correct]} "
        f"(difference {cell(differences['pass@1'], signed=True)}), and among the correct ones "
        f"{EFFECTS[size]} is {seen[better]} (difference {cell(differences[size], signed=True)})."
    )


def _smallest(difference: Estimate, what: str) -> str:
    smallest = detectable(difference)
    if smallest is None:
        return ""
    return f"A change of {what} by {smallest:.3f} would probably have been seen. "


def _above(found: Estimate, bound: float) -> bool:
    return found.low is not None and found.low > bound


def _percent(found: Estimate) -> str:
    return "-" if found.value is None else f"{found.value:.1%}"


def _table(pair: _Pair) -> list[list[str]]:
    head = ["figure", "difference", pair.group.label, pair.other.label, "detectable"]
    return [
        head,
        *(
            [
                title,
                cell(pair.found.differences[name], signed=True),
                cell(pair.found.figures[name]),
                cell(pair.found.other_figures[name]),
                number(detectable(pair.found.differences[name])),
            ]
            for name, title in EFFECTS.items()
        ),
    ]
