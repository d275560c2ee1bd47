"""Figures of the trade-off and of progress. Each says on its axes which direction is better."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from effirl.evaluation.bootstrap import Estimate
from effirl.evaluation.fronts import non_dominated
from effirl.figures import new_figure, save_figure

FRONT_COLOUR = "#1b6ca8"
OTHER_COLOUR = "#8a8f98"
CONTROL_COLOUR = "#c44536"
CURVE_COLOUR = "#3d8361"
_MAX_LEGEND_INSIDE = 4
"""Entries; a longer legend would hide points."""

STAGE_METRICS = {
    "pass@1": "correct completions",
    "time_gain": "runtime gain",
    "memory_gain": "memory gain",
}
"""Metric -> how the plot calls it."""


@dataclass(frozen=True, slots=True)
class Point:
    """A policy on the plane of the two gains."""

    label: str
    time_gain: Estimate
    memory_gain: Estimate
    is_control: bool = False
    """Shown, but never part of the front."""
    runs: tuple[tuple[float, float], ...] = ()
    """Both gains of each seed of training, where there are several."""
    curve: str | None = None
    """The policy that this is one balance of; its points are joined in their order."""


def front_figure(points: Sequence[Point], width: float = 6.4, height: float = 5.2) -> Figure:
    """Draw policies by both gains, the non-dominated ones joined.

    A point without a gain (no completion was scored) is left out.
    """
    figure, axes = new_figure(width, height)
    shown = [point for point in points if _pair(point) is not None]
    trained = [point for point in shown if not point.is_control]
    pairs = [pair for point in trained if (pair := _pair(point)) is not None]
    front = sorted(pairs[index] for index in non_dominated(pairs))
    if front:
        axes.plot(*zip(*front, strict=True), color=FRONT_COLOUR, label="non-dominated")
    for name in dict.fromkeys(point.curve for point in trained if point.curve is not None):
        curve = [pair for pair, point in zip(pairs, trained, strict=True) if point.curve == name]
        axes.plot(*zip(*curve, strict=True), color=CURVE_COLOUR, linestyle="--", label=name)
    markers = iter("s^vDPX<>p*hHd8" * len(shown))
    for point in shown:
        is_on_front = not point.is_control and _pair(point) in front
        _draw(axes, point, is_on_front, next(markers) if point.is_control else "o")
    axes.set_xlabel("runtime gain (right is faster)")
    axes.set_ylabel("memory gain (up is leaner)")
    _add_legend(figure, axes)
    return figure


def plot_front(points: Sequence[Point], *paths: Path) -> None:
    """Draw the front into .png and .svg files."""
    figure = front_figure(points)
    figure.axes[0].set_title("Trade-off on the evaluated problems, 95% intervals")
    for path in paths:
        save_figure(figure, path)


def plot_before_after(stages: Mapping[str, Mapping[str, Estimate]], path: Path) -> None:
    """Draw correctness and both gains of successive stages of one policy, as bars with intervals.

    Args:
        stages: Name (base, warm start, reinforced) -> estimates by metric name.
        path: A .png or .svg file.
    """
    figure, axes = new_figure(8.0, 4.2)
    width = 0.8 / max(len(stages), 1)
    colours = (OTHER_COLOUR, CONTROL_COLOUR, FRONT_COLOUR, "#3d8361")
    for place, (stage, found) in enumerate(stages.items()):
        estimates = [found[name] for name in STAGE_METRICS]
        axes.bar(
            [index + (place - (len(stages) - 1) / 2) * width for index in range(len(estimates))],
            [estimate.value or 0.0 for estimate in estimates],
            width,
            yerr=[*zip(*map(_error, estimates), strict=True)],
            label=stage,
            color=colours[place % len(colours)],
            capsize=3,
        )
    axes.axhline(0, color="black", linewidth=0.8)
    axes.set_xticks(range(len(STAGE_METRICS)), list(STAGE_METRICS.values()))
    axes.set_ylabel("share or gain (higher is better)")
    axes.set_title("On the evaluated problems, 95% intervals")
    axes.legend(frameon=False)
    save_figure(figure, path)


def _add_legend(figure: Figure, axes: Any) -> None:
    """Explain the marks, below the axes if they are many."""
    num_entries = len(axes.get_legend_handles_labels()[1])
    if num_entries <= _MAX_LEGEND_INSIDE:
        axes.legend(frameon=False, fontsize=8)
        return
    num_lines = (num_entries + 1) // 2
    figure.set_figheight(figure.get_figheight() + 0.17 * num_lines)
    figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=7)


def _draw(axes: Any, point: Point, is_on_front: bool, marker: str) -> None:
    pair = _pair(point)
    assert pair is not None
    colour = FRONT_COLOUR if is_on_front else OTHER_COLOUR
    if point.curve is not None:
        colour = CURVE_COLOUR
    axes.errorbar(
        *pair,
        xerr=[[side] for side in _error(point.time_gain)],
        yerr=[[side] for side in _error(point.memory_gain)],
        fmt=marker,
        color=CONTROL_COLOUR if point.is_control else colour,
        capsize=3,
        elinewidth=0.8,
        label=point.label if point.is_control else None,
    )
    if point.runs:
        axes.scatter(*zip(*point.runs, strict=True), s=9, color=colour, alpha=0.6, linewidths=0)
    if not point.is_control:
        text = point.label.removeprefix(f"{point.curve} at ")
        size = 7 if point.curve is not None else 9
        axes.annotate(text, pair, xytext=(6, 6), textcoords="offset points", fontsize=size)


def _pair(point: Point) -> tuple[float, float] | None:
    if point.time_gain.value is None or point.memory_gain.value is None:
        return None
    return point.time_gain.value, point.memory_gain.value


def _error(found: Estimate) -> tuple[float, float]:
    """Return the lengths of the interval's arms, 0 where it is unknown."""
    if found.value is None or found.low is None or found.high is None:
        return 0.0, 0.0
    return max(0.0, found.value - found.low), max(0.0, found.high - found.value)
