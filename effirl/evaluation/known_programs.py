"""Where a program stands among those that are known for its problem: runtime and memory percentile.

PIE and Mercury have many accepted programs for a problem, by people. Some of them are measured as a
completion is, beside the same source program and on the same inputs, and a percentile is the share
of them that the completion beats, where one that is as good counts half. Those that fail the tests
are left out.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace

from effirl.data.problems import Problem
from effirl.evaluation.efficiency_metrics import memory_log2, time_log2
from effirl.scoring import CompletionRow, Scorer, score_completions
from rewards.extraction import normalise
from rewards.measurement import Comparison


class KnownPrograms:
    """The known programs of a data set, each measured when a completion is first set beside it.

    Args:
        problems: All that are evaluated: source programs and targets of those with one id are known
            programs of it.
        limit: So many of a problem at most, besides the source program.
        scorer: Judges and times them.
    """

    def __init__(self, problems: Sequence[Problem], limit: int, scorer: Scorer) -> None:
        self._problems = problems
        self._limit = limit
        self._scorer = scorer
        self._by_id: dict[str, dict[str, str]] = {}
        for problem in problems:
            known = self._by_id.setdefault(problem.problem_id, {})
            for program in problem.programs:
                known.setdefault(normalise(program), program)
        self._scored: dict[int, list[CompletionRow]] = {}

    def ranked(self, rows: Sequence[CompletionRow]) -> list[CompletionRow]:
        """Add to each row its percentiles: None where its problem has no other known program."""
        self._score(sorted({row.problem_index for row in rows} - self._scored.keys()))
        return [
            replace(
                row,
                runtime_percentile=percentile(row, self._scored[row.problem_index], time_log2),
                memory_percentile=percentile(row, self._scored[row.problem_index], memory_log2),
            )
            for row in rows
        ]

    def _score(self, indices: Sequence[int]) -> None:
        problems = [self._problems[index] for index in indices]
        chosen = [self._choose(problem) for problem in problems]
        self._scored |= {index: [] for index in indices}
        for row in score_completions(self._scorer, problems, chosen, indices=indices):
            self._scored[row.problem_index].append(row)

    def _choose(self, problem: Problem) -> list[str]:
        """Take the source program, and of the others the same random part in every evaluation."""
        source = normalise(problem.source_program)
        others = {
            key: text for key, text in self._by_id[problem.problem_id].items() if key != source
        }
        drawn = sorted(others, key=lambda key: hashlib.sha256(key.encode()).digest())
        return [problem.source_program, *(others[key] for key in drawn[: self._limit])]


def percentile(
    row: CompletionRow, known: Sequence[CompletionRow], gain: Callable[[Comparison], float]
) -> float | None:
    """Return the share of known programs that a completion beats; as good counts half.

    Args:
        row: A wrong completion beats none.
        known: Of its problem; those that are wrong, or were not measured, do not count.
        gain: What is compared: log2 of the ratio to the source program.

    Returns:
        From 0 to 1; None where the source program is the only one known, or where we failed to
        measure the completion.
    """
    others = [(other, its) for other in known if (its := _gain(other, gain)) is not None]
    own = _gain(row, gain)
    if len(others) <= 1 or not row.is_scored or (row.is_correct and own is None):
        return None
    if own is None:
        return 0.0
    # Of the same program measured twice the better one is chance.
    beaten = [0.5 if own == its or _is_same(row, other) else own > its for other, its in others]
    return sum(beaten) / len(beaten)


def _gain(row: CompletionRow, gain: Callable[[Comparison], float]) -> float | None:
    if not row.is_correct:
        return None
    if row.is_copy:
        return 0.0
    return None if row.comparison is None else gain(row.comparison)


def _is_same(row: CompletionRow, other: CompletionRow) -> bool:
    return normalise(row.program or "") == normalise(other.program or "")
