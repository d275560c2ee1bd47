"""The catalog's table, page and picture."""

import datetime
import math
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from effirl.data.catalog.measuring import Measured, command_line
from effirl.tables import aligned
from rewards.machine import fingerprint
from rewards.records import MIB

_COLUMNS = 6
_COLOURS = {"fast": "tab:red", "lean": "tab:blue", "balanced": "tab:green"}

_INTRODUCTION = """\
# The built-in catalog

{num_families} families of small programs that read standard input, {num_trade_offs} of them with a
real trade-off between runtime and memory (marked T); {num_transfer} families (marked X) are left
for the `transfer` split, so that training never sees them. An instance of a family has its own
constants, names and shapes of loops. `train`, `validation` and `test` share families, never
constants.

Gains are those of the reward: log2 of source program over alternative, divided by 3 and clipped to
[-1, 1], with 1 ms and 1 MiB added to both sides; above 0 is better. Each figure is the mean of
{num_instances} instances on their training inputs, on {cpu}, {date}, by

    {command}

which also writes the gains that set the tags of the targets
(`effirl/data/catalog/measured.json`), and fails when a claim of a family does not hold.

![Every family's alternatives in the time-memory plane](images/catalog.png)

"""
_HEADER = (
    "family",
    "",
    "alternative",
    "runtime ms",
    "of source",
    "peak MiB",
    "of source",
    "time gain",
    "memory gain",
)


def page(rows: Sequence[Measured], num_instances: int, arguments: Sequence[str]) -> str:
    """Write the catalog's page, as Markdown."""
    families = {row.family for row in rows}
    introduction = _INTRODUCTION.format(
        num_families=len(families),
        num_trade_offs=sum(family.is_trade_off for family in families),
        num_transfer=sum(family.is_transfer for family in families),
        num_instances=num_instances,
        cpu=fingerprint()["cpu"],
        date=datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
        command=command_line(arguments),
    )
    lines = [_HEADER, ("---",) * len(_HEADER), *map(_cells, rows)]
    return introduction + "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def table(rows: Sequence[Measured]) -> str:
    """Write the same figures for a terminal."""
    return "\n".join([*aligned([_HEADER, *map(_cells, rows)]), ""])


def _cells(row: Measured) -> tuple[str, ...]:
    return (
        row.family.name,
        "T" * row.family.is_trade_off + "X" * row.family.is_transfer,
        row.name,
        f"{row.runtime_s * 1000:.1f}",
        f"{row.source_runtime_s * 1000:.1f}",
        f"{row.peak_bytes / MIB:.1f}",
        f"{row.source_peak_bytes / MIB:.1f}",
        f"{row.time_gain:+.2f}",
        f"{row.memory_gain:+.2f}",
    )


def draw(rows: Sequence[Measured], path: Path) -> None:
    """Draw a small panel for each family: time gain to the right, memory gain upwards."""
    families = list(dict.fromkeys(row.family for row in rows))
    num_lines = math.ceil(len(families) / _COLUMNS)
    with mpl.rc_context({"font.size": 8, "axes.titlesize": 9}):
        figure = Figure(figsize=(16, 2.7 * num_lines), layout="constrained")
        panels = figure.subplots(num_lines, _COLUMNS, sharex=True, sharey=True, squeeze=False)
        for panel in panels.flat[len(families) :]:
            panel.set_visible(False)
        for family, panel in zip(families, panels.flat, strict=False):
            kind = " (T)" * family.is_trade_off + " (X)" * family.is_transfer
            panel.set_title(family.name + kind)
            _draw_panel(panel, [row for row in rows if row.family is family])
        figure.supxlabel("time gain")
        figure.supylabel("memory gain")
        figure.savefig(path, dpi=100)


def _draw_panel(panel: Axes, rows: Sequence[Measured]) -> None:
    panel.axhline(0, color="0.85", linewidth=1, zorder=0)
    panel.axvline(0, color="0.85", linewidth=1, zorder=0)
    panel.plot(0, 0, marker="s", color="black", markersize=5)
    panel.annotate("source", (0, 0), xytext=(-4, -11), textcoords="offset points", ha="right")
    for index, row in enumerate(rows):
        place = (row.time_gain, row.memory_gain)
        panel.plot(*place, marker="o", color=_COLOURS[row.name], markersize=6)
        # Labels go to either side, as the alternatives of a family often lie close together.
        offset, side = ((5, 4), "left") if index == 0 else ((-5, -10), "right")
        panel.annotate(row.name, place, xytext=offset, textcoords="offset points", ha=side)
    panel.set_xlim(-0.7, 1.3)
    panel.set_ylim(-0.3, 1.15)
