"""The optimizer of the pre-training: Muon for the matrices, Adam for what is no matrix.

Muon (Jordan et al. 2024, `torch.optim.Muon`) steps by the same amount in every direction of a
matrix. Copying, which all else here is built on, is learnt in half the steps that Adam takes.
"""

import math
from typing import Any

import torch

RELATIVE_BIAS = "relative_attention_bias.weight"
_MATRIX_RATE = 2.5
_WIDE_RATE = 5.0
_WARMUP_FRACTION = 0.03
_WEIGHT_DECAY = 0.01


class PretrainOptimizer:
    """Two optimizers on one schedule: a linear rise, then half a cosine.

    T5 draws embeddings and position biases with a deviation near 1 and its other weights with one
    near 0.01. T5's own optimizer steps in proportion to that; Adam does not, and at one rate for
    all would leave them behind.

    Args:
        model: A T5.
        learning_rate: Peak; Muon's is on Adam's scale.
    """

    def __init__(self, model: torch.nn.Module, learning_rate: float) -> None:
        self._learning_rate = learning_rate
        wide, matrices, others = [], [], []
        for name, parameter in model.named_parameters():
            if name == "shared.weight" or name.endswith(RELATIVE_BIAS):
                wide.append(parameter)
            elif parameter.ndim == 2:
                matrices.append(parameter)
            else:
                others.append(parameter)
        adam = torch.optim.AdamW(
            [{"params": wide, "rate": _WIDE_RATE}, {"params": others, "rate": 1.0}],
            betas=(0.9, 0.98),
            weight_decay=_WEIGHT_DECAY,
        )
        muon = torch.optim.Muon(
            [{"params": matrices, "rate": _MATRIX_RATE}],
            momentum=0.95,
            weight_decay=_WEIGHT_DECAY,
            adjust_lr_fn="match_rms_adamw",
        )
        self._optimizers: tuple[torch.optim.Optimizer, ...] = (adam, muon)

    def set_progress(self, progress: float) -> None:
        """Set the rates for a point in the training, from 0 to 1."""
        if progress < _WARMUP_FRACTION:
            factor = progress / _WARMUP_FRACTION
        else:
            share = (progress - _WARMUP_FRACTION) / (1 - _WARMUP_FRACTION)
            factor = 0.5 * (1 + math.cos(math.pi * share))
        for optimizer in self._optimizers:
            for group in optimizer.param_groups:
                group["lr"] = self._learning_rate * factor * group["rate"]

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for optimizer in self._optimizers:
            optimizer.zero_grad(set_to_none=True)

    def step(self) -> None:
        """Update the parameters."""
        for optimizer in self._optimizers:
            optimizer.step()

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint needs."""
        return {"optimizers": [optimizer.state_dict() for optimizer in self._optimizers]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take a checkpoint's state."""
        for optimizer, saved in zip(self._optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
