"""The figures of an evaluation: of one model, and of two on the same problems."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import groupby

from effirl.data.problems import LoadedProblems
from effirl.evaluation.bootstrap import Estimate, detectable, estimate, estimate_difference
from effirl.evaluation.efficiency_metrics import PERCENTILES
from effirl.evaluation.metric_table import HEADLINE, sections
from effirl.evaluation.metrics import Metric, Samples
from effirl.scoring import CompletionRow
from rewards.machine import fingerprint

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
    notes: list[str] = field(default_factory=list)
    """What is to be known of its completions."""

    def by_problem(self) -> list[Samples]:
        """Group the completions."""
        return [list(rows) for _, rows in groupby(self.rows, lambda row: row.problem_index)]

    def sections(self) -> dict[str, list[Metric]]:
        """List what can be said of so many completions a problem."""
        return sections(self.num_samples)

    def metrics(self) -> list[Metric]:
        """List the same without sections."""
        return [metric for metrics in self.sections().values() for metric in metrics]


@dataclass(slots=True)
class Differences:
    """A model minus another one, on the same problems."""

    on_all: Estimates
    on_common: Estimates
    """Over the correct completions of problems that both solve, each problem by its mean."""
    num_common: int
    values: Estimates = field(default_factory=dict)
    """The other model's own figures."""


@dataclass(frozen=True, slots=True)
class Line:
    """One metric in a table: the model's figure, and what it is compared with."""

    metric: Metric
    value: Estimate
    other: Estimate | None
    """The baseline's figure; None without a baseline, or if it lacks the metric."""
    difference: Estimate | None
    on_common: Estimate | None

    @property
    def title(self) -> str:
        """What the metric is called where only a few are shown."""
        return HEADLINE.get(self.metric.name, self.metric.name)

    @property
    def detectable(self) -> float | None:
        """The smallest true difference that the comparison would probably find."""
        return None if self.difference is None else detectable(self.difference)

    @property
    def verdict(self) -> str:
        """The difference in a word."""
        found = self.difference
        if found is None or found.low is None or found.high is None:
            return ""
        if found.low <= 0 <= found.high:
            return "no difference seen"
        if not self.metric.better:
            return "different"
        return "better" if (found.low > 0) == (self.metric.better == "higher") else "worse"


@dataclass(slots=True)
class Report:
    """All that the files of an evaluation are written from."""

    settings: dict[str, object]
    """As resolved; `seed` is that of the intervals."""
    loaded: LoadedProblems
    found: Sequence[Evaluation]
    """The model, and the one that it is compared with if there is one."""
    values: Estimates
    compared: Differences | None
    machine: Mapping[str, str]
    """Where programs were measured."""

    @property
    def title(self) -> str:
        return "Evaluation of " + " compared with ".join(found.model for found in self.found)

    def headline(self) -> list[Line]:
        """Return the figures to look at first."""
        by_name = {metric.name: metric for metric in self.found[0].metrics()}
        return [self._line(by_name[name]) for name in HEADLINE]

    def sections(self) -> dict[str, list[Line]]:
        """Return all figures that there are."""
        return {
            title: [line for line in map(self._line, metrics) if _is_shown(line)]
            for title, metrics in self.found[0].sections().items()
        }

    def _line(self, metric: Metric) -> Line:
        name, compared = metric.name, self.compared
        if compared is None:
            return Line(metric, self.values[name], None, None, None)
        return Line(
            metric,
            self.values[name],
            compared.values.get(name),
            compared.on_all.get(name),
            compared.on_common.get(name),
        )


def make_report(
    settings: dict[str, object],
    loaded: LoadedProblems,
    found: Sequence[Evaluation],
    machine: Mapping[str, str] | None = None,
) -> Report:
    """Compute every figure of one model, or of two.

    Args:
        settings: As resolved.
        loaded: The problems, and how many were left out.
        found: The model, and the one that it is compared with if there is one.
        machine: Fingerprint of where programs were measured; None for this machine's.
    """
    seed = int(str(settings["seed"]))
    compared = differences(found[0], found[1], seed) if len(found) > 1 else None
    values = estimates(found[0], seed)
    return Report(settings, loaded, found, values, compared, machine or fingerprint())


def jsonable(found: Estimates) -> dict[str, object]:
    """Return the figures in JSON's types."""
    return {name: asdict(value) for name, value in found.items()}


def estimates(evaluation: Evaluation, seed: int = 0) -> Estimates:
    """Compute every metric of one model."""
    problems = evaluation.by_problem()
    return {metric.name: estimate(metric.over(problems), seed) for metric in evaluation.metrics()}


def differences(evaluation: Evaluation, other: Evaluation, seed: int = 0) -> Differences:
    """Compare two models by the metrics that both have, problem by problem.

    Problems that only one of them was measured on (a source program may fail now and then) are in
    that one's own figures alone.
    """
    both = _measured(evaluation) & _measured(other)
    common = _solved(evaluation) & _solved(other)
    names = {metric.name for metric in other.metrics()}
    shared = [metric for metric in evaluation.metrics() if metric.name in names]

    def compare(pick: Sequence[Samples], other_pick: Sequence[Samples]) -> Estimates:
        return {
            metric.name: estimate_difference(metric.over(pick), metric.over(other_pick), seed)
            for metric in shared
        }

    def compare_solved(pick: Sequence[Samples], other_pick: Sequence[Samples]) -> Estimates:
        # Each problem counts once: else it would weigh by how often each model solves it, and two
        # that write the same programs would differ.
        return {
            metric.name: estimate_difference(
                metric.over(pick, each_once=True), metric.over(other_pick, each_once=True), seed
            )
            for metric in shared
            if _is_of_correct_ones(metric.name)
        }

    problems = _only(evaluation.by_problem(), both)
    other_problems = _only(other.by_problem(), both)
    solved, other_solved = (
        [[row for row in samples if row.is_correct] for samples in _only(each, common)]
        for each in (problems, other_problems)
    )
    return Differences(
        on_all=compare(problems, other_problems),
        on_common=compare_solved(solved, other_solved),
        num_common=len(common),
        values=estimates(other, seed),
    )


def _is_of_correct_ones(name: str) -> bool:
    """Whether a metric still says something where only correct completions are left."""
    takes_several = "@" in name and not name.endswith("@1")
    return not (takes_several or name == "pass@1" or name.startswith("status/"))


def _is_shown(line: Line) -> bool:
    """Leave out statuses that nothing ended with, and percentiles that nobody asked for."""
    values = [found.value for found in (line.value, line.other) if found is not None]
    if line.metric in PERCENTILES:
        return any(value is not None for value in values)
    return any(values) or not line.metric.name.startswith("status/")


def _measured(evaluation: Evaluation) -> set[int]:
    return {row.problem_index for row in evaluation.rows}


def _solved(evaluation: Evaluation) -> set[int]:
    return {row.problem_index for row in evaluation.rows if row.is_correct}


def _only(problems: Sequence[Samples], indices: set[int]) -> list[Samples]:
    return [samples for samples in problems if samples[0].problem_index in indices]
