"""An evaluation in words and tables: for a terminal, and as Markdown.

The five figures that matter come first. A terminal gets these and the notes; report.md has all.
"""

import shlex
from collections.abc import Iterator, Mapping, Sequence

from effirl.config import command_words
from effirl.data.perf_inputs import describe_inputs
from effirl.evaluation.bootstrap import CONFIDENCE, NUM_RESAMPLES, POWER, Estimate
from effirl.evaluation.evaluations import Evaluation, Line, Report
from effirl.evaluation.meter import unreliable_share
from effirl.tables import aligned
from rewards.memory_profile import RELIABLE_ABOVE_S
from rewards.records import Status

_METHOD = (
    f"Intervals: {CONFIDENCE:.0%}, bootstrap over {{drawn}} with {NUM_RESAMPLES} resamples; "
    f"differences are paired. Detectable: the smallest true difference that such a comparison "
    f"finds with a chance of {POWER:.0%}. Times are CPU times of the process tree. Times and peak "
    "memory are net of the empty program's, where EffiBench's own figures include the interpreter. "
    "Figures leave out what imports cost, but for those called raw. `ratio_of_totals` is the "
    "formula of EffiBench's script, `mean_of_ratios` that of its paper's followers; they differ, "
    "so both are given. Single programs are compared with their source program run by run on one "
    "core; ratios of single programs add 1 ms and 1 MiB to both sides. Code quality is radon's, "
    "over correct completions."
)


def method(drawn: str = "problem ids") -> str:
    """Say how figures are made, and what is drawn for their intervals."""
    return _METHOD.format(drawn=drawn)


def terminal(report: Report) -> str:
    """Lay out the first figures and the notes."""
    return "\n".join([*aligned(headline_table(report)), "", *notes(report), ""])


def headline_table(report: Report) -> list[list[str]]:
    """Return the first figures with a head, as cells."""
    head = ["look here first", "metric", "value", f"{CONFIDENCE:.0%} interval"]
    if report.compared is not None:
        head += ["baseline", "difference", "verdict", "detectable"]
    lines = [head]
    for line in report.headline():
        cells = [line.title, line.metric.name, number(line.value.value), interval(line.value)]
        if report.compared is not None:
            cells += [
                number(line.other.value) if line.other else "",
                cell(line.difference, signed=True),
                line.verdict,
                number(line.detectable),
            ]
        lines.append(cells)
    return lines


def section_table(report: Report, lines: Sequence[Line]) -> list[list[str]]:
    """Return one section's figures with a head, as cells."""
    head = ["metric", "better", "value", f"{CONFIDENCE:.0%} interval", "problem ids"]
    if report.compared is not None:
        head += ["baseline", "difference", "detectable", "where both solve"]
    table = [head]
    for line in lines:
        value, metric = line.value, line.metric
        cells = [metric.name, metric.better, number(value.value), interval(value), str(value.n)]
        if report.compared is not None:
            cells += [
                number(line.other.value) if line.other else "",
                cell(line.difference, signed=True),
                number(line.detectable),
                cell(line.on_common, signed=True),
            ]
        table.append(cells)
    return table


def notes(report: Report) -> list[str]:
    """Say what the figures are over, what was left out, and what to doubt."""
    evaluation = report.found[0]
    num_problems = len(evaluation.by_problem())
    found = [
        f"{num_problems} problems, completions of each: {evaluation.num_samples}",
        f"how they ended: {_statuses(report)}",
    ]
    if dropped := report.loaded.dropped:
        found.append(f"rows of the data left out: {_listed(dropped)}")
    if line := describe_inputs(report.loaded.problems):
        found.append(line)
    for each in report.found:
        found += [f"{each.model}: {note}" for note in [*each.notes, *_losses(each)]]
    if report.compared is not None:
        found.append(f"{report.compared.num_common} problems are solved by both models")
    return found


def _losses(evaluation: Evaluation) -> Iterator[str]:
    """Say what of a model's completions is in no figure, or in one to doubt."""
    if evaluation.refused:
        yield f"problems refused: {_listed(evaluation.refused)}"
    num_failed = sum(not row.is_scored for row in evaluation.rows)
    if num_failed:
        yield (
            f"{num_failed} completions could not be run or measured: they count nowhere; the same "
            "command tries them again"
        )
    num_half = sum(row.is_half_measured for row in evaluation.rows)
    if num_half:
        yield (
            f"{num_half} correct completions could not be measured in full, and are missing from "
            "some figures; the same command tries them again"
        )
    num_timed_out = sum(row.status is Status.TIME_LIMIT for row in evaluation.rows)
    if num_timed_out:
        yield (
            f"{num_timed_out} completions were stopped at their time limit (censored): they are in "
            "no time or ratio but speedup_geometric_censored"
        )
    share = unreliable_share(evaluation.rows)
    if share:
        yield (
            f"TMU and NTMU are unreliable: {share:.0%} of the profiled programs run for less than "
            f"{RELIABLE_ABOVE_S * 1000:.0f} ms"
        )


def _listed(reasons: Mapping[str, int]) -> str:
    return ", ".join(f"{count} ({reason})" for reason, count in reasons.items())


def markdown(report: Report) -> str:
    """Write report.md."""
    parts = [f"# {report.title}", markdown_table(headline_table(report))]
    parts.append("\n".join(f"- {note}" for note in notes(report)))
    for title, lines in report.sections().items():
        parts += [f"## {title}", markdown_table(section_table(report, lines))]
    parts += [
        "## How it was made",
        f"```\n{command()}\n```",
        "\n".join(f"- {name}: {value}" for name, value in report.settings.items()),
        "## Machine",
        "\n".join(f"- {name}: {value}" for name, value in report.machine.items()),
        "## Definitions",
        "\n".join(f"- `{name}`: {meaning}" for name, meaning in definitions(report).items()),
        method(),
    ]
    return "\n\n".join(parts) + "\n"


def command() -> str:
    """Return the command line of this process."""
    return shlex.join(command_words())


def definitions(report: Report) -> dict[str, str]:
    """Return what each figure means."""
    return {
        metric.name: metric.meaning
        for metric in report.found[0].metrics()
        if not metric.name.startswith("status/")
    }


def cell(found: Estimate | None, digits: int = 3, *, signed: bool = False) -> str:
    """Show a figure and its interval in one cell of a table, a difference with its sign.

    >>> cell(Estimate(0.5, 0.25, 0.75, 9), 2), cell(Estimate(None, None, None, 0)), cell(None)
    ('0.50 (0.25 to 0.75)', '-', '-')
    >>> cell(Estimate(0.5, None, None, 1), signed=True)
    '+0.500'
    """
    if found is None or found.value is None:
        return "-"
    value = f"{found.value:{'+' if signed else ''}.{digits}f}"
    if found.low is None or found.high is None:
        return value
    return f"{value} ({found.low:.{digits}f} to {found.high:.{digits}f})"


def number(value: float | None) -> str:
    """Show a figure, or that there is none."""
    return "-" if value is None else f"{value:.3f}"


def interval(found: Estimate) -> str:
    """Show both ends."""
    if found.low is None or found.high is None:
        return "-"
    return f"{found.low:.3f} to {found.high:.3f}"


def _statuses(report: Report) -> str:
    shares = {
        name.removeprefix("status/"): found.value
        for name, found in report.values.items()
        if name.startswith("status/") and found.value
    }
    return ", ".join(f"{name} {share:.1%}" for name, share in shares.items())


def markdown_table(lines: list[list[str]]) -> str:
    """Put cells, the head's first, into a table of Markdown."""
    head, *body = [f"| {' | '.join(line)} |" for line in lines]
    return "\n".join([head, "|---" * len(lines[0]) + "|", *body])
