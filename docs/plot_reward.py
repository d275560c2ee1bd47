"""Draw docs/images/reward.png: what a program earns, by its cost beside its source program's.

    python docs/plot_reward.py

Every number comes from `rewards.scores`, with the default prices.
"""

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.contour import QuadContourSet
from numpy.typing import NDArray

from rewards.records import Status
from rewards.scores import RewardConfig, clipped_gain, efficiency, reward

OUTPUT = Path(__file__).parent / "images" / "reward.png"
ALPHAS = {0.0: "memory only", 0.5: "both alike", 1.0: "runtime only"}
LOG2_RATIOS = np.linspace(-3.6, 3.6, 145)
TICKS = range(-3, 4)
TICK_LABELS = [f"{2.0**tick:g}x" for tick in TICKS]
FAILURES = {
    "wrong answer": Status.WRONG_ANSWER,
    "crash or limit": Status.RUNTIME_ERROR,
    "no program": Status.NO_CODE,
}
LARGE = 1e9
"""Costs far above the floors that damp small ratios, in units of which the floor is 1."""


def reward_of(time_log2_ratio: float, memory_log2_ratio: float, config: RewardConfig) -> float:
    """A correct program's reward; above 0, a log2 ratio means faster or leaner than the source."""
    time, memory = (
        clipped_gain(LARGE * 2**ratio, LARGE, 1.0, config.saturation)
        for ratio in (time_log2_ratio, memory_log2_ratio)
    )
    return reward(Status.OK, 1.0, efficiency(time, memory, config.alpha), config)


def draw_panel(axes: Axes, alpha: float, what: str, levels: NDArray[np.float64]) -> QuadContourSet:
    config = RewardConfig(alpha=alpha)
    values = [[reward_of(t, m, config) for t in LOG2_RATIOS] for m in LOG2_RATIOS]
    filled = axes.contourf(LOG2_RATIOS, LOG2_RATIOS, values, levels=levels, cmap="RdYlBu")
    lines = axes.contour(
        LOG2_RATIOS, LOG2_RATIOS, values, levels=levels[2:-1:2], colors="black", linewidths=0.5
    )
    axes.clabel(lines, [level for level in lines.levels if abs(level - 1) > 0.1], fontsize=8)
    axes.plot(0, 0, "o", color="black", markersize=6)
    axes.annotate("a copy: 1", (0, 0), (6, 7), textcoords="offset points", fontsize=9)
    axes.set_xticks(TICKS, TICK_LABELS)
    axes.set_yticks(TICKS, TICK_LABELS)
    axes.set_aspect("equal")
    axes.set_title(f"alpha = {alpha:g}: {what}", fontsize=11)
    axes.set_xlabel("speedup over the source program (right: faster)")
    return filled


def main() -> None:
    mpl.use("Agg")
    config = RewardConfig()
    levels = 1 + config.efficiency_weight * np.linspace(-1, 1, 13)
    figure, panels = plt.subplots(1, 3, figsize=(13, 5), sharey=True, layout="constrained")
    for axes, (alpha, what) in zip(panels, ALPHAS.items(), strict=True):
        filled = draw_panel(axes, alpha, what, levels)
    panels[0].set_ylabel("memory reduction (up: leaner)")
    figure.colorbar(filled, ax=panels, label="reward if correct", ticks=levels[::2], shrink=0.8)
    failures = ",   ".join(
        f"{name} {reward(status, 0.0, 0.0, config):g}" for name, status in FAILURES.items()
    )
    figure.supxlabel(f"An incorrect program earns less, whatever its cost:   {failures}")
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(OUTPUT, dpi=130)


if __name__ == "__main__":
    main()
