"""Results of an evaluation as a table, and as metrics.json, differences.json and report.md."""

import json
import shlex
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from itertools import groupby
from pathlib import Path

from effirl.data.perf_inputs import describe_inputs
from effirl.data.problems import LoadedProblems
from effirl.evaluation.bootstrap import (
    CONFIDENCE,
    NUM_RESAMPLES,
    Estimate,
    estimate,
    estimate_difference,
)
from effirl.evaluation.meter import unreliable_share
from effirl.evaluation.metric_table import table
from effirl.evaluation.metrics import Metric, Samples
from effirl.scoring import CompletionRow
from effirl.tables import aligned
from rewards.machine import fingerprint
from rewards.memory_profile import RELIABLE_ABOVE_S

Estimates = dict[str, Estimate]
"""By name of the metric, in the report's order."""


@dataclass(slots=True)
class Evaluation:
    """The completions of one model for all problems, in order."""

    model: str
    num_samples: int
    rows: list[CompletionRow]
    refused: Counter[str] = field(default_factory=Counter)
    """Reason -> problems that could not be evaluated."""

    def by_problem(self) -> list[Samples]:
        """Group the completions."""
        return [list(rows) for _, rows in groupby(self.rows, lambda row: row.problem_index)]

    def metrics(self) -> list[Metric]:
        """List what can be said of so many completions a problem."""
        return table(self.num_samples)


@dataclass(slots=True)
class Differences:
    """A model minus another one, on the same problems."""

    on_all: Estimates
    on_common: Estimates
    """Over problems that both solve at least once."""
    num_common: int
    values: Estimates = field(default_factory=dict)
    """The other model's own figures."""


def estimates(evaluation: Evaluation, seed: int = 0) -> Estimates:
    """Compute every metric of one model."""
    problems = evaluation.by_problem()
    return {metric.name: estimate(metric.over(problems), seed) for metric in evaluation.metrics()}


def differences(evaluation: Evaluation, other: Evaluation, seed: int = 0) -> Differences:
    """Compare two models by the metrics that both have, problem by problem."""
    common = _solved(evaluation) & _solved(other)
    names = {metric.name for metric in other.metrics()}
    shared = [metric for metric in evaluation.metrics() if metric.name in names]

    def compare(pick: Sequence[Samples], other_pick: Sequence[Samples]) -> Estimates:
        return {
            metric.name: estimate_difference(metric.over(pick), metric.over(other_pick), seed)
            for metric in shared
        }

    problems, other_problems = evaluation.by_problem(), other.by_problem()
    return Differences(
        on_all=compare(problems, other_problems),
        on_common=compare(_only(problems, common), _only(other_problems, common)),
        num_common=len(common),
        values=estimates(other, seed),
    )


def write_report(
    folder: Path, settings: dict[str, object], loaded: LoadedProblems, found: Sequence[Evaluation]
) -> str:
    """Write the files of an evaluation.

    Args:
        folder: Where they go.
        settings: As resolved, for the report; `seed` is that of the intervals.
        loaded: The problems, and how many were left out.
        found: The model, and the one that it is compared with if there is one.

    Returns:
        The table, for a terminal.
    """
    seed = int(str(settings["seed"]))
    evaluation = found[0]
    values = estimates(evaluation, seed)
    compared = differences(evaluation, found[1], seed) if len(found) > 1 else None
    _write_json(folder / "metrics.json", values)
    if compared is not None:
        _write_json(folder / "baseline" / "metrics.json", compared.values)
        document = {
            "all": _jsonable(compared.on_all),
            "commonly_solved": _jsonable(compared.on_common),
            "num_commonly_solved": compared.num_common,
        }
        (folder / "differences.json").write_text(json.dumps(document, indent=2) + "\n")
    lines = _table(evaluation, values, compared)
    notes = _notes(evaluation, loaded, compared)
    (folder / "report.md").write_text(_markdown(settings, found, lines, notes), encoding="utf-8")
    return "\n".join([*aligned(lines), "", *notes, f"written to {folder}", ""])


def _table(
    evaluation: Evaluation, values: Estimates, compared: Differences | None
) -> list[list[str]]:
    head = ["metric", "better", "value", f"{CONFIDENCE:.0%} interval", "problem ids"]
    if compared is not None:
        head += ["baseline", "difference", "where both solve"]
    lines = [head]
    for metric in evaluation.metrics():
        value = values[metric.name]
        found = [value, compared.values.get(metric.name)] if compared else [value]
        if metric.name.startswith("status/") and not any(entry and entry.value for entry in found):
            continue  # nothing ended so
        line = [metric.name, metric.better, _number(value.value), _interval(value), str(value.n)]
        if compared is not None:
            line += [
                _number(compared.values[metric.name].value)
                if metric.name in compared.values
                else "",
                _with_interval(compared.on_all.get(metric.name)),
                _with_interval(compared.on_common.get(metric.name)),
            ]
        lines.append(line)
    return lines


def _notes(
    evaluation: Evaluation, loaded: LoadedProblems, compared: Differences | None
) -> list[str]:
    num_problems = len(evaluation.by_problem())
    notes = [f"{num_problems} problems, completions of each: {evaluation.num_samples}"]
    for what, reasons in (
        ("rows of the data left out", loaded.dropped),
        ("problems refused", evaluation.refused),
    ):
        if reasons:
            listed = ", ".join(f"{count} ({reason})" for reason, count in reasons.items())
            notes.append(f"{what}: {listed}")
    if line := describe_inputs(loaded.problems):
        notes.append(line)
    num_failed = sum(not row.is_scored for row in evaluation.rows)
    if num_failed:
        notes.append(f"{num_failed} completions could not be run or measured: they count nowhere")
    if compared is not None:
        notes.append(f"{compared.num_common} problems are solved by both models")
    share = unreliable_share(evaluation.rows)
    if share:
        notes.append(
            f"TMU and NTMU are unreliable: {share:.0%} of the profiled programs run for less than "
            f"{RELIABLE_ABOVE_S * 1000:.0f} ms"
        )
    return notes


def _markdown(
    settings: dict[str, object],
    found: Sequence[Evaluation],
    lines: list[list[str]],
    notes: list[str],
) -> str:
    title = " compared with ".join(evaluation.model for evaluation in found)
    head, *body = [f"| {' | '.join(line)} |" for line in lines]
    definitions = [
        f"- `{metric.name}`: {metric.meaning}"
        for metric in found[0].metrics()
        if not metric.name.startswith("status/")
    ]
    machine = [f"- {name}: {value}" for name, value in fingerprint().items()]
    parts = [
        f"# Evaluation of {title}",
        "\n".join([head, "|---" * len(lines[0]) + "|", *body]),
        "\n".join(f"- {note}" for note in notes),
        "## How it was made",
        "```\n" + shlex.join(["python", *sys.argv]) + "\n```",
        "\n".join(f"- {name}: {value}" for name, value in settings.items()),
        "## Machine",
        "\n".join(machine),
        "## Definitions",
        "\n".join(definitions),
        f"Intervals: {CONFIDENCE:.0%}, bootstrap over problem ids with {NUM_RESAMPLES} resamples; "
        "differences are paired. Times are CPU times of the process tree. Times and peak memory "
        "are net of the empty program's, where EffiBench's own figures include the interpreter. "
        "`ratio_of_totals` is the formula of EffiBench's script, `mean_of_ratios` that of its "
        "paper's followers; they differ, so both are given. Single programs are compared with "
        "their source program run by run on one core; ratios of single programs add 1 ms and "
        "1 MiB to both sides.",
    ]
    return "\n\n".join(parts) + "\n"


def read_metrics(folder: Path) -> Estimates:
    """Return what an evaluation wrote to its folder's metrics.json."""
    values = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    return {name: Estimate(**value) for name, value in values.items()}


def cell(found: Estimate, digits: int) -> str:
    """Show a figure and its interval in one cell of a table.

    >>> cell(Estimate(0.5, 0.25, 0.75, 9), 2), cell(Estimate(None, None, None, 0), 2)
    ('0.50 (0.25 to 0.75)', '-')
    """
    if found.value is None:
        return "-"
    if found.low is None or found.high is None:
        return f"{found.value:.{digits}f}"
    return f"{found.value:.{digits}f} ({found.low:.{digits}f} to {found.high:.{digits}f})"


def _solved(evaluation: Evaluation) -> set[int]:
    return {row.problem_index for row in evaluation.rows if row.is_correct}


def _only(problems: Sequence[Samples], indices: set[int]) -> list[Samples]:
    return [samples for samples in problems if samples[0].problem_index in indices]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _interval(found: Estimate) -> str:
    if found.low is None or found.high is None:
        return "-"
    return f"{found.low:.3f} to {found.high:.3f}"


def _with_interval(found: Estimate | None) -> str:
    if found is None or found.value is None:
        return "-"
    return f"{found.value:+.3f} ({_interval(found)})"


def _jsonable(found: Estimates) -> dict[str, dict[str, float | int | None]]:
    return {name: asdict(value) for name, value in found.items()}


def _write_json(path: Path, found: Estimates) -> None:
    path.write_text(json.dumps(_jsonable(found), indent=2) + "\n", encoding="utf-8")
