"""The reward function: completions in, rewards out, programs really run and measured in between."""

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from rewards.errors import SandboxError
from rewards.executor import Executor
from rewards.extraction import extract_program, normalise
from rewards.judging import judge
from rewards.measurement import Comparison, MeasurementPlan, TimedRunError, compare
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
from rewards.worker import Worker

_MAX_REMEMBERED: Final = 200_000
_MIN_WALL_S: Final = 1.0


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


@dataclass(frozen=True, slots=True)
class _Job:
    """A program to judge and, when it is correct, to measure: once, however often it is asked."""

    source_program: str
    program: str
    tests: tuple[TestCase, ...]
    performance_inputs: tuple[TestCase, ...]
    limits: Limits

    @property
    def is_source(self) -> bool:
        return self.program == self.source_program


@dataclass(frozen=True, slots=True)
class _Outcome:
    status: Status
    pass_rate: float
    longest_wall_s: float
    comparison: Comparison | None = None


_Key = tuple[int, str]


class EfficiencyReward:
    """Correctness first, then measured runtime and peak memory, mixed by alpha.

    A reward function for any TRL trainer: `GRPOTrainer(reward_funcs=EfficiencyReward())` with the
    data set's columns `problem_id`, `source_program`, `tests` and `performance_inputs`.

    R = 1 + w * E(alpha) when every test passes, E = alpha * g_time + (1 - alpha) * g_memory,
    g = clip(log2(source / program) / c, -1, 1); -0.3 for a wrong answer, -0.6 for a crash or a
    limit, -1 for no program or a violation; None when we failed (TRL masks the sample).

    Args:
        config: Prices.
        executor: Workers to use; None starts a pool of its own on all cores.
        limits: For each run of a test.
        plan: How precisely to measure.

    Raises:
        IsolationError: If this machine cannot isolate programs.
    """

    __name__ = "efficiency"  # TRL names its metrics by it

    def __init__(
        self,
        config: RewardConfig | None = None,
        executor: Executor | None = None,
        *,
        limits: Limits | None = None,
        plan: MeasurementPlan | None = None,
    ) -> None:
        self.config = config or RewardConfig()
        self.executor = executor or Executor()
        self._owns_executor = executor is None
        self._limits = limits or Limits()
        wall_factor = 2 ** (self.config.saturation + 1)
        self._plan = replace(plan or MeasurementPlan(), wall_factor=wall_factor)
        self._outcomes: dict[_Key, _Outcome] = {}
        self._sums: defaultdict[str, float] = defaultdict(float)
        self._num_scored = 0

    def __call__(  # noqa: PLR0913 - TRL passes the data set's columns by name
        self,
        prompts: Sequence[Any],
        completions: Sequence[Any],
        *,
        problem_id: Sequence[str],
        source_program: Sequence[str],
        tests: Sequence[Sequence[Mapping[str, str]]],
        performance_inputs: Sequence[Sequence[Mapping[str, str]]],
        alpha: Sequence[float | None] | None = None,
        **_: object,
    ) -> list[float | None]:
        """Score a batch; arguments are columns of equal length, as TRL passes them.

        Returns:
            One reward a completion, None where we failed.
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
        return [score.reward for score in self.score(requests)]

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
        known = self._outcomes_of(requests, programs)
        scores = [
            self._score(request, program, known)
            for request, program in zip(requests, programs, strict=True)
        ]
        self._count(scores, time.monotonic() - started)
        return scores

    def validate(self, requests: Sequence[ScoreRequest]) -> list[str | None]:
        """Check source programs (completions are not looked at) before training on them.

        Returns:
            For each request None, or why its problem is unusable.
        """
        sources = self._outcomes_of(requests, [None] * len(requests))
        reasons: list[str | None] = []
        for request in requests:
            outcome = sources.get(_key(request, request.source_program))
            if outcome is None:
                reasons.append("its source program could not be run")
            elif outcome.status is not Status.OK:
                reasons.append(f"its source program ends with {outcome.status}")
            else:
                reasons.append(None)
        return reasons

    def pop_metrics(self) -> dict[str, float]:
        """Means over the completions scored since the last call, by the names in the docs."""
        if not self._num_scored:
            return {}
        totals, count = self._sums, self._num_scored
        seconds = totals.pop("reward/seconds")
        num_rewards = count - totals["reward/none"]
        metrics = {name: value / count for name, value in totals.items()}
        if num_rewards:
            metrics["reward/total"] = totals["reward/total"] / num_rewards
        metrics["reward/seconds"] = seconds
        self._sums, self._num_scored = defaultdict(float), 0
        return metrics

    def close(self) -> None:
        """End the workers, if they are ours."""
        if self._owns_executor:
            self.executor.close()

    def _outcomes_of(
        self, requests: Sequence[ScoreRequest], programs: Sequence[str | None]
    ) -> dict[_Key, _Outcome]:
        """Judge and measure what is not known yet; what we failed at is absent."""
        if len(self._outcomes) > _MAX_REMEMBERED:
            self._outcomes.clear()
        known: dict[_Key, _Outcome] = {}
        self._run_all(
            {_key(r, r.source_program): _job(r, r.source_program, self._limits) for r in requests},
            known,
        )
        jobs: dict[_Key, _Job] = {}
        for request, program in zip(requests, programs, strict=True):
            source = known.get(_key(request, request.source_program))
            if program is not None and source is not None and source.status is Status.OK:
                wall_s = max(_MIN_WALL_S, self._plan.wall_factor * source.longest_wall_s)
                limits = replace(self._limits, wall_s=min(wall_s, self._limits.wall_s))
                jobs.setdefault(_key(request, program), _job(request, program, limits))
        self._run_all(jobs, known)
        return known

    def _run_all(self, jobs: Mapping[_Key, _Job], known: dict[_Key, _Outcome]) -> None:
        todo = {key: job for key, job in jobs.items() if key not in self._outcomes}
        results = self.executor.map(
            self._run, list(todo.values()), lambda job: (job.source_program, job.program)
        )
        for key, result in zip(todo, results, strict=True):
            if not isinstance(result, SandboxError):
                self._outcomes[key] = result
        known.update((key, self._outcomes[key]) for key in jobs if key in self._outcomes)

    def _run(self, worker: Worker, job: _Job) -> _Outcome:
        # A source program's gains are 0 by definition: its performance inputs are only judged.
        cases = job.tests + (job.performance_inputs if job.is_source else ())
        run_all = self.config.partial_credit
        judgement = judge(worker, job.program, cases, job.limits, run_all=run_all)
        outcome = _Outcome(judgement.status, judgement.pass_rate, judgement.longest_wall_s)
        if job.is_source or outcome.status is not Status.OK or not job.performance_inputs:
            return outcome
        programs = (job.source_program, job.program)
        try:
            comparison = compare(
                worker, *programs, job.performance_inputs, self._limits, self._plan
            )
        except TimedRunError as failure:
            if failure.is_source:
                raise SandboxError(f"the source program failed: {failure.status}") from failure
            return replace(outcome, status=failure.status)
        return replace(outcome, comparison=comparison)

    def _score(
        self, request: ScoreRequest, program: str | None, known: Mapping[_Key, _Outcome]
    ) -> Score:
        source = known.get(_key(request, request.source_program))
        if source is None or source.status is not Status.OK:
            return _unscored(program)
        if program is None:
            value = reward(Status.NO_CODE, 0.0, 0.0, self.config)
            return Score(Status.NO_CODE, value, 0.0, 0.0, False, 0.0, None, None)
        outcome = known.get(_key(request, program))
        if outcome is None:
            return _unscored(program)
        is_copy = normalise(program) == normalise(request.source_program)
        gains = (0.0, 0.0)
        if outcome.comparison is not None and not is_copy:
            saturation = self.config.saturation
            gains = (
                time_gain(outcome.comparison, saturation),
                memory_gain(outcome.comparison, saturation),
            )
        alpha = self.config.alpha if request.alpha is None else request.alpha
        value = reward(outcome.status, outcome.pass_rate, efficiency(*gains, alpha), self.config)
        return Score(
            outcome.status, value, *gains, is_copy, outcome.pass_rate, outcome.comparison, program
        )

    def _count(self, scores: Sequence[Score], seconds: float) -> None:
        for score in scores:
            self._sums["reward/total"] += score.reward or 0.0
            self._sums["reward/none"] += score.reward is None
            self._sums["reward/correct"] += score.status is Status.OK
            self._sums["reward/time_gain"] += score.time_gain
            self._sums["reward/memory_gain"] += score.memory_gain
            self._sums["reward/copies"] += score.is_copy
            self._sums[f"reward/status/{score.status}"] += 1
        self._sums["reward/seconds"] += seconds
        self._num_scored += len(scores)


def _key(request: ScoreRequest, program: str) -> _Key:
    """What decides an outcome: the problem's programs and cases, and the program but for layout."""
    problem = (request.problem_id, request.source_program, request.tests)
    return hash((problem, request.performance_inputs)), normalise(program)


def _job(request: ScoreRequest, program: str, limits: Limits) -> _Job:
    if not request.tests:
        raise ValueError(f"problem {request.problem_id} must have at least one test, got none")
    return _Job(request.source_program, program, request.tests, request.performance_inputs, limits)


def _unscored(program: str | None) -> Score:
    return Score(Status.SANDBOX_ERROR, None, 0.0, 0.0, False, 0.0, None, program)


def _text(completion: Any) -> str:
    """A completion's text; TRL passes chat completions as lists of messages."""
    return completion if isinstance(completion, str) else str(completion[-1]["content"])
