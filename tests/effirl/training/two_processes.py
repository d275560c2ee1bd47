"""What each of two processes runs in test_two_processes: a little reinforcement with a critic."""

import os
import sys
from pathlib import Path
from typing import Any

import torch

from effirl.data.problems import LoadedProblems
from effirl.training import ppo
from tests.effirl.training.test_ppo import PROBLEMS, FakeScorer, config


def main(model: Path, folder: Path) -> None:
    """Train, and save what this process ends with."""
    trainers: list[Any] = []
    run_to_end = ppo.run_to_end

    def spy(trainer: Any, *args: Any, **kwargs: Any) -> None:
        trainers.append(trainer)
        run_to_end(trainer, *args, **kwargs)

    ppo.run_to_end = spy
    ppo.load_problems = lambda *_, **__: LoadedProblems(list(PROBLEMS))
    # A micro-batch of 2 cuts each group of 4 in two, over processes and accumulation.
    settings = config(
        model, advantage="gae", micro_batch_size=2, max_steps=3, output_dir=folder / "run"
    )
    ppo.train(settings, FakeScorer())
    (trainer,) = trainers
    policy = trainer.accelerator.unwrap_model(trainer.model).state_dict()
    state = {"policy": policy, "critic": trainer.critic.state_dict()["head"]}
    torch.save(state, folder / f"rank{os.environ['RANK']}.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
