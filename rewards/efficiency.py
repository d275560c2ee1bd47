"""The reward function: completions in, rewards out, programs really run and measured in between."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rewards.cache import MeasurementCache
from rewards.executor import Executor, Pool
from rewards.extraction import extract_program, normalise
from rewards.jobs import Job, Outcome
from rewards.machine import own_cores
from rewards.measurement import MeasurementPlan
from rewards.metrics import Metrics
from rewards.monitor import FreshInputs
from rewards.outcomes import Outcomes
from rewards.records import Limits, Status, TestCase
from rewards.scores import (
    RewardConfig,
    Score,
    check_alpha,
    efficiency,
    memory_gain,
    reward,
    time_gain,
)


@dataclass(frozen=True, slots=True)
class ScoreRequest:
    """One completion to score, with its problem."""

    problem_id: str
    source_program: str
    tests: tuple[TestCase, ...]
    performance_inputs: tuple[TestCase, ...]
    completion: str
    alpha: float | None = None
    """None for the configured one."""


class EfficiencyReward:
    """Correctness first, then measured runtime and peak memory, mixed by alpha.

    A reward function for any TRL trainer: `GRPOTrainer(reward_funcs=EfficiencyReward())` with the
    data set's columns `problem_id`, `source_program`, `tests` and `performance_inputs`.

    R = 1 + w * E(alpha) when every test passes, E = alpha * g_time + (1 - alpha) * g_memory,
    g = clip(log2(source / program) / c, -1, 1); -0.3 for a wrong answer, -0.6 for a crash or a
    limit, -1 for no program or a violation; None when we failed, and for training also while a gain
    that is too good is not confirmed (TRL masks the sample).

    Args:
        config: Prices.
        executor: Workers to use, here or on a cluster; None starts its own on all cores, which the
            processes of torchrun or accelerate divide among themselves.
        limits: For each run of a test.
        plan: How precisely to measure.
        cache: Outcomes of earlier runs to use, for a while each; None measures everything anew.
            For training only: what is reported must be measured.
        fresh_inputs: Makes performance inputs that no program has seen, to try doubted gains on;
            None leaves programs that know the inputs by heart uncaught.

    Raises:
        IsolationError: If this machine cannot isolate programs.
    """

    __name__ = "efficiency"  # TRL names its metrics by it

    def __init__(
        self,
        config: RewardConfig | None = None,
        executor: Pool | None = None,
        *,
        limits: Limits | None = None,
        plan: MeasurementPlan | None = None,
        cache: MeasurementCache | None = None,
        fresh_inputs: FreshInputs | None = None,
    ) -> None:
        self.config = config or RewardConfig()
        self.executor: Pool = executor or Executor(cores=own_cores())
        self._owns_executor = executor is None
        self._limits = limits or Limits()
        plan = replace(plan or MeasurementPlan(), wall_factor=2 ** (self.config.saturation + 1))
        self._outcomes = Outcomes(
            self.executor,
            cache,
            fresh_inputs,
            plan,
            saturation=self.config.saturation,
            run_all=self.config.partial_credit,
        )
        self._metrics = Metrics()

    def __call__(  # noqa: PLR0913 - TRL passes the data set's columns by name
        self,
        prompts: Sequence[Any],
        completions: Sequence[Any],
        *,
        problem_id: Sequence[str],
        source_program: Sequence[str],
        tests: Sequence[Sequence[Mapping[str, Any]]],
        performance_inputs: Sequence[Sequence[Mapping[str, Any]]],
        alpha: Sequence[float | None] | None = None,
        **_: object,
    ) -> list[float | None]:
        """Score a batch; arguments are columns of equal length, as TRL passes them.

        Returns:
            One reward a completion, None where we failed, or refuted the gain of a correct one.
        """
        requests = [
            ScoreRequest(
                problem_id[row],
                source_program[row],
                tuple(TestCase.from_row(t) for t in tests[row]),
                tuple(TestCase.from_row(t) for t in performance_inputs[row]),
                _text(completion),
                None if alpha is None else alpha[row],
            )
            for row, completion in enumerate(completions)
        ]
        assert len(prompts) == len(requests)
        return [score.training_reward for score in self.score(requests)]

    def score(self, requests: Sequence[ScoreRequest]) -> list[Score]:
        """Score completions, each distinct program once.

        Raises:
            ValueError: If an alpha is out of range or a problem has no tests.
        """
        started = time.monotonic()
        for request in requests:
            if request.alpha is not None:
                check_alpha(request.alpha)
        programs = [extract_program(request.completion) for request in requests]
        sources = self._outcomes.of([self._job(r, r.source_program) for r in requests])
        rows = list(zip(requests, programs, sources, strict=True))
        outcomes = self._outcomes.of([self._job_beside(*row) for row in rows])
        scores = [self._score(*row, o) for row, o in zip(rows, outcomes, strict=True)]
        self._metrics.add(scores, time.monotonic() - started)
        return scores

    def validate(self, requests: Sequence[ScoreRequest]) -> list[str | None]:
        """Check source programs (completions are not looked at) before training on them.

        Returns:
            For each request None, or why its problem is unusable.
        """
        sources = self._outcomes.of([self._job(r, r.source_program) for r in requests])
        reasons: list[str | None] = []
        for outcome in sources:
            if outcome is None:
                reasons.append("its source program could not be run")
            elif outcome.status is not Status.OK:
                reasons.append(f"its source program ends with {outcome.status}")
            else:
                reasons.append(None)
        return reasons

    def pop_metrics(self) -> dict[str, float]:
        """Means over the completions scored since the last call, by the names in the docs."""
        return self._metrics.pop()

    def close(self) -> None:
        """End the workers, if they are ours."""
        if self._owns_executor:
            self.executor.close()

    def _job(self, request: ScoreRequest, program: str, source_wall_s: float = 0.0) -> Job:
        if not request.tests:
            raise ValueError(f"problem {request.problem_id} must have at least one test, got none")
        return Job(
            request.problem_id,
            request.source_program,
            program,
            request.tests,
            request.performance_inputs,
            self._limits,
            source_wall_s,
        )

    def _job_beside(
        self, request: ScoreRequest, program: str | None, source: Outcome | None
    ) -> Job | None:
        """What to run after the source program; nothing for a copy, which is known to gain 0."""
        if program is None or source is None or source.status is not Status.OK:
            return None
        if _is_copy(program, request):
            return None
        return self._job(request, program, source.longest_wall_s)

    def _score(
        self,
        request: ScoreRequest,
        program: str | None,
        source: Outcome | None,
        outcome: Outcome | None,
    ) -> Score:
        if source is None or source.status is not Status.OK:
            return _unscored(program)
        if program is None:
            value = reward(Status.NO_CODE, 0.0, 0.0, self.config)
            return Score(Status.NO_CODE, value, 0.0, 0.0, False, 0.0, None, None)
        is_copy = _is_copy(program, request)
        outcome = source if is_copy else outcome
        if outcome is None:
            return _unscored(program)
        gains = (0.0, 0.0)
        if outcome.comparison is not None:
            saturation = self.config.saturation
            gains = (
                time_gain(outcome.comparison, saturation),
                memory_gain(outcome.comparison, saturation),
            )
        alpha = self.config.alpha if request.alpha is None else request.alpha
        value = reward(outcome.status, outcome.pass_rate, efficiency(*gains, alpha), self.config)
        return Score(
            outcome.status,
            value,
            *gains,
            is_copy,
            outcome.pass_rate,
            outcome.comparison,
            program,
            outcome.flag,
            outcome.refutation,
        )


def _is_copy(program: str, request: ScoreRequest) -> bool:
    return normalise(program) == normalise(request.source_program)


def _unscored(program: str | None) -> Score:
    return Score(Status.SANDBOX_ERROR, None, 0.0, 0.0, False, 0.0, None, program)


def _text(completion: Any) -> str:
    """A completion's text; TRL passes chat completions as lists of messages."""
    return completion if isinstance(completion, str) else str(completion[-1]["content"])
