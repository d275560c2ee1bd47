"""Muon for matrices, Adam for the rest, as one optimizer."""

from pathlib import Path

import torch
from transformers import T5ForConditionalGeneration

from effirl.training.optimizer import MuonWithAdam


def load(folder: Path) -> T5ForConditionalGeneration:
    model: T5ForConditionalGeneration = T5ForConditionalGeneration.from_pretrained(folder)
    return model


def step(model: T5ForConditionalGeneration, optimizer: MuonWithAdam) -> float:
    ids = torch.tensor([[5, 6, 7, 8]])
    optimizer.zero_grad()
    loss = model(input_ids=ids, labels=ids).loss
    loss.backward()
    optimizer.step()
    return float(loss)


def test_every_parameter_has_one_place(tiny_policy_dir: Path) -> None:
    model = load(tiny_policy_dir)
    frozen = next(iter(model.encoder.final_layer_norm.parameters()))
    frozen.requires_grad = False
    optimizer = MuonWithAdam(model, 1e-3, 0.01)
    placed = [id(p) for group in optimizer.param_groups for p in group["params"]]
    assert sorted(placed) == sorted(id(p) for p in model.parameters() if p.requires_grad)


def test_it_learns_and_a_rate_of_zero_stops_it(tiny_policy_dir: Path) -> None:
    model = load(tiny_policy_dir).eval()
    optimizer = MuonWithAdam(model, 1e-2, 0.0)
    first = step(model, optimizer)
    for _ in range(10):
        last = step(model, optimizer)
    assert last < first / 2
    for group in optimizer.param_groups:
        group["lr"] = 0.0
    before = [p.clone() for p in model.parameters()]
    step(model, optimizer)
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


def test_a_saved_state_continues_the_same_run(tiny_policy_dir: Path, tmp_path: Path) -> None:
    model = load(tiny_policy_dir).eval()
    optimizer = MuonWithAdam(model, 1e-2, 0.01)
    step(model, optimizer)
    torch.save(optimizer.state_dict(), tmp_path / "optimizer.pt")
    other = load(tiny_policy_dir).eval()
    other.load_state_dict(model.state_dict())
    resumed = MuonWithAdam(other, 1e-2, 0.01)
    resumed.load_state_dict(torch.load(tmp_path / "optimizer.pt", weights_only=True))
    resumed.param_groups[0]["lr"] = optimizer.param_groups[0]["lr"] = 1e-3
    assert [step(model, optimizer) for _ in range(3)] == [step(other, resumed) for _ in range(3)]
