"""The warm start's trainer: transformers' own, with Muon, validation by completions and replay."""

import math
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from datasets import Dataset
from torch.distributed.fsdp import FullyShardedDataParallel
from torch.utils.data import Sampler
from transformers import Seq2SeqTrainer

from effirl.policy import Policy
from effirl.training.batches import ProblemSampler
from effirl.training.callbacks import EpochCallback
from effirl.training.config import SftConfig
from effirl.training.optimizer import MuonWithAdam
from effirl.training.replay import Replay, ReplaySampler, siblings
from effirl.training.validation import Validation

RANK = "eval_rank"
"""The metric that picks the best checkpoint: that of the completions, and of equals the loss."""
_LOSS_WEIGHT = 1e-6  # less than one completion of any validation


class WarmStartTrainer(Seq2SeqTrainer):
    """Adds to validation by the loss one by completions.

    Args:
        policy: What is trained.
        validation: Judges it.
        config: Of the warm start.
        replay: Of earlier phases, None where there is none.
        num_own: How many of the training pairs are the phase's own; they come first.
        **kwargs: For transformers.
    """

    def __init__(
        self,
        policy: Policy,
        validation: Validation,
        config: SftConfig,
        replay: Replay | None,
        num_own: int,
        **kwargs: Any,
    ) -> None:
        super().__init__(model=policy.model, processing_class=policy.tokenizer, **kwargs)
        # T5 takes any keyword, and is taken to divide its loss by the step's tokens. It does not:
        # loss and gradient would be as many times too large as there are micro-batches.
        self.model_accepts_loss_kwargs = False
        self._policy = policy
        self._validation = validation
        self._config = config
        self._replay = replay
        self._num_own = num_own

    def create_optimizer(self, *args: Any, **kwargs: Any) -> torch.optim.Optimizer:
        """Make Muon, or what the arguments name."""
        if self._config.optimizer == "adamw":
            return super().create_optimizer(*args, **kwargs)
        rates = self._config.learning_rate, self._config.weight_decay
        self.optimizer = MuonWithAdam(self._policy.model, *rates)
        return self.optimizer

    def evaluation_loop(self, *args: Any, **kwargs: Any) -> Any:
        """Evaluate the loss as usual, then judge completions, and react to what was forgotten."""
        output = super().evaluation_loop(*args, **kwargs)
        assert output.metrics is not None
        with self._whole_parameters():
            verdict = self._validation()
        output.metrics.update(verdict.metrics)
        output.metrics[RANK] = _rank(verdict.metrics[self._validation.metric], output.metrics)
        if self._replay is not None:
            self._replay.react(verdict, self.state.global_step, self.lr_scheduler)
            output.metrics["eval_replay_share"] = self._replay.share
        return output

    def _whole_parameters(self) -> AbstractContextManager[None]:
        """Gather what FSDP has divided: generation calls encoder and decoder on their own."""
        if not isinstance(self.model_wrapped, FullyShardedDataParallel):
            return nullcontext()
        gathered: AbstractContextManager[None] = FullyShardedDataParallel.summon_full_params(
            self.model_wrapped, writeback=False
        )
        return gathered

    def _get_train_sampler(self, train_dataset: Dataset | None = None) -> Sampler[int]:
        # The dataset that the trainer passes has lost the columns that say what goes together.
        del train_dataset
        assert isinstance(self.train_dataset, Dataset)
        problems, lengths, labels = (
            list(self.train_dataset[name]) for name in ("problem", "length", "labels")
        )
        batch_size, seed = self.args.per_device_train_batch_size, self.args.seed
        sampler: ProblemSampler | ReplaySampler
        if self._replay is None:
            sampler = ProblemSampler(problems, lengths, batch_size, seed)
        else:
            related = siblings(problems, labels, self._num_own)
            replay = self._replay
            sampler = ReplaySampler(lengths, related, self._num_own, batch_size, replay, seed)
        self.add_callback(EpochCallback(sampler.set_epoch))
        return sampler


def _rank(metric: float, metrics: dict[str, float]) -> float:
    """Rank a checkpoint. Else of those at 0 the first would be kept, and patience would run out."""
    loss = metrics.get("eval_loss", math.inf)
    return metric - _LOSS_WEIGHT * (loss / (1 + loss) if math.isfinite(loss) else 1.0)
