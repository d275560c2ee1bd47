"""Learning curves, from the logs of training runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from matplotlib.figure import Figure

from effirl.evaluation.page_plots import WIDTH_IN
from effirl.figures import new_figure
from effirl.files import read_log
from effirl.report.study import Training
from effirl.runs import LOG_FILE

CURVES: Final = {
    "reward/total": "reward of the sampled programs",
    "reward/correct": "share that is correct",
    "reward/time_gain": "runtime gain",
    "reward/memory_gain": "memory gain",
    "eval_exact_match": "warm start: exact match on held-out pairs",
    "loss": "warm start: loss",
}
"""Key of the log -> what it shows."""
_SMOOTHED_OVER: Final = 5


@dataclass(frozen=True, slots=True)
class Curve:
    """One key of one run."""

    steps: list[float]
    values: list[float]


def read_curves(trainings: Sequence[Training]) -> dict[str, dict[str, list[Curve]]]:
    """Return the curves of each key by the run's name, those of all its seeds together.

    A run's loss only where it is a warm start's.
    """
    found: dict[str, dict[str, list[Curve]]] = {}
    for training in trainings:
        rows = read_log(training.folder / LOG_FILE)
        for key in CURVES:
            if key == "loss" and training.kind == "ppo":
                continue  # it hovers around 0 by construction and shows no progress
            points = [(row["step"], row[key]) for row in rows if key in row and "step" in row]
            if len(points) > 1:
                steps, values = zip(*points, strict=True)
                curve = Curve([*steps], _smoothed(values))
                found.setdefault(key, {}).setdefault(training.name, []).append(curve)
    return found


def learning_figure(key: str, curves: Mapping[str, Sequence[Curve]]) -> Figure:
    """Draw one key of several runs, the seeds of one in one colour."""
    figure, axes = new_figure(WIDTH_IN, 3.2)
    for number, (name, seeds) in enumerate(curves.items()):
        for curve in seeds:
            label = name if curve is seeds[0] else None
            axes.plot(curve.steps, curve.values, color=f"C{number}", label=label, linewidth=1.2)
    axes.set_xlabel("step")
    axes.set_title(CURVES[key], fontsize=10)
    if len(curves) > 1:
        axes.legend(frameon=False, fontsize=7)
    return figure


def _smoothed(values: Sequence[float]) -> list[float]:
    """Return means over the last few values: single steps are noisy."""
    starts = (max(0, end - _SMOOTHED_OVER) for end in range(1, len(values) + 1))
    return [sum(values[start:end]) / (end - start) for end, start in enumerate(starts, start=1)]
