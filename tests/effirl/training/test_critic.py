"""The critic alone: its estimate against the definition, and what must not reach it."""

import pytest
import torch
from torch import Tensor

from effirl.training.critic import Critic, CriticSettings, gae

WIDTH = 8
LENGTHS = [5, 1, 3, 4]
NOT_SCORED = 2


def make(learning_rate: float = 1e-2) -> Critic:
    return Critic(
        CriticSettings(0.9, learning_rate),
        WIDTH,
        seed=0,
        device=torch.device("cpu"),
        total=lambda values: values,
    )


def batch(num_rows: int = 4) -> tuple[Tensor, Tensor, Tensor]:
    """States, mask and rewards of a few completions; one has no reward, and so no mask."""
    generator = torch.Generator().manual_seed(1)
    states = torch.randn(num_rows, 5, WIDTH, generator=generator)
    lengths = torch.tensor(LENGTHS * (num_rows // 4))
    mask = (torch.arange(5) < lengths[:, None]).long()
    rewards = torch.rand(num_rows, generator=generator)
    mask[NOT_SCORED], rewards[NOT_SCORED] = 0, torch.nan
    return states, mask, rewards


@pytest.mark.parametrize("lam", [0.0, 0.7, 1.0])
def test_gae_is_the_sum_of_its_definition(lam: float) -> None:
    values = torch.rand(4, 5, generator=torch.Generator().manual_seed(0))
    mask = (torch.arange(5) < torch.tensor(LENGTHS)[:, None]).float()
    rewards = torch.tensor([1.0, -1.0, 0.5, 0.0])
    found = gae(values * mask, mask, rewards, lam)
    for row, length in enumerate(LENGTHS):
        after = [*values[row, 1:length].tolist(), 0.0]
        earned = [0.0] * (length - 1) + [rewards[row].item()]
        surprises = [earned[t] + after[t] - values[row, t].item() for t in range(length)]
        for t in range(length):
            expected = sum(lam ** (k - t) * surprises[k] for k in range(t, length))
            assert found[row, t].item() == pytest.approx(expected, abs=1e-6)
        assert not found[row, length:].any()


def test_at_first_a_token_is_judged_by_its_program_beside_the_mean() -> None:
    states, mask, rewards = batch()
    advantages, metrics = make().advantages(states, mask, rewards)
    assert not advantages[mask == 0].any()
    assert advantages.sum().item() == pytest.approx(0.0, abs=1e-5)
    assert metrics["critic/explained_variance"] == pytest.approx(0.0, abs=1e-4)
    ends = [advantages[row, length - 1].item() for row, length in enumerate(LENGTHS)]
    assert ends[0] - ends[1] == pytest.approx((rewards[0] - rewards[1]).item(), abs=1e-6)


def test_equal_rewards_give_no_advantage() -> None:
    states, mask, rewards = batch()
    advantages, _ = make().advantages(states, mask, rewards.clamp(0.5, 0.5))
    assert advantages.abs().max().item() < 1e-6


def test_timing_noise_is_not_blown_up() -> None:
    states, mask, rewards = batch()
    advantages, _ = make().advantages(states, mask, 1 + 0.001 * rewards)
    assert 0 < advantages.abs().max().item() < 0.001


def test_what_has_no_reward_teaches_nothing() -> None:
    states, mask, rewards = batch()
    other = states.clone()
    other[NOT_SCORED] = 100.0
    other[0, LENGTHS[0] :] = 100.0
    heads = []
    for seen in (states, other):
        critic = make()
        critic.learn(seen, mask, rewards)
        heads.append(critic.head.state_dict())
        advantages, _ = critic.advantages(seen, mask, rewards)
        assert not advantages.isnan().any()
        assert not advantages[NOT_SCORED].any()
    assert all(torch.equal(heads[0][name], heads[1][name]) for name in heads[0])
    assert any(heads[0][name].any() for name in ("out.weight", "out.bias"))


def test_where_nothing_has_a_reward_nothing_moves() -> None:
    """The optimizer has a memory, which would make steps of its own."""
    states, mask, rewards = batch()
    critic = make()
    critic.learn(states, mask, rewards)
    before = {name: tensor.clone() for name, tensor in critic.head.state_dict().items()}
    critic.learn(states, mask * 0, torch.full_like(rewards, torch.nan))
    after = critic.head.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_it_learns_what_states_are_worth() -> None:
    states, mask, _ = batch(16)
    rewards = states[:, 0, 0].clone()
    states[:] = states[:, :1]  # every token knows
    critic = make()
    _, before = critic.advantages(states, mask, rewards)
    for _ in range(20):
        critic.learn(states, mask, rewards)
    _, after = critic.advantages(states, mask, rewards)
    assert after["critic/explained_variance"] > 0.9
    assert after["critic/loss"] < 0.1 * before["critic/loss"]
