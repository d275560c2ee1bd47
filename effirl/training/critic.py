"""The critic of `--advantage gae`: what a half-written program will be worth.

A value head reads the decoder's last hidden states, and generalized advantage estimation turns its
values into an advantage for each token (Schulman et al. 2016, arXiv 1506.02438). There is no
discount, and the one reward comes with the last token.

The head learns on a copy of the hidden states, with an optimizer of its own, as soon as a step's
programs are scored, after it has valued them. Learnt together with the policy it would move once a
step, too seldom for a run of a few dozen steps, and pull at what the policy is made of. So the
policy's loss is the same under both advantages. What every token's value shall come to is the
program's reward: that depends on no value, unlike the returns that estimation itself would give.

Shapes: `B` completions, `T` completion tokens, `D` width of the decoder. A mask is 1 on the real
tokens of completions that have a reward.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

CRITIC_FILE = "critic.pt"
"""In a checkpoint. The finished model has none: a policy needs no critic."""
PASSES = 4
"""Passes over a step's programs that the head learns from."""
MINIBATCHES = 8
MAX_GRAD_NORM = 1.0
MIN_SPREAD = 1e-6
"""Variance of a step's rewards below which there is nothing to explain."""


class ValueHead(nn.Module):
    """Maps decoder states to expected rewards; at the start, all to its last bias."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.hidden = nn.Linear(width, width)
        self.out = nn.Linear(width, 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, states: Tensor) -> Tensor:
        """Return values (B, T) of states (B, T, D)."""
        values: Tensor = self.out(torch.tanh(self.hidden(self.norm(states.float()))))
        return values.squeeze(-1)


@dataclass(frozen=True, slots=True)
class CriticSettings:
    """How tokens are judged."""

    lam: float
    """1 credits a token with all that its program earned beyond its value, 0 only with the change
    of value that it made."""
    learning_rate: float
    """Of the head."""


class Critic:
    """Values tokens, and learns from what their programs earned."""

    def __init__(
        self,
        settings: CriticSettings,
        width: int,
        *,
        seed: int,
        device: torch.device,
        total: Callable[[Tensor], Tensor],
    ) -> None:
        """Start with a head that will expect of each token what the first programs earn on average.

        Args:
            settings: How tokens are judged.
            width: D.
            seed: Makes the heads of all processes equal.
            device: Where the states are.
            total: Adds a tensor up over all processes.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.head = ValueHead(width).to(device)
        self._optimizer = torch.optim.AdamW(
            self.head.parameters(), lr=settings.learning_rate, weight_decay=0.0
        )
        self._lam = settings.lam
        self._total = total

    def advantages(
        self, states: Tensor, mask: Tensor, rewards: Tensor
    ) -> tuple[Tensor, dict[str, float]]:
        """Judge each token by the values as they are; see `learn`.

        The mean over all tokens is taken off, since values lag behind a policy that improves. There
        is no division by the spread: it would blow timing noise up.

        Args:
            states: (B, T, D); position t is what the token t was chosen from.
            mask: (B, T).
            rewards: (B,), NaN where the mask is 0.

        Returns:
            (B, T), 0 where the mask is; and what there is to log of the values.
        """
        rewards, mask = rewards.nan_to_num(), mask.float()
        earned = rewards.unsqueeze(1) * mask
        if not self._optimizer.state:  # nothing learnt yet: 0 would make late tokens look better
            mean = self._total(torch.stack([earned.sum(), mask.sum()]))
            nn.init.constant_(self.head.out.bias, (mean[0] / mean[1].clamp(min=1)).item())
        with torch.no_grad():
            values = self.head(states) * mask
        advantages = gae(values, mask, rewards, self._lam)
        error = earned - values
        count, all_advantages, sum_r, sum_rr, sum_e, sum_ee = self._total(
            torch.stack(
                [
                    mask.sum(), advantages.sum(), earned.sum(), earned.square().sum(),
                    error.sum(), error.square().sum(),
                ]
            )
        ).tolist()  # fmt: skip
        count = max(1.0, count)
        spread = sum_rr / count - (sum_r / count) ** 2
        left = sum_ee / count - (sum_e / count) ** 2
        metrics = {"critic/loss": sum_ee / count}
        if spread > MIN_SPREAD:
            metrics["critic/explained_variance"] = 1 - left / spread
        return (advantages - all_advantages / count) * mask, metrics

    def learn(self, states: Tensor, mask: Tensor, rewards: Tensor) -> None:
        """Move the values towards what the programs earned; arguments as of `advantages`."""
        targets = rewards.nan_to_num().unsqueeze(1)
        for _ in range(PASSES):
            for first in range(MINIBATCHES):
                rows = slice(first, None, MINIBATCHES)  # neighbours are of one problem
                error = (self.head(states[rows]) - targets[rows]).square() * mask[rows]
                self._step(error.sum(), mask[rows].sum())

    def _step(self, error: Tensor, count: Tensor) -> None:
        """Take one optimizer step on the mean error over the tokens of all processes."""
        self._optimizer.zero_grad()
        error.backward()  # type: ignore[no-untyped-call]
        gradients = [p.grad for p in self.head.parameters() if p.grad is not None]
        flat = self._total(torch.cat([count.reshape(1), *(g.flatten() for g in gradients)]))
        if not flat[0]:  # nothing to learn from, and the optimizer would step by its memory
            return
        mean = flat[1:] / flat[0]
        parts = torch.split(mean, [g.numel() for g in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view_as(gradient))
        nn.utils.clip_grad_norm_(self.head.parameters(), MAX_GRAD_NORM)
        self._optimizer.step()

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint needs."""
        return {"head": self.head.state_dict(), "optimizer": self._optimizer.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take a checkpoint's state."""
        self.head.load_state_dict(state["head"])
        self._optimizer.load_state_dict(state["optimizer"])


def gae(values: Tensor, mask: Tensor, rewards: Tensor, lam: float) -> Tensor:
    """Return generalized advantages (B, T) of undiscounted episodes with one reward at their end.

    Args:
        values: (B, T), of the states before each token.
        mask: (B, T), 1 on a beginning of each row.
        rewards: (B,).
        lam: In [0, 1].

    >>> gae(torch.tensor([[0.5, 0.2]]), torch.ones(1, 2), torch.tensor([1.0]), 1.0)
    tensor([[0.5000, 0.8000]])
    """
    width = values.size(1)
    is_last = nn.functional.one_hot(mask.sum(1).long().clamp(min=1) - 1, width)
    earned = is_last * rewards.unsqueeze(1)
    advantages = torch.zeros_like(values)
    following = torch.zeros_like(rewards)
    next_value = torch.zeros_like(rewards)
    for t in reversed(range(width)):
        surprise = earned[:, t] + next_value - values[:, t]
        following = (surprise + lam * following) * mask[:, t]
        next_value = values[:, t] * mask[:, t]
        advantages[:, t] = following
    return advantages
