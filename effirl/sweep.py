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

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from effirl.errors import UserError
from effirl.evaluation.config import EvaluateConfig, SweepConfig
from effirl.evaluation.pareto import Candidate, trade_off
from effirl.evaluation.results import check_comparable, load_evaluation
from effirl.evaluation.run import evaluate
from effirl.evaluation.trade_off_files import write_trade_off
from effirl.launch import Stage, run, run_on_cluster, script_command
from effirl.runs import MODEL_FOLDER, newest_warm_start, open_run

logger = logging.getLogger(__name__)

CONTROL_TAGS: Final = ((1, 1), (1, 0), (0, 1))
"""(runtime, memory) tags of the warm start's prompts; every other policy is evaluated at the first.
"""
CONTROL_ALPHA: Final = 0.5


@dataclass(frozen=True, slots=True)
class Point:
    """A policy to evaluate, and how: one model may give several."""

    label: str
    model: str
    folder: Path
    """Of the evaluation."""
    alpha: float
    """In the reported reward."""
    tags: tuple[int, int] = CONTROL_TAGS[0]
    is_control: bool = False


def sweep(config: SweepConfig) -> str:
    """Run what is not finished yet, and write the trade-off.

    Returns:
        The table of the results.

    Raises:
        UserError: If there is no warm start, a reinforcement run fails, or what the folder holds
            was measured under other conditions.
    """
    config = replace(config, model=_start(config))
    opened = open_run("sweep", config, config.output_dir)
    _train(config, opened.path)
    groups = [*_controls(config, opened.path), *_reinforced(config, opened.path)]
    points = [point for group in groups for point in group]
    for point in points:
        _evaluate(config, point)
    check_comparable([point.folder for point in points])
    candidates = [
        Candidate(
            group[0].label,
            [load_evaluation(point.folder) for point in group],
            group[0].is_control,
        )
        for group in groups
    ]
    return write_trade_off(opened.path, trade_off(candidates, config.seed))


def reinforcement_command(config: SweepConfig, alpha: float, seed: int, folder: Path) -> list[str]:
    """Build the command of one reinforcement run."""
    options: dict[str, object] = {
        "config": config.ppo_config,
        "alpha": f"{alpha:g}",
        "model": config.model,
        "data": config.data,
        "data_path": config.data_path,
        "performance_inputs": config.performance_inputs,
        "max_steps": config.max_steps,
        "seed": seed,
        "output_dir": folder,
    }
    flags = [
        text
        for name, value in options.items()
        if value is not None
        for text in (f"--{name}", str(value))
    ]
    return script_command("ppo.py", flags)


def _controls(config: SweepConfig, path: Path) -> list[list[Point]]:
    return [
        [
            Point(
                f"warm start, runtime={runtime} memory={memory}",
                str(config.model),
                path / f"warm-start-{runtime}-{memory}",
                CONTROL_ALPHA,
                (runtime, memory),
                is_control=True,
            )
        ]
        for runtime, memory in CONTROL_TAGS
    ]


def _reinforced(config: SweepConfig, path: Path) -> list[list[Point]]:
    """A group for each alpha, a point in it for each seed."""
    return [
        [
            Point(f"alpha {alpha:g}", str(folder / MODEL_FOLDER), folder / "eval", alpha)
            for folder in (_folder(path, alpha, seed) for seed in config.seeds)
        ]
        for alpha in config.alphas
    ]


def _folder(path: Path, alpha: float, seed: int) -> Path:
    return path / f"alpha-{alpha:g}-seed-{seed}"


def _train(config: SweepConfig, path: Path) -> None:
    """Reinforce at every alpha and seed, but where that is finished."""
    stages: list[Stage] = []
    for alpha in config.alphas:
        for seed in config.seeds:
            what, folder = f"alpha {alpha:g}, seed {seed}", _folder(path, alpha, seed)
            if (folder / MODEL_FOLDER).is_dir():
                logger.info(f"{what}: already trained in {folder}")
                continue
            command = reinforcement_command(config, alpha, seed, folder)
            stages.append(Stage(command, f"reinforcement at {what}", folder))
    if config.engine == "ray" and stages:
        run_on_cluster(stages, config.ray_address)
        return
    for stage in stages:
        logger.info(f"{stage.what} in {stage.folder}")
        run(stage.command, stage.what)


def _start(config: SweepConfig) -> str:
    start = config.model or newest_warm_start()
    if start is None:
        raise UserError(
            "no finished warm start under runs/; make one with: accelerate launch scripts/sft.py"
        )
    return str(start)


def _evaluate(config: SweepConfig, point: Point) -> None:
    runtime_tag, memory_tag = point.tags
    evaluate(
        EvaluateConfig(
            model=point.model,
            data=config.data,
            data_path=config.data_path,
            performance_inputs=config.performance_inputs,
            split=config.split,
            limit=config.limit,
            num_samples=config.num_samples,
            runtime_tag=runtime_tag,
            memory_tag=memory_tag,
            alpha=point.alpha,
            output_dir=point.folder,
            seed=config.seed,
        )
    )
