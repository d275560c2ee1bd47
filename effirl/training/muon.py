"""Muon (Jordan et al. 2024) at the speed of any processor.

`torch.optim.Muon` always multiplies in bfloat16. A processor without instructions for it, as in
most laptops, then spends four fifths of a warm start's step in the optimizer (3.2 s of 4.1 on two
cores with AVX2). Here the precision follows the machine, and matrices of one shape are
orthogonalised together. Coefficients and scaling are those of `torch.optim.Muon`, with which a test
compares it.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import Final

import torch
from torch import Tensor

from effirl.training.processes import gpu_has_bfloat16, has_fast_bfloat16

_COEFFICIENTS: Final = (3.4445, -4.7750, 2.0315)
_ITERATIONS: Final = 5
_ROUNDING: Final = 1e-5
"""Norm up to which a matrix's direction is rounding noise, of which a full step would be made."""
_SCALE: Final = 0.2
"""Times the root of the longer side: an update as large as Adam's (arXiv 2502.16982)."""


class Muon(torch.optim.Optimizer):
    """Momentum whose update has all singular values near 1.

    Args:
        matrices: Parameters of two dimensions.
        lr: As Adam's.
        momentum: Share of the old direction, with Nesterov's look ahead.
        weight_decay: Decoupled.
    """

    def __init__(
        self, matrices: Iterable[Tensor], lr: float, *, momentum: float, weight_decay: float
    ) -> None:
        super().__init__(matrices, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Update the parameters that have a gradient.

        Where all gradients are 0, which is where nothing was there to learn from, nothing moves:
        what is left of older ones would be made into a step as large as any.
        """
        assert closure is None
        for group in self.param_groups:
            moved = [p for p in group["params"] if p.grad is not None]
            if not _any_signal(moved):
                continue
            averages = [self._direction(p, group["momentum"]) for p in moved]
            for parameter, direction in zip(moved, orthogonalised(averages), strict=True):
                parameter.mul_(1 - group["lr"] * group["weight_decay"])
                scale = _SCALE * max(parameter.shape) ** 0.5
                parameter.add_(direction, alpha=-group["lr"] * scale)

    def _direction(self, parameter: Tensor, momentum: float) -> Tensor:
        assert parameter.grad is not None
        state = self.state[parameter]
        if not state:
            state["momentum_buffer"] = torch.zeros_like(parameter)
        average: Tensor = state["momentum_buffer"].lerp_(parameter.grad, 1 - momentum)
        return parameter.grad.lerp(average, momentum)


def _any_signal(parameters: Sequence[Tensor]) -> bool:
    largest = [p.grad.abs().amax() for p in parameters if p.grad is not None]
    return bool(largest) and bool(torch.stack(largest).any())


def orthogonalised(matrices: Sequence[Tensor]) -> list[Tensor]:
    """Return each matrix with its singular values brought near 1 by Newton-Schulz iteration.

    What is no more than rounding noise becomes 0.
    """
    lying = [m if m.shape[0] <= m.shape[1] else m.T for m in matrices]
    found: dict[int, Tensor] = {}
    order = sorted(range(len(lying)), key=lambda i: lying[i].shape)
    for _, same_shape in groupby(order, key=lambda i: lying[i].shape):
        indices = list(same_shape)
        found |= zip(indices, _newton_schulz([lying[i] for i in indices]), strict=True)
    return [
        found[i] if matrix.shape[0] <= matrix.shape[1] else found[i].T
        for i, matrix in enumerate(matrices)
    ]


def _newton_schulz(matrices: list[Tensor]) -> Iterable[Tensor]:
    a, b, c = _COEFFICIENTS
    x = torch.stack(matrices)  # (N, R, C), R <= C
    norms = x.norm(dim=(1, 2), keepdim=True)
    x = torch.where(norms > _ROUNDING, x / norms, 0.0)
    if gpu_has_bfloat16() if x.is_cuda else has_fast_bfloat16():
        x = x.bfloat16()
    for _ in range(_ITERATIONS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.to(matrices[0].dtype)
