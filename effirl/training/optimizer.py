"""Muon for the matrices of a T5, Adam for what is no matrix.

Muon steps by the same amount in every direction of a matrix. On `codet5-nano` both copying in
pre-training and the warm start take about half the steps that Adam alone takes.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from effirl.training.muon import Muon

ADAM_EPSILON = 1e-6
"""Where there is nothing to learn, a gradient is rounding noise of about 1e-8 a parameter, of which
Adam's usual 1e-8 would make steps of full size."""
RELATIVE_BIAS = "relative_attention_bias.weight"
_EMBEDDING = "shared.weight"
_MATRIX_RATE = 2.5
_WIDE_RATE = 5.0


class MuonWithAdam(torch.optim.Optimizer):
    """Two optimizers behind one set of parameter groups, so that one schedule drives both.

    T5 draws embeddings and position biases with a deviation near 1 and its other weights with one
    near 0.01. T5's own optimizer steps in proportion to that; Adam does not, and at one rate for
    all would leave them behind.

    Args:
        model: A T5; parameters that need no gradient are left out.
        learning_rate: Adam's for vectors; matrices and embeddings have multiples of it.
        weight_decay: Of all of them.
    """

    def __init__(self, model: nn.Module, learning_rate: float, weight_decay: float) -> None:
        wide, matrices, vectors = _kinds(model)
        adam = torch.optim.AdamW(
            [  # the first one's rate is what trainers log
                {"params": vectors, "lr": learning_rate},
                {"params": wide, "lr": learning_rate * _WIDE_RATE},
            ],
            betas=(0.9, 0.98),
            eps=ADAM_EPSILON,
            weight_decay=weight_decay,
        )
        rate = learning_rate * _MATRIX_RATE
        muon = Muon(matrices, rate, momentum=0.95, weight_decay=weight_decay)
        self._parts: tuple[torch.optim.Optimizer, ...] = (adam, muon)
        super().__init__([{"params": part} for part in (vectors, wide, matrices)], {})
        self._share_groups()

    def _share_groups(self) -> None:
        """Make the parts' groups ours: who sets a rate here sets it there."""
        self.param_groups = [group for part in self._parts for group in part.param_groups]

    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Update the parameters."""
        assert closure is None
        for part in self._parts:
            part.step()

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients."""
        for part in self._parts:
            part.zero_grad(set_to_none=set_to_none)

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint needs."""
        return {"parts": [part.state_dict() for part in self._parts]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take a checkpoint's state."""
        for part, saved in zip(self._parts, state_dict["parts"], strict=True):
            part.load_state_dict(saved)
        self._share_groups()


def _kinds(
    model: nn.Module,
) -> tuple[list[nn.Parameter], list[nn.Parameter], list[nn.Parameter]]:
    """Sort parameters into embeddings and position biases, matrices, vectors."""
    wide: list[nn.Parameter] = []
    matrices: list[nn.Parameter] = []
    vectors: list[nn.Parameter] = []
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        if name.endswith((_EMBEDDING, RELATIVE_BIAS)):
            wide.append(parameter)
        else:
            (matrices if parameter.ndim == 2 else vectors).append(parameter)
    return wide, matrices, vectors
