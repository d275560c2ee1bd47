"""What a metric is, and the kinds of metrics. `effirl.evaluation.metric_table` lists them all.

A completion that we failed to run or measure counts nowhere. Times, memory and ratios are over
correct completions; shares and gains are over all of them, where a wrong completion gains 0.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import comb

import numpy as np

from effirl.evaluation.bootstrap import Terms, Vector
from effirl.scoring import CompletionRow
from rewards.measurement import Comparison
from rewards.records import Status

Samples = Sequence[CompletionRow]
"""The completions of one problem, at least one."""


@dataclass(frozen=True, slots=True)
class MemoryTime:
    """Memory integrated over a program's runs, and how long they were."""

    mb_s: float
    wall_s: float


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure of the report."""

    name: str
    meaning: str
    better: str
    """higher, lower, or empty for a figure that only describes."""
    terms: Callable[[Samples], tuple[float, float]]
    """What one problem adds to the metric's two sums."""
    is_log2: bool = False

    def _of_one(self, samples: Samples) -> Vector:
        """Return a problem's terms as if it had one completion: the mean of those that count."""
        found = [terms for row in samples if (terms := self.terms([row]))[1]]
        mean: Vector = np.mean(found, axis=0) if found else np.zeros(2)
        return mean

    def over(
        self,
        problems: Sequence[Samples],
        clusters: Mapping[str, str] | None = None,
        *,
        each_once: bool = False,
    ) -> Terms:
        """Collect the terms of all problems, those with one id together.

        Args:
            problems: The completions of each.
            clusters: Id of each problem -> what it is summed up with instead; a cluster without
                problems counts nothing.
            each_once: Count each problem as if it had one completion, however many of its own
                count.
        """
        sums: dict[str, Vector] = {name: np.zeros(2) for name in (clusters or {}).values()}
        for samples in problems:
            name = samples[0].problem_id
            total = sums.setdefault(clusters[name] if clusters else name, np.zeros(2))
            total += self._of_one(samples) if each_once else self.terms(samples)
        pairs = np.array(list(sums.values()), dtype=np.float64).reshape(-1, 2)
        return Terms(pairs[:, 0], pairs[:, 1], self.is_log2)


def pass_at_k(num_samples: int, num_correct: int, k: int) -> float:
    """Estimate, without bias, the chance that one of `k` samples is correct.

    Source: the estimator of the HumanEval paper, 1 - C(n - c, k) / C(n, k).

    >>> pass_at_k(num_samples=4, num_correct=1, k=2)
    0.5
    >>> pass_at_k(num_samples=4, num_correct=3, k=2)
    1.0
    """
    if not 0 < k <= num_samples or not 0 <= num_correct <= num_samples:
        raise ValueError(
            f"k and num_correct must fit num_samples, got k={k}, num_correct={num_correct}, "
            f"num_samples={num_samples}"
        )
    return 1.0 - comb(num_samples - num_correct, k) / comb(num_samples, k)


def best_at_k(scores: Sequence[float], k: int) -> float:
    """Return the expected best of k scores drawn without replacement.

    >>> best_at_k([0.0, 0.5, 1.0], 1), best_at_k([0.0, 0.5, 1.0], 3)
    (0.5, 1.0)
    """
    if not 1 <= k <= len(scores):
        raise ValueError(f"k must be from 1 to {len(scores)}, got {k}")
    # The best of k is the score of rank i when the other k - 1 are among the n - i below it.
    ranked = enumerate(sorted(scores, reverse=True), start=1)
    weighted = sum(score * comb(len(scores) - i, k - 1) for i, score in ranked)
    return weighted / comb(len(scores), k)


def pass_metric(k: int) -> Metric:
    """Make pass@k."""

    def terms(samples: Samples) -> tuple[float, float]:
        num_scored = sum(row.is_scored for row in samples)
        if num_scored < k:
            return 0.0, 0.0
        return pass_at_k(num_scored, sum(row.is_correct for row in samples), k), 1.0

    meaning = f"chance that one of {k} completions is correct, mean over problems"
    return Metric(f"pass@{k}", meaning, "higher", terms)


def best_metric(name: str, meaning: str, k: int, value: Callable[[CompletionRow], float]) -> Metric:
    """Make the best of k completions by some value, mean over problems; higher is better."""

    def terms(samples: Samples) -> tuple[float, float]:
        scored = [value(row) for row in samples if row.is_scored]
        return (best_at_k(scored, k), 1.0) if len(scored) >= k else (0.0, 0.0)

    return Metric(f"{name}@{k}", meaning, "higher", terms)


def status_metric(status: Status) -> Metric:
    """Make the share of one status, over all completions, scored or not."""

    def terms(samples: Samples) -> tuple[float, float]:
        return float(sum(row.status is status for row in samples)), float(len(samples))

    return Metric(f"status/{status}", "share of completions that ended so", "", terms)


def over_scored(
    name: str, meaning: str, better: str, value: Callable[[CompletionRow], float]
) -> Metric:
    """Make a mean over all completions that were scored."""

    def terms(samples: Samples) -> tuple[float, float]:
        scored = [row for row in samples if row.is_scored]
        return float(sum(map(value, scored))), float(len(scored))

    return Metric(name, meaning, better, terms)


def over_compared(
    name: str,
    meaning: str,
    better: str,
    value: Callable[[CompletionRow], float | None],
    *,
    is_log2: bool = False,
) -> Metric:
    """Make a mean over completions, without those whose value is None."""

    def terms(samples: Samples) -> tuple[float, float]:
        found = [known for row in samples if (known := value(row)) is not None]
        return float(sum(found)), float(len(found))

    return Metric(name, meaning, better, terms, is_log2)


def over_correct(
    name: str,
    meaning: str,
    better: str,
    value: Callable[[Comparison], float],
    *,
    per: Callable[[Comparison], float] = lambda _: 1.0,
    is_log2: bool = False,
) -> Metric:
    """Make a ratio of sums, or with `per` left out a mean, over correct completions."""

    def terms(samples: Samples) -> tuple[float, float]:
        found = [row.comparison for row in samples if row.is_correct and row.comparison]
        return float(sum(map(value, found))), float(sum(map(per, found)))

    return Metric(name, meaning, better, terms, is_log2)


def over_sampled(
    name: str,
    meaning: str,
    value: Callable[[MemoryTime, MemoryTime], float],
    *,
    per: Callable[[MemoryTime, MemoryTime], float] = lambda *_: 1.0,
) -> Metric:
    """Make a ratio of sums, or a mean, of (source, program) whose memory was sampled."""

    def terms(samples: Samples) -> tuple[float, float]:
        found = [pair for row in samples if (pair := _memory_times(row)) is not None]
        return (
            float(sum(value(*pair) for pair in found)),
            float(sum(per(*pair) for pair in found)),
        )

    return Metric(name, meaning, "lower", terms)


def _memory_times(row: CompletionRow) -> tuple[MemoryTime, MemoryTime] | None:
    source, program = row.source_memory_time_mb_s, row.program_memory_time_mb_s
    if source is None or program is None or row.comparison is None:
        return None
    return (
        MemoryTime(source, row.comparison.source_wall_s),
        MemoryTime(program, row.comparison.program_wall_s),
    )
