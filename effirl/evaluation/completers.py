"""Who writes the completions that are evaluated: a policy, a control, or a file of somebody's."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from typing import Final

import torch

from effirl.data.problems import Problem
from effirl.evaluation.config import CONTROLS, EvaluateConfig, is_completions_file
from effirl.evaluation.given import read_completions
from effirl.model_files import locate_model
from effirl.policy import Policy, load_policy
from effirl.scoring import Sampling, control_completions, policy_prompt, sample_completions

SEED_STRIDE: Final = 1_000_003
"""Above any number of problems, so that no two steps of two seeds sample alike."""


@dataclass(frozen=True, slots=True)
class Completer:
    """Where the completions of all problems come from."""

    model: str
    num_samples: int
    """Of each problem."""
    complete: Callable[[Sequence[int], int], list[list[str]]]
    """(problems, by their places; place of the step's first) -> the completions of each."""
    notes: list[str] = field(default_factory=list)


def make_completer(config: EvaluateConfig, model: str, problems: Sequence[Problem]) -> Completer:
    """Prepare a model, a control or a file; a model is loaded when it is first needed.

    Raises:
        UserError: If the file of completions, or the model, cannot be used.
    """
    if is_completions_file(model):
        given = read_completions(Path(model), problems)
        return Completer(
            model,
            given.num_samples,
            lambda places, _: [given.by_problem[i] for i in places],
            given.notes,
        )
    if model in CONTROLS:
        return Completer(
            model, 1, lambda places, _: control_completions(model, [problems[i] for i in places])
        )
    locate_model(model)  # a mistake is told now; it is loaded when it is first needed
    sampling = Sampling(
        num_samples=config.num_samples_of_a_policy,
        temperature=config.temperature,
        max_new_tokens=config.max_new_tokens,
        max_prompt_tokens=config.max_prompt_tokens,
        batch_size=config.batch_size,
        seed=config.seed,
    )
    policy = cache(lambda: _load(model))
    # A step's seed depends on its place alone, so a resumed evaluation samples as a whole one does.
    return Completer(
        model,
        sampling.num_samples,
        lambda places, first: sample_completions(
            policy(),
            [problems[i] for i in places],
            replace(sampling, seed=sampling.seed * SEED_STRIDE + first),
            partial(
                policy_prompt,
                policy(),
                alpha=config.alpha,
                runtime_tag=config.runtime_tag,
                memory_tag=config.memory_tag,
            ),
        ),
    )


def _load(model: str) -> Policy:
    policy = load_policy(model, allow_causal=True)
    if torch.cuda.is_available():
        policy.model.to(torch.device("cuda"))  # type: ignore[arg-type]  # peft's wrapped signature
    return policy
