"""What reinforcement must hold, as figures that pass or fail.

Differences are paired, with 95% intervals over families of problems and seeds of training. A gain
passes when its interval is clear of zero and every seed has its sign.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isnan
from typing import Final

from effirl.evaluation.bootstrap import Estimate
from effirl.evaluation.evaluations import Estimates
from effirl.evaluation.pareto import TradeOff, hypervolume_share, utility_difference
from effirl.evaluation.report_text import cell
from effirl.report.comparisons import Pairs, signs
from effirl.report.study import Group, Study

LARGEST_LOSS: Final = 0.02
"""Of correctness, which the interval must exclude."""
SMALLEST_SHARE: Final = 0.95
"""Of the separate policies' hypervolume, for the conditioned one."""
TOWARDS: Final = {1.0: ("time_gain", "runtime gain"), 0.0: ("memory_gain", "memory gain")}
"""alpha -> what it rewards alone."""


Figures = dict[str, Estimates]
"""By label of the policy."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must hold."""

    what: str
    found: Estimate | None
    by_seed: list[float]
    """The same of each seed of training, where it is a difference."""
    holds: bool | None
    """None if the runs do not answer it."""
    words: str = ""
    """What a reader needs beside the figure."""

    @property
    def verdict(self) -> str:
        return "not answered" if self.holds is None else "holds" if self.holds else "fails"


def check(study: Study, found: TradeOff, pairs: Pairs) -> list[Check]:
    """Check all.

    Args:
        study: The policies.
        found: Their own figures.
        pairs: What compares two of them.
    """
    figures = {standing.candidate.label: standing.figures for standing in found.standings}
    return [
        *_correctness(study, pairs),
        *_gains(study, pairs),
        *_ends(study, figures, is_conditioned=False, pairs=pairs),
        _share(study),
        _utility(study),
        *_monotone(study, figures),
        *_ends(study, figures, is_conditioned=True, pairs=pairs),
    ]


def check_table(checks: Sequence[Check]) -> list[list[str]]:
    """Return the checks with a head, as cells."""
    lines = [
        [each.what, each.verdict, cell(each.found, signed=True), signs(each.by_seed), each.words]
        for each in checks
    ]
    return [["must hold", "verdict", "found", "each seed", ""], *lines]


def _correctness(study: Study, pairs: Pairs) -> Iterator[Check]:
    for group in _separate(study):
        what = f"{group.label} loses less than {LARGEST_LOSS:.0%} of correctness to the warm start"
        found, by_seed = _difference(group, study.start, "pass@1", pairs)
        # Where no problem differs the interval is a point, which says nothing of the spread.
        holds = (
            None
            if found is None or found.low is None or found.low == found.high
            else found.low > -LARGEST_LOSS
        )
        yield Check(what, found, by_seed, holds)


def _gains(study: Study, pairs: Pairs) -> Iterator[Check]:
    for alpha, (metric, title) in TOWARDS.items():
        for solved_by_both, over in ((False, "all completions"), (True, "what both solve")):
            found, by_seed = _difference(
                study.reinforced(alpha), study.start, metric, pairs, solved_by_both=solved_by_both
            )
            what = f"alpha {alpha:g} has more {title} than the warm start, over {over}"
            yield Check(what, found, by_seed, _is_above(found, by_seed))


def _ends(study: Study, figures: Figures, *, is_conditioned: bool, pairs: Pairs) -> Iterator[Check]:
    who = "conditioned at" if is_conditioned else "alpha"
    for alpha, (metric, title) in TOWARDS.items():
        one, other = (
            study.reinforced(a, is_conditioned=is_conditioned) for a in (alpha, 1 - alpha)
        )
        found, by_seed = _difference(one, other, metric, pairs)
        shown = [cell(figures[each.label][metric]) for each in (one, other) if each is not None]
        what = f"{who} {alpha:g} has more {title} than {who} {1 - alpha:g}"
        yield Check(what, found, by_seed, _is_above(found, by_seed), " beside ".join(shown))


def _share(study: Study) -> Check:
    what = (
        f"the conditioned policy has {SMALLEST_SHARE:.0%} of the separate policies' hypervolume, "
        "from their nadir"
    )
    separate, conditioned = _separate(study), _conditioned(study)
    if not separate or not conditioned:
        return Check(what, None, [], None)
    found = hypervolume_share(
        [each.candidate for each in conditioned], [each.candidate for each in separate]
    )
    if found.value is None:
        return Check(what, found, [], None, "no area: three separate policies must be on the front")
    words = f"trained in {_steps(conditioned[:1])} steps beside {_steps(separate)}"
    return Check(what, found, [], found.value >= SMALLEST_SHARE, words)


def _utility(study: Study) -> Check:
    what = (
        f"asked for a balance, the conditioned policy has at most {LARGEST_LOSS} of E(alpha) less "
        "than that balance's own policy, mean over balances"
    )
    separate = {group.first.alpha: group.candidate for group in _separate(study)}
    asked = {group.first.alpha: group.candidate for group in _conditioned(study)}
    alphas = [alpha for alpha in asked if alpha is not None and alpha in separate]
    if not alphas:
        return Check(what, None, [], None)
    found = utility_difference(
        [asked[alpha] for alpha in alphas], [separate[alpha] for alpha in alphas], alphas
    )
    holds = None if found.low is None else found.low > -LARGEST_LOSS
    return Check(what, found, [], holds, f"alpha {', '.join(f'{alpha:g}' for alpha in alphas)}")


def _monotone(study: Study, figures: Figures) -> Iterator[Check]:
    groups = _conditioned(study)
    for alpha, (metric, title) in TOWARDS.items():
        ordered = groups if alpha == 1 else groups[::-1]
        values = [figures[group.label][metric].value or 0.0 for group in ordered]
        what = f"{title} of the conditioned policy never falls as alpha goes to {alpha:g}"
        holds = all(later >= earlier for earlier, later in pairwise(values))
        words = ", ".join(f"{value:.3f}" for value in values)
        yield Check(what, None, [], holds if len(values) > 1 else None, words)


def _difference(
    group: Group | None,
    other: Group | None,
    metric: str,
    pairs: Pairs,
    *,
    solved_by_both: bool = False,
) -> tuple[Estimate | None, list[float]]:
    if group is None or other is None:
        return None, []
    pair = pairs.of(group, other, solved_by_both=solved_by_both)
    return pair.differences[metric], [run[metric] for run in pair.by_seed]


def _is_above(found: Estimate | None, by_seed: list[float]) -> bool | None:
    if found is None or found.low is None:
        return None
    # A seed of which the two solve nothing in common says nothing of what both solve.
    return found.low > 0 and all(value > 0 for value in by_seed if not isnan(value))


def _separate(study: Study) -> list[Group]:
    return [
        group
        for group in study.groups
        if group.first.role == "reinforced"
        and not (group.first.is_conditioned or group.first.is_steered)
    ]


def _conditioned(study: Study) -> list[Group]:
    return [g for g in study.groups if g.first.is_conditioned]


def _steps(groups: list[Group]) -> int:
    return sum(policy.num_steps for group in groups for policy in group.policies)
