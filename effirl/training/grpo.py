"""TRL's `GRPOTrainer` as we need it for any model. Knows TRL's inside.

An unscorable completion (reward None) counts in no term of the loss (TRL zeroes its advantage, and
keeps its KL term); a group's advantages can be replaced by those of its tokens, and its best
programs imitated; the order of the data survives a resumption; the seconds of a step are told
apart. Everything else is inherited: groups, clipping, KL, logging, checkpoints, accelerate.

Rests on the private methods `_calculate_rewards`, `_generate_and_score_completions`, `_generate`
and `_get_train_sampler`, whose contract tests/effirl/training/test_seq2seq_grpo.py holds.

Shapes: `B` completions, `T` completion tokens.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from trl import GRPOConfig as GRPOConfig  # type: ignore[attr-defined]
from trl import GRPOTrainer  # type: ignore[attr-defined]

from effirl.policy import Policy
from effirl.training.advantages import is_best_of_group, tree_advantages
from effirl.training.callbacks import shuffle_by_epoch
from effirl.training.clock import Clock
from effirl.training.critic import CriticSettings
from effirl.training.optimizer import MuonWithAdam
from effirl.training.teacher_forcing import disable_all_dropout
from rewards.errors import SandboxError


@dataclass(frozen=True, slots=True)
class Learning:
    """How a policy learns from rewards."""

    by_tree: bool = False
    """Judge tokens by the tree of their group's samples, else programs by the group's mean."""
    critic: CriticSettings | None = None
    """Judge tokens by a critic."""
    imitation: float = 0.0
    """Added to the advantage of the best programs of a group, where others are worse."""
    with_muon: bool = False
    """Muon, else the optimizer that the arguments name."""


class CausalGRPOTrainer(GRPOTrainer):
    """TRL's own training of a causal model, with what is said above of rewards, order and time."""

    def __init__(
        self,
        policy: Policy,
        *,
        reward: Callable[..., list[float | None]],
        args: GRPOConfig,
        train_dataset: Any,
        learning: Learning,
        **rollout: Any,
    ) -> None:
        """Prepare a policy that was loaded from a folder: the reference is read from it again.

        Args:
            policy: Left as it is but for dropout, which is turned off for good.
            reward: In TRL's signature. None marks a completion that could not be scored.
            args: Every setting of TRL's.
            train_dataset: `datasets.Dataset` with a text column `prompt`.
            learning: By the tree, and to imitate, a process needs whole groups.
            rollout: Of a subclass: TRL's `rollout_func`.
        """
        assert args.num_generations is not None
        self._group_size = args.num_generations
        self._learning = learning
        self._rewards = torch.zeros(0)
        self._clock = Clock()
        super().__init__(
            model=policy.model,
            args=args,
            reward_funcs=reward,
            train_dataset=train_dataset,
            processing_class=policy.tokenizer,
            **rollout,
        )
        disable_all_dropout(policy.model)

    def create_optimizer(self, *args: Any, **kwargs: Any) -> torch.optim.Optimizer:
        """Make Muon, or what the arguments name."""
        if not self._learning.with_muon:
            return super().create_optimizer(*args, **kwargs)
        if self.optimizer is None:
            rates = self.args.learning_rate, self.args.weight_decay
            self.optimizer = MuonWithAdam(self.accelerator.unwrap_model(self.model), *rates)
        return self.optimizer

    def _get_train_sampler(self, *args: Any) -> Any:
        """Shuffle by seed and epoch.

        TRL's order depends on how often this process has shuffled: a resumed run would see the
        first epoch's order again.
        """
        sampler: Any = super()._get_train_sampler(*args)
        shuffle_by_epoch(self, sampler)
        return sampler

    def _generate(self, *args: Any) -> Any:
        with self._clock.measure("generation"):
            return super()._generate(*args)

    def training_step(self, *args: Any) -> Tensor:
        """Take one micro-batch's gradient, after new rollouts where it is time for them."""
        with self._clock.measure("update"):
            loss: Tensor = super().training_step(*args)  # type: ignore[no-untyped-call]
        return loss

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Add the seconds since the last log, by what they were spent on."""
        super().log(logs | self._clock.pop(), start_time)

    def _calculate_rewards(self, inputs: Any, prompts: Any, *args: Any) -> Tensor:
        """Remember the rewards of this process's completions, NaN where there is none."""
        with self._clock.measure("reward"):
            rewards: Tensor = super()._calculate_rewards(inputs, prompts, *args)
        first = self.accelerator.process_index * len(prompts)
        self._rewards = rewards[first : first + len(prompts), 0]
        return rewards

    def _generate_and_score_completions(self, inputs: Any) -> dict[str, Any]:
        """Take unscorable completions out of every loss term, and judge the others."""
        batch: dict[str, Any] = super()._generate_and_score_completions(inputs)
        mask = batch["completion_mask"] * ~self._rewards.isnan().unsqueeze(1)
        batch["completion_mask"] = mask
        num_tokens = self.accelerator.gather(mask.sum()).sum()
        if not num_tokens:
            raise SandboxError(
                "no program of this step could be scored, so there is nothing to learn from; see "
                "what the log says before this and `effirl doctor`, and continue with the same "
                "command"
            )
        batch["num_items_in_batch"] = num_tokens
        batch["advantages"] = self._judge(batch)
        if self._learning.imitation:
            is_best = is_best_of_group(self._rewards, self._group_size)
            shape = -1, *[1] * (batch["advantages"].dim() - 1)
            batch["advantages"] += self._learning.imitation * is_best.view(shape)
        return batch

    def _judge(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Return the advantages: of completions (B,), which TRL's loss also takes as (B, T)."""
        if not self._learning.by_tree:
            return batch["advantages"]
        ids, mask = batch["completion_ids"], batch["completion_mask"]
        advantages, num_alone = tree_advantages(self._rewards, ids, mask, self._group_size)
        counts = self.accelerator.reduce(torch.stack([num_alone, mask.sum()]), "sum")
        self._metrics["train"]["tree/alone"].append((counts[0] / counts[1]).item())
        return advantages
