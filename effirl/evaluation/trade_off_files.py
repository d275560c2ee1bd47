"""A trade-off as files: sweep.json, sweep.csv, front.png and front.svg, and as a table."""

import csv
import io
import json
from dataclasses import asdict
from pathlib import Path

from effirl.evaluation.bootstrap import Estimate
from effirl.evaluation.evaluations import Estimates, jsonable
from effirl.evaluation.fronts import REFERENCE
from effirl.evaluation.pareto import GAINS, Standing, TradeOff
from effirl.evaluation.plots import Point, plot_front
from effirl.evaluation.report_text import cell
from effirl.files import write_whole
from effirl.tables import aligned

_CSV_HEAD = ("policy", "model", "is_control", "is_non_dominated", "front_share", "dominated_by")
_TABLE = ("pass@1", *GAINS, "speedup_geometric", "memory_reduction_geometric")


def write_trade_off(folder: Path, found: TradeOff) -> str:
    """Write the files of a sweep.

    Returns:
        The table, for a terminal.
    """
    write_whole(folder / "sweep.csv", _csv(found))
    plot_front(points(found), folder / "front.png", folder / "front.svg")
    # Last: that it is there says that the sweep is finished.
    write_whole(folder / "sweep.json", json.dumps(_document(found), indent=2) + "\n")
    return "\n".join([*aligned(table(found)), "", *notes(found), f"written to {folder}", ""])


def points(found: TradeOff) -> list[Point]:
    """Return what the plot shows."""
    return [
        Point(
            standing.candidate.label,
            standing.figures["time_gain"],
            standing.figures["memory_gain"],
            standing.candidate.is_control,
            tuple(pair for run in standing.runs if (pair := _known(run)) is not None),
            standing.candidate.curve,
        )
        for standing in found.standings
    ]


def table(found: TradeOff) -> list[list[str]]:
    """Return the candidates with a head, as cells."""
    lines = [["policy", *_TABLE, "on the front", "dominated by"]]
    for standing in found.standings:
        cells = [cell(standing.figures[name]) for name in _TABLE]
        sure = f"{standing.front_share:.0%} sure"
        share = "control" if standing.candidate.is_control else sure
        mark = f"yes, {share}" if standing.is_non_dominated else share
        lines.append([standing.candidate.label, *cells, mark, "; ".join(standing.dominated_by)])
    return lines


def notes(found: TradeOff) -> list[str]:
    """Say what the figures are over."""
    num_seeds = max(len(standing.candidate.runs) for standing in found.standings)
    is_by_problem = found.num_families == found.num_problems
    drawn = "problems" if is_by_problem else "families of problems (ids, where these name none)"
    lines = [
        f"hypervolume {cell(found.hypervolume)}, from the source programs unchanged (gains "
        f"{REFERENCE[0]:g} and {REFERENCE[1]:g}); both gains reach 1, so does it",
        f"{found.num_problems} problems, seeds of training: {num_seeds}; 95% intervals, {drawn} "
        "and seeds resampled together for all policies",
    ]
    if found.num_left_out:
        lines.append(
            f"{found.num_left_out} problems left out: not every policy was measured on them"
        )
    return lines


def _document(found: TradeOff) -> dict[str, object]:
    return {
        "hypervolume": asdict(found.hypervolume) | {"reference": list(REFERENCE)},
        "num_problems": found.num_problems,
        "num_left_out": found.num_left_out,
        "policies": {
            standing.candidate.label: {
                "models": [run.model for run in standing.candidate.runs],
                "is_control": standing.candidate.is_control,
                "is_non_dominated": standing.is_non_dominated,
                "front_share": standing.front_share,
                "dominated_by": standing.dominated_by,
                "figures": jsonable(standing.figures),
                "minus_first_control": jsonable(standing.versus),
                "runs": [jsonable(run) for run in standing.runs],
            }
            for standing in found.standings
        },
    }


def _csv(found: TradeOff) -> str:
    """Return a line for each policy, and one for each of its runs where there are several."""
    file = io.StringIO()
    names = [*found.standings[0].figures]
    bounds = [f"{name}{end}" for name in names for end in ("", "_low", "_high")]
    differences = [f"{name}_minus_control{end}" for name in names for end in ("", "_low", "_high")]
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([*_CSV_HEAD, *bounds, *differences])
    for standing in found.standings:
        writer.writerow(
            [
                *(standing.candidate.label, _models(standing), standing.candidate.is_control),
                *(standing.is_non_dominated, standing.front_share),
                "; ".join(standing.dominated_by),
                *_ends(standing.figures, names),
                *_ends(standing.versus, names),
            ]
        )
        for evaluation, run in zip(standing.candidate.runs, standing.runs, strict=False):
            head = (standing.candidate.label, evaluation.model, standing.candidate.is_control)
            writer.writerow([*head, "", "", "", *_ends(run, names)])
    return file.getvalue()


def _models(standing: Standing) -> str:
    return "; ".join(run.model for run in standing.candidate.runs)


def _ends(figures: Estimates, names: list[str]) -> list[float | None]:
    nothing = Estimate(None, None, None, 0)
    found = [figures.get(name, nothing) for name in names]
    return [end for each in found for end in (each.value, each.low, each.high)]


def _known(run: Estimates) -> tuple[float, float] | None:
    time_gain, memory_gain = (run[name].value for name in GAINS)
    return None if time_gain is None or memory_gain is None else (time_gain, memory_gain)
