"""Train in phases, each a warm start from the last one's model, and say what each gained and lost.

    runs/phases-20260131-142530/
        runtime/  memory/           the warm starts; model/ in each is the policy
        memory-no-replay/           the same without replay, if replay_control asks for it
        runtime.yaml ...            what each was started with
        eval-base/ eval-runtime/    the evaluation of each policy, on the same problems
        phases.md  phases.json      the table

Each phase is a process of its own, as `scripts/sft.py` would be by hand. Interrupted, the same
command goes on where it stopped.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

import yaml

from effirl.errors import UserError
from effirl.evaluation.bootstrap import Estimate, Terms, estimate, estimate_difference
from effirl.evaluation.config import EvaluateConfig
from effirl.evaluation.evaluations import Evaluation
from effirl.evaluation.metric_table import table as metric_table
from effirl.evaluation.metrics import Samples
from effirl.evaluation.report_text import cell
from effirl.evaluation.results import load_evaluation
from effirl.evaluation.run import evaluate
from effirl.files import write_whole
from effirl.launch import run, script_command
from effirl.runs import MODEL_FOLDER, open_run, settings
from effirl.tables import aligned
from effirl.training.config import SftConfig
from effirl.training.phases_config import PhasesConfig

logger = logging.getLogger(__name__)

BASE: Final = "base"
COLUMNS: Final = {
    "pass@1": "correct",
    "time_gain": "runtime gain",
    "memory_gain": "memory gain",
}
GAINS: Final = ("time_gain", "memory_gain")


@dataclass(frozen=True, slots=True)
class Stage:
    """A policy on its way."""

    name: str
    model: str
    previous: str | None
    """Name of the stage that it starts from, None for the base."""
    config: SftConfig | None
    """How it is trained, None for the base."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the table: a policy's own figures, or its figures against another's."""

    stage: str
    against: str | None
    is_share: bool
    """Whether the figures are shares of the other's rather than differences."""
    values: dict[str, Estimate]


def train_phases(config: PhasesConfig) -> str:
    """Train and evaluate what is not finished yet, and write the table.

    Returns:
        The table.

    Raises:
        UserError: If a setting is wrong, or a phase fails.
        KeyboardInterrupt: After Ctrl-C; the phase that was running has saved a checkpoint.
    """
    opened = open_run("phases", config, config.output_dir)
    logger.info(f"phases in {opened.path}")
    found: dict[str, Evaluation] = {}
    listed = stages(config, opened.path)
    for number, stage in enumerate(listed, start=1):
        logger.info(f"\n== {number}/{len(listed)} {stage.name} ==")
        if stage.config is not None:
            _train(stage, stage.config, opened.path, config.accelerate_config)
        found[stage.name] = _evaluated(config, stage, opened.path / f"eval-{stage.name}")
    lines = compare(listed, found, config.seed)
    shown = render(lines)
    notes = _notes(config, found)
    document = [asdict(line) for line in lines]
    write_whole(opened.path / "phases.json", json.dumps(document, indent=2) + "\n")
    write_whole(opened.path / "phases.md", f"```\n{shown}```\n\n{notes}\n")
    return (
        f"\n{shown}\n{notes}\nwritten to {opened.path}: phases.md, eval-*/report.md, "
        f"{config.phases[-1]}/{MODEL_FOLDER}\n"
    )


def stages(config: PhasesConfig, folder: Path) -> list[Stage]:
    """List the base and what is trained from it, in the order of training."""
    listed = [Stage(BASE, config.settings_of(config.phases[0]).model, None, None)]
    for number, phase in enumerate(config.phases):
        earlier = [str(folder / name) for name in config.phases[:number]]
        previous = listed[-1] if number == 0 else _named(listed, config.phases[number - 1])
        start = replace(config.settings_of(phase), model=previous.model, replay_from=earlier)
        listed.append(Stage(phase, _model(folder, phase), previous.name, start))
        if earlier and config.replay_control:
            name = f"{phase}-no-replay"
            without = replace(start, replay_from=[], replay_share=0.0)
            listed.append(Stage(name, _model(folder, name), previous.name, without))
    return listed


def compare(listed: Sequence[Stage], found: Mapping[str, Evaluation], seed: int) -> list[Line]:
    """Put each policy beside the base and beside the one that it was trained from.

    On the problems that all were evaluated on, and with paired intervals.

    Args:
        listed: Stages in order.
        found: By name of the stage.
        seed: Of the intervals.
    """
    problems = _common(found)
    metrics = [m for m in metric_table(1) if m.name in COLUMNS]
    terms = {
        name: {metric.name: metric.over(samples) for metric in metrics}
        for name, samples in problems.items()
    }
    lines = []
    for stage in listed:
        own = terms[stage.name]
        values = {name: estimate(own[name], seed) for name in COLUMNS}
        lines.append(Line(stage.name, None, False, values))
        for other in dict.fromkeys([BASE, stage.previous]) if stage.previous else ():
            assert other is not None
            values = {
                name: estimate_difference(own[name], terms[other][name], seed) for name in COLUMNS
            }
            lines.append(Line(stage.name, other, False, values))
        if stage.previous not in (None, BASE):
            shares = {name: _share(own[name], terms[stage.previous][name], seed) for name in GAINS}
            lines.append(Line(stage.name, stage.previous, True, shares))
    return lines


def render(lines: Sequence[Line]) -> str:
    """Lay the lines out for a terminal."""
    rows = [["policy", *COLUMNS.values()]]
    for line in lines:
        if line.against is None:
            label = line.stage
        else:
            label = f"  share of {line.against}" if line.is_share else f"  minus {line.against}"
        is_difference = line.against is not None and not line.is_share
        found = [line.values.get(name) for name in COLUMNS]
        rows.append([label, *(_shown(value, is_difference) for value in found)])
    return "\n".join([*aligned(rows), ""])


def _shown(found: Estimate | None, is_difference: bool) -> str:
    if found is None:
        return ""
    sign = "+" if is_difference and (found.value or 0) > 0 else ""
    return sign + cell(found, 3)


def _train(stage: Stage, config: SftConfig, folder: Path, accelerate_config: Path | None) -> None:
    path = folder / stage.name
    if (path / MODEL_FOLDER).is_dir():
        logger.info(f"already trained in {path}")
        return
    file = folder / f"{stage.name}.yaml"
    write_whole(file, yaml.safe_dump(settings(config), sort_keys=False))
    arguments = ["--config", str(file), "--output-dir", str(path)]
    logger.info(f"python scripts/sft.py {' '.join(arguments)}")
    run(script_command("sft.py", arguments, accelerate_config), f"phase {stage.name}")


def _evaluated(config: PhasesConfig, stage: Stage, folder: Path) -> Evaluation:
    named = config.test_data is not None
    found = EvaluateConfig(
        model=stage.model,
        data=config.test_data or config.data,
        data_path=config.test_data_path if named else config.data_path,
        performance_inputs=config.performance_inputs,
        split=config.test_split,
        limit=config.test_limit,
        num_samples=config.num_samples,
        max_new_tokens=config.max_target_tokens,
        max_prompt_tokens=config.max_prompt_tokens,
        output_dir=folder,
        seed=config.seed,
    )
    evaluate(found)
    return load_evaluation(folder)


def _common(found: Mapping[str, Evaluation]) -> dict[str, list[Samples]]:
    """Keep the problems that all were evaluated on.

    Evaluation leaves out what a policy was trained on, so that the base may have more of them.
    """
    shared = set.intersection(*({row.problem_id for row in e.rows} for e in found.values()))
    if not shared:
        raise UserError(
            "no problem is left on which all phases were evaluated; take other test data"
        )
    return {
        name: [samples for samples in e.by_problem() if samples[0].problem_id in shared]
        for name, e in found.items()
    }


def _share(own: Terms, other: Terms, seed: int) -> Estimate:
    """Estimate the ratio of two means over the same completions."""
    return estimate(Terms(own.numerators, other.numerators), seed)


def _notes(config: PhasesConfig, found: Mapping[str, Evaluation]) -> str:
    num_problems = len(next(iter(_common(found).values())))
    return (
        f"{num_problems} problems of {config.test_data or config.data} ({config.test_split}), "
        f"{config.num_samples} completions of each; gains from -1 to 1, 0 for a wrong program; "
        "95% intervals, paired where policies are compared"
    )


def _named(listed: Sequence[Stage], name: str) -> Stage:
    return next(stage for stage in listed if stage.name == name)


def _model(folder: Path, name: str) -> str:
    return str(folder / name / MODEL_FOLDER)
