"""Means over scored completions, by the names that the docs list."""

from collections import defaultdict
from collections.abc import Sequence

from rewards.records import Status
from rewards.scores import Score


def figures(score: Score) -> dict[str, float]:
    """Return what one completion adds to the means; a name that is not there has none of it.

    The reward is of those that have one, correctness and gains of the programs that ran: where we
    failed, a program is neither wrong nor slow.
    """
    found: dict[str, float] = {
        "reward/none": score.training_reward is None,
        "reward/copies": score.is_copy,
        "reward/flagged": score.flag is not None,
        **{f"reward/status/{status}": score.status is status for status in Status},
    }
    if score.training_reward is not None:
        found["reward/total"] = score.training_reward
    if score.status is not Status.SANDBOX_ERROR:
        found["reward/correct"] = score.status is Status.OK
        found["reward/time_gain"] = score.time_gain
        found["reward/memory_gain"] = score.memory_gain
    return found


class Metrics:
    """Adds scores up until they are read."""

    def __init__(self) -> None:
        self._sums: defaultdict[str, float] = defaultdict(float)
        self._counts: defaultdict[str, int] = defaultdict(int)
        self._seconds = 0.0

    def add(self, scores: Sequence[Score], seconds: float) -> None:
        """Count the scores of a batch, which took so long."""
        for score in scores:
            for name, value in figures(score).items():
                self._sums[name] += value
                self._counts[name] += 1
        self._seconds += seconds

    def pop(self) -> dict[str, float]:
        """Means since the last call, and the seconds; empty when nothing was scored."""
        if not self._counts:
            return {}
        means = {name: self._sums[name] / count for name, count in self._counts.items()}
        seconds, self._seconds = self._seconds, 0.0
        self._sums.clear()
        self._counts.clear()
        return means | {"reward/seconds": seconds}
