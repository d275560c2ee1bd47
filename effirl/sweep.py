"""Sweep alpha: reinforce at each balance, evaluate on the same problems, draw the trade-off.

    runs/sweep-20260131-142530/
        alpha-0.5-seed-0/       a reinforcement run; eval/ in it is its evaluation
        warm-start-1-1/         what every run starts from, evaluated: the controls, one for each
        warm-start-1-0/ ...     wish that the prompt's tags can express (runtime, memory)
        sweep.json  sweep.csv   gains with intervals by alpha, and which are non-dominated
        front.png  front.svg

Each reinforcement is a process of its own, as `scripts/ppo.py` would be by hand: one after the
other here, or one on each node of a Ray cluster. Evaluations are all made here, on one machine.
What is finished is kept: the same command goes on.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Final

from effirl.cluster_jobs import Job, run_on_cluster
from effirl.config import parse
from effirl.data.prompts import WISHES
from effirl.errors import UserError
from effirl.evaluation.config import EvaluateConfig, SweepConfig
from effirl.evaluation.pareto import Candidate, trade_off
from effirl.evaluation.results import check_comparable, load_evaluation
from effirl.evaluation.trade_off_files import write_trade_off
from effirl.launch import flags, script_command
from effirl.output import rendered
from effirl.runs import MODEL_FOLDER, newest_warm_start, open_run
from effirl.stages import Stage, check_finished, run_stages
from effirl.training.config import PpoConfig

CONTROL_TAGS: Final = ((1, 1), *WISHES.values())
"""(runtime, memory) tags of the warm start's prompts; every other policy is evaluated at the first.
"""
CONTROL_ALPHA: Final = 0.5


def sweep(config: SweepConfig) -> str:
    """Run what is not finished yet, and write the trade-off.

    Returns:
        The table of the results.

    Raises:
        UserError: If there is no warm start, a reinforcement run fails, or what the folder holds
            was measured under other conditions.
    """
    config = replace(config, model=_start(config))
    trained = reinforcement_settings(config)
    opened = open_run("sweep", config, config.output_dir)
    config = replace(config, measurements=config.measurements or opened.path)
    controls = [_control(config, trained, tags, opened.path) for tags in CONTROL_TAGS]
    reinforced = reinforcements(config, trained, opened.path)
    trainings = list(chain.from_iterable(reinforced.values()))
    check_finished(trainings)
    if config.engine == "ray":
        _train_on_cluster(trainings, config.ray_address)
    run_stages([*controls, *trainings])
    check_comparable([*map(_folder, chain(controls, *reinforced.values()))])
    candidates = [
        *(Candidate(stage.name, [load_evaluation(_folder(stage))], True) for stage in controls),
        *(
            Candidate(f"alpha {alpha:g}", [load_evaluation(_folder(stage)) for stage in stages])
            for alpha, stages in reinforced.items()
        ),
    ]
    table = write_trade_off(opened.path, trade_off(candidates, config.seed))
    return rendered(table, opened.path / "sweep.json")


def reinforcement_settings(config: SweepConfig) -> PpoConfig:
    """Read `ppo_config`, and see that the sweep evaluates on what it trains on.

    Raises:
        UserError: If the two name other data.
    """
    if config.ppo_config is None:
        return PpoConfig()
    trained = parse(PpoConfig, ["--config", str(config.ppo_config)])
    for name in ("data", "data_path", "performance_inputs"):
        theirs, own = getattr(trained, name), getattr(config, name)
        if theirs != own:
            flag = f"--{name.replace('_', '-')}"
            raise UserError(
                f"{config.ppo_config} has {flag} {theirs}, and the sweep {own}; "
                f"give the sweep {flag} {theirs}"
            )
    return trained


def reinforcements(
    config: SweepConfig, trained: PpoConfig, folder: Path
) -> dict[float, list[Stage]]:
    """List the runs at each alpha: one for each seed."""
    return {
        alpha: [_reinforced(config, trained, alpha, seed, folder) for seed in config.seeds]
        for alpha in config.alphas
    }


def uncut(evaluation: EvaluateConfig, trained: PpoConfig) -> EvaluateConfig:
    """Let an evaluation cut nothing that the training left whole."""
    return replace(
        evaluation,
        max_new_tokens=max(trained.max_new_tokens, evaluation.max_new_tokens),
        max_prompt_tokens=trained.max_prompt_tokens,
    )


def reinforcement_command(
    config: SweepConfig, alpha: float, seed: int, folder: Path
) -> tuple[str, ...]:
    """Build the command of one reinforcement run."""
    options: dict[str, object] = {
        "config": config.ppo_config,
        "alpha": f"{alpha:g}",
        "model": config.model,
        "data": config.data,
        "data-path": config.data_path,
        "performance-inputs": config.performance_inputs,
        "max-steps": config.max_steps,
        "seed": seed,
        "output-dir": folder,
    }
    return "ppo.py", *flags(options)


def _control(config: SweepConfig, trained: PpoConfig, tags: tuple[int, int], path: Path) -> Stage:
    runtime, memory = tags
    model, folder = str(config.model), path / f"warm-start-{runtime}-{memory}"
    evaluation = _evaluation(config, model, folder, CONTROL_ALPHA, tags)
    name = f"warm start, runtime={runtime} memory={memory}"
    return Stage(name, None, Path(model), (uncut(evaluation, trained),))


def _reinforced(
    config: SweepConfig, trained: PpoConfig, alpha: float, seed: int, path: Path
) -> Stage:
    folder = path / f"alpha-{alpha:g}-seed-{seed}"
    model = folder / MODEL_FOLDER
    evaluation = _evaluation(config, str(model), folder / "eval", alpha)
    command = reinforcement_command(config, alpha, seed, folder)
    return Stage(f"alpha {alpha:g}, seed {seed}", command, model, (uncut(evaluation, trained),))


def _train_on_cluster(stages: Sequence[Stage], address: str | None) -> None:
    """Make what is not there yet, several at a time."""
    jobs = []
    for stage in stages:
        if not stage.product.exists():
            assert stage.command is not None
            script, *arguments = stage.command
            jobs.append(Job(script_command(script, arguments), stage.name, stage.product.parent))
    if jobs:
        run_on_cluster(jobs, address)


def _folder(stage: Stage) -> Path:
    """Return where the evaluation of a stage is."""
    folder = stage.evaluations[0].output_dir
    assert folder is not None
    return folder


def _start(config: SweepConfig) -> str:
    start = config.model or newest_warm_start()
    if start is None:
        raise UserError(
            "no finished warm start under runs/; make one with: accelerate launch scripts/sft.py"
        )
    return str(start)


def _evaluation(
    config: SweepConfig,
    model: str,
    folder: Path,
    alpha: float,
    tags: tuple[int, int] = CONTROL_TAGS[0],
) -> EvaluateConfig:
    runtime_tag, memory_tag = tags
    return EvaluateConfig(
        model=model,
        data=config.data,
        data_path=config.data_path,
        performance_inputs=config.performance_inputs,
        split=config.split,
        limit=config.limit,
        num_samples=config.num_samples,
        runtime_tag=runtime_tag,
        memory_tag=memory_tag,
        alpha=alpha,
        output_dir=folder,
        measurements=config.measurements,
        seed=config.seed,
    )
