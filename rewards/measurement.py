"""What a program costs beside its source program: measured interleaved, on one worker.

The two run in turns in the same seconds on the same core, so that slow drift of the machine cancels
in their differences. Each runs once before anything counts: the very first run takes up to a fifth
longer where programs are short, which was always the source program's, and read as a gain of 2%
for a program beside itself. Rounds come in pairs, A B and B A: the one that runs first pays for
cold caches, 2-4%. Which of the two comes first is drawn by lot: what disturbs a machine has periods
of its own (ticks, the training beside us), and turns as regular as ours fall into step with them.
Rounds are added until the interval is narrow enough.
Every timed run's output is judged too: one wrong run ends the comparison.
"""

import math
import mmap
import os
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from rewards.imports import ImportCost, import_cost
from rewards.judging import run_test
from rewards.machine import fingerprint_key
from rewards.records import ExecutionResult, Limits, Status, TestCase
from rewards.stats import NoisePrior, paired_log2_ratio, t95
from rewards.worker import Worker

TIME_RESOLUTION_S: Final = 50e-6
"""Added to both net runtimes, so that a ratio of two nothings is 1."""
_PRIOR: Final = NoisePrior(relative_sd=0.025, absolute_sd=60e-6, degrees=4)
"""A single run's CPU time spreads by 4% at 2 ms and 2.5% at 20 ms, beside busy neighbours too."""
_IMPORT_T95: Final = t95(8)  # an import's cost is the difference of two medians of five
_MIN_WALL_S: Final = 1.0
_SHORT_S: Final = 0.008
_MIN_ROUNDS_SHORT, _MIN_ROUNDS = 6, 4  # with fewer, Student's quantile leaves nothing to see
_lot = random.Random()  # not the global one, which programs that train seed and draw from


@dataclass(frozen=True, slots=True)
class MeasurementPlan:
    """How long to go on measuring."""

    target_half_width: float = 0.1
    """Stop when the interval of log2(time ratio) is at most this much each way ..."""
    relative_half_width: float = 0.1
    """... or this share of the ratio: a large gain needs no more digits than a small one."""
    max_rounds: int = 8
    wall_factor: float = 16.0
    """A program may take this many times its source program's wall time, or 1 s if that is more,
    within its limits."""
    count_imports: bool = False
    """Add what each program's imports cost where nothing is preloaded: see `rewards.imports`."""

    def tightened(self, limits: Limits, source_wall_s: float) -> Limits:
        """The limits of a program whose source program, on the same input, took so long."""
        wall_s = max(_MIN_WALL_S, self.wall_factor * source_wall_s)
        return replace(limits, wall_s=min(limits.wall_s, wall_s))


PRECISE: Final = MeasurementPlan(0.02, relative_half_width=0.02, max_rounds=24)
"""For commands that report a measurement, rather than train on it."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A source program's cost over a program's. Intervals are 95%; above 0 is better."""

    time_log2_ratio: float
    time_low: float
    time_high: float
    time_spread: float
    """Standard error of log2 for a pair of equal programs, at this number of rounds."""
    memory_log2_ratio: float
    memory_low: float
    memory_high: float
    rounds: int
    source_runtime_s: float
    """Mean net CPU seconds, summed over the inputs."""
    program_runtime_s: float
    source_wall_s: float
    program_wall_s: float
    source_peak_bytes: int
    """Net peak memory, the largest over the inputs."""
    program_peak_bytes: int
    program_imports_s: float = 0.0
    """Of the program's runtime, what its imports cost; 0 where they are not counted."""
    num_inputs: int = 1
    """Performance inputs: so many runs make up a runtime, each of a process of its own."""
    machine: str = ""
    """`rewards.machine.fingerprint_key` of where both ran; empty in older records."""


class TimedRunError(Exception):
    """A run failed, or printed something else, while it was measured."""

    def __init__(self, status: Status, *, is_source: bool) -> None:
        super().__init__(f"{'source program' if is_source else 'program'}: {status}")
        self.status = status
        self.is_source = is_source


@dataclass(slots=True)
class _Side:
    """The runs of one of the two programs."""

    program: str
    is_source: bool
    runtimes_s: list[float] = field(default_factory=list)
    walls_s: list[float] = field(default_factory=list)
    peaks_bytes: list[int] = field(default_factory=list)

    def run_all(
        self, worker: Worker, inputs: Sequence[TestCase], limits: Sequence[Limits]
    ) -> list[ExecutionResult]:
        results: list[ExecutionResult] = []
        for case, limit in zip(inputs, limits, strict=True):
            result = run_test(worker, self.program, case, limit, is_measured=True)
            if result.status is not Status.OK:
                raise TimedRunError(result.status, is_source=self.is_source)
            results.append(result)
        return results

    def count(self, results: Sequence[ExecutionResult]) -> None:
        self.runtimes_s.append(sum(r.runtime_s for r in results))
        self.walls_s.append(sum(r.wall_s for r in results))
        self.peaks_bytes.append(max(r.peak_memory_bytes for r in results))

    @property
    def mean_runtime_s(self) -> float:
        return sum(self.runtimes_s) / len(self.runtimes_s)

    @property
    def mean_wall_s(self) -> float:
        return sum(self.walls_s) / len(self.walls_s)


def memory_resolution_bytes() -> int:
    """The size of the batches in which this machine's kernel counts resident memory.

    128 KiB up to 16 CPUs, and more with more of them: `percpu_counter_batch` of Linux 6.2 and
    later. A peak is known to this, and added to both it makes a ratio of two nothings 1.
    """
    return max(32, 2 * (os.cpu_count() or 1)) * mmap.PAGESIZE


def compare(
    worker: Worker,
    source_program: str,
    program: str,
    inputs: Sequence[TestCase],
    limits: Limits,
    plan: MeasurementPlan | None = None,
) -> Comparison:
    """Measure a program against its source program.

    Args:
        worker: Both run here.
        source_program: The one to beat.
        program: The one that is scored.
        inputs: At least one performance input, with the output that both must print.
        limits: For the source program; the program's wall limit follows from its time.
        plan: When to stop.

    Raises:
        TimedRunError: If either fails on an input or prints something else.
        ValueError: If there are no inputs.
        SandboxError: If we failed.
    """
    if not inputs:
        raise ValueError("a comparison must have at least one performance input, got none")
    plan = plan or MeasurementPlan()
    source, other = _Side(source_program, True), _Side(program, False)
    source_limits = [limits] * len(inputs)
    warm_up = source.run_all(worker, inputs, source_limits)
    other_limits = [plan.tightened(limits, result.wall_s) for result in warm_up]
    other.run_all(worker, inputs, other_limits)
    order = [(source, source_limits), (other, other_limits)]
    for number in range(plan.max_rounds):
        if _is_settled(source, other, plan):
            break
        if number % 2 == 0:
            _lot.shuffle(order)
        else:
            order.reverse()
        for side, side_limits in order:
            side.count(side.run_all(worker, inputs, side_limits))
    comparison = _summarise(source, other, len(inputs))
    if not plan.count_imports:
        return comparison
    imports = [import_cost(worker, text) for text in (source_program, program)]
    return with_imports(comparison, *imports)


def with_imports(comparison: Comparison, source: ImportCost, program: ImportCost) -> Comparison:
    """Add the cost of imports to both programs, for each performance input once.

    It is measured apart, once for each set of modules: the spread of the runs weighs as much less
    as they are less of the whole, and the errors of both costs come to it, where they are two.
    """
    c = comparison
    runs_s = (c.source_runtime_s + TIME_RESOLUTION_S, c.program_runtime_s + TIME_RESOLUTION_S)
    imports_s = (c.num_inputs * source.runtime_s, c.num_inputs * program.runtime_s)
    totals_s = (runs_s[0] + imports_s[0], runs_s[1] + imports_s[1])
    weight = max(run / total for run, total in zip(runs_s, totals_s, strict=True))
    ratio = math.log2(totals_s[0] / totals_s[1])
    errors = [
        c.num_inputs * cost.error_s / total
        for cost, total in zip((source, program), totals_s, strict=True)
    ]
    error = 0.0 if source == program else math.hypot(*errors) / math.log(2)
    below, above = (
        math.hypot(weight * width, _IMPORT_T95 * error)
        for width in (c.time_log2_ratio - c.time_low, c.time_high - c.time_log2_ratio)
    )
    source_peak = c.source_peak_bytes + source.peak_memory_bytes
    program_peak = c.program_peak_bytes + program.peak_memory_bytes
    memory = _log2_ratio(source_peak, program_peak)
    return replace(
        c,
        time_log2_ratio=ratio,
        time_low=ratio - below,
        time_high=ratio + above,
        time_spread=math.hypot(weight * c.time_spread, error),
        memory_log2_ratio=memory,
        memory_low=memory - (c.memory_log2_ratio - c.memory_low),
        memory_high=memory + (c.memory_high - c.memory_log2_ratio),
        source_runtime_s=c.source_runtime_s + imports_s[0],
        program_runtime_s=c.program_runtime_s + imports_s[1],
        source_wall_s=c.source_wall_s + imports_s[0],
        program_wall_s=c.program_wall_s + imports_s[1],
        program_imports_s=imports_s[1],
        source_peak_bytes=source_peak,
        program_peak_bytes=program_peak,
    )


def _is_settled(source: _Side, other: _Side, plan: MeasurementPlan) -> bool:
    """Whether enough pairs of rounds are in: by length of the programs, then by the interval."""
    if not source.runtimes_s or len(source.runtimes_s) % 2:
        return False
    longer = max(source.mean_runtime_s, other.mean_runtime_s)
    at_least = _MIN_ROUNDS if longer > _SHORT_S else _MIN_ROUNDS_SHORT
    if len(source.runtimes_s) < at_least:
        return False
    estimate = paired_log2_ratio(source.runtimes_s, other.runtimes_s, TIME_RESOLUTION_S, _PRIOR)
    relative = plan.relative_half_width * abs(estimate.log2_ratio)
    return estimate.half_width <= max(plan.target_half_width, relative)


def _summarise(source: _Side, other: _Side, num_inputs: int) -> Comparison:
    time = paired_log2_ratio(source.runtimes_s, other.runtimes_s, TIME_RESOLUTION_S, _PRIOR)
    resolution = memory_resolution_bytes()
    source_peak, other_peak = _middle(source.peaks_bytes), _middle(other.peaks_bytes)
    return Comparison(
        time_log2_ratio=time.log2_ratio,
        time_low=time.low,
        time_high=time.high,
        time_spread=time.spread,
        memory_log2_ratio=_log2_ratio(source_peak, other_peak),
        memory_low=_log2_ratio(
            max(0, min(source.peaks_bytes) - resolution), max(other.peaks_bytes) + resolution
        ),
        memory_high=_log2_ratio(
            max(source.peaks_bytes) + resolution, max(0, min(other.peaks_bytes) - resolution)
        ),
        rounds=len(source.runtimes_s),
        source_runtime_s=source.mean_runtime_s,
        program_runtime_s=other.mean_runtime_s,
        source_wall_s=source.mean_wall_s,
        program_wall_s=other.mean_wall_s,
        source_peak_bytes=source_peak,
        program_peak_bytes=other_peak,
        num_inputs=num_inputs,
        machine=fingerprint_key(),
    )


def _middle(values: Sequence[int]) -> int:
    return sorted(values)[(len(values) - 1) // 2]


def _log2_ratio(source_bytes: int, program_bytes: int) -> float:
    resolution = memory_resolution_bytes()
    return math.log2((source_bytes + resolution) / (program_bytes + resolution))
