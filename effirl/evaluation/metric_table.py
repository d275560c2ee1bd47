"""Every figure of the report, in its order."""

from typing import Final

from effirl.evaluation.code_quality import CODE_QUALITY
from effirl.evaluation.efficiency_metrics import (
    EFFIBENCH,
    GAINS,
    PERCENTILES,
    RUNTIME_AND_MEMORY,
    pie_metrics,
)
from effirl.evaluation.metrics import Metric, over_scored, pass_metric, status_metric
from rewards.records import Status

HEADLINE: Final = {
    "pass@1": "correct",
    "opt@1": "correct and faster",
    "speedup_geometric": "speedup",
    "memory_reduction_geometric": "memory reduction",
    "maintainability_change": "change of maintainability",
}
"""The five figures to look at first, and what they are called there."""
FORMATS: Final = {
    "pass@1": "{:.1%}",
    "opt@1": "{:.1%}",
    "speedup_geometric": "{:.2f}x",
    "memory_reduction_geometric": "{:.2f}x",
    "maintainability_change": "{:+.1f}",
}
"""How they are shown where a reader is not to do sums."""


def sections(num_samples: int) -> dict[str, list[Metric]]:
    """List the metrics by section, in the report's order.

    Args:
        num_samples: Completions of a problem: figures at the best of k are given for 1 and this k.
    """
    ks = sorted({1, num_samples})
    return {
        "Correctness": [pass_metric(k) for k in ks],
        "Speed as PIE has it": [metric for k in ks for metric in pie_metrics(k)],
        "Runtime and memory": [*RUNTIME_AND_MEMORY, *PERCENTILES],
        "EffiBench": [*EFFIBENCH],
        "Code quality": [*CODE_QUALITY],
        "Reward and gains": [_REWARD, *GAINS, _COPIES],
        "How completions ended": [status_metric(status) for status in Status],
    }


def table(num_samples: int) -> list[Metric]:
    """List all metrics, in the report's order."""
    return [metric for metrics in sections(num_samples).values() for metric in metrics]


_REWARD = over_scored(
    "reward", "mean reward of completions", "higher", lambda row: row.reward or 0.0
)
_COPIES = over_scored(
    "copies", "share that only copy the source", "", lambda row: float(row.is_copy)
)
