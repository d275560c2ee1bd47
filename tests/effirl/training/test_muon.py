"""Our Muon, which follows the machine's precision, beside torch's, which does not."""

import pytest
import torch

from effirl.training import muon
from effirl.training.muon import Muon, orthogonalised

SHAPES = ((24, 24), (24, 64), (64, 24), (24, 24))


def parameters() -> list[torch.nn.Parameter]:
    rng = torch.Generator().manual_seed(0)
    return [torch.nn.Parameter(torch.randn(shape, generator=rng)) for shape in SHAPES]


def test_steps_are_those_of_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(muon, "has_fast_bfloat16", lambda: True)
    ours, theirs = parameters(), parameters()
    optimizers = (
        Muon(ours, 0.01, momentum=0.9, weight_decay=0.1),
        torch.optim.Muon(
            theirs, 0.01, momentum=0.9, weight_decay=0.1, adjust_lr_fn="match_rms_adamw"
        ),
    )
    for seed in range(3):
        for mine, other in zip(ours, theirs, strict=True):
            rng = torch.Generator().manual_seed(seed)
            mine.grad = torch.randn(mine.shape, generator=rng)
            other.grad = mine.grad.clone()
        for optimizer in optimizers:
            optimizer.step()
    start = parameters()
    for mine, other, before in zip(ours, theirs, start, strict=True):
        # bfloat16 rounds to one part in 256, in sums of another order.
        assert (mine - other).norm() < 0.02 * (other - before).norm()


@pytest.mark.parametrize("fast", [True, False])
def test_singular_values_come_near_one(monkeypatch: pytest.MonkeyPatch, fast: bool) -> None:
    monkeypatch.setattr(muon, "has_fast_bfloat16", lambda: fast)
    matrices = [parameter.detach() for parameter in parameters()]
    for found, matrix in zip(orthogonalised(matrices), matrices, strict=True):
        assert found.shape == matrix.shape
        assert found.dtype == torch.float32
        values = torch.linalg.svdvals(found)
        assert values.max() < 1.3, values
        assert values.median() > 0.6, values  # random ones have a few that are near 0


def test_a_parameter_without_a_gradient_stays() -> None:
    moved, frozen = parameters()[:2]
    optimizer = Muon([moved, frozen], 0.01, momentum=0.9, weight_decay=0.1)
    moved.grad = torch.ones_like(moved)
    before = frozen.clone()
    optimizer.step()
    assert torch.equal(frozen, before)


def test_without_any_signal_old_directions_make_no_step() -> None:
    moved, other = parameters()[:2]
    optimizer = Muon([moved, other], 0.01, momentum=0.9, weight_decay=0.1)
    moved.grad, other.grad = torch.ones_like(moved), torch.ones_like(other)
    optimizer.step()
    before = moved.clone()
    moved.grad, other.grad = torch.zeros_like(moved), torch.zeros_like(other)
    optimizer.step()
    assert torch.equal(moved, before)


def test_rounding_noise_makes_no_step() -> None:
    noise, signal = (parameter.detach() for parameter in parameters()[:2])
    found = orthogonalised([noise * 1e-8, signal * 1e-5])
    assert not found[0].any()
    assert torch.linalg.svdvals(found[1]).median() > 0.6
    assert not orthogonalised([torch.zeros(3, 4)])[0].any()
