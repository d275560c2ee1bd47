"""Has a policy rewrite a program, picks the best of what it writes, and measures that anew."""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

import torch

from effirl.data.problems import Problem
from effirl.data.programs import public_names
from effirl.data.prompts import inference_prompt
from effirl.errors import UserError
from effirl.model_files import BUILTIN_MODEL, TUNED_MODEL
from effirl.optimize.config import OptimizeConfig
from effirl.optimize.examples import Assignment
from effirl.optimize.inputs import Inputs
from effirl.policy import Policy, load_policy
from effirl.scoring import (
    CompletionRow,
    Sampling,
    Scorer,
    policy_prompt,
    sample_completions,
    score_completions,
)
from rewards.extraction import normalise
from rewards.measurement import Comparison
from rewards.scores import RewardConfig, efficiency, memory_gain, time_gain

logger = logging.getLogger(__name__)

TEMPERATURE: Final = 0.8
MAX_PROMPT_TOKENS: Final = 512
MAX_NEW_TOKENS: Final = 512
_BATCH_SIZE: Final = 32
_PROOF_TRIES: Final = 2
_SEED_STRIDE: Final = 1_000_003


@dataclass(slots=True)
class Found:
    """What a search came to."""

    candidates: list[list[CompletionRow]] = field(default_factory=list)
    """By round."""
    proofs: list[CompletionRow] = field(default_factory=list)
    """Candidates measured on the proving inputs, in order; only the last may be better."""
    lacking: set[str] = field(default_factory=set)
    """Names that candidates left out were without."""
    gain_low: float = 0.0
    """The least that the last one gains, E(alpha) at the lower ends of its intervals."""

    @property
    def winner(self) -> CompletionRow | None:
        """The last proof's candidate, if it is better."""
        return self.proofs[-1] if self.gain_low > 0 else None

    @property
    def all_candidates(self) -> list[CompletionRow]:
        return [row for rows in self.candidates for row in rows]


def load(model: str) -> Policy:
    """Load the policy, on the GPU if there is one.

    Raises:
        UserError: If it is missing, or not a policy.
    """
    policy = load_policy(model, allow_causal=True)
    if torch.cuda.is_available():
        policy.model.to(torch.device("cuda"))  # type: ignore[arg-type]  # peft's wrapped signature
    if model == BUILTIN_MODEL:
        logger.info(
            f"{model} is only a base: it can copy, and nobody has trained it to improve programs; "
            f"{TUNED_MODEL} is trained to"
        )
    return policy


def search(
    policy: Policy,
    chooser: Scorer,
    prover: Scorer,
    assignment: Assignment,
    inputs: Inputs,
    config: OptimizeConfig,
) -> Found:
    """Sample, verify and measure candidates round by round, then prove the best.

    Args:
        policy: Writes the candidates.
        chooser: Scores them, at the alpha that is asked for.
        prover: The same, more precisely, and without memory of the choice.
        assignment: What to improve.
        inputs: What to run it on.
        config: How long to search.

    Raises:
        UserError: If the program is too long for the model.
    """
    prompted = replace(inputs.choosing, source_program=assignment.prompt_program)
    _require_short(policy, prompted, assignment)
    prompt = partial(policy_prompt, policy, alpha=config.alpha)
    found = Found()
    for number in range(config.rounds):
        seed = config.seed * _SEED_STRIDE + number
        sampling = _sampling(config, seed)
        completions = sample_completions(policy, [prompted], sampling, prompt)
        scored = score_completions(chooser, [inputs.choosing], completions, alpha=config.alpha)
        rows = [_with_copy_marked(row, assignment) for row in scored]
        found.candidates.append(rows)
        logger.info(_progress(number, rows, config))
        ranked, found.lacking = _whole(best_first(found.all_candidates), assignment)
        if ranked:
            prompted = replace(prompted, source_program=str(ranked[0].program))
    _prove(prover, inputs, config.alpha, found, ranked)
    return found


def _with_copy_marked(row: CompletionRow, assignment: Assignment) -> CompletionRow:
    """Mark also a copy of what the policy read: the docstring that it lacks is no change."""
    if row.program is None or normalise(row.program) != normalise(assignment.prompt_program):
        return row
    return replace(row, is_copy=True)


def _whole(
    ranked: Sequence[CompletionRow], assignment: Assignment
) -> tuple[list[CompletionRow], set[str]]:
    """Leave out candidates for a file of functions that lack what its tests may not call.

    Returns:
        The others, and the names that were lacking.
    """
    if not assignment.is_function_style:
        return list(ranked), set()
    names = public_names(assignment.program)
    lacking = [names - public_names(str(row.program)) for row in ranked]
    whole = [row for row, lost in zip(ranked, lacking, strict=True) if not lost]
    return whole, set().union(*lacking)


def best_first(rows: Sequence[CompletionRow]) -> list[CompletionRow]:
    """Rank the candidates that seem better than the source program, each program once."""
    better = [
        row for row in rows if row.is_correct and not row.is_copy and (row.reward or 0.0) > 1.0
    ]
    distinct: dict[str, CompletionRow] = {}
    for row in sorted(better, key=lambda row: row.reward or 0.0, reverse=True):
        distinct.setdefault(normalise(str(row.program)), row)
    return list(distinct.values())


def gain_low(comparison: Comparison, alpha: float) -> float:
    """E(alpha) with each gain at the lower end of its interval; one that may be nothing counts 0.

    Args:
        comparison: Of a correct program.
        alpha: Weight of runtime.
    """
    c, saturation = comparison, RewardConfig().saturation
    time, memory = time_gain(c, saturation), memory_gain(c, saturation)
    return efficiency(
        min(time, c.time_low / saturation) if time else 0.0,
        min(memory, c.memory_low / saturation) if memory else 0.0,
        alpha,
    )


def _prove(
    prover: Scorer, inputs: Inputs, alpha: float, found: Found, ranked: Sequence[CompletionRow]
) -> None:
    """Measure the best candidate on inputs of its own; the next one only if it is wrong there.

    A right one that gains nothing there ends it: trying others until one seems to gain would be
    choosing on the proof.
    """
    for row in ranked:
        for _ in range(_PROOF_TRIES):
            (proof,) = score_completions(
                prover, [inputs.proving], [[str(row.program)]], alpha=alpha
            )
            if proof.is_scored:
                break
        found.proofs.append(proof)
        if not proof.is_scored:
            return  # that we failed says nothing of the candidate
        if proof.is_correct:
            if proof.comparison is not None:
                found.gain_low = gain_low(proof.comparison, alpha)
            return


def _sampling(config: OptimizeConfig, seed: int) -> Sampling:
    return Sampling(
        num_samples=config.num_samples,
        temperature=TEMPERATURE,
        max_new_tokens=MAX_NEW_TOKENS,
        max_prompt_tokens=MAX_PROMPT_TOKENS,
        batch_size=_BATCH_SIZE,
        seed=seed,
    )


def _require_short(policy: Policy, prompted: Problem, assignment: Assignment) -> None:
    num_tokens = len(policy.tokenizer(inference_prompt(prompted))["input_ids"])
    if num_tokens > MAX_PROMPT_TOKENS:
        raise UserError(
            f"{assignment.path} is too long: {num_tokens} tokens with its description, and the "
            f"model reads {MAX_PROMPT_TOKENS}; optimize the slow part as a program of its own"
        )


def _progress(number: int, rows: Sequence[CompletionRow], config: OptimizeConfig) -> str:
    statuses = Counter(str(row.status) for row in rows)
    listed = ", ".join(f"{count} {status}" for status, count in statuses.most_common())
    best = f"; best reward {ranked[0].reward:.2f}" if (ranked := best_first(rows)) else ""
    return f"round {number + 1} of {config.rounds}: {listed}{best}"
