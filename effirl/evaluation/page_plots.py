"""Figures for pages: small ones, whose text is still readable on a phone."""

from collections.abc import Mapping, Sequence
from typing import Final

from matplotlib.figure import Figure

from effirl.evaluation.efficiency_metrics import memory_log2, time_log2
from effirl.evaluation.plots import CONTROL_COLOUR, FRONT_COLOUR, OTHER_COLOUR
from effirl.figures import new_figure
from effirl.scoring import CompletionRow
from rewards.records import Status

WIDTH_IN: Final = 4.7
STATUS_COLOURS: Final = {
    Status.OK: "#3d8361",
    Status.WRONG_ANSWER: "#e0a030",
    Status.RUNTIME_ERROR: CONTROL_COLOUR,
    Status.SYNTAX_ERROR: "#8d5a97",
    Status.NO_CODE: "#c9b6cf",
    Status.TIME_LIMIT: FRONT_COLOUR,
    Status.MEMORY_LIMIT: "#74add1",
    Status.OUTPUT_LIMIT: "#abd9e9",
    Status.VIOLATION: "#000000",
    Status.SANDBOX_ERROR: OTHER_COLOUR,
}


def spread_figure(models: Mapping[str, Sequence[CompletionRow]]) -> Figure:
    """Draw every correct program by its speedup and its memory reduction.

    Args:
        models: Label -> completions; the last one is drawn on top.
    """
    figure, axes = new_figure(WIDTH_IN, 3.9)
    colours = (FRONT_COLOUR,) if len(models) == 1 else (OTHER_COLOUR, FRONT_COLOUR)
    for colour, (label, rows) in zip(colours, models.items(), strict=True):
        found = [row.comparison for row in rows if row.is_correct and row.comparison]
        axes.scatter(
            [2.0 ** time_log2(each) for each in found],
            [2.0 ** memory_log2(each) for each in found],
            s=12, alpha=0.5, linewidths=0, color=colour, label=label,
        )  # fmt: skip
    for axis, setter in ((axes.xaxis, axes.set_xscale), (axes.yaxis, axes.set_yscale)):
        setter("log", base=2)
        axis.set_major_formatter(lambda value, _: f"{value:g}x")
    axes.axhline(1, color="black", linewidth=0.7)
    axes.axvline(1, color="black", linewidth=0.7)
    axes.set_xlabel("speedup (right is faster)")
    axes.set_ylabel("memory reduction (up is leaner)")
    if len(models) > 1:
        axes.legend(frameon=False, fontsize=8, markerscale=2)
    return figure


def statuses_figure(models: Mapping[str, Sequence[CompletionRow]]) -> Figure:
    """Draw the shares of how completions ended, a bar for each model."""
    figure, axes = new_figure(WIDTH_IN, 1.5 + 0.35 * len(models))
    for status, colour in STATUS_COLOURS.items():
        counts = [
            sum(row.status is status for row in rows) / max(len(rows), 1)
            for rows in models.values()
        ]
        if any(counts):
            left = [_share_before(rows, status) for rows in models.values()]
            axes.barh([*models], counts, left=left, color=colour, label=str(status), height=0.6)
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.grid(visible=False)
    figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    return figure


def _share_before(rows: Sequence[CompletionRow], status: Status) -> float:
    """Return where the part of a status starts."""
    order = [*STATUS_COLOURS]
    before = order[: order.index(status)]
    return sum(row.status in before for row in rows) / max(len(rows), 1)
