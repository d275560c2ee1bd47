"""What a warm start is judged by while it trains: greedy completions of validation problems."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import sqrt
from statistics import fmean, stdev
from typing import Final

from effirl.data.problems import Problem
from effirl.data.prompts import inference_prompt, target_text
from effirl.data.tags import Objective
from effirl.errors import UserError
from effirl.policy import Policy
from effirl.scoring import (
    CompletionRow,
    Sampling,
    Scorer,
    find_unusable,
    sample_completions,
    score_completions,
)
from effirl.training.config import SftConfig
from effirl.training.processes import from_main, write_line
from rewards.stats import t95

Gains = dict[Objective, list[float | None]]
"""Objective -> gain of each validation problem's completion; 0 where it is wrong, None where we
failed to run it."""

_GAIN: Final[Mapping[Objective, Callable[[CompletionRow], float]]] = {
    "runtime": lambda row: row.time_gain,
    "memory": lambda row: row.memory_gain,
    "both": lambda row: (row.time_gain + row.memory_gain) / 2,
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one evaluation found."""

    metrics: dict[str, float]
    gains: Gains = field(default_factory=dict)
    """Empty where nothing was run."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A mean of paired differences and its 95% interval."""

    mean: float
    low: float
    high: float


class Validation:
    """Completes the validation problems, and runs or compares what comes.

    Args:
        policy: As it is trained.
        problems: Not trained on; with tests where programs are run.
        config: Of the warm start.
        scorer: In the main process, None where nothing is to be run.
        objectives: What the completions must be better in: those of the phase and of the phases
            that it replays. The metric is the mean over them, so that the best checkpoint is not
            the one that forgot most.
    """

    def __init__(
        self,
        policy: Policy,
        problems: Sequence[Problem],
        config: SftConfig,
        scorer: Scorer | None,
        objectives: Sequence[Objective],
    ) -> None:
        self._policy = policy
        self._problems = problems
        self._scorer = scorer
        self.runs_programs = config.validation_metric == "execution"
        self._objectives = objectives
        self._sampling = Sampling(
            num_samples=1,
            temperature=0,
            max_new_tokens=config.max_target_tokens,
            max_prompt_tokens=config.max_prompt_tokens,
            batch_size=config.eval_limit,
            seed=config.seed,
        )

    @property
    def metric(self) -> str:
        """The key of the metric that picks the best checkpoint, as the trainer names it."""
        return "eval_execution" if self.runs_programs else "eval_exact_match"

    def __call__(self) -> Verdict:
        """Judge the policy as it is now; every process gets the main one's verdict."""
        completions = sample_completions(
            self._policy, self._problems, self._sampling, inference_prompt
        )
        if not self.runs_programs:
            return Verdict({self.metric: _exact_match(self._problems, completions)})
        return from_main(lambda: self._execute(completions))

    def _execute(self, completions: Sequence[Sequence[str]]) -> Verdict:
        assert self._scorer is not None
        rows = score_completions(self._scorer, self._problems, completions)
        gains: Gains = {objective: [_gain(row, objective) for row in rows] for objective in _GAIN}
        metrics = {
            self.metric: fmean(_share_better(gains[objective]) for objective in self._objectives),
            "eval_correct": _mean([float(row.is_correct) for row in rows if row.is_scored]),
            "eval_time_gain": _mean(gains["runtime"]),
            "eval_memory_gain": _mean(gains["memory"]),
        }
        return Verdict(metrics, gains)


def check_usable(problems: Sequence[Problem], scorer: Scorer | None) -> None:
    """Say how many source programs fail on their own tests: these problems count nowhere.

    Raises:
        UserError: If all do.
    """
    reasons = from_main(lambda: [] if scorer is None else find_unusable(scorer, problems))
    refused = [reason for reason in reasons if reason]
    if not refused:
        return
    if len(refused) == len(problems):
        raise UserError(
            f"no validation problem can be run ({refused[0]}); "
            "take other data, or --validation-metric exact_match"
        )
    write_line(f"validation: {len(refused)} problems cannot be run (first: {refused[0]})")


def paired_difference(
    after: Sequence[float | None], before: Sequence[float | None]
) -> Difference | None:
    """Estimate by how much a gain changed, problem by problem; None where fewer than two count.

    >>> paired_difference([0.5, 0.5, None], [0.5, 0.5, 0.1])
    Difference(mean=0.0, low=0.0, high=0.0)
    """
    differences = [
        new - old
        for new, old in zip(after, before, strict=True)
        if new is not None and old is not None
    ]
    if len(differences) < 2:
        return None
    mean = fmean(differences)
    width = t95(len(differences) - 1) * stdev(differences) / sqrt(len(differences))
    return Difference(mean, mean - width, mean + width)


def _exact_match(problems: Sequence[Problem], completions: Sequence[Sequence[str]]) -> float:
    return fmean(
        texts[0].strip("\n") in {target_text(target) for target in problem.targets}
        for texts, problem in zip(completions, problems, strict=True)
    )


def _gain(row: CompletionRow, objective: Objective) -> float | None:
    return _GAIN[objective](row) if row.is_scored else None


def _share_better(gains: Sequence[float | None]) -> float:
    """Share of correct and better completions; the scorer's 0 covers what noise could explain."""
    return _mean([None if gain is None else float(gain > 0) for gain in gains])


def _mean(values: Sequence[float | None]) -> float:
    counted = [value for value in values if value is not None]
    return fmean(counted) if counted else 0.0
