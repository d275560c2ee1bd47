"""The files of an evaluation that show it: JSON, parquet, Markdown and a page."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from effirl.data.problems import LoadedProblems
from effirl.evaluation.bootstrap import Estimate
from effirl.evaluation.evaluations import Estimates, Evaluation, jsonable, make_report
from effirl.evaluation.flat_rows import flat
from effirl.evaluation.page import page
from effirl.evaluation.report_text import markdown, terminal
from effirl.evaluation.results import BASELINE_FOLDER, model_folders
from effirl.files import write_whole
from effirl.parquet import write_parquet

METRICS_FILE: Final = "metrics.json"
"""Written when an evaluation is finished."""
_DIFFERENCES_FILE: Final = "differences.json"
_PARQUET_FILE: Final = "results.parquet"


def write_report(
    folder: Path,
    settings: dict[str, object],
    loaded: LoadedProblems,
    found: Sequence[Evaluation],
    machine: Mapping[str, str] | None = None,
) -> str:
    """Write the files of an evaluation.

    Args:
        folder: Where they go; `baseline/` in it exists if two models are compared.
        settings: As resolved, for the report; `seed` is that of the intervals.
        loaded: The problems, and how many were left out.
        found: The model, and the one that it is compared with if there is one.
        machine: Fingerprint of where programs were measured; None for this machine's.

    Returns:
        The first figures, for a terminal.
    """
    report = make_report(settings, loaded, found, machine)
    if report.compared is not None:
        compared = report.compared
        _write_json(folder / BASELINE_FOLDER / METRICS_FILE, jsonable(compared.values))
        document = {
            "all": jsonable(compared.on_all),
            "commonly_solved": jsonable(compared.on_common),
            "num_commonly_solved": compared.num_common,
        }
        _write_json(folder / _DIFFERENCES_FILE, document)
    for evaluation, path in zip(found, model_folders(folder), strict=False):
        write_parquet(path / _PARQUET_FILE, [flat(row) for row in evaluation.rows])
    write_whole(folder / "report.md", markdown(report))
    write_whole(folder / "index.html", page(report))
    # Last: that it is there says that the evaluation is finished.
    _write_json(folder / METRICS_FILE, jsonable(report.values))
    return f"{terminal(report)}all figures: {folder / 'index.html'}, or report.md beside it\n"


def read_metrics(folder: Path) -> Estimates:
    """Return what an evaluation wrote to its folder's metrics.json."""
    return _estimates(json.loads((folder / METRICS_FILE).read_text(encoding="utf-8")))


def read_differences(folder: Path) -> Estimates:
    """Return what a model was above the one that it was compared with, on all problems."""
    document = json.loads((folder / _DIFFERENCES_FILE).read_text(encoding="utf-8"))
    return _estimates(document["all"])


def _estimates(values: Mapping[str, dict[str, Any]]) -> Estimates:
    return {name: Estimate(**value) for name, value in values.items()}


def read_figures(folder: Path) -> dict[str, object]:
    """Return all figures that an evaluation wrote, with its folder."""
    files = {
        "metrics": METRICS_FILE,
        "baseline": f"{BASELINE_FOLDER}/{METRICS_FILE}",
        "differences": _DIFFERENCES_FILE,
    }
    found: dict[str, object] = {"folder": str(folder)}
    for name, file in files.items():
        if (folder / file).is_file():
            found[name] = json.loads((folder / file).read_text(encoding="utf-8"))
    return found


def _write_json(path: Path, document: object) -> None:
    write_whole(path, json.dumps(document, indent=2) + "\n")
