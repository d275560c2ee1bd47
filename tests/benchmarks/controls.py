"""Is it the measured efficiency that reinforcement learns from, and could something simpler do?

    python -m tests.benchmarks.controls --model runs/sft-DATE/model [--alpha 1]

From one warm start, at equal steps and samples: reinforcement as it is; with the rewards of the
right programs of a group dealt out anew among them, which must gain nothing in efficiency; and
rejection sampling, which imitates a group's best programs and judges nothing else. And the best of
8 samples of the warm start, which pays at inference what the others pay once. Differences are
paired with the warm start, and over families, as in the study. What is finished in the output
folder is kept.

Two cores: 16 minutes, with nothing in the cache.
"""

import argparse
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import torch
from torch import Tensor

from effirl.config import parse
from effirl.evaluation.config import EvaluateConfig
from effirl.evaluation.evaluations import Evaluation
from effirl.evaluation.pareto import Candidate, compare
from effirl.evaluation.report_text import cell
from effirl.evaluation.results import load_evaluation
from effirl.evaluation.run import evaluate
from effirl.scoring import CompletionRow
from effirl.training import ppo
from effirl.training.config import PpoConfig
from effirl.training.reward import LoggedReward, start_reward
from effirl.training.seq2seq_grpo import Seq2SeqGRPOTrainer
from tests.benchmarks.tables import publish, table

SHOWN: Final = {"pass@1": "correct", "time_gain": "runtime gain", "memory_gain": "memory gain"}
BEST_OF: Final = 8


class DealtAnew(LoggedReward):
    """Rewards as measured, but those of the right programs of a group are dealt anew."""

    def __call__(self, **columns: Any) -> list[float | None]:
        rewards = super().__call__(**columns)
        rng = random.Random(f"{columns['trainer_state'].global_step}")
        groups: dict[int, list[int]] = {}
        for place, (problem, reward) in enumerate(
            zip(columns["problem_index"], rewards, strict=True)
        ):
            if reward is not None and reward > 0:
                groups.setdefault(problem, []).append(place)
        dealt = list(rewards)
        for places in groups.values():
            for place, other in zip(places, rng.sample(places, len(places)), strict=True):
                dealt[place] = rewards[other]
        return dealt


class RejectionSampling(Seq2SeqGRPOTrainer):
    """Learns from nothing but the best programs of a group."""

    def _judge(self, batch: Mapping[str, Tensor]) -> Tensor:
        return torch.zeros_like(super()._judge(batch))


WAYS: Final[Mapping[str, Callable[[], AbstractContextManager[Any]]]] = {
    "reinforced": nullcontext,
    "rewards of right programs dealt anew": lambda: patch.object(ppo, "LoggedReward", DealtAnew),
    "rejection sampling": lambda: patch.object(ppo, "Seq2SeqGRPOTrainer", RejectionSampling),
}


def reinforced(way: str, arguments: argparse.Namespace, folder: Path) -> Path:
    """Train in a way, if that is not done yet, and return the model's folder."""
    config = parse(PpoConfig, ["--config", arguments.config])
    config = replace(
        config, alpha=arguments.alpha, model=arguments.model, seed=arguments.seed, output_dir=folder
    )
    with WAYS[way](), start_reward(config) as reward:
        return ppo.train(config, reward).model_path


def evaluated(
    model: str | Path, folder: Path, num_samples: int, arguments: argparse.Namespace
) -> Evaluation:
    config = EvaluateConfig(
        model=str(model),
        limit=arguments.limit,
        num_samples=num_samples,
        output_dir=folder,
        measurements=Path(arguments.output_dir),  # a program that two write is no difference
        seed=arguments.seed,
    )
    evaluate(config)
    return load_evaluation(folder)


def best_samples(found: Evaluation, alpha: float) -> Evaluation:
    """Keep of each problem the sample that is best at a balance, by the measurement shown."""

    def earned(row: CompletionRow) -> float:
        return row.is_correct * (10 + alpha * row.time_gain + (1 - alpha) * row.memory_gain)

    best = [max(rows, key=earned) for rows in found.by_problem()]
    return replace(found, rows=best)


def differences(own: Evaluation, start: Evaluation) -> list[str]:
    pair = compare(Candidate("own", [own]), Candidate("start", [start]))
    return [cell(pair.differences[name], signed=True) for name in SHOWN]


def rows_of_table(arguments: argparse.Namespace) -> Sequence[Sequence[str]]:
    """Train and evaluate what is not finished, and lay out the differences."""
    folder = Path(arguments.output_dir)
    start = evaluated(arguments.model, folder / "eval-warm-start", BEST_OF, arguments)
    best = best_samples(start, float(arguments.alpha))
    rows = [[f"best of {BEST_OF} samples of the warm start", *differences(best, start)]]
    for way in WAYS:
        path = folder / way.replace(" ", "-")
        model = reinforced(way, arguments, path)
        rows.append([way, *differences(evaluated(model, path / "eval", 4, arguments), start)])
    return rows


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--alpha", default="1")
    parser.add_argument("--config", default="configs/ppo.yaml")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit", type=int, default=120)
    parser.add_argument("--output-dir", default="runs/controls")
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    report = table([f"alpha {arguments.alpha}", *SHOWN.values()], rows_of_table(arguments))
    publish(report, arguments.output)


if __name__ == "__main__":
    main()
