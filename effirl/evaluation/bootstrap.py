"""Intervals for ratios of sums, by resampling whole problems.

Every metric of the report is a sum over problems divided by another one. So a resample is a vector
of weights, and two results on the same problems are resampled with the same weights: their
difference is paired. Completions of one problem are never pulled apart, because they are not
independent of each other.
"""

from collections.abc import Callable
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
        totals = weights @ self.denominators
        ratios: Vector = np.full(len(weights), np.nan)
        np.divide(weights @ self.numerators, totals, out=ratios, where=totals != 0)
        return np.exp2(ratios) if self.is_log2 else ratios


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
    point = value(np.ones((1, num_problems)))[0] if num_problems else np.nan
    if np.isnan(point):
        return Estimate(None, None, None, num_counted)
    if num_counted < 2:
        return Estimate(float(point), None, None, num_counted)
    generator = np.random.default_rng(seed)
    weights = generator.multinomial(
        num_problems, np.full(num_problems, 1 / num_problems), size=NUM_RESAMPLES
    ).astype(np.float64)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.nanquantile(value(weights), [tail, 1 - tail])
    return Estimate(float(point), float(low), float(high), num_counted)
