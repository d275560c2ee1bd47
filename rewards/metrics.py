"""Means over scored completions, by the names that the docs list."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from rewards.records import Status
from rewards.scores import Score

_OF_RUNS: Final = ("reward/correct", "reward/time_gain", "reward/memory_gain")
"""Means over the programs that ran: where we failed, a program is neither wrong nor slow."""


class Metrics:
    """Adds scores up until they are read."""

    def __init__(self) -> None:
        self._sums: defaultdict[str, float] = defaultdict(float)
        self._num_scored = self._num_run = 0

    def add(self, scores: Sequence[Score], seconds: float) -> None:
        """Count the scores of a batch, which took so long."""
        for score in scores:
            self._sums["reward/total"] += score.training_reward or 0.0
            self._sums["reward/none"] += score.training_reward is None
            self._sums["reward/correct"] += score.status is Status.OK
            self._sums["reward/time_gain"] += score.time_gain
            self._sums["reward/memory_gain"] += score.memory_gain
            self._sums["reward/copies"] += score.is_copy
            self._sums["reward/flagged"] += score.flag is not None
            self._sums[f"reward/status/{score.status}"] += 1
        for status in Status:  # a mean over processes must know that one saw none
            self._sums[f"reward/status/{status}"] += 0.0
        self._sums["reward/seconds"] += seconds
        self._num_scored += len(scores)
        self._num_run += sum(score.status is not Status.SANDBOX_ERROR for score in scores)

    def pop(self) -> dict[str, float]:
        """Means since the last call; empty when nothing was scored.

        What is a mean over rewards, or over programs that ran, is left out where there was none.
        """
        if not self._num_scored:
            return {}
        totals, count = self._sums, self._num_scored
        seconds = totals.pop("reward/seconds")
        num_rewards = count - totals["reward/none"]
        metrics = {name: value / count for name, value in totals.items()}
        fewer = dict.fromkeys(_OF_RUNS, self._num_run) | {"reward/total": num_rewards}
        for name, number in fewer.items():
            del metrics[name]
            if number:
                metrics[name] = totals[name] / number
        metrics["reward/seconds"] = seconds
        self._sums, self._num_scored, self._num_run = defaultdict(float), 0, 0
        return metrics
