"""Train in phases, each a warm start from the last one's model, and say what each gained and lost.

    runs/phases-20260131-142530/
        runtime/  memory/           the warm starts; model/ in each is the policy
        memory-no-replay/           the same without replay, if replay_control asks for it
        runtime.yaml ...            what each was started with
        eval-base/ eval-runtime/    the evaluation of each policy, on the same problems
        eval-memory-asked-for-runtime/ ...  the last one again, as its tags steer it
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

from effirl.data.prompts import WISHES
from effirl.errors import UserError
from effirl.evaluation.bootstrap import Estimate, Terms, estimate, estimate_difference
from effirl.evaluation.config import EvaluateConfig
from effirl.evaluation.evaluations import Evaluation
from effirl.evaluation.metric_table import table as metric_table
from effirl.evaluation.metrics import Samples
from effirl.evaluation.report_text import cell
from effirl.evaluation.results import load_evaluation
from effirl.files import write_whole
from effirl.output import rendered
from effirl.runs import MODEL_FOLDER, open_run, settings
from effirl.scoring import CompletionRow
from effirl.stages import Stage, run_stages
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
class Phase:
    """A policy on its way."""

    name: str
    model: str
    previous: str | None
    """Name of the phase that it starts from, None for the base."""
    config: SftConfig | None
    """How it is trained, None for the base and for a policy that is there already."""
    tags: tuple[int, int] = (1, 1)
    """Of its prompts in evaluation: runtime, memory."""


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
    listed = phases(config, opened.path)
    run_stages([_stage(config, phase, opened.path) for phase in listed], config.accelerate_config)
    found = {phase.name: load_evaluation(_evaluation(opened.path, phase)) for phase in listed}
    lines = compare(listed, found, config.seed)
    shown = render(lines)
    notes = _notes(config, found)
    document = [asdict(line) for line in lines]
    write_whole(opened.path / "phases.md", f"```\n{shown}```\n\n{notes}\n")
    # Last: that it is there says that all phases are finished.
    write_whole(opened.path / "phases.json", json.dumps(document, indent=2) + "\n")
    text = (
        f"\n{shown}\n{notes}\nwritten to {opened.path}: phases.md, eval-*/report.md, "
        f"{config.phases[-1]}/{MODEL_FOLDER}\n"
    )
    return rendered(text, opened.path / "phases.json")


def phases(config: PhasesConfig, folder: Path) -> list[Phase]:
    """List the base, what is trained from it in the order of training, and how that is asked."""
    listed = [Phase(BASE, config.settings_of(config.phases[0]).model, None, None)]
    for number, phase in enumerate(config.phases):
        earlier = [str(folder / name) for name in config.phases[:number]]
        previous = listed[-1] if number == 0 else _named(listed, config.phases[number - 1])
        start = replace(config.settings_of(phase), model=previous.model, replay_from=earlier)
        listed.append(Phase(phase, _model(folder, phase), previous.name, start))
        if earlier and config.replay_control:
            name = f"{phase}-no-replay"
            without = replace(start, replay_from=[], replay_share=0.0)
            listed.append(Phase(name, _model(folder, name), previous.name, without))
    if len(config.phases) > 1:  # what it was taught first is not lost if it can be asked for
        last = _named(listed, config.phases[-1])
        listed += [
            replace(last, name=f"{last.name}-asked-for-{wish}", config=None, tags=tags)
            for wish, tags in WISHES.items()
        ]
    return listed


def compare(listed: Sequence[Phase], found: Mapping[str, Evaluation], seed: int) -> list[Line]:
    """Put each policy beside the base and beside the one that it was trained from.

    On the problems that all were evaluated on, and with paired intervals.

    Args:
        listed: In order.
        found: By name of the phase.
        seed: Of the intervals.
    """
    problems = _common(found)
    metrics = [m for m in metric_table(1) if m.name in COLUMNS]
    terms = {
        name: {metric.name: metric.over(samples) for metric in metrics}
        for name, samples in problems.items()
    }
    lines = []
    for phase in listed:
        own = terms[phase.name]
        values = {name: estimate(own[name], seed) for name in COLUMNS}
        lines.append(Line(phase.name, None, False, values))
        for other in dict.fromkeys([BASE, phase.previous]) if phase.previous else ():
            assert other is not None
            values = {
                name: estimate_difference(own[name], terms[other][name], seed) for name in COLUMNS
            }
            lines.append(Line(phase.name, other, False, values))
        if phase.previous not in (None, BASE):
            shares = {name: _share(own[name], terms[phase.previous][name], seed) for name in GAINS}
            lines.append(Line(phase.name, phase.previous, True, shares))
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
        shown = ["" if each is None else cell(each, signed=is_difference) for each in found]
        rows.append([label, *shown])
    return "\n".join([*aligned(rows), ""])


def _stage(config: PhasesConfig, phase: Phase, folder: Path) -> Stage:
    """Say how to train and evaluate a phase, and write what it is trained with."""
    command = None
    if phase.config is not None:
        file = folder / f"{phase.name}.yaml"
        write_whole(file, yaml.safe_dump(settings(phase.config), sort_keys=False))
        path = folder / phase.name
        command = ("sft.py", "--config", str(file), "--output-dir", str(path))
    data, data_path = config.evaluated_on()
    runtime_tag, memory_tag = phase.tags
    evaluation = EvaluateConfig(
        model=phase.model,
        data=data,
        data_path=data_path,
        performance_inputs=config.performance_inputs,
        split=config.test_split,
        limit=config.test_limit,
        num_samples=config.num_samples,
        runtime_tag=runtime_tag,
        memory_tag=memory_tag,
        max_new_tokens=config.longest("max_target_tokens"),
        max_prompt_tokens=config.longest("max_prompt_tokens"),
        output_dir=_evaluation(folder, phase),
        measurements=config.measurements or folder,
        seed=config.seed,
    )
    return Stage(phase.name, command, Path(phase.model), (evaluation,))


def _evaluation(folder: Path, phase: Phase) -> Path:
    return folder / f"eval-{phase.name}"


def _common(found: Mapping[str, Evaluation]) -> dict[str, list[Samples]]:
    """Keep the problems that all were evaluated on.

    Evaluation leaves out what a policy was trained on, so that the base may have more of them.
    """
    shared = set.intersection(*({_key(row) for row in e.rows} for e in found.values()))
    if not shared:
        raise UserError(
            "no problem is left on which all phases were evaluated; take other test data"
        )
    return {
        name: [samples for samples in e.by_problem() if _key(samples[0]) in shared]
        for name, e in found.items()
    }


def _key(row: CompletionRow) -> tuple[str, str]:
    """Tell problems apart: a data set may have several source programs for one id."""
    return row.problem_id, row.source_program


def _share(own: Terms, other: Terms, seed: int) -> Estimate:
    """Estimate the ratio of two means, over the problems that both have something of."""
    both = (own.denominators != 0) & (other.denominators != 0)
    return estimate(Terms(own.ratios()[both], other.ratios()[both]), seed)


def _notes(config: PhasesConfig, found: Mapping[str, Evaluation]) -> str:
    num_problems = len(next(iter(_common(found).values())))
    return (
        f"{num_problems} problems of {config.evaluated_on()[0]} ({config.test_split}), "
        f"{config.num_samples} completions of each; gains from -1 to 1, 0 for a wrong program; "
        "95% intervals, paired where policies are compared"
    )


def _named(listed: Sequence[Phase], name: str) -> Phase:
    return next(phase for phase in listed if phase.name == name)


def _model(folder: Path, name: str) -> str:
    return str(folder / name / MODEL_FOLDER)
