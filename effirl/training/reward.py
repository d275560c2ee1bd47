"""The reward as the trainer calls it: scored by `rewards`, logged here. Imports without torch."""

import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from effirl.data import catalog
from effirl.data.problems import Problem
from effirl.engines import start_pool
from effirl.training.config import PpoConfig
from rewards.cache import MeasurementCache, default_folder
from rewards.efficiency import EfficiencyReward, ScoreRequest
from rewards.measurement import MeasurementPlan
from rewards.metrics import figures
from rewards.scores import RewardConfig, Score


class Scorer(Protocol):
    """What of `rewards.EfficiencyReward` is used here."""

    def score(self, requests: Sequence[ScoreRequest]) -> list[Score]:
        """Score each completion."""

    def validate(self, requests: Sequence[ScoreRequest]) -> list[str | None]:
        """Return why each source program is unusable, None where it is usable."""


@contextmanager
def start_reward(config: PpoConfig) -> Iterator[EfficiencyReward]:
    """Start the workers, and stop them at the end.

    The cores are divided among the training processes, which score at once.

    Raises:
        UserError: If there is no cluster, or a node of it is of no use.
        IsolationError: If a machine cannot isolate programs as well as the floor asks.
    """
    settings = RewardConfig(
        efficiency_weight=config.efficiency_weight,
        saturation=config.saturation,
        partial_credit=config.partial_credit,
    )
    pool = start_pool(
        config,
        isolation_floor=config.isolation_floor,
        cluster_share=_share_of_cluster(),
    )
    with closing(pool):
        cache = MeasurementCache(default_folder())
        plan = MeasurementPlan(count_imports=config.count_imports)
        reward = EfficiencyReward(
            settings, pool, plan=plan, cache=cache, fresh_inputs=catalog.fresh_inputs
        )
        try:
            yield reward
        finally:
            reward.close()


def _share_of_cluster() -> tuple[int, int]:
    """Which of how many processes this is, as the launcher says; one alone without a launcher."""
    return int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))


class LoggedReward:
    """A TRL reward function that also writes every scored completion to a jsonl file."""

    __name__ = "efficiency"

    def __init__(
        self, scorer: Scorer, problems: Sequence[Problem], rollouts_path: Path, *, cycle: int
    ) -> None:
        """Say what to score, and where to log.

        Args:
            scorer: Does the work.
            problems: Those that the trainer's data set numbers.
            rollouts_path: Appended to.
            cycle: Optimizer steps that make one step of the user's.
        """
        self._scorer = scorer
        self._problems = problems
        self._path = rollouts_path
        self._cycle = cycle

    def __call__(
        self,
        *,
        prompts: Sequence[str],
        completions: Sequence[str],
        problem_index: Sequence[int],
        alpha: Sequence[float],
        trainer_state: Any,
        log_metric: Callable[[str, float], None],
        **_: object,
    ) -> list[float | None]:
        """Return the reward of each completion, None where nothing is to be learnt from it.

        Args:
            prompts: What the policy read, before it is cut to the length it reads.
            completions: Decoded texts.
            problem_index: Column of the data set: the problem of each completion.
            alpha: Column of the data set: the balance at which each is rewarded.
            trainer_state: Of the Hugging Face trainer.
            log_metric: TRL's: averages all numbers of a name, over the processes too, into the
                trainer's log.
        """
        requests = [
            self._problems[index].request(completion, balance)
            for index, completion, balance in zip(problem_index, completions, alpha, strict=True)
        ]
        started = time.monotonic()
        scores = self._scorer.score(requests)
        log_metric("reward/seconds", time.monotonic() - started)
        for score in scores:  # one by one, so that a mean over processes weighs all of them alike
            for name, value in figures(score).items():
                log_metric(name, value)
        step = trainer_state.global_step // self._cycle + 1  # the one that these samples train
        rows = zip(prompts, problem_index, requests, scores, strict=True)
        lines = [json.dumps(_rollout(step, *row)) + "\n" for row in rows]
        with self._path.open("a", encoding="utf-8") as file:
            file.write("".join(lines))
        return [score.training_reward for score in scores]


def _rollout(
    step: int, prompt: str, problem_index: int, request: ScoreRequest, score: Score
) -> dict[str, object]:
    return {
        "step": step,
        "problem_id": request.problem_id,
        "problem_index": problem_index,
        "alpha": request.alpha,
        "prompt": prompt,
        "completion": request.completion,
        "program": score.program,
        "status": str(score.status),
        "reward": score.training_reward,
        "time_gain": score.time_gain,
        "memory_gain": score.memory_gain,
        "is_copy": score.is_copy,
        "flag": score.flag,
        "refutation": score.refutation,
        "pass_rate": score.pass_rate,
        "comparison": None if score.comparison is None else asdict(score.comparison),
    }
