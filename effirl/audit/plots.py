"""The two pictures of an audit."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from matplotlib.figure import Figure

from effirl.audit.measuring import Audited
from effirl.audit.tables import GROUPS
from effirl.figures import new_figure, save_figure

Point = tuple[float | None, float | None]
_COLOURS: Final = dict(zip(GROUPS, ("#1b6ca8", "#3d8361", "#8a8f98", "#c44536"), strict=True))


def plot_claims(found: Sequence[Audited], path: Path) -> None:
    """Draw the claimed speedup of each pair beside the measured one, from outside and inside."""
    figure, panels = new_figure(11.0, 5.2, num_columns=2)
    titles = ("of the processes: start and imports counted", "import-neutral, as the reward has it")
    claims = [a.pair.target.claimed_speedup for a in found]
    for panel, title, measured in zip(
        panels,
        titles,
        ([a.process_speedup for a in found], [a.speedup for a in found]),
        strict=True,
    ):
        _scatter(panel, list(zip(claims, measured, strict=True)), found)
        panel.axline((1, 1), (2, 2), color="black", linewidth=0.8, linestyle=":")
        panel.set_title(title)
        panel.set_xlabel("claimed speedup (right is faster)")
    panels[0].set_ylabel("measured speedup (up is faster)")
    _add_legend(figure, panels[0])
    save_figure(figure, path)


def plot_gains(found: Sequence[Audited], path: Path) -> None:
    """Draw the measured, import-neutral speedup and memory reduction of each pair."""
    figure, axes = new_figure(6.8, 5.6)
    _scatter(axes, [(a.speedup, a.memory_reduction) for a in found], found)
    axes.set_xlabel("speedup (right is faster)")
    axes.set_ylabel("memory reduction (up is leaner)")
    axes.set_title("Targets beside their source programs, import-neutral")
    _add_legend(figure, axes)
    save_figure(figure, path)


def _scatter(axes: Any, points: Sequence[Point], found: Sequence[Audited]) -> None:
    for group, colour in _COLOURS.items():
        chosen = [point for point, a in zip(points, found, strict=True) if a.group == group]
        if shown := [point for point in chosen if None not in point]:
            label = f"{group} ({len(shown)})"
            axes.scatter(*zip(*shown, strict=True), s=14, alpha=0.6, color=colour, label=label)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", base=2)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda value, _: f"{value:g}x")
    axes.axhline(1, color="black", linewidth=0.8)
    axes.axvline(1, color="black", linewidth=0.8)


def _add_legend(figure: Figure, axes: Any) -> None:
    """Name the groups below the axes: points may be anywhere in them."""
    figure.legend(
        *axes.get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False
    )
