"""Intervals for ratios of sums, by resampling whole problems.

Every metric of the report is a sum over problems divided by another one. So a resample is a vector
of weights, and two results on the same problems are resampled with the same weights: their
difference is paired. Completions of one problem are never pulled apart, because they are not
independent of each other.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

NUM_RESAMPLES = 2000
CONFIDENCE = 0.95
POWER = 0.8


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure and its 95% interval."""

    value: float | None
    """None when nothing could be counted, for example the speedup of no correct program."""
    low: float | None
    """None, like `high`, when fewer than two problems count: nothing is known about the spread."""
    high: float | None
    n: int
    """Problems that count."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What each problem adds to the two sums of a metric."""

    numerators: Vector
    """(P,) for P problems."""
    denominators: Vector
    """(P,), 0 for a problem that does not count."""
    is_log2: bool = False
    """Report 2 to the power of the ratio: a geometric mean."""

    def value(self, weights: Vector) -> Vector:
        """Compute the metric under each row of weights.

        Args:
            weights: (R, P), how often each of R resamples drew each problem.

        Returns:
            (R,), NaN where a resample drew no problem that counts.
        """
        return Terms(weights @ self.numerators, weights @ self.denominators, self.is_log2).ratios()

    def ratios(self) -> Vector:
        """Divide term by term: NaN where the denominator is 0."""
        found: Vector = np.full(len(self.numerators), np.nan)
        np.divide(self.numerators, self.denominators, out=found, where=self.denominators != 0)
        return np.exp2(found) if self.is_log2 else found


def estimate(terms: Terms, seed: int = 0) -> Estimate:
    """Compute a metric and its interval.

    >>> estimate(Terms(np.array([1.0, 3.0]), np.array([2.0, 2.0])))
    Estimate(value=1.0, low=0.5, high=1.5, n=2)
    """
    return _estimate(terms.value, _num_counted(terms), len(terms.numerators), seed)


def estimate_difference(terms: Terms, other: Terms, seed: int = 0) -> Estimate:
    """Compute `terms` minus `other`, over the same problems in the same order.

    A problem that counts for only one of the two stays in.

    >>> same = Terms(np.array([1.0, 3.0]), np.array([2.0, 2.0]))
    >>> estimate_difference(same, same)
    Estimate(value=0.0, low=0.0, high=0.0, n=2)
    """
    assert len(terms.numerators) == len(other.numerators), "both must be over the same problems"
    return _estimate(
        lambda weights: terms.value(weights) - other.value(weights),
        min(_num_counted(terms), _num_counted(other)),
        len(terms.numerators),
        seed,
    )


def estimate_runs(runs: Sequence[Terms], others: Sequence[Terms] = (), seed: int = 0) -> Estimate:
    """Compute a metric of several training runs together, or what it is above that of others.

    Problems are drawn anew, and so are runs; with two or three of them the spread between runs is
    known roughly.

    Args:
        runs: Over the same problems in the same order.
        others: To subtract, over the same problems; none for the metric itself.
        seed: Of the draws.
    """
    value, draws = pooled(runs), resample(runs, seed)
    if others:
        value, draws = value - pooled(others), draws - resample(others, seed)
    counts = [
        int(np.count_nonzero(sum(run.denominators for run in group)))
        for group in (runs, others)
        if group
    ]
    return interval(value, draws, min(counts))


def pooled(runs: Sequence[Terms]) -> float:
    """Compute a metric of several runs together; NaN when nothing counts."""
    numerator, denominator = (
        sum(float(sums.sum()) for sums in group)
        for group in ([run.numerators for run in runs], [run.denominators for run in runs])
    )
    return float(Terms(np.array([numerator]), np.array([denominator]), runs[0].is_log2).ratios()[0])


def resample(runs: Sequence[Terms], seed: int = 0) -> Vector:
    """Draw a metric of several runs together.

    The same seed draws the same problems (and, of as many, the same runs) for every metric and
    every policy: differences of draws are paired.

    Returns:
        (NUM_RESAMPLES,), NaN where nothing counts.
    """
    generator = np.random.default_rng(seed)
    weights, chosen = (
        generator.multinomial(count, np.full(count, 1 / count), NUM_RESAMPLES).astype(np.float64)
        for count in (len(runs[0].numerators), len(runs))
    )
    numerators, denominators = (
        np.einsum("rs,rs->r", chosen, weights @ np.stack(sums).T)
        for sums in ([run.numerators for run in runs], [run.denominators for run in runs])
    )
    return Terms(numerators, denominators, runs[0].is_log2).ratios()


def interval(value: float, draws: Vector, num_counted: int) -> Estimate:
    """Make an estimate of a figure and its draws; NaN is a figure, or a draw, of nothing."""
    known = draws[~np.isnan(draws)]
    if np.isnan(value):
        return Estimate(None, None, None, num_counted)
    if num_counted < 2 or len(known) < 2:
        return Estimate(value, None, None, num_counted)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(known, [tail, 1 - tail])
    return Estimate(value, float(low), float(high), num_counted)


def detectable(difference: Estimate) -> float | None:
    """Return the smallest true difference that such a comparison would find four times in five.

    Two-sided at 5%, power 80%: 2.80 standard errors, which are 1/1.96 of the interval's half width.
    None where no two problems differ: then nothing is known of the spread.

    >>> round(detectable(Estimate(0.5, 0.304, 0.696, 9)), 3)
    0.28
    """
    if difference.low is None or difference.high is None or difference.low == difference.high:
        return None
    normal = NormalDist()
    confident, powerful = normal.inv_cdf((1 + CONFIDENCE) / 2), normal.inv_cdf(POWER)
    return (difference.high - difference.low) / 2 * (1 + powerful / confident)


def _num_counted(terms: Terms) -> int:
    return int(np.count_nonzero(terms.denominators))


def _estimate(
    value: Callable[[Vector], Vector], num_counted: int, num_problems: int, seed: int
) -> Estimate:
    if not num_problems:
        return Estimate(None, None, None, num_counted)
    generator = np.random.default_rng(seed)
    weights = generator.multinomial(
        num_problems, np.full(num_problems, 1 / num_problems), size=NUM_RESAMPLES
    ).astype(np.float64)
    point = value(np.ones((1, num_problems)))[0]
    return interval(float(point), value(weights), num_counted)
