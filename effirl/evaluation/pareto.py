"""Where policies stand on the plane of runtime gain and memory gain.

All policies are evaluated on the same problems, so every resample draws the same ones for all of
them: differences are paired. Where problem ids name families, whole families are drawn, because the
problems of one are alike. A policy that was trained with several seeds is one candidate, and
resamples draw its seeds too; with two or three of them the spread between seeds is known roughly.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Final

import numpy as np

from effirl.errors import UserError
from effirl.evaluation.bootstrap import (
    Estimate,
    Terms,
    Vector,
    estimate_runs,
    interval,
    pooled,
    resample,
)
from effirl.evaluation.evaluations import Estimates, Evaluation
from effirl.evaluation.families import family_of
from effirl.evaluation.fronts import dominates, hypervolume, non_dominated
from effirl.evaluation.metrics import Metric

GAINS: Final = ("time_gain", "memory_gain")
_NOTHING_SCORED: Final = -1.0
"""Gain of a policy without a scored completion: the worst there is."""
SHOWN: Final = (
    "pass@1",
    *GAINS,
    "speedup_geometric",
    "memory_reduction_geometric",
    "maintainability_change",
)
"""Metrics of a candidate that are computed."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A policy, as one or more training runs made it."""

    label: str
    runs: Sequence[Evaluation]
    """One for each seed of training, on the same problems."""
    is_control: bool = False
    """Shown, but never part of the front."""
    curve: str | None = None
    """The policy that this is one balance of, where a single one was asked for several."""
    seeds: Sequence[tuple[int, ...]] = ()
    """Of each run, the seeds of all training that made it, the first training first."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What was found about a candidate."""

    candidate: Candidate
    figures: Estimates
    """Of all its runs together."""
    runs: list[Estimates]
    """Of each run by itself, where there are several."""
    versus: Estimates
    """Minus the first control; empty without controls."""
    is_non_dominated: bool
    """No other candidate is at least equal in both gains and better in one. False for controls."""
    front_share: float
    """Share of resamples in which that holds: how sure it is."""
    dominated_by: list[str]
    """Labels of the candidates and controls that dominate it."""


@dataclass(frozen=True, slots=True)
class TradeOff:
    """All candidates beside each other."""

    standings: list[Standing]
    hypervolume: Estimate
    """Area that the candidates dominate, from `REFERENCE`: 0 to 1. Controls have no part in it."""
    num_problems: int
    num_left_out: int
    """Problems that not all candidates were evaluated on."""
    num_families: int
    """What resamples draw: families of problems, or problems where their ids name none."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two candidates beside each other."""

    differences: Estimates
    """The first minus the other."""
    figures: Estimates
    other_figures: Estimates
    by_seed: list[dict[str, float]]
    """The differences of each seed of training."""


def trade_off(candidates: Sequence[Candidate], seed: int = 0) -> TradeOff:
    """Compare candidates by both gains, on the problems that all were evaluated on.

    Raises:
        UserError: If there is no such problem.
    """
    common, num_left_out = _common(candidates)
    if not common:
        raise UserError("no problem was measured for every policy; evaluate them on the same data")
    families = _families(candidates, common)
    terms = [_terms(candidate.runs, common, families) for candidate in candidates]
    control = next((i for i, each in enumerate(candidates) if each.is_control), None)
    trained = [i for i, each in enumerate(candidates) if not each.is_control]
    points, clouds = _gains(terms, seed)
    above = dominates(points[None])[0]
    is_free = np.logical_not(np.any(dominates(clouds[:, trained]), axis=1))
    standings = [
        Standing(
            candidate,
            {name: estimate_runs(terms[i][name], seed=seed) for name in SHOWN},
            _each_run(terms[i], seed),
            {}
            if control is None
            else {
                name: estimate_runs(terms[i][name], terms[control][name], seed) for name in SHOWN
            },
            i in trained and not above[trained, i].any(),
            float(is_free[:, trained.index(i)].mean()) if i in trained else 0.0,
            [
                each.label
                for each, is_above in zip(candidates, above[:, i], strict=True)
                if is_above
            ],
        )
        for i, candidate in enumerate(candidates)
    ]
    volumes = np.array([hypervolume(cloud) for cloud in clouds[:, trained]])
    num_families = len(set(families.values()))
    volume = interval(hypervolume(points[trained]), volumes, num_families)
    return TradeOff(standings, volume, len(common), num_left_out, num_families)


def compare(
    candidate: Candidate, other: Candidate, seed: int = 0, *, solved_by_both: bool = False
) -> Pair:
    """Compare two candidates by all figures, on the problems that both were evaluated on.

    Args:
        candidate: What is asked about.
        other: What is subtracted.
        seed: Of the intervals.
        solved_by_both: Compare only correct completions of problems that both solve, run by run,
            each problem by its mean: what is left of a difference when correctness has no part
            in it.
    """
    common, _ = _common([candidate, other])
    families = _families([candidate, other], common)
    pairs = _paired(candidate, other)
    if solved_by_both:
        pairs = [(_solved(run, against), _solved(against, run)) for run, against in pairs]
    found, others = (
        _terms(runs, common, families, each_once=solved_by_both)
        for runs in zip(*pairs, strict=True)
    )
    by_seed = [
        {name: pooled([found[name][i]]) - pooled([others[name][i]]) for name in SHOWN}
        for i in range(len(pairs))
    ]
    return Pair(
        {name: estimate_runs(found[name], others[name], seed) for name in SHOWN},
        {name: estimate_runs(found[name], seed=seed) for name in SHOWN},
        {name: estimate_runs(others[name], seed=seed) for name in SHOWN},
        by_seed,
    )


def hypervolume_share(
    candidates: Sequence[Candidate], others: Sequence[Candidate], seed: int = 0
) -> Estimate:
    """Estimate what share of the others' hypervolume the candidates have, from the others' nadir.

    The nadir is the worst of each gain on the others' front, so their ends add nothing: without a
    third policy on that front there is no area, and no share.
    """
    everyone = [*candidates, *others]
    common, _ = _common(everyone)
    families = _families(everyone, common)
    points, clouds = _gains([_terms(each.runs, common, families) for each in everyone], seed)

    def share(found: Vector) -> float:
        own, their = found[: len(candidates)], found[len(candidates) :]
        nadir = their[non_dominated(their)].min(axis=0)
        area = hypervolume(their, nadir)
        return hypervolume(own, nadir) / area if area > 0 else float("nan")

    draws = np.array([share(cloud) for cloud in clouds])
    return interval(share(points), draws, len(set(families.values())))


def utility_difference(
    candidates: Sequence[Candidate],
    others: Sequence[Candidate],
    alphas: Sequence[float],
    seed: int = 0,
) -> Estimate:
    """Estimate by how much E(alpha) differs, mean over the balances that each pair was made for.

    What a user gets who asks for a balance. It judges sets of policies, as hypervolume does, and
    needs no point of reference (the expected utility of Zintgraf et al. 2015, all balances alike).

    Args:
        candidates: One for each balance.
        others: What is subtracted, in the same order.
        alphas: The balances.
        seed: Of the interval.
    """
    everyone = [*candidates, *others]
    common, _ = _common(everyone)
    families = _families(everyone, common)
    points, clouds = _gains([_terms(each.runs, common, families) for each in everyone], seed)
    weights = np.array([(alpha, 1 - alpha) for alpha in alphas])

    def difference(found: Vector) -> Vector:
        own, their = np.split(found, [len(alphas)], axis=-2)
        means: Vector = ((own - their) * weights).sum(axis=-1).mean(axis=-1)
        return means

    num_families = len(set(families.values()))
    return interval(float(difference(points)), difference(clouds), num_families)


def _common(candidates: Sequence[Candidate]) -> tuple[set[int], int]:
    """Return the places of the problems that every run has, and how many others there are."""
    places = [{row.problem_index for row in run.rows} for each in candidates for run in each.runs]
    common = reduce(set.intersection, places)
    return common, len(reduce(set.union, places)) - len(common)


def _families(candidates: Sequence[Candidate], common: set[int]) -> dict[str, str]:
    """Return the family of each problem by its id, or the id itself."""
    runs = [run for each in candidates for run in each.runs]
    ids = {row.problem_id: None for run in runs for row in run.rows if row.problem_index in common}
    return {name: family_of(name) or name for name in ids}


def _terms(
    runs: Sequence[Evaluation],
    common: set[int],
    families: dict[str, str],
    *,
    each_once: bool = False,
) -> dict[str, list[Terms]]:
    found: dict[str, list[Terms]] = {name: [] for name in SHOWN}
    for run in runs:
        metrics: dict[str, Metric] = {metric.name: metric for metric in run.metrics()}
        problems = [each for each in run.by_problem() if each[0].problem_index in common]
        for name in SHOWN:
            found[name].append(metrics[name].over(problems, families, each_once=each_once))
    return found


def _gains(terms: Sequence[dict[str, list[Terms]]], seed: int) -> tuple[Vector, Vector]:
    """Return both gains of each candidate, (N, 2), and in each resample, (R, N, 2)."""
    points = np.array([[pooled(found[name]) for name in GAINS] for found in terms])
    clouds = np.array([[resample(found[name], seed) for name in GAINS] for found in terms])
    return (
        np.nan_to_num(points, nan=_NOTHING_SCORED),
        np.nan_to_num(clouds.transpose(2, 0, 1), nan=_NOTHING_SCORED),
    )


def _paired(candidate: Candidate, other: Candidate) -> list[tuple[Evaluation, Evaluation]]:
    """Pair the runs of one training, or of which one began where the other had ended.

    Where none are, or their seeds are not known: a single run goes with each of the other's, and
    several are paired in their order.
    """
    pairs = [
        (run, against)
        for run, seeds in zip(candidate.runs, candidate.seeds, strict=False)
        for against, theirs in zip(other.runs, other.seeds, strict=False)
        if seeds and theirs and all(a == b for a, b in zip(seeds, theirs, strict=False))
    ]
    if not pairs and 1 in (len(candidate.runs), len(other.runs)):
        return [(run, against) for run in candidate.runs for against in other.runs]
    return pairs or list(zip(candidate.runs, other.runs, strict=False))


def _solved(run: Evaluation, other: Evaluation) -> Evaluation:
    """Keep the correct completions of problems that the other run solves, too."""
    solved = {row.problem_index for row in other.rows if row.is_correct}
    rows = [row for row in run.rows if row.is_correct and row.problem_index in solved]
    return replace(run, rows=rows)


def _each_run(terms: dict[str, list[Terms]], seed: int) -> list[Estimates]:
    num_runs = len(terms[GAINS[0]])
    if num_runs == 1:
        return []
    return [
        {name: estimate_runs([found[i]], seed=seed) for name, found in terms.items()}
        for i in range(num_runs)
    ]
