"""The evaluation command: complete, score, profile, report. See `effirl.evaluation.report`."""

import logging
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from effirl.data import catalog
from effirl.data.load import EDITS_SET, load_problems
from effirl.data.overlap import leave_out, trained_on
from effirl.data.perf_inputs import describe_inputs, with_performance_inputs
from effirl.data.problems import LoadedProblems, Problem
from effirl.engines import start_pool
from effirl.errors import UserError
from effirl.evaluation.completers import Completer, make_completer
from effirl.evaluation.config import CONTROLS, EvaluateConfig, is_completions_file
from effirl.evaluation.edits import write_edits
from effirl.evaluation.evaluations import Evaluation
from effirl.evaluation.known_programs import KnownPrograms
from effirl.evaluation.meter import ExecutorMeter, Meter, measured
from effirl.evaluation.report import METRICS_FILE, read_figures, write_report
from effirl.evaluation.results import (
    RESULTS_FILE,
    append_rows,
    check_provenance,
    conditions,
    model_folders,
    read_rows,
)
from effirl.model_files import locate_model
from effirl.output import rendered
from effirl.runs import open_run, settings, taken_otherwise
from effirl.scoring import (
    CompletionRow,
    Scorer,
    find_unusable,
    score_completions,
)
from rewards import EfficiencyReward, RewardConfig
from rewards.cache import MeasurementCache, default_folder

logger = logging.getLogger(__name__)

PROBLEMS_A_BLOCK = 32
"""Completed together: of many completions, one batch takes little longer than of few."""
PROBLEMS_A_STEP = 8
"""Scored together, and written together: what a kill costs at most."""


def evaluate(config: EvaluateConfig) -> str:
    """Evaluate a model, and the one that it is compared with, and write the report.

    Returns:
        Its table.

    Raises:
        UserError: If a setting, the data or a model is wrong, or the folder has other results.
    """
    _check_measurements(config.measurements)
    models = config.models
    loaded = load_unseen(config, models)
    completers = [make_completer(config, model, loaded.problems) for model in models]
    run = open_run("eval", config, config.output_dir)
    for line in (describe_inputs(loaded.problems), *(taken_otherwise(m, config) for m in models)):
        if line:
            logger.info(line)
    if config.data == EDITS_SET:
        check_provenance(run.path, loaded.problems, models, {})
        table = "".join(
            _compare_edits(completer, loaded, path, config.seed)
            for completer, path in zip(completers, model_folders(run.path), strict=False)
        )
        return rendered(table, read_figures(run.path))
    with (
        closing(start_pool(config)) as pool,
        closing(MeasurementCache(config.measurements, max_servings=None)) as cache,
    ):
        measured_under = conditions(pool) | {"sampling": config.sampling}
        check_provenance(run.path, loaded.problems, models, measured_under)
        scorer = EfficiencyReward(
            RewardConfig(alpha=config.alpha), pool, cache=cache, fresh_inputs=catalog.fresh_inputs
        )
        meter = ExecutorMeter(pool)
        known = (
            KnownPrograms(loaded.problems, config.known_programs, scorer)
            if config.known_programs
            else None
        )
        evaluations = [
            evaluate_model(completer, loaded.problems, path, scorer, meter, known)
            for completer, path in zip(completers, model_folders(run.path), strict=False)
        ]
    table = write_report(run.path, settings(config), loaded, evaluations, pool.machine)
    return rendered(table, read_figures(run.path))


def _check_measurements(folder: Path | None) -> None:
    """Refuse what training measured: its policy was chosen by the luck in it."""
    of_training = default_folder()
    if folder and of_training and folder.resolve() == of_training.resolve():
        raise UserError(
            f"--measurements {folder} is where training keeps what it measured, which an "
            "evaluation must not read; name another folder"
        )


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
            if model in CONTROLS or is_completions_file(model):
                continue
            seen = trained_on(str(locate_model(model)))
            loaded = leave_out(loaded, seen, f"as {model} was trained on")
    return loaded


def evaluate_model(
    completer: Completer,
    problems: Sequence[Problem],
    folder: Path,
    scorer: Scorer,
    meter: Meter,
    known: KnownPrograms | None = None,
) -> Evaluation:
    """Score a model's completions of all problems, but those that the folder already has.

    Args:
        completer: Writes them.
        problems: In order.
        folder: Of the results.
        scorer: Judges and times them.
        meter: Measures what the scorer does not.
        known: Sets them beside other programs of their problem; None for no percentiles.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / RESULTS_FILE
    timed = {i for i, problem in enumerate(problems) if problem.performance_inputs}
    rows = read_rows(path, completer.num_samples, timed)
    refused: Counter[str] = Counter()
    started = time.monotonic()
    is_done = {row.problem_index for row in rows}
    for block in _parts(range(len(problems)), PROBLEMS_A_BLOCK):
        if is_done.issuperset(block):
            continue
        (folder / METRICS_FILE).unlink(missing_ok=True)  # what was finished is no more
        usable = _usable(scorer, problems, block, refused)
        # Those that are done too: what is sampled hangs on the whole batch.
        completions = dict(zip(usable, completer.complete(usable, block[0]), strict=True))
        todo = [index for index in usable if index not in is_done]
        for step in _parts(todo, PROBLEMS_A_STEP):
            scored = score_completions(
                scorer,
                [problems[index] for index in step],
                [completions[index] for index in step],
                indices=step,
            )
            scored = measured(meter, problems, scored)
            if known is not None:
                scored = known.ranked(scored)
            append_rows(path, scored)
            rows += scored
            logger.info(_progress(completer.model, rows, len(problems), time.monotonic() - started))
    rows.sort(key=lambda row: (row.problem_index, row.sample))
    return Evaluation(completer.model, completer.num_samples, rows, refused, completer.notes)


def _compare_edits(completer: Completer, loaded: LoadedProblems, folder: Path, seed: int) -> str:
    """Score a model's completions by their text, all in one go: they are few and run nothing."""
    completions = completer.complete(range(len(loaded.problems)), 0)
    return write_edits(folder, completer.model, loaded, completions, seed)


def _parts(indices: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    for start in range(0, len(indices), size):
        yield indices[start : start + size]


def _usable(
    scorer: Scorer, problems: Sequence[Problem], indices: Sequence[int], refused: Counter[str]
) -> list[int]:
    reasons = find_unusable(scorer, [problems[index] for index in indices])
    refused.update(reason for reason in reasons if reason)
    return [index for index, reason in zip(indices, reasons, strict=True) if not reason]


def _progress(
    model: str, rows: Sequence[CompletionRow], num_problems: int, elapsed_s: float
) -> str:
    num_done = len({row.problem_index for row in rows})
    num_correct = sum(row.is_correct for row in rows)
    return (
        f"{model}: {num_done}/{num_problems} problems, {num_correct}/{len(rows)} completions "
        f"correct, {elapsed_s:.0f} s"
    )
