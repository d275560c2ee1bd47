"""Empty figures to draw on, and their way to a file: without a display or global state."""

from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure


def new_figure(width: float, height: float, num_columns: int = 1) -> tuple[Figure, Any]:
    """Make a figure of so many inches.

    Returns:
        The figure, and its axes: a list of them where there are several columns.
    """
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, num_columns, squeeze=False, sharex=True, sharey=True)[0]
    for panel in axes:
        panel.grid(alpha=0.25)
        panel.set_axisbelow(True)
        panel.spines[["top", "right"]].set_visible(False)
    return figure, axes[0] if num_columns == 1 else list(axes)


def save_figure(figure: Figure, path: Path) -> None:
    """Write a .png or .svg file, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)
