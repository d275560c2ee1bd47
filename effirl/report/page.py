"""The study as one page that opens offline, with what made each figure."""

from collections.abc import Sequence

from effirl.evaluation.examples import examples
from effirl.evaluation.families import FAMILY_METRICS, by_family
from effirl.evaluation.page import versions
from effirl.evaluation.page_plots import WIDTH_IN, spread_figure, statuses_figure
from effirl.evaluation.pareto import TradeOff
from effirl.evaluation.plots import front_figure
from effirl.evaluation.report_text import cell, command, method
from effirl.evaluation.trade_off_files import notes, points, table
from effirl.pages import Drawing, drawing, render
from effirl.report.answers import Answer, chosen_for_both
from effirl.report.checks import Check, check_table
from effirl.report.learning import CURVES, learning_figure, read_curves
from effirl.report.study import Group, Study
from effirl.runs import read_provenance


def study_page(
    study: Study, answers: Sequence[Answer], checks: Sequence[Check], found: TradeOff
) -> str:
    """Write the study."""
    provenance = read_provenance(study.reference.first.folder)
    shown = chosen_for_both(study) or study.tuned[0]
    return render(
        "study.html.jinja",
        title="Study: runtime and memory of generated programs",
        lead=_lead(study, found),
        answers=answers,
        checks=check_table(checks),
        front=_front(found),
        policies=table(found),
        notes=notes(found),
        figures=_figures(study),
        curves=_curves(study),
        families=_families(study.reference, shown),
        compared=(study.reference.label, shown.label),
        examples=examples(shown.first.evaluation.rows),
        example_of=shown,
        runs=_runs(study),
        command=command(),
        machine=provenance["machine"] | versions(),
        isolation=provenance["isolation"],
        meter=provenance["meter"],
        method=method("families of problems, where ids name them, and seeds of training"),
    )


def _lead(study: Study, found: TradeOff) -> str:
    labels = ", ".join(group.label for group in study.tuned)
    return (
        f"Tuned policies: {labels}. All are compared with {study.reference.label} on the same "
        f"{found.num_problems} problems; intervals are 95%; signs such as ++- are the seeds'."
    )


def _figures(study: Study) -> list[Drawing]:
    groups = {group.label: group for group in study.groups}
    rows = {
        label: [row for policy in group.policies for row in policy.evaluation.rows]
        for label, group in groups.items()
    }
    shown = chosen_for_both(study) or study.tuned[0]
    pair = {label: rows[label] for label in (study.reference.label, shown.label)}
    return [
        drawing(
            spread_figure(pair),
            "spread",
            f"Each correct program beside its source program: {shown.label} (blue) over "
            f"{study.reference.label} (grey).",
            shown.first.command,
        ),
        drawing(
            statuses_figure(rows),
            "statuses",
            "How the completions of each policy ended.",
            command(),
        ),
    ]


def _front(found: TradeOff) -> Drawing:
    return drawing(
        front_figure(points(found), WIDTH_IN, 4.4),
        "front",
        "Runtime and memory gain of each policy, with 95% intervals; the line joins those that "
        "no other beats in both, the broken one the balances that one conditioned policy was asked "
        "for. Small dots are single seeds; other shapes are controls.",
        command(),
    )


def _curves(study: Study) -> list[Drawing]:
    return [
        drawing(
            learning_figure(key, curves),
            f"curve-{key.replace('/', '-')}",
            f"{CURVES[key].capitalize()} at each step of training, means over five logged steps, "
            "from log.jsonl of the runs listed below.",
            command(),
        )
        for key, curves in read_curves(study.trainings).items()
    ]


def _families(reference: Group, shown: Group) -> list[list[str]]:
    """Return each family's figures before and after, with a head, as cells."""
    before, after = (by_family(group.pooled) for group in (reference, shown))
    families = [family for family in after if family in before]
    if not families:
        return []
    head = [f"{title}, {when}" for title in FAMILY_METRICS.values() for when in ("before", "after")]
    lines = [
        [
            family,
            *(cell(each[family][name], 2) for name in FAMILY_METRICS for each in (before, after)),
        ]
        for family in families
    ]
    return [["family", *head], *lines]


def _runs(study: Study) -> dict[str, str]:
    """Return each run and evaluation, and the command that makes it again."""
    evaluations = {
        str(policy.folder): policy.command for group in study.groups for policy in group.policies
    }
    return {str(training.folder): training.command for training in study.trainings} | evaluations
