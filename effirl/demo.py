"""The main job on the built-in model and problems, end to end, with its result in one table.

    runs/demo/
        sft/  ppo/                  the two training runs; model/ in each is the policy
        eval-base/ eval-sft/ ...    the evaluation of each stage on unseen problems
        demo.md  demo.png           the table and the plot

Training runs as the commands that a user would type. Interrupted, the same command goes on where
it stopped.
"""

import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from effirl.evaluation.bootstrap import Estimate
from effirl.evaluation.config import EvaluateConfig
from effirl.evaluation.plots import plot_before_after
from effirl.evaluation.report import read_metrics
from effirl.evaluation.report_text import cell
from effirl.evaluation.run import evaluate
from effirl.launch import run, script_command
from effirl.tables import aligned

logger = logging.getLogger(__name__)

ALPHA: Final = 0.5
PROBLEMS: Final = 120
"""Four unseen instances of each family: enough to see a difference, few enough for a demo."""
COLUMNS: Final = {
    "pass@1": "correct",
    "speedup_geometric": "speedup",
    "memory_reduction_geometric": "memory reduction",
    "time_gain": "runtime gain",
    "memory_gain": "memory gain",
    "reward": "reward",
}


@dataclass(frozen=True, slots=True)
class Stage:
    """A policy on its way, and how to make it."""

    name: str
    model: str
    command: tuple[str, ...] | None
    """None for what is there from the start."""


def demo(output_dir: Path) -> str:
    """Warm-start, reinforce, evaluate each stage, and write the table and the plot.

    Returns:
        The table.

    Raises:
        UserError: If a stage fails.
    """
    started = time.monotonic()
    found: dict[str, dict[str, Estimate]] = {}
    stages = _stages(output_dir)
    for number, stage in enumerate(stages, start=1):
        logger.info(f"\n== {number}/{len(stages)} {stage.name} ==")
        if stage.command is not None:
            script, *arguments = stage.command
            logger.info(f"python scripts/{script} {' '.join(arguments)}")
            run(script_command(script, arguments), f"scripts/{script}")
        found[stage.name] = _evaluate(stage, output_dir / f"eval-{_slug(stage.name)}")
    plot_before_after(found, output_dir / "demo.png")
    minutes = (time.monotonic() - started) / 60
    table = _table(found) + (
        f"\n{minutes:.1f} minutes; 95% intervals over {PROBLEMS} unseen problems at alpha {ALPHA}; "
        f"runtime and memory measured in isolation\n"
        f"written to {output_dir}: demo.md, demo.png, sft/model, ppo/model, eval-*/report.md\n"
    )
    (output_dir / "demo.md").write_text(
        f"```\n{table}```\n\n![stages](demo.png)\n", encoding="utf-8"
    )
    return table


def _stages(folder: Path) -> list[Stage]:
    warm_start, reinforced = folder / "sft", folder / "ppo"
    sft = ("sft.py", "--output-dir", str(warm_start))
    ppo = (
        "ppo.py", "--alpha", str(ALPHA), "--model", str(warm_start / "model"),
        "--output-dir", str(reinforced),
    )  # fmt: skip
    return [
        Stage("base", "codet5-nano", None),
        Stage("warm start", str(warm_start / "model"), sft),
        Stage("reinforced", str(reinforced / "model"), ppo),
    ]


def _slug(name: str) -> str:
    return name.replace(" ", "-")


def _evaluate(stage: Stage, folder: Path) -> dict[str, Estimate]:
    evaluate(EvaluateConfig(model=stage.model, limit=PROBLEMS, alpha=ALPHA, output_dir=folder))
    return read_metrics(folder)


def _table(found: dict[str, dict[str, Estimate]]) -> str:
    lines = [["policy", *COLUMNS.values()]]
    for name, metrics in found.items():
        lines.append([name, *(cell(metrics[column], 2) for column in COLUMNS)])
    return "\n".join(aligned(lines)) + "\n"
