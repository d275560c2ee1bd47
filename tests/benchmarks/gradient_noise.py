"""What do a step's samples say of the reward's gradient, and where does a step along it lead?

    python -m tests.benchmarks.gradient_noise --model runs/sft-DATE/model

The policy stands still while it is sampled, as many steps as `--steps` says; every other step's
samples are one half, the rest the other. For each way of judging them: how far the mean gradients
of the halves agree (their cosine; all of the signal in one half, and no noise, would be 1). And for
each optimizer: one step, after it has seen the gradients of the first half, and the change of the
reward of the second half's samples, each weighted by how much more probable the step made it.
Nothing is sampled anew, so a hundred directions cost a minute.

Two cores: 4 minutes for the samples, 5 for the rest.
"""

import argparse
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from unittest.mock import patch

import torch
from torch import Tensor, nn

from effirl.training import ppo
from effirl.training.advantages import is_best_of_group, tree_advantages
from effirl.training.config import PpoConfig
from effirl.training.optimizer import ADAM_EPSILON, MuonWithAdam
from effirl.training.reward import start_reward
from effirl.training.seq2seq_grpo import Seq2SeqGRPOTrainer
from tests.benchmarks.tables import publish, table

RATES: Final[Mapping[str, tuple[float, ...]]] = {
    "adamw": (3e-4, 1e-3, 3e-3),
    "muon": (1e-3, 3e-3, 6e-3),
}
"""Of the one step; a step of training has a fraction."""
IMITATION: Final = 0.5
GROUP_SIZE: Final = 8

Batch = dict[str, Any]
"""TRL's, of a step, and `rewards`, NaN where there is none."""


class Recorder(Seq2SeqGRPOTrainer):
    """Keeps what it samples: batches of `B` completions of `T` tokens, with their rewards (B,)."""

    last: "Recorder"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        Recorder.last = self
        self.batches: list[Batch] = []

    def _generate_and_score_completions(self, inputs: Any) -> Batch:
        batch = super()._generate_and_score_completions(inputs)
        self.batches.append(batch | {"rewards": self._rewards})
        return batch


def sample(model: str, alpha: float, num_steps: int, seed: int) -> Recorder:
    """Sample a policy that stands still, and judge by the group's mean."""
    with TemporaryDirectory() as folder, patch.object(ppo, "Seq2SeqGRPOTrainer", Recorder):
        config = PpoConfig(
            alpha=str(alpha), model=model, learning_rate=0.0, max_steps=num_steps, seed=seed,
            num_samples=GROUP_SIZE, advantage="group", imitation=0.0, report_to="none",
            output_dir=Path(folder) / "run",
        )  # fmt: skip
        with start_reward(config) as reward:
            ppo.train(config, reward)
    return Recorder.last


def by_group(batch: Batch) -> Tensor:
    """Return the advantage (B, T) of a program's reward over its group's mean."""
    return batch["advantages"].unsqueeze(1) * batch["completion_mask"]


def by_tree(batch: Batch) -> Tensor:
    """Return the advantages (B, T) of `--advantage tree`."""
    ids, mask = batch["completion_ids"], batch["completion_mask"]
    return tree_advantages(batch["rewards"], ids, mask, GROUP_SIZE)[0]


def by_imitation(batch: Batch) -> Tensor:
    """Return what imitation adds."""
    is_best = is_best_of_group(batch["rewards"], GROUP_SIZE)
    return IMITATION * is_best.unsqueeze(1) * batch["completion_mask"]


JUDGES: Final[Mapping[str, Callable[[Batch], Tensor]]] = {
    "group": by_group,
    "tree": by_tree,
    "imitation alone": by_imitation,
    "group, imitation": lambda batch: by_group(batch) + by_imitation(batch),
    "tree, imitation": lambda batch: by_tree(batch) + by_imitation(batch),
}


class Ruler:
    """A policy whose gradients are taken and whose weights are moved and put back."""

    def __init__(self, trainer: Recorder) -> None:
        self._trainer = trainer
        self.model: Any = trainer.model
        self.weights = [p for p in self.model.parameters() if p.requires_grad]
        self._start = [p.detach().clone() for p in self.weights]

    def gradient(self, batch: Batch, advantages: Tensor) -> list[Tensor]:
        """Return the gradient of the policy's loss on a batch, by parameter."""
        self.model.zero_grad()
        (-(self._logps(batch) * advantages).sum() / batch["completion_mask"].sum()).backward()
        return [p.grad.clone() for p in self.weights]

    def logps(self, batch: Batch) -> Tensor:
        """Return the log-probability (B,) of each sample."""
        with torch.no_grad():
            return self._logps(batch).sum(1)

    def _logps(self, batch: Batch) -> Tensor:
        ids, mask = (
            torch.cat([batch[f"prompt_{name}"], batch[f"completion_{name}"]], 1)
            for name in ("ids", "mask")
        )
        width = batch["completion_ids"].size(1)
        score = self._trainer._get_per_token_logps_and_entropies
        return score(self.model, ids, mask, width)[0]

    def set_gradient(self, gradient: list[Tensor]) -> None:
        for weight, value in zip(self.weights, gradient, strict=True):
            weight.grad = value

    def put_back(self) -> None:
        with torch.no_grad():
            for weight, value in zip(self.weights, self._start, strict=True):
                weight.copy_(value)


def make_optimizer(kind: str, model: nn.Module) -> torch.optim.Optimizer:
    """Make it with a rate of 1, so that the rates of its groups are multiples."""
    if kind == "muon":
        return MuonWithAdam(model, 1.0, 0.0)
    return torch.optim.AdamW(model.parameters(), 1.0, weight_decay=0.0, eps=ADAM_EPSILON)


def step_along(
    ruler: Ruler, kind: str, gradients: list[list[Tensor]], judged: list[tuple[Batch, Tensor]]
) -> Iterator[list[str]]:
    """Take one step of each rate, and say where it led; a row of the table each."""
    optimizer = make_optimizer(kind, ruler.model)
    multiples = [group["lr"] for group in optimizer.param_groups]
    set_rates(optimizer, multiples, 0.0)
    for gradient in gradients[:-1]:
        ruler.set_gradient(gradient)
        optimizer.step()
    state = deepcopy(optimizer.state_dict())
    for rate in RATES[kind]:
        optimizer.load_state_dict(deepcopy(state))
        ruler.set_gradient(gradients[-1])
        set_rates(optimizer, multiples, rate)
        optimizer.step()
        change, error, kl = reward_change(ruler, judged)
        ruler.put_back()
        yield [kind, f"{rate:g}", f"{change:+.3f} ± {error:.3f}", f"{kl:.2f}"]


def set_rates(optimizer: torch.optim.Optimizer, multiples: list[float], rate: float) -> None:
    for group, multiple in zip(optimizer.param_groups, multiples, strict=True):
        group["lr"] = rate * multiple


def reward_change(ruler: Ruler, judged: list[tuple[Batch, Tensor]]) -> tuple[float, float, float]:
    """Return the change of the mean reward with its standard error, and the divergence in nats."""
    changes, moved = [], []
    for batch, before in judged:
        ratio = (ruler.logps(batch) - before).view(-1, GROUP_SIZE)
        rewards = batch["rewards"].view(-1, GROUP_SIZE).nan_to_num()
        changes.append((ratio.softmax(1) * rewards).sum(1) - rewards.mean(1))
        moved.append(-ratio.mean())
    every = torch.cat(changes)
    error = every.std() / len(every) ** 0.5
    return every.mean().item(), error.item(), torch.stack(moved).mean().item()


def cosine(first: list[list[Tensor]], second: list[list[Tensor]]) -> float:
    """Return how far two mean gradients agree."""
    means = [
        torch.cat([sum(parts).flatten() for parts in zip(*half, strict=True)])
        for half in (first, second)
    ]
    return nn.functional.cosine_similarity(*means, dim=0).item()


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--alpha", type=float, default=0.5)
    parser.add_argument("--steps", type=int, default=24)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    trainer = sample(arguments.model, arguments.alpha, arguments.steps, arguments.seed)
    ruler = Ruler(trainer)
    first, second = trainer.batches[0::2], trainer.batches[1::2]
    judged = [(batch, ruler.logps(batch)) for batch in second]
    agreement, steps = [], []
    for name, judge in JUDGES.items():
        halves = [[ruler.gradient(b, judge(b)) for b in half] for half in (first, second)]
        agreement.append([name, f"{cosine(*halves):.2f}"])
        for kind in RATES:
            steps += [[name, *row] for row in step_along(ruler, kind, halves[0], judged)]
    title = f"cosine of {len(first)} and {len(second)} steps' gradients"
    first_table = table(["advantage", title], agreement)
    second_table = table(["advantage", "optimizer", "rate", "reward", "nats a program"], steps)
    publish(f"{first_table}\n\n{second_table}", None)


if __name__ == "__main__":
    main()
