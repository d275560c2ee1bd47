"""README.md of a published model: what it is, what was measured, how it was made, its limits."""

import shlex
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, Final

from huggingface_hub import EvalResult, ModelCard, ModelCardData

from effirl.data import effibench, mercury, nofuneval, pie
from effirl.errors import UserError
from effirl.evaluation.config import EvaluateConfig
from effirl.evaluation.report_text import markdown_table
from effirl.model_files import BUILTIN_FOLDERS, BUILTIN_MODEL
from effirl.publish.evaluation import SHOWN, Measured
from effirl.publish.lineage import Lineage, shareable

CARD_FILE: Final = "README.md"
_TEMPLATE: Final = Path(__file__).parents[1] / "assets" / "cards" / "model.md.jinja"
_HUB_DATA: Final = {
    "pie": pie.HUB_ID,
    "nofuneval": nofuneval.HUB_ID,
    "effibench": effibench.HUB_ID,
    "mercury": mercury.HUB_ID,
}
_TASK: Final = "text-generation"
_BUILTIN_LICENSE: Final = "apache-2.0"


@dataclass(frozen=True, slots=True)
class Subject:
    """What a card is about."""

    name: str
    """Without an owner."""
    use_as: str
    """What `--model` is given."""
    lineage: Lineage
    measured: Measured | None
    adapter_base: str | None
    """Name of the model that an adapter stands on; None for a whole model."""
    license: str


def choose_license(lineage: Lineage, given: str | None) -> str:
    """Return the license of a model: those of its base and of its data are binding.

    Raises:
        UserError: If it is not known.
    """
    if given is not None:
        return given
    if not lineage.foreign:
        return _BUILTIN_LICENSE
    raise UserError(
        f"the model was made from {' and '.join(lineage.foreign)}, whose license binds it; name "
        "one that it allows with --license ID"
    )


def make_card(subject: Subject) -> str:
    """Write the card.

    Returns:
        Markdown with the hub's header.
    """
    trainings, measured = subject.lineage.trainings, subject.measured
    figures: Mapping[str, Any] = {} if measured is None else _figures(measured)
    card = ModelCard.from_template(
        _metadata(subject),
        template_path=str(_TEMPLATE),
        title=subject.name,
        use_as=subject.use_as,
        kind=f"A LoRA adapter of {subject.adapter_base}"
        if subject.adapter_base
        else "A code model",
        alpha=trainings[-1].settings.get("alpha"),
        trainings=trainings,
        base=shareable(subject.lineage.base),
        is_bound=bool(subject.lineage.foreign),
        scope=_scope(subject.lineage),
        license_id=subject.license,
        measured=measured,
        **figures,
    )
    return str(card)


def _metadata(subject: Subject) -> ModelCardData:
    data = subject.lineage.data
    base = subject.adapter_base or subject.lineage.hub_base
    results = [] if subject.measured is None else _eval_results(subject.measured)
    return ModelCardData(
        base_model=None if base in BUILTIN_FOLDERS else base,
        datasets=[_HUB_DATA[name] for name in data if name in _HUB_DATA] or None,
        eval_results=results or None,
        library_name="peft" if subject.adapter_base else "transformers",
        license=subject.license,
        model_name=subject.name if results else None,
        tags=["effirl", "code", "python", "code-optimization"],
    )


def _eval_results(measured: Measured) -> list[EvalResult]:
    data = str(measured.settings["data"])
    return [
        EvalResult(
            task_type=_TASK,
            dataset_type=_HUB_DATA.get(data, f"effirl-{data}"),
            dataset_name=f"{data} of effirl",
            dataset_split=str(measured.settings["split"]),
            metric_type=name,
            metric_name=SHOWN[name],
            metric_value=round(found.value, 4),
        )
        for name, found in measured.shown().items()
        if found.value is not None
    ]


def _figures(measured: Measured) -> Mapping[str, object]:
    settings, provenance = measured.settings, measured.provenance
    machine = provenance.get("machine") or {}
    return {
        "table": markdown_table(measured.table()),
        "meanings": measured.meanings(),
        "compared_with": shareable(settings.get("baseline")),
        "machine": ", ".join(f"{name} {value}" for name, value in machine.items()),
        "level": (provenance.get("isolation") or {}).get("level", "unknown"),
        "evaluation_flags": _flags(settings),
    }


def _flags(settings: Mapping[str, Any]) -> str:
    """Return an evaluation's settings as flags, those that are not the defaults."""
    defaults = {field.name: field.default for field in fields(EvaluateConfig)}
    words = []
    for name, value in settings.items():
        default = defaults.get(name, MISSING)
        if name == "model" or str(value) != str(default):
            words += [f"--{name.replace('_', '-')}", str(shareable(value))]
    return shlex.join(words)


def _scope(lineage: Lineage) -> str:
    length = lineage.trainings[-1].settings.get("max_prompt_tokens")
    if lineage.is_builtin:
        knows = (
            f"It stands on {BUILTIN_MODEL}, a model of a few million parameters for small programs "
            "in the manner of effirl's built-in problems, which read standard input. It is made "
            "to show and to test the method; on other code it mostly copies, or writes what is "
            "wrong."
        )
    else:
        data = ", ".join(lineage.data)
        knows = f"It learnt from programs like those of {data}, and is untried on others."
    return f"{knows} Prompts beyond {length} tokens are cut."
