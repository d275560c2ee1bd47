"""Sweep alpha: reinforce at each balance, evaluate on the same problems, draw the trade-off.

    runs/sweep-20260131-142530/
        warm_start/         evaluation of what every run starts from: the control
        alpha-0.5/          a reinforcement run; alpha-0.5/eval/ is its evaluation
        sweep.json          gains with intervals by alpha, and which are non-dominated
        front.png

Each reinforcement is a process of its own, as `scripts/ppo.py` would be by hand.
"""

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from effirl.errors import UserError
from effirl.evaluation.bootstrap import Estimate
from effirl.evaluation.config import EvaluateConfig, SweepConfig
from effirl.evaluation.plots import Point, non_dominated, plot_front
from effirl.evaluation.report import read_metrics
from effirl.evaluation.report_text import cell
from effirl.evaluation.run import evaluate
from effirl.launch import run, script_command
from effirl.runs import MODEL_FOLDER, newest_warm_start, open_run
from effirl.tables import aligned

logger = logging.getLogger(__name__)

TABLE_METRICS = (
    "pass@1",
    "time_gain",
    "memory_gain",
    "speedup_geometric",
    "memory_reduction_geometric",
)

Metrics = dict[str, Estimate]


def sweep(config: SweepConfig) -> str:
    """Run what is not finished yet, and write sweep.json and front.png.

    Returns:
        The table of the results.

    Raises:
        UserError: If there is no warm start, or a reinforcement run fails.
    """
    config = replace(config, model=_start(config))
    opened = open_run("sweep", config, config.output_dir)
    found: dict[str, Metrics] = {
        "warm start": _evaluated(config, str(config.model), 0.5, opened.path / "warm_start")
    }
    for alpha in config.alphas:
        folder = opened.path / f"alpha-{alpha:g}"
        if (folder / MODEL_FOLDER).is_dir():
            logger.info(f"alpha {alpha:g}: already trained in {folder}")
        else:
            _reinforce(config, alpha, folder)
        found[f"alpha {alpha:g}"] = _evaluated(
            config, str(folder / MODEL_FOLDER), alpha, folder / "eval"
        )
    points = [
        Point(label, metrics["time_gain"], metrics["memory_gain"], label == "warm start")
        for label, metrics in found.items()
    ]
    plot_front(points, opened.path / "front.png")
    _write(opened.path / "sweep.json", found, _front(points))
    return _table(found, _front(points)) + f"written to {opened.path}\n"


def reinforcement_command(config: SweepConfig, alpha: float, folder: Path) -> list[str]:
    """Build the command of one reinforcement run."""
    options: dict[str, object] = {
        "config": config.ppo_config,
        "alpha": f"{alpha:g}",
        "model": config.model,
        "data": config.data,
        "data_path": config.data_path,
        "performance_inputs": config.performance_inputs,
        "max_steps": config.max_steps,
        "seed": config.seed,
        "output_dir": folder,
    }
    flags = [
        text
        for name, value in options.items()
        if value is not None
        for text in (f"--{name}", str(value))
    ]
    return script_command("ppo.py", flags)


def _start(config: SweepConfig) -> str:
    start = config.model or newest_warm_start()
    if start is None:
        raise UserError(
            "no finished warm start under runs/; make one with: accelerate launch scripts/sft.py"
        )
    return str(start)


def _reinforce(config: SweepConfig, alpha: float, folder: Path) -> None:
    logger.info(f"alpha {alpha:g}: reinforcement in {folder}")
    run(reinforcement_command(config, alpha, folder), f"reinforcement at alpha {alpha:g}")


def _evaluated(config: SweepConfig, model: str, alpha: float, folder: Path) -> Metrics:
    evaluate(
        EvaluateConfig(
            model=model,
            data=config.data,
            data_path=config.data_path,
            performance_inputs=config.performance_inputs,
            split=config.split,
            limit=config.limit,
            num_samples=config.num_samples,
            alpha=alpha,
            output_dir=folder,
            seed=config.seed,
        )
    )
    return read_metrics(folder)


def _front(points: Sequence[Point]) -> set[str]:
    trained = [point for point in points if not point.is_control]
    pairs = [(point.time_gain.value or 0.0, point.memory_gain.value or 0.0) for point in trained]
    return {trained[index].label for index in non_dominated(pairs)}


def _write(path: Path, found: dict[str, Metrics], front: set[str]) -> None:
    document = {
        label: {
            "is_non_dominated": label in front,
            **{name: asdict(value) for name, value in metrics.items()},
        }
        for label, metrics in found.items()
    }
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def _table(found: dict[str, Metrics], front: set[str]) -> str:
    lines = [["policy", *TABLE_METRICS, "non-dominated"]]
    for label, metrics in found.items():
        cells = [cell(metrics[name], 3) for name in TABLE_METRICS]
        lines.append([label, *cells, "yes" if label in front else ""])
    return "\n".join([*aligned(lines), ""])
