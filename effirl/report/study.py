"""What run folders hold: trained runs, and evaluated policies with where each came from."""

import logging
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

from effirl.config import parse_alpha
from effirl.data.tags import Objective
from effirl.errors import UserError
from effirl.evaluation.config import CONTROLS, EvaluateConfig, is_completions_file
from effirl.evaluation.evaluations import Evaluation
from effirl.evaluation.pareto import Candidate
from effirl.evaluation.report import METRICS_FILE
from effirl.evaluation.results import (
    BASELINE_FOLDER,
    RESULTS_FILE,
    check_comparable,
    load_evaluation,
)
from effirl.runs import (
    CONFIG_FILE,
    LOG_FILE,
    MODEL_FOLDER,
    TrainingKind,
    read_settings,
    training_kind,
)

logger = logging.getLogger(__name__)

OF_A_SEED: Final = {"seed", "output_dir", "model", "replay_from"}
"""Settings in which the seeds of one policy differ: each has its own run to start from."""
CONDITIONED: Final = "conditioned"
CORRECTNESS_ONLY: Final = "correctness only"
"""Label of the control that was reinforced with the weight of efficiency at 0."""

Role = Literal["base", "warm start", "phase", "reinforced", "control"]


@dataclass(frozen=True, slots=True)
class Training:
    """A training run."""

    folder: Path
    settings: dict[str, Any]

    @property
    def kind(self) -> TrainingKind:
        return training_kind(self.settings)

    @property
    def name(self) -> str:
        """What the seeds of one run share: its folder's name without the seed."""
        return _after_phases(self.settings, self.folder.name.partition("-seed-")[0])

    @property
    def command(self) -> str:
        """What makes it again."""
        return f"accelerate launch scripts/{self.kind}.py {_from_config(self.folder)}"


@dataclass(frozen=True, slots=True)
class Policy:
    """A model as it was evaluated, or a control."""

    label: str
    role: Role
    alpha: float | None
    """Balance that it was reinforced at or, if it learnt all, was asked for; None if neither."""
    folder: Path
    """Of its evaluation."""
    evaluation: Evaluation
    is_steered: bool = False
    """Whether its prompts ask for one objective only."""
    is_conditioned: bool = False
    """Whether it learnt all balances."""
    num_steps: int = 0
    """Of its reinforcement."""
    aim: Objective = "both"
    """What a warm start was trained for, the phases before it included."""

    @property
    def command(self) -> str:
        """What evaluates it again."""
        return f"python scripts/evaluate.py {_from_config(self.folder)}"


@dataclass(frozen=True, slots=True)
class Group:
    """A policy over its seeds of training."""

    candidate: Candidate
    policies: Sequence[Policy]

    @property
    def label(self) -> str:
        return self.candidate.label

    @property
    def first(self) -> Policy:
        """One of them: they differ in nothing but the seed."""
        return self.policies[0]

    @property
    def pooled(self) -> Evaluation:
        """The completions of all its seeds, as if one model had written them."""
        runs = self.candidate.runs
        rows = sorted((row for run in runs for row in run.rows), key=lambda row: row.problem_index)
        return replace(runs[0], rows=rows)


@dataclass(frozen=True, slots=True)
class Study:
    """All that the page is made from."""

    groups: list[Group]
    """The one that the others are compared with comes first."""
    trainings: list[Training]

    @property
    def reference(self) -> Group:
        """The policy before tuning, as far back as the folders go."""
        return self.groups[0]

    @property
    def tuned(self) -> list[Group]:
        """The policies that the questions are about."""
        return [group for group in self.groups if not group.candidate.is_control]

    @property
    def start(self) -> Group | None:
        """What reinforcement began with, asked for both objectives, as it answers best.

        Nothing, where that was not evaluated; without reinforcement it is the first warm start.
        """
        found = [group for group in self.groups if not group.first.is_steered]
        begun_with = {
            _place(str(run["model"]))
            for group in found
            for policy in group.policies
            if policy.role == "reinforced" and (run := _run_of(policy.evaluation.model))
        }
        if not begun_with:
            return next((group for group in found if group.first.role == "warm start"), None)
        return next(
            (
                group
                for group in found
                if begun_with & {_place(policy.evaluation.model) for policy in group.policies}
            ),
            None,
        )

    def reinforced(self, alpha: float, *, is_conditioned: bool = False) -> Group | None:
        """Return the separate policy of a balance, or the conditioned one asked for it."""
        wanted = ("reinforced", is_conditioned, alpha)
        for group in self.groups:
            first = group.first
            if (first.role, first.is_conditioned, first.alpha) == wanted and not first.is_steered:
                return group
        return None

    def named(self, label: str) -> Group | None:
        """Return the policy with a label."""
        return next((group for group in self.groups if group.label == label), None)


def read_study(folders: Sequence[Path]) -> Study:
    """Find every evaluation and training run in some folders, and in those below them.

    Raises:
        UserError: If a folder is missing, there is nothing to compare, or the evaluations were not
            made alike: on one machine, by one meter, in one isolation, on the same problems.
    """
    for folder in folders:
        if not folder.is_dir():
            raise UserError(f"{folder} is no folder; give run folders, such as runs/sweep-DATE")
    evaluated = list(dict.fromkeys(_below(folders, RESULTS_FILE)))
    policies = [policy for folder in evaluated for policy in _policies(folder)]
    if not policies:
        raise UserError(
            f"no evaluation in {', '.join(map(str, folders))}; make one with: "
            "python scripts/evaluate.py --model RUN/model"
        )
    check_comparable(list(dict.fromkeys(policy.folder for policy in policies)))
    trainings = [
        Training(folder, settings)
        for folder in dict.fromkeys(_below(folders, LOG_FILE))
        if (settings := read_settings(folder)) is not None
    ]
    groups = _ordered(_grouped(policies))
    labels = ", ".join(group.label for group in groups)
    if not groups[0].candidate.is_control:
        raise UserError(
            f"these policies ({labels}) have nothing to be compared with; add the evaluation of "
            "what they were tuned from"
        )
    if groups[-1].candidate.is_control:
        raise UserError(f"none of these policies ({labels}) was tuned; add the evaluation of one")
    return Study(groups, trainings)


def _below(folders: Sequence[Path], name: str) -> Iterator[Path]:
    for folder in folders:
        for path in sorted(folder.rglob(name)):
            if (path.parent / CONFIG_FILE).is_file():
                yield path.parent


def _policies(folder: Path) -> Iterator[Policy]:
    """Yield what a folder evaluated: a model, and the one that it was compared with."""
    settings = read_settings(folder) or {}
    tags = (settings.get("runtime_tag", 1), settings.get("memory_tag", 1))
    models = [(settings.get("completions") or settings.get("model"), folder)]
    if settings.get("baseline"):
        models.append((settings["baseline"], folder / BASELINE_FOLDER))
    for model, place in models:
        if not (place / METRICS_FILE).is_file():
            logger.warning("left out: %s is not finished; run its evaluation to the end", place)
        elif (place / RESULTS_FILE).is_file():
            found = replace(load_evaluation(place), model=str(model))
            yield _policy(str(model), tags, folder, found)


def _run_of(model: str) -> dict[str, Any] | None:
    """Return the settings of the run that a model came out of, None if it is no run's."""
    run = Path(model).parent
    if run == Path() or is_completions_file(model):
        return None
    settings = read_settings(run)
    # Pre-training starts from no model: what it makes is a base like any other.
    return settings if settings is not None and isinstance(settings.get("model"), str) else None


def _place(model: str) -> str:
    """Return where a model is, however it was named; a name of the hub stays one."""
    return str(Path(model).resolve()) if Path(model).is_dir() else model


def _policy(model: str, tags: tuple[int, int], folder: Path, found: Evaluation) -> Policy:
    if model in CONTROLS:
        return Policy(f"{model} programs", "control", None, folder, found)
    trained = _run_of(model)
    if trained is None:
        path = Path(model)
        label = path.parent.name if path.name == MODEL_FOLDER else path.name
        return _asked(Policy(label, "base", None, folder, found), tags)
    run = Path(model).parent
    if training_kind(trained) == "sft":
        return _warm_start(run, trained, tags, folder, found)
    if trained.get("efficiency_weight") == 0:
        return _asked(Policy(CORRECTNESS_ONLY, "control", None, folder, found), tags)
    alpha, label, is_conditioned = parse_alpha(str(trained["alpha"])), "alpha", False
    if alpha is None:
        asked = (read_settings(folder) or {}).get("alpha", EvaluateConfig.alpha)
        alpha, label, is_conditioned = float(asked), f"{CONDITIONED} at", True
    num_steps = int(trained.get("max_steps", 0))
    policy = Policy(
        f"{label} {alpha:g}", "reinforced", alpha, folder, found,
        is_conditioned=is_conditioned, num_steps=num_steps,
    )  # fmt: skip
    return policy if is_conditioned else _asked(policy, tags)


def _asked(policy: Policy, tags: tuple[int, int]) -> Policy:
    """Tell a policy whose prompts asked for one objective from the same with those of training."""
    if tags == (1, 1):
        return policy
    return replace(policy, label=steered(policy.label, tags), is_steered=True)


def _warm_start(
    run: Path, trained: dict[str, Any], tags: tuple[int, int], folder: Path, found: Evaluation
) -> Policy:
    """Name a warm start by its run, and one of phases by these: the folder may be of any name."""
    role: Role = "warm start"
    label = f"{role} {run.name}"
    objective: Objective = trained.get("objective", "both")
    if objective != "both":
        role = "phase"
        label = f"{role} {_with_phases_before(trained)}"
    aim: Objective = objective if label == f"phase {objective}" else "both"
    return _asked(Policy(label, role, None, folder, found, aim=aim), tags)


def steered(label: str, tags: tuple[int, int]) -> str:
    """Name a policy whose prompts ask for one objective."""
    return f"{label}, runtime={tags[0]} memory={tags[1]}"


def _after_phases(trained: dict[str, Any], name: str) -> str:
    """Put the phases that a run replays before its name: runtime then memory."""
    earlier = [Path(each).name for each in trained.get("replay_from", [])]
    return " then ".join([*earlier, name])


def _with_phases_before(trained: dict[str, Any]) -> str:
    """Name a phase by its objective and those of the phases before it, replayed or not."""
    objective = str(trained["objective"])
    if trained.get("replay_from"):
        return _after_phases(trained, objective)
    start = _run_of(str(trained.get("model", "")))
    if start is None or start.get("objective", "both") == "both":
        return objective
    return f"{_with_phases_before(start)} then {objective} without replay"


def _grouped(policies: Sequence[Policy]) -> list[Group]:
    """Put the seeds of one policy together; an evaluation that is there twice counts once."""
    by_label: dict[str, dict[str, Policy]] = {}
    for policy in policies:
        place = str(Path(policy.evaluation.model).resolve())  # however it was named
        by_label.setdefault(policy.label, {}).setdefault(place, policy)
    for label, found in by_label.items():
        _check_seeds(label, list(found.values()))
    has_reinforced = any(policy.role == "reinforced" for policy in policies)
    groups = []
    for label, found in by_label.items():
        first = next(iter(found.values()))
        is_control = (
            first.role in ("base", "control")
            or first.is_steered
            or (first.role in ("warm start", "phase") and has_reinforced)
        )
        runs = [policy.evaluation for policy in found.values()]
        curve = CONDITIONED if first.is_conditioned else None
        candidate = Candidate(label, runs, is_control, curve, [*map(_seeds, found.values())])
        groups.append(Group(candidate, list(found.values())))
    return groups


def _check_seeds(label: str, policies: Sequence[Policy]) -> None:
    """Refuse to take runs of other settings for seeds of one policy.

    Raises:
        UserError: Naming two, and what differs.
    """
    models = [policy.evaluation.model for policy in policies]
    origins = [_origin(model) for model in models]
    for model, origin in zip(models[1:], origins[1:], strict=True):
        if what := _difference(origins[0], origin):
            raise UserError(
                f"{models[0]} and {model} are both {label}, and no seeds of one policy: {what}; "
                "report them apart"
            )
    seeds = [
        tuple(settings.get("seed") for settings in origin.runs) if origin.is_whole else ()
        for origin in origins
    ]
    for model, seed in zip(models, seeds, strict=True):
        if seeds.count(seed) > 1 and any(each is not None for each in seed):
            raise UserError(
                f"{model} is not the only {label} with its seed: what training draws is the same; "
                "report one of them"
            )


def _seeds(policy: Policy) -> tuple[int, ...]:
    """List the seeds of all training that made a policy, the first training first.

    Nothing, if one of them is not known.
    """
    seeds = [run.get("seed") for run in reversed(_origin(policy.evaluation.model).runs)]
    return () if None in seeds else tuple(map(int, seeds))


@dataclass(frozen=True, slots=True)
class _Origin:
    """Where a model comes from."""

    runs: list[dict[str, Any]]
    """Settings of the run that made it, of the one that this started from, and so on."""
    base: str
    """The model that was no run's."""

    @property
    def is_whole(self) -> bool:
        """Whether that is so, and not that its run is gone."""
        if read_settings(Path(self.base).parent) is not None:
            return True  # of a pre-training
        name = Path(self.base).name
        return name != MODEL_FOLDER and not name.startswith("checkpoint-")


def _origin(model: str) -> _Origin:
    runs: list[dict[str, Any]] = []
    while (run := _run_of(model)) is not None and run not in runs:
        runs.append(run)
        model = str(run["model"])
    return _Origin(runs, _place(model))


def _ancestors(model: str) -> set[str]:
    """Return where the models are that a model was made from."""
    origin = _origin(model)
    return {origin.base, *(_place(str(run["model"])) for run in origin.runs)}


def _difference(one: _Origin, other: _Origin) -> str | None:
    """Say what more than the seed differs between two models, None if nothing does."""
    if one.is_whole and other.is_whole:
        if one.base != other.base:
            return f"they were made from {one.base} and {other.base}"
        if len(one.runs) != len(other.runs):
            return f"{len(one.runs)} and {len(other.runs)} runs made them"
    for first, second in zip(one.runs, other.runs, strict=False):
        for name in sorted((first.keys() | second.keys()) - OF_A_SEED):
            if first.get(name) != second.get(name):
                return f"{name} is {first.get(name)!r} and {second.get(name)!r}"
    return None


def _ordered(groups: Sequence[Group]) -> list[Group]:
    """Sort from the untuned to the tuned, by alpha; what others were tuned from comes first."""
    roles: tuple[Role, ...] = ("base", "warm start", "phase", "reinforced", "control")
    made_from = {
        place
        for group in groups
        for policy in group.policies
        if not group.candidate.is_control
        for place in _ancestors(policy.evaluation.model)
    }

    def place(group: Group) -> tuple[bool, bool, int, bool, bool, float]:
        first = group.first
        return (
            not group.candidate.is_control,
            made_from.isdisjoint(_place(each.evaluation.model) for each in group.policies),
            roles.index(first.role),
            first.is_steered,
            first.is_conditioned,
            -1.0 if first.alpha is None else first.alpha,
        )

    return sorted(groups, key=place)


def _from_config(folder: Path) -> str:
    path = shlex.quote(str(folder / CONFIG_FILE))
    return f"--config {path} --output-dir {shlex.quote(str(folder))}"
