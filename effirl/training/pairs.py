"""What a warm start trains on, what it validates on, and what of earlier runs it replays."""

from dataclasses import dataclass, field
from pathlib import Path

from effirl.config import FieldError
from effirl.data.load import load_problems
from effirl.data.overlap import Footprint, leave_out
from effirl.data.perf_inputs import describe_inputs, with_performance_inputs
from effirl.data.problems import LoadedProblems, Problem
from effirl.data.tags import Objective, tag_by_gains, with_objective
from effirl.errors import UserError
from effirl.runs import read_settings
from effirl.training.config import SFT_PATHS, SftConfig
from effirl.training.examples import describe_counts
from effirl.training.processes import write_line


@dataclass(slots=True)
class Pairs:
    """The problems of a warm start, each with the targets that it is to learn."""

    train: list[Problem]
    validation: list[Problem]
    footprint: Footprint
    """What the policy will have seen."""
    replayed: list[Problem] = field(default_factory=list)
    earlier: list[Objective] = field(default_factory=list)
    """What the replayed runs were for, in order, each once."""


def load_pairs(config: SftConfig) -> Pairs:
    """Load what the settings name.

    Validation is on problems of the same data, whatever the phase's objective: those of which
    nothing is trained on. Where programs are run for it, only problems with tests are of use.

    Raises:
        UserError: If the data or an earlier run is unusable, or no pair is left.
    """
    folders = config.replay_from if config.replay_share else []
    earlier = [_earlier_config(Path(folder)) for folder in folders]
    replayed = [problem for before in earlier for problem in _train(before, "replay")]
    train = _train(config, "train")
    footprint = Footprint.of([*train, *replayed])
    validation = leave_out(_load_validation(config), footprint, "as in training")
    if validation.dropped:
        write_line(f"validation: left out{describe_counts(validation.dropped)}")
    tagged, _ = _tagged(validation.problems, config)
    objectives = dict.fromkeys(before.objective for before in earlier)
    return Pairs(train, tagged, footprint, replayed, list(objectives))


def _train(config: SftConfig, what: str) -> list[Problem]:
    loaded = _load(config, "train", config.limit, needs_tests=False)
    if loaded.dropped:
        write_line(f"{what}: left out{describe_counts(loaded.dropped)}")
    tagged, line = _tagged(loaded.problems, config)
    write_line(f"{what}: {line}")
    found = with_objective(tagged, config.objective)
    if config.containing is not None:
        found = [problem for problem in found if config.containing in problem.source_program]
    if not found:
        containing = "" if config.containing is None else f" containing {config.containing!r}"
        raise UserError(
            f"no train pair of {config.data}{containing} has a significant gain in "
            f"{config.objective}; lower --min-gain, or take other data"
        )
    return found


def _tagged(problems: list[Problem], config: SftConfig) -> tuple[list[Problem], str]:
    return tag_by_gains(problems, config.data, config.measured_gains, config.min_gain)


def _load_validation(config: SftConfig) -> LoadedProblems:
    if config.validation_metric == "exact_match":
        return _load(config, "validation", config.eval_limit, needs_tests=False)
    try:
        return _load(config, "validation", config.eval_limit, needs_tests=True)
    except UserError as error:
        raise UserError(
            f"validation runs programs: {error}; or compare them with the targets instead: "
            "--validation-metric exact_match"
        ) from error


def _load(config: SftConfig, split: str, limit: int | None, *, needs_tests: bool) -> LoadedProblems:
    loaded = load_problems(
        config.data,
        data_path=config.data_path,
        split=split,
        limit=limit,
        require_tests=needs_tests,
        languages=config.languages,
    )
    found = [problem for problem in loaded.problems if problem.targets]
    if not found:
        raise UserError(
            f"no problem of the {split} split of {config.data} has a target, an improved program "
            "to learn or to compare with; add some, or take other data"
        )
    if needs_tests:
        found = with_performance_inputs(found, config.performance_inputs)
        if line := describe_inputs(found):
            write_line(f"{split}: {line}")
    loaded.problems = found
    return loaded


def _earlier_config(folder: Path) -> SftConfig:
    values = read_settings(folder)
    if values is None:
        raise UserError(f"--replay-from {folder} is no run folder of a warm start")
    values |= {name: Path(values[name]) for name in SFT_PATHS if values.get(name) is not None}
    try:
        return SftConfig(**values)
    except (TypeError, FieldError) as error:
        raise UserError(
            f"--replay-from {folder} is no warm start of this version ({error})"
        ) from error
