"""What a token is judged by, without a critic: the other programs of its problem.

Shapes: `B` completions, groups of `N` one after another, `T` completion tokens.
"""

import torch
from torch import Tensor

EQUAL_REWARDS = 0.03
"""Rewards that are no further apart are alike: noise of the timing may be all that is between."""


def tree_advantages(
    rewards: Tensor, ids: Tensor, mask: Tensor, group_size: int
) -> tuple[Tensor, Tensor]:
    """Judge a token by the programs that begin alike.

    A problem's samples are a tree: they share their first tokens, and part. What the beginning of a
    program is worth is then known: the mean reward of the samples that begin with it. A token's
    advantage is by how much it changed that mean. So credit and blame fall where samples part, and
    none on what follows once a sample is alone, of which the group's mean would say much and know
    nothing. A completion's advantages add up to its reward less the group's mean.

    Values of the tree's prefixes are from TEMPO (Tran et al. 2025, arXiv 2509.18314), which adds
    their changes to the group's advantage; here they take its place.

    Args:
        rewards: (B,), NaN where there is none: such a completion counts in no mean.
        ids: (B, T).
        mask: (B, T), 1 on a completion's tokens.
        group_size: N.

    Returns:
        (B, T), 0 where the mask is, or where there is no reward; and the number of tokens after the
        one at which their sample left all others, so of those that are not judged.

    >>> ids = torch.tensor([[5, 1, 2], [5, 3, 4]])
    >>> rewards = torch.tensor([1.0, 0.0])
    >>> advantages, num_alone = tree_advantages(rewards, ids, torch.ones(2, 3), 2)
    >>> advantages.tolist(), num_alone.item()
    ([[0.0, 0.5, 0.0], [0.0, -0.5, 0.0]], 2.0)
    """
    width = ids.size(1)
    tokens = torch.where(mask.bool(), ids, -1).view(-1, group_size, width)  # an end is a token too
    begin_alike = (tokens.unsqueeze(1) == tokens.unsqueeze(2)).int().cumprod(-1)  # (B / N, N, N, T)
    groups = rewards.view(-1, group_size)
    has_reward = ~groups.isnan()
    counted = begin_alike * has_reward[:, None, :, None]
    totals = (counted * groups.nan_to_num()[:, None, :, None]).sum(2)
    values = totals / counted.sum(2).clamp(min=1)
    means = groups.nanmean(1).nan_to_num()[:, None, None].expand(-1, group_size, 1)
    changes = values.diff(dim=-1, prepend=means) * has_reward.unsqueeze(-1)
    is_alone = (begin_alike.sum(2) == 1).view(-1, width)
    num_alone = (is_alone[:, :-1] * mask[:, 1:]).sum()
    return changes.view(-1, width) * mask, num_alone


def is_best_of_group(rewards: Tensor, group_size: int) -> Tensor:
    """Tell the best programs of each problem (B,), where they are right and others are worse.

    Args:
        rewards: (B,), NaN where there is none; above 0 where a program is right.
        group_size: N.

    >>> is_best_of_group(torch.tensor([1.3, 1.29, 1.1, -0.3, 1.2, 1.2, 1.2, 1.2]), 4).int()
    tensor([1, 1, 0, 0, 0, 0, 0, 0], dtype=torch.int32)
    """
    groups = rewards.view(-1, group_size)
    best = groups.nan_to_num(nan=-torch.inf).amax(1, keepdim=True)
    worst = groups.nan_to_num(nan=torch.inf).amin(1, keepdim=True)
    is_best = (groups >= best - EQUAL_REWARDS) & (best > 0) & (best - worst > EQUAL_REWARDS)
    return is_best.view(-1)
