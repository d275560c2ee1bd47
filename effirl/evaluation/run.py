"""The evaluation command: complete, score, profile, report. See `effirl.evaluation.report`."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from effirl.data.load import EDITS_SET, load_problems
from effirl.data.overlap import leave_out, trained_on
from effirl.data.perf_inputs import describe_inputs, with_performance_inputs
from effirl.data.problems import LoadedProblems, Problem
from effirl.evaluation.config import CONTROLS, EvaluateConfig
from effirl.evaluation.edits import write_edits
from effirl.evaluation.evaluations import Evaluation
from effirl.evaluation.meter import ExecutorMeter, Meter, measured
from effirl.evaluation.report import write_report
from effirl.evaluation.results import RESULTS_FILE, append_rows, check_provenance, read_rows
from effirl.model_files import locate_model
from effirl.policy import load_policy
from effirl.runs import open_run, settings
from effirl.scoring import (
    CompletionRow,
    Sampling,
    Scorer,
    control_completions,
    find_unusable,
    sample_completions,
    score_completions,
)
from rewards import EfficiencyReward, Executor, RewardConfig
from rewards.machine import fingerprint

logger = logging.getLogger(__name__)

PROBLEMS_PER_STEP = 8
"""Scored together, and written together: what a kill costs at most."""
SEED_STRIDE = 1_000_003
"""Above any number of problems, so that no two steps of two seeds sample alike."""

Complete = Callable[[Sequence[Problem], int], list[list[str]]]
"""(problems, index of the first among all) -> the completions of each."""


def evaluate(config: EvaluateConfig) -> str:
    """Evaluate a model, and the one that it is compared with, and write the report.

    Returns:
        Its table.

    Raises:
        UserError: If a setting, the data or a model is wrong, or the folder has other results.
    """
    models = [config.model] if config.baseline is None else [config.model, config.baseline]
    for model in models:
        if model not in CONTROLS:
            locate_model(model)  # a mistake is told before a run folder is made
    loaded = load_unseen(config, models)
    run = open_run("eval", config, config.output_dir)
    if line := describe_inputs(loaded.problems):
        logger.info(line)
    check_provenance(run.path, loaded.problems, models, fingerprint())
    if config.data == EDITS_SET:
        return "".join(
            _compare_edits(config, model, loaded, path)
            for model, path in zip(models, (run.path, run.path / "baseline"), strict=False)
        )
    with Executor() as executor:
        scorer = EfficiencyReward(RewardConfig(alpha=config.alpha), executor)
        meter = ExecutorMeter(executor)
        evaluations = [
            evaluate_model(config, model, loaded.problems, path, scorer, meter)
            for model, path in zip(models, (run.path, run.path / "baseline"), strict=False)
        ]
    return write_report(run.path, settings(config), loaded, evaluations)


def load_unseen(config: EvaluateConfig, models: Sequence[str]) -> LoadedProblems:
    """Load the problems, without those that one of the models was trained on.

    All models are compared on the same problems.
    """
    loaded = load_problems(
        config.data,
        data_path=config.data_path,
        split=config.split,
        limit=config.limit,
        require_tests=config.data != EDITS_SET,
    )
    loaded.problems = with_performance_inputs(loaded.problems, config.performance_inputs)
    if not config.allow_overlap:
        for model in models:
            loaded = leave_out(loaded, trained_on(model), f"as {model} was trained on")
    return loaded


def evaluate_model(
    config: EvaluateConfig,
    model: str,
    problems: Sequence[Problem],
    folder: Path,
    scorer: Scorer,
    meter: Meter,
) -> Evaluation:
    """Score a model's completions of all problems, but those that the folder already has."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / RESULTS_FILE
    num_samples = config.samples_of(model)
    rows = read_rows(path, num_samples)
    refused: Counter[str] = Counter()
    complete: Complete | None = None
    started = time.monotonic()
    for indices in _steps(len(problems), {row.problem_index for row in rows}):
        usable = _usable(scorer, problems, indices, refused)
        complete = complete or _completer(config, model, num_samples)
        step = [problems[index] for index in usable]
        scored = score_completions(scorer, step, complete(step, indices[0]), indices=usable)
        append_rows(path, scored := measured(meter, problems, scored))
        rows += scored
        logger.info(_progress(model, rows, len(problems), time.monotonic() - started))
    rows.sort(key=lambda row: (row.problem_index, row.sample))
    return Evaluation(model, num_samples, rows, refused)


def _compare_edits(config: EvaluateConfig, model: str, loaded: LoadedProblems, folder: Path) -> str:
    """Score a model's completions by their text, all in one go: they are few and run nothing."""
    complete = _completer(config, model, config.samples_of(model))
    return write_edits(folder, model, loaded, complete(loaded.problems, 0), config.seed)


def _steps(num_problems: int, is_done: set[int]) -> Iterator[list[int]]:
    for start in range(0, num_problems, PROBLEMS_PER_STEP):
        stop = min(start + PROBLEMS_PER_STEP, num_problems)
        if todo := [index for index in range(start, stop) if index not in is_done]:
            yield todo


def _usable(
    scorer: Scorer, problems: Sequence[Problem], indices: Sequence[int], refused: Counter[str]
) -> list[int]:
    reasons = find_unusable(scorer, [problems[index] for index in indices])
    refused.update(reason for reason in reasons if reason)
    return [index for index, reason in zip(indices, reasons, strict=True) if not reason]


def _completer(config: EvaluateConfig, model: str, num_samples: int) -> Complete:
    if model in CONTROLS:
        return lambda problems, _: control_completions(model, problems)
    policy = load_policy(model)
    if torch.cuda.is_available():
        policy.model.to(torch.device("cuda"))  # type: ignore[arg-type]  # peft's wrapped signature
    sampling = Sampling(
        num_samples=num_samples,
        temperature=config.temperature,
        max_new_tokens=config.max_new_tokens,
        max_prompt_tokens=config.max_prompt_tokens,
        batch_size=config.batch_size,
        seed=config.seed,
    )
    # A step's seed depends on its place alone, so a resumed evaluation samples as a whole one does.
    return lambda problems, first: sample_completions(
        policy, problems, replace(sampling, seed=sampling.seed * SEED_STRIDE + first), config.alpha
    )


def _progress(
    model: str, rows: Sequence[CompletionRow], num_problems: int, elapsed_s: float
) -> str:
    num_done = len({row.problem_index for row in rows})
    num_correct = sum(row.is_correct for row in rows)
    return (
        f"{model}: {num_done}/{num_problems} problems, {num_correct}/{len(rows)} completions "
        f"correct, {elapsed_s:.0f} s"
    )
