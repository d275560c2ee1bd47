"""The draw of replayed pairs, and the reaction to what is forgotten."""

import json
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.optim.lr_scheduler import LambdaLR
from transformers import TrainerState

from effirl.training.callbacks import EpochCallback
from effirl.training.replay import BLOCK_BATCHES, Replay, ReplaySampler
from effirl.training.validation import Verdict

NUM_OWN, NUM_EARLIER, BATCH = 300, 50, 4
BLOCK = BLOCK_BATCHES * BATCH
LENGTHS = [(7 * i) % 40 for i in range(NUM_OWN + NUM_EARLIER)]


def replay(path: Path, *, share: float = 0.25, step: int = 0) -> Replay:
    start: Any = {"runtime": [0.5] * 9, "memory": [0.0] * 9, "both": [0.2] * 9}
    return Replay(path / "reactions.jsonl", share, step, ["runtime"], start)


def sampler(plan: Replay, related: Mapping[int, Sequence[int]] | None = None) -> ReplaySampler:
    return ReplaySampler(LENGTHS, related or {}, NUM_OWN, BATCH, plan, seed=0)


def scheduler(rate: float = 1.0) -> LambdaLR:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=rate)
    return LambdaLR(optimizer, lambda step: 1.0)


def verdict(runtime: list[float]) -> Verdict:
    return Verdict({}, {"runtime": list(runtime), "memory": [0.9] * 9, "both": [0.1] * 9})


FALLEN = verdict([0.1, 0.1, 0.2, 0.1, 0.0, 0.1, 0.1, 0.2, 0.1])
NOISE = verdict([0.1, 0.9, 0.4, 0.6, 0.5, 0.5, 0.2, 0.7, 0.4])


def test_an_epoch_shows_every_own_pair_and_the_share_of_others(tmp_path: Path) -> None:
    drawn = list(sampler(replay(tmp_path)))
    assert len(drawn) == len(sampler(replay(tmp_path))) == 400
    assert set(range(NUM_OWN)) <= set(drawn)
    assert sum(index >= NUM_OWN for index in drawn) == 100
    assert all(drawn.count(index) == 2 for index in range(NUM_OWN, NUM_OWN + NUM_EARLIER))


def test_batches_are_of_like_length_and_differ_by_epoch(tmp_path: Path) -> None:
    drawn = sampler(replay(tmp_path))
    first = list(drawn)
    spreads = [
        max(batch) - min(batch)
        for start in range(0, BLOCK, BATCH)
        if (batch := [LENGTHS[index] for index in first[start : start + BATCH]])
    ]
    assert sum(spreads) / len(spreads) < 5
    drawn.set_epoch(1)
    assert list(drawn) != first
    drawn.set_epoch(0)
    assert list(drawn) == first


def test_pairs_of_a_problem_are_in_one_batch(tmp_path: Path) -> None:
    related = {index: [NUM_OWN + index] for index in range(NUM_EARLIER)}
    drawn = list(sampler(replay(tmp_path), related))
    batches = [set(drawn[start : start + BATCH]) for start in range(0, len(drawn), BATCH)]
    for own, (earlier,) in related.items():
        assert any({own, earlier} <= batch for batch in batches)
    assert sum(index >= NUM_OWN for index in drawn) == 100  # the share stays what it is


def test_no_more_is_replayed_than_the_share(tmp_path: Path) -> None:
    related = {index: [NUM_OWN, NUM_OWN + 1] for index in range(NUM_OWN)}
    drawn = list(sampler(replay(tmp_path), related))
    assert sum(index >= NUM_OWN for index in drawn) == 100
    assert {index for index in drawn if index >= NUM_OWN} == {NUM_OWN, NUM_OWN + 1}


def test_a_fall_raises_the_share_and_halves_the_rate(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan, rates = replay(tmp_path), scheduler()
    plan.react(NOISE, 10, rates)
    assert plan.share == 0.25
    plan.react(FALLEN, 20, rates)
    assert plan.share == 0.5
    rates.optimizer.step()
    rates.step()
    assert rates.get_last_lr() == [0.5]
    assert "runtime gain fell by 0.389" in capsys.readouterr().out
    for step in (30, 40, 50):
        plan.react(FALLEN, step, rates)
    assert 0.5 < plan.share < 0.75


def test_nothing_measured_means_no_reaction(tmp_path: Path) -> None:
    plan = Replay(tmp_path / "reactions.jsonl", 0.25, 0, ["runtime"], {})
    plan.react(Verdict({}), 10, scheduler())
    assert plan.share == 0.25


def test_a_resumed_run_draws_as_one_that_went_through(tmp_path: Path) -> None:
    straight = replay(tmp_path)
    draw = iter(sampler(straight))
    before = list(islice(draw, BLOCK + 3))  # in the second block
    straight.react(FALLEN, 5, scheduler())
    after = list(draw)
    changed = sum(index >= NUM_OWN for index in after[BLOCK - 3 : 2 * BLOCK - 3])
    assert changed == BLOCK // 2  # from the third block on
    resumed = replay(tmp_path, step=5)
    assert list(sampler(resumed)) == before + after
    forgotten = replay(tmp_path, step=4)  # a checkpoint from before the reaction
    assert forgotten.share == 0.25


def test_a_reaction_cut_short_is_passed_over(tmp_path: Path) -> None:
    row = {"step": 5, "block": 1, "share": 0.5}
    (tmp_path / "reactions.jsonl").write_text(json.dumps(row) + '\n{"step": 6, "bl')
    assert replay(tmp_path, step=9).share == 0.5


def test_a_sampler_is_told_the_epoch_that_a_run_goes_on_in() -> None:
    told: list[int] = []
    callback = EpochCallback(told.append)
    for epoch in (None, 1.37, 2.0):
        callback.on_epoch_begin(None, TrainerState(epoch=epoch), None)  # type: ignore[arg-type]
    assert told == [0, 1, 2]
