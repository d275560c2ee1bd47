"""The main job on the built-in model and problems, end to end, with its result in one table.

    runs/demo/
        sft/  ppo/                  the two training runs; model/ in each is the policy
        eval-base/ eval-sft/ ...    the evaluation of each stage on unseen problems
        demo.md  demo.png           the table and the plot

Training runs as the commands that a user would type. Interrupted, the same command goes on where
it stopped.
"""

import time
from pathlib import Path
from typing import Final

from effirl.evaluation.config import DEFAULT_MODEL, EvaluateConfig
from effirl.evaluation.evaluations import Estimates, differences
from effirl.evaluation.plots import plot_before_after
from effirl.evaluation.report import read_metrics
from effirl.evaluation.report_text import cell
from effirl.evaluation.results import load_evaluation
from effirl.runs import MODEL_FOLDER
from effirl.stages import Stage, run_stages
from effirl.tables import aligned

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


def demo(output_dir: Path) -> str:
    """Warm-start, reinforce, evaluate each stage, and write the table and the plot.

    Returns:
        The table.

    Raises:
        UserError: If a stage fails.
    """
    started = None if output_dir.exists() else time.monotonic()
    stages = _stages(output_dir)
    run_stages(stages)
    found = {stage.name: read_metrics(_evaluation(output_dir, stage.name)) for stage in stages}
    plot_before_after(found, output_dir / "demo.png")
    after, before = (
        load_evaluation(_evaluation(output_dir, name)) for name in ("reinforced", "warm start")
    )
    added = differences(after, before).on_all
    # Of a command that goes on, the time says nothing.
    spent = "" if started is None else f"{(time.monotonic() - started) / 60:.1f} minutes; "
    table = _table(found, added) + (
        f"\n{spent}95% intervals over {PROBLEMS} unseen problems of known families at alpha "
        f"{ALPHA}; runtime and memory measured in isolation\n"
        f"difference: what reinforcement added to the warm start, problem by problem\n"
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
        "ppo.py", "--alpha", str(ALPHA), "--model", str(warm_start / MODEL_FOLDER),
        "--output-dir", str(reinforced),
    )  # fmt: skip
    return [
        _stage("base", None, Path(DEFAULT_MODEL), folder),
        _stage("warm start", sft, warm_start / MODEL_FOLDER, folder),
        _stage("reinforced", ppo, reinforced / MODEL_FOLDER, folder),
    ]


def _stage(name: str, command: tuple[str, ...] | None, model: Path, folder: Path) -> Stage:
    evaluation = EvaluateConfig(
        model=str(model),
        limit=PROBLEMS,
        alpha=ALPHA,
        output_dir=_evaluation(folder, name),
        measurements=folder,
    )
    return Stage(name, command, model, (evaluation,))


def _evaluation(folder: Path, name: str) -> Path:
    return folder / f"eval-{name.replace(' ', '-')}"


def _table(found: dict[str, Estimates], added: Estimates) -> str:
    """Lay out each policy's figures, then what reinforcement added, problem by problem."""
    lines = [["policy", *COLUMNS.values()]]
    for name, metrics in found.items():
        lines.append([name, *(cell(metrics[column], 2) for column in COLUMNS)])
    lines.append(["difference", *(cell(added[column], 2, signed=True) for column in COLUMNS)])
    return "\n".join(aligned(lines)) + "\n"
