"""Sampling a few completions of a tiny policy, always the same."""

from effirl.decoding import generate
from effirl.policy import Policy

PROMPTS = ["print(sum(range(10)))", "n = int(input())\nprint(n)", "x"]


def sample(policy: Policy, **settings: float) -> list[list[str]]:
    defaults = {"num_samples": 3, "max_new_tokens": 12, "batch_size": 6, "seed": 5}
    return generate(policy, PROMPTS, **(defaults | settings))
