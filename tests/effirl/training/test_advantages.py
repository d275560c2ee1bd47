"""Advantages of tokens, against what the definitions say, written out."""

import random

import pytest
import torch
from torch import Tensor

from effirl.training.advantages import is_best_of_group, tree_advantages

NAN = float("nan")


def by_definition(rewards: list[float], completions: list[list[int]]) -> list[list[float]]:
    """The same for one group, prefix by prefix."""

    def value(prefix: list[int]) -> float:
        alike = [
            reward
            for reward, completion in zip(rewards, completions, strict=True)
            if completion[: len(prefix)] == prefix and reward == reward
        ]
        return sum(alike) / len(alike)

    return [
        [
            0.0 if reward != reward else value(completion[: t + 1]) - value(completion[:t])
            for t in range(len(completion))
        ]
        for reward, completion in zip(rewards, completions, strict=True)
    ]


def padded(completions: list[list[int]]) -> tuple[Tensor, Tensor]:
    width = max(map(len, completions))
    ids = [[*row, *[0] * (width - len(row))] for row in completions]
    mask = [[1] * len(row) + [0] * (width - len(row)) for row in completions]
    return torch.tensor(ids), torch.tensor(mask)


@pytest.mark.parametrize("missing", [(), (2,), (5, 6)])
def test_a_token_is_worth_the_change_of_the_mean_of_those_that_begin_alike(
    missing: tuple[int, ...],
) -> None:
    rng = random.Random(0)
    # Few different tokens: many begin alike, some are equal. 1 ends a completion, 0 is padding too.
    completions = [[rng.choice([0, 3]) for _ in range(rng.randint(0, 4))] + [1] for _ in range(8)]
    earned = {tuple(completion): rng.uniform(-1, 1.6) for completion in completions}
    rewards = [NAN if i in missing else earned[tuple(completions[i])] for i in range(8)]
    assert len(earned) < 8  # equal programs earn the same
    ids, mask = padded(completions)
    for i in missing:
        mask[i] = 0  # as the trainer does
    found, _ = tree_advantages(torch.tensor(rewards), ids, mask, 4)
    for first in (0, 4):
        group = slice(first, first + 4)
        expected = by_definition(rewards[group], completions[group])
        for row, values in zip(found[group], expected, strict=True):
            assert row[: len(values)].tolist() == pytest.approx(values, abs=1e-6)
            assert not row[len(values) :].any()
    for first in (0, 4):
        left = [rewards[i] for i in range(first, first + 4) if i not in missing]
        for i in range(first, first + 4):
            total = 0.0 if i in missing else rewards[i] - sum(left) / len(left)
            assert found[i].sum().item() == pytest.approx(total, abs=1e-6)


def test_what_follows_alone_is_not_judged() -> None:
    ids, mask = padded([[7, 4, 9, 9, 9], [7, 5, 8, 8]])
    found, num_alone = tree_advantages(torch.tensor([1.0, -0.3]), ids, mask, 2)
    assert found.bool().tolist() == [[False, True, False, False, False]] * 2
    assert num_alone == 5


def test_a_group_without_rewards_has_no_advantage() -> None:
    ids, mask = padded([[7, 4], [7, 5]])
    assert not tree_advantages(torch.tensor([NAN, NAN]), ids, mask * 0, 2)[0].any()
    assert not is_best_of_group(torch.tensor([NAN, NAN]), 2).any()


@pytest.mark.parametrize(
    ("rewards", "best"),
    [
        ([1.2, 1.0, -0.3, -0.6], [0]),
        ([1.2, 1.19, NAN, 1.0], [0, 1]),
        ([1.2, 1.19, 1.18, 1.2], []),  # noise
        ([-0.3, -0.6, -1.0, -0.3], []),  # all wrong
        ([NAN, NAN, 1.0, NAN], []),
    ],
)
def test_only_right_programs_that_are_better_than_others_are_imitated(
    rewards: list[float], best: list[int]
) -> None:
    assert is_best_of_group(torch.tensor(rewards), 4).nonzero().flatten().tolist() == best
