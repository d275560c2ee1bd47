"""The study: every run that the report's questions are about, and the report.

    runs/study/
        seed-0/
            sft/                        the warm start, on both objectives
            phases-runtime-memory/      a warm start for runtime, and one for memory from it
            phases-memory-runtime/      the other order
            sweep/                      the warm start as its tags steer it; RL at each alpha
            conditioned/                one policy for all balances; eval-0.25/ ... as it was asked
            correctness-only/           reinforced with the weight of efficiency at 0
            measurements.sqlite3        of all its evaluations
        index.html  metrics.json        the report over all seeds

Each line of `stages` is a command that could be typed by hand. What is finished is kept: the same
command goes on, and one with more seeds adds them.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any, Final

from effirl.errors import UserError
from effirl.evaluation.config import EvaluateConfig, StudyConfig, SweepConfig
from effirl.launch import flags
from effirl.report.command import report
from effirl.report.comparisons import ORDERS
from effirl.runs import MODEL_FOLDER, open_run
from effirl.stages import Stage, check_finished, run_stages
from effirl.sweep import CONTROL_ALPHA, reinforcement_settings, reinforcements, uncut
from effirl.training.config import CONDITIONED_ALPHAS
from effirl.training.phases_config import PhasesConfig

Options = dict[str, object]

ALPHAS: Final = (0, 0.5, 1)
"""Of the separate policies."""
OTHERS: Final[list[tuple[str, Options, tuple[float, ...]]]] = [
    ("conditioned", {"alpha": "conditioned"}, CONDITIONED_ALPHAS),
    ("correctness-only", {"efficiency-weight": 0}, (CONTROL_ALPHA,)),
]
"""Reinforced beside the separate policies: name, settings, and the balances evaluated at."""


def study(config: StudyConfig) -> str:
    """Run what is not finished yet, and write the report.

    Returns:
        The answers, for a terminal.

    Raises:
        UserError: If a setting of a run is wrong (before any is started), a run fails, or a seed's
            folder was begun with other settings.
        KeyboardInterrupt: After Ctrl-C; the run that was going on has saved a checkpoint.
    """
    folders = {seed: config.output_dir / f"seed-{seed}" for seed in config.seeds}
    listed = [stage for seed, folder in folders.items() for stage in stages(config, seed, folder)]
    _check([stage.settings() for stage in listed])
    opened = [  # held until the end: nobody else may write them
        open_run("study", replace(config, seeds=[seed]), folder) for seed, folder in folders.items()
    ]
    run_stages(listed)
    return report([run.path for run in opened], config.output_dir)


def _check(listed: Sequence[Any]) -> None:
    """Refuse runs that could not be put together in the end.

    Args:
        listed: Settings of the study's commands.

    Raises:
        UserError: If the sweep trains on other data than it evaluates on, or has runs of other
            settings; or if what is evaluated is not cut alike.
    """
    lengths: dict[tuple[int, int], str] = {}
    for settings in listed:
        if isinstance(settings, SweepConfig):
            assert settings.output_dir is not None
            trained = reinforcement_settings(settings)
            runs = reinforcements(settings, trained, settings.output_dir)
            check_finished(chain.from_iterable(runs.values()))
            (evaluation, *_) = runs[settings.alphas[0]][0].evaluations
            lengths[evaluation.max_new_tokens, evaluation.max_prompt_tokens] = "reinforcement"
        elif isinstance(settings, PhasesConfig):
            names = "max_target_tokens", "max_prompt_tokens"
            longest = tuple(settings.longest(name) for name in names)
            lengths[longest[0], longest[1]] = "phases"
    if len(lengths) > 1:
        (one, what), (other, others) = list(lengths.items())[:2]
        raise UserError(
            f"evaluation of the {what} has {one[0]} tokens for a completion and {one[1]} for a "
            f"prompt, that of the {others} {other[0]} and {other[1]}: make max_target_tokens of "
            "the phases and max_new_tokens of reinforcement alike, and max_prompt_tokens of both"
        )


def stages(config: StudyConfig, seed: int, folder: Path) -> list[Stage]:
    """List the runs of one seed, in their order."""
    start = folder / "sft" / MODEL_FOLDER
    sft: Options = {"config": config.sft_config, "seed": seed, "output-dir": start.parent}
    listed = [
        Stage("warm start", ("sft.py", *flags(sft)), start),
        *(_phases(config, seed, order, folder) for order in ORDERS),
        _sweep(config, seed, start, folder / "sweep"),
    ]
    for name, setting, alphas in OTHERS:
        model = folder / name / MODEL_FOLDER
        ppo: Options = {"config": config.ppo_config, "model": start, "seed": seed, **setting}
        command = ("ppo.py", *flags({**ppo, "output-dir": model.parent}))
        stage = Stage(name, command, model)
        trained = stage.settings()
        evaluations = tuple(
            uncut(_evaluation(config, seed, model, alpha), trained) for alpha in alphas
        )
        listed.append(replace(stage, evaluations=evaluations))
    return [replace(stage, name=f"seed {seed}, {stage.name}") for stage in listed]


def _phases(config: StudyConfig, seed: int, order: Sequence[str], folder: Path) -> Stage:
    path = folder / f"phases-{'-'.join(order)}"
    options: Options = {
        "config": config.phases_config,
        "phases": [*order],
        "test-limit": config.test_limit,
        "num-samples": config.num_samples,
        "measurements": path.parent,
        "seed": seed,
        "output-dir": path,
    }
    name = f"phases: {', then '.join(order)}"
    return Stage(name, ("phases.py", *flags(options)), path / "phases.json")


def _sweep(config: StudyConfig, seed: int, start: Path, path: Path) -> Stage:
    options: Options = {
        "alphas": [*ALPHAS],
        "seeds": [seed],
        "model": start,
        "ppo-config": config.ppo_config,
        "limit": config.test_limit,
        "num-samples": config.num_samples,
        "measurements": path.parent,
        "seed": seed,
        "output-dir": path,
    }
    name = f"separate policies: alpha {', '.join(map(str, ALPHAS))}"
    return Stage(name, ("sweep.py", *flags(options)), path / "sweep.json")


def _evaluation(config: StudyConfig, seed: int, model: Path, alpha: float) -> EvaluateConfig:
    return EvaluateConfig(
        model=str(model),
        limit=config.test_limit,
        num_samples=config.num_samples,
        alpha=alpha,
        output_dir=model.parent / f"eval-{alpha:g}",
        measurements=model.parent.parent,
        seed=seed,
    )
