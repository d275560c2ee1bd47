"""Evaluate a data set that cannot be run, by the text of the edits: see `diffbleu`."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from effirl.data.problems import LoadedProblems, Problem
from effirl.evaluation.bootstrap import Estimate, Terms, estimate
from effirl.evaluation.diffbleu import diff_bleu
from effirl.evaluation.evaluations import jsonable
from effirl.evaluation.metrics import best_at_k
from effirl.evaluation.report import METRICS_FILE
from effirl.evaluation.report_text import cell
from effirl.files import write_whole
from rewards.extraction import extract_program

EDITS_FILE = "edits.jsonl"


def score_edits(
    problems: Sequence[Problem], completions: Sequence[Sequence[str]]
) -> list[list[float]]:
    """Return the DiffBLEU of each completion against its problem's first target."""
    return [
        [
            diff_bleu(
                problem.source_program,
                problem.targets[0].program,
                extract_program(completion) or "",
                problem.language,
            )
            for completion in samples
        ]
        for problem, samples in zip(problems, completions, strict=True)
    ]


def write_edits(
    folder: Path,
    model: str,
    loaded: LoadedProblems,
    completions: Sequence[Sequence[str]],
    seed: int,
) -> str:
    """Score a model's edits, and write them and their mean scores to a folder.

    Returns:
        A table, for a terminal.
    """
    scores = score_edits(loaded.problems, completions)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / EDITS_FILE).open("w", encoding="utf-8") as file:
        for problem, texts, values in zip(loaded.problems, completions, scores, strict=True):
            row = {
                "problem_id": problem.problem_id,
                "language": problem.language,
                "completions": list(texts),
                "diffbleu": values,
            }
            file.write(json.dumps(row) + "\n")
    means = {f"diffbleu@{k}": _mean(scores, k, seed) for k in sorted({1, len(scores[0])})}
    write_whole(folder / METRICS_FILE, json.dumps(jsonable(means), indent=2) + "\n")
    lines = [f"{name:<12} {cell(value)}" for name, value in means.items()]
    dropped = [f"left out: {count} ({reason})" for reason, count in loaded.dropped.items()]
    note = "DiffBLEU compares the text of edits; nothing was run"
    return "\n".join([f"{model} on {len(scores)} problems", *lines, *dropped, note, ""])


def _mean(scores: Sequence[Sequence[float]], k: int, seed: int) -> Estimate:
    values = np.array([best_at_k(samples, k) for samples in scores])
    return estimate(Terms(values, np.ones(len(values))), seed)
