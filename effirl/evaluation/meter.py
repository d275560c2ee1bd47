"""What evaluation measures beside the score: memory over time, imports, and what copies cost.

The reward defines a copy of the source program to gain 0 and does not time it. A report must: its
runtime is part of the mean, and the `source` control has nothing but copies. Timed against itself,
a program should read a ratio of 1 within its interval: that checks the meter.

Runs are import-neutral. What a program's own imports cost is measured apart, so that a report can
give the raw gain, as a fresh interpreter would show it, beside the import-neutral one.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from operator import attrgetter
from typing import Protocol, TypeVar

from effirl import __version__
from effirl.data.problems import Problem
from effirl.scoring import CompletionRow
from rewards import costs
from rewards.costs import ImportCosts, MemoryTimes
from rewards.errors import SandboxError
from rewards.executor import Pool
from rewards.extraction import normalise
from rewards.jobs import Job
from rewards.measurement import (
    TIME_RESOLUTION_S,
    Comparison,
    MeasurementPlan,
    memory_resolution_bytes,
)
from rewards.memory_profile import RELIABLE_ABOVE_S
from rewards.records import Limits
from rewards.scores import MEMORY_FLOOR_BYTES, TIME_FLOOR_S, RewardConfig
from rewards.worker import Worker

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Pair:
    """A correct program and the problem whose source program it replaces."""

    problem: Problem
    program: str


class Meter(Protocol):
    """Runs pairs again, for what their scores do not say. None where we failed."""

    def memory_times(self, pairs: Sequence[Pair]) -> list[MemoryTimes | None]: ...

    def comparisons(self, pairs: Sequence[Pair]) -> list[Comparison | None]: ...

    def imports(self, pairs: Sequence[Pair]) -> list[ImportCosts | None]: ...


def meter_settings() -> dict[str, object]:
    """Describe how programs are measured: figures of two meters do not mix."""
    config = RewardConfig()
    plan = replace(MeasurementPlan(), wall_factor=2 ** (config.saturation + 1))
    return {
        "plan": asdict(plan),
        "limits": asdict(Limits()),
        "saturation": config.saturation,
        "version": __version__,
        "time_floor_s": TIME_FLOOR_S,
        "time_resolution_s": TIME_RESOLUTION_S,
        "memory_floor_bytes": MEMORY_FLOOR_BYTES,
        "memory_resolution_bytes": memory_resolution_bytes(),
    }


class ExecutorMeter:
    """The meter on isolated workers; both programs of a pair run on the same one."""

    def __init__(self, executor: Pool) -> None:
        self._executor = executor

    def memory_times(self, pairs: Sequence[Pair]) -> list[MemoryTimes | None]:
        """Sample both programs of each pair."""
        return self._map(costs.memory_times, pairs)

    def comparisons(self, pairs: Sequence[Pair]) -> list[Comparison | None]:
        """Time both programs of each pair in turns."""
        return self._map(costs.comparison, pairs)

    def imports(self, pairs: Sequence[Pair]) -> list[ImportCosts | None]:
        """Load what both programs of each pair import."""
        return self._map(costs.import_costs, pairs)

    def _map(self, task: Callable[[Worker, Job], T], pairs: Sequence[Pair]) -> list[T | None]:
        results = self._executor.map(task, [_job(p) for p in pairs], attrgetter("texts"))
        return [None if isinstance(result, SandboxError) else result for result in results]


def _job(pair: Pair) -> Job:
    problem = pair.problem
    inputs = problem.performance_inputs
    return Job(problem.problem_id, problem.source_program, pair.program, (), inputs, Limits())


def measured(
    meter: Meter, problems: Sequence[Problem], rows: Sequence[CompletionRow]
) -> list[CompletionRow]:
    """Add to correct completions what their scores lack, each distinct program measured once.

    Args:
        meter: Runs the programs.
        problems: All of the evaluation, which `problem_index` counts in.
        rows: Those that are not correct come back as they are.
    """
    pairs: dict[tuple[int, str], Pair] = {}
    untimed: dict[tuple[int, str], Pair] = {}
    for row in rows:
        problem = problems[row.problem_index]
        if row.is_correct and row.program is not None and problem.performance_inputs:
            pair = pairs.setdefault(_key(row), Pair(problem, row.program))
            if row.comparison is None and row.refutation is None:
                untimed[_key(row)] = pair
    comparisons = dict(zip(untimed, meter.comparisons([*untimed.values()]), strict=True))
    times = dict(zip(pairs, meter.memory_times([*pairs.values()]), strict=True))
    imports = dict(zip(pairs, meter.imports([*pairs.values()]), strict=True))
    return [
        _finished(row, comparisons.get(_key(row)), times.get(_key(row)), imports.get(_key(row)))
        if row.is_correct
        else row
        for row in rows
    ]


def _key(row: CompletionRow) -> tuple[int, str]:
    return row.problem_index, normalise(row.program or "")


def _finished(
    row: CompletionRow,
    comparison: Comparison | None,
    times: MemoryTimes | None,
    imports: ImportCosts | None,
) -> CompletionRow:
    return replace(
        row,
        comparison=row.comparison or comparison,
        program_memory_time_mb_s=None if times is None else times.program,
        source_memory_time_mb_s=None if times is None else times.source,
        program_imports=None if imports is None else imports.program,
        source_imports=None if imports is None else imports.source,
    )


def unreliable_share(rows: Sequence[CompletionRow]) -> float:
    """Return the share of sampled programs that end too soon for their memory integral.

    >>> unreliable_share([])
    0.0
    """
    sampled = [
        row.comparison
        for row in rows
        if row.program_memory_time_mb_s is not None and row.comparison is not None
    ]
    too_short = [
        found for found in sampled if found.program_runtime_s < found.num_inputs * RELIABLE_ABOVE_S
    ]
    return len(too_short) / len(sampled) if sampled else 0.0
