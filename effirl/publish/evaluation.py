"""The evaluation that a card quotes: finished, and of the very weights that are published."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from effirl.errors import UserError
from effirl.evaluation.bootstrap import Estimate
from effirl.evaluation.evaluations import Estimates
from effirl.evaluation.metric_table import HEADLINE
from effirl.evaluation.metric_table import table as all_metrics
from effirl.evaluation.report import METRICS_FILE, read_differences, read_metrics
from effirl.evaluation.report_text import cell, interval, number
from effirl.evaluation.results import BASELINE_FOLDER, weights_digest
from effirl.runs import PROVENANCE_FILE, read_provenance, read_settings

_COUNT: Final = "pass@1"
"""Metric that every evaluation has which ran programs."""
SHOWN: Final = {**HEADLINE, "time_gain": "runtime gain", "memory_gain": "memory gain"}
"""Metric -> what the card calls it."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What an evaluation found."""

    settings: dict[str, Any]
    provenance: dict[str, Any]
    """Machine, meter and isolation that it was measured under."""
    metrics: Estimates
    compared: tuple[Estimates, Estimates] | None
    """The other model's own figures, and the differences; None where there was no other."""

    @property
    def num_problems(self) -> int:
        return self.metrics[_COUNT].n

    def shown(self) -> dict[str, Estimate]:
        """Return the figures of the card that this evaluation has, by name of the metric."""
        return {
            name: self.metrics[name]
            for name in SHOWN
            if name in self.metrics and self.metrics[name].value is not None
        }

    def meanings(self) -> dict[str, str]:
        """Return what the card's figures are, by name of the metric."""
        found = self.shown()
        return {m.name: m.meaning for m in all_metrics(1) if m.name in found}

    def table(self) -> list[list[str]]:
        """Return the card's figures with a head, as cells."""
        head = ["", "metric", "value", "95% interval"]
        table = [head + (["compared with", "difference"] if self.compared else [])]
        for name, found in self.shown().items():
            cells = [SHOWN[name], f"`{name}`", number(found.value), interval(found)]
            if self.compared is not None:
                other, differences = self.compared
                value = other[name].value if name in other else None
                cells += [number(value), cell(differences.get(name), signed=True)]
            table.append(cells)
        return table


def find_evaluation(run: Path, model: Path) -> Path | None:
    """Return the newest finished evaluation of a model, in its run's folder or beside that.

    Args:
        run: Folder of the run.
        model: Folder of the model.
    """
    digest = weights_digest(model)
    found = [
        path.parent
        for place in (run, run.parent)
        for path in place.glob(f"eval*/{METRICS_FILE}")
        if (path.parent / PROVENANCE_FILE).is_file()
        and _is_of(path.parent, digest)
        and _COUNT in read_metrics(path.parent)
    ]
    return max(found, key=lambda path: (path / METRICS_FILE).stat().st_mtime, default=None)


def read_evaluation(folder: Path, model: Path) -> Measured:
    """Read a finished evaluation of a model.

    Raises:
        UserError: If it is none, or of other weights.
    """
    settings = read_settings(folder)
    if settings is None or not (folder / METRICS_FILE).is_file():
        raise UserError(
            f"{folder} holds no finished evaluation; make one with: "
            f"python scripts/evaluate.py --model {model}"
        )
    if not _is_of(folder, weights_digest(model)):
        raise UserError(
            f"{folder} evaluated {settings.get('model')}, whose weights are not those of {model}; "
            f"evaluate these with: python scripts/evaluate.py --model {model}"
        )
    metrics = read_metrics(folder)
    if _COUNT not in metrics:
        raise UserError(
            f"{folder} compared texts and ran nothing, which is too little for a card; evaluate on "
            "data with tests"
        )
    compared = None
    if settings.get("baseline"):
        compared = read_metrics(folder / BASELINE_FOLDER), read_differences(folder)
    return Measured(settings, read_provenance(folder), metrics, compared)


def _is_of(folder: Path, digest: str) -> bool:
    """Whether the first model of an evaluation has these weights."""
    model = (read_settings(folder) or {}).get("model")
    weights = read_provenance(folder).get("weights")
    return isinstance(weights, dict) and weights.get(model) == digest
