"""An evaluation as a page, index.html: opens offline, on a phone too."""

from collections.abc import Sequence
from importlib.metadata import version

from effirl.evaluation.evaluations import Evaluation, Line, Report
from effirl.evaluation.examples import examples
from effirl.evaluation.families import FAMILY_METRICS, by_family
from effirl.evaluation.metric_table import FORMATS
from effirl.evaluation.page_plots import spread_figure, statuses_figure
from effirl.evaluation.report_text import cell, command, definitions, method, notes, section_table
from effirl.pages import Drawing, drawing, render

_PACKAGES = ("effirl", "torch", "transformers", "trl", "numpy", "radon")


def page(report: Report) -> str:
    """Write index.html."""
    sections = report.sections()
    return render(
        "evaluation.html.jinja",
        title=report.title,
        notes=notes(report),
        cards=[_card(line) for line in report.headline()],
        figures=figures(report.found),
        families=family_table(report.found[0]),
        examples=examples(report.found[0].rows),
        sections={title: section_table(report, lines) for title, lines in sections.items()},
        command=command(),
        settings=report.settings,
        machine={**report.machine, **versions()},
        definitions=definitions(report),
        method=method(),
    )


def figures(found: Sequence[Evaluation]) -> list[Drawing]:
    """Draw what the completions of one model, or of two, gained and how they ended."""
    models = {label: each.rows for label, each in zip(("model", "baseline"), found, strict=False)}
    return [
        drawing(
            spread_figure(dict(reversed(models.items()))),
            "spread",
            "Each correct program beside its source program: right is faster, up is leaner.",
        ),
        drawing(statuses_figure(models), "statuses", "How the completions ended."),
    ]


def family_table(evaluation: Evaluation) -> list[list[str]]:
    """Return the figures of each family with a head, as cells; empty without families."""
    found = by_family(evaluation)
    if not found:
        return []
    body = [
        [family, *(cell(figures[name], 2) for name in FAMILY_METRICS)]
        for family, figures in found.items()
    ]
    return [["family", *FAMILY_METRICS.values()], *body]


def versions() -> dict[str, str]:
    """Return the versions of what makes a figure."""
    return {name: version(name) for name in _PACKAGES}


def _card(line: Line) -> dict[str, str]:
    form = FORMATS[line.metric.name].format
    value, other, difference = line.value, line.other, line.difference
    return {
        "label": line.title,
        "value": "-" if value.value is None else form(value.value),
        "interval": ""
        if value.low is None or value.high is None
        else f"{form(value.low)} to {form(value.high)}",
        "other": "" if other is None or other.value is None else form(other.value),
        "verdict": line.verdict if difference is not None else "",
    }
