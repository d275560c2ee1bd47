"""Every figure of the report, in its order, with its definition."""

from math import log2

from effirl.evaluation.metrics import (
    MemoryTime,
    Metric,
    over_correct,
    over_sampled,
    over_scored,
    pass_metric,
    status_metric,
)
from effirl.scoring import CompletionRow
from rewards.measurement import Comparison
from rewards.records import Status
from rewards.scores import MEMORY_FLOOR_BYTES, TIME_FLOOR_S

MB = 1e6
OPTIMIZED_SPEEDUP = 1.1
"""PIE's threshold for a program that counts as optimized."""


def table(num_samples: int) -> list[Metric]:
    """List the metrics, in the report's order.

    Args:
        num_samples: Completions of a problem: pass@k is given for 1 and for this k.
    """
    return [
        *(pass_metric(k) for k in sorted({1, num_samples})),
        *_ADAPTED_FROM_PIE,
        *_ADAPTED_FROM_EFFIBENCH,
        *_DESCRIPTIVE,
        *(status_metric(status) for status in Status),
    ]


def time_log2(found: Comparison) -> float:
    """Return log2 of a correct program's speedup, 1 ms added to both runtimes."""
    source, program = max(0.0, found.source_runtime_s), max(0.0, found.program_runtime_s)
    return log2((source + TIME_FLOOR_S) / (program + TIME_FLOOR_S))


def memory_log2(found: Comparison) -> float:
    """Return log2 of a correct program's memory reduction, 1 MiB added to both peaks."""
    source, program = max(0, found.source_peak_bytes), max(0, found.program_peak_bytes)
    return log2((source + MEMORY_FLOOR_BYTES) / (program + MEMORY_FLOOR_BYTES))


def is_optimized(comparison: Comparison) -> bool:
    """Say whether a correct program is at least 1.1x as fast, beyond the noise of its timing."""
    return time_log2(comparison) >= log2(OPTIMIZED_SPEEDUP) and comparison.time_low > 0


def _damped(found: MemoryTime) -> float:
    """Return an integral with 1 MiB held for as long as the program runs, as for peaks."""
    return found.mb_s + (max(0.0, found.wall_s) + TIME_FLOOR_S) * MEMORY_FLOOR_BYTES / MB


def _optimized(row: CompletionRow) -> float:
    return float(row.is_correct and row.comparison is not None and is_optimized(row.comparison))


def _speedup_or_one(row: CompletionRow) -> float:
    if not row.is_correct or row.comparison is None:
        return 1.0
    return max(1.0, float(2.0 ** time_log2(row.comparison)))


_ADAPTED_FROM_PIE = (
    over_scored(
        "opt",
        "PIE's %Opt: share of completions that are correct and at least 1.1x as fast, and whose "
        "timing interval excludes 1x",
        "higher",
        _optimized,
    ),
    over_scored(
        "pie_speedup",
        "PIE's Speedup: mean over all completions, where a wrong or slower one counts as 1",
        "higher",
        _speedup_or_one,
    ),
    over_correct(
        "speedup_mean",
        "runtime of source / runtime of program, mean over correct completions",
        "higher",
        lambda found: 2.0 ** time_log2(found),
    ),
    over_correct(
        "speedup_geometric",
        "the same, geometric mean",
        "higher",
        time_log2,
        is_log2=True,
    ),
    over_correct(
        "memory_reduction_mean",
        "net peak memory of source / of program, mean over correct completions",
        "higher",
        lambda found: 2.0 ** memory_log2(found),
    ),
    over_correct(
        "memory_reduction_geometric",
        "the same, geometric mean",
        "higher",
        memory_log2,
        is_log2=True,
    ),
)

_ADAPTED_FROM_EFFIBENCH = (
    over_correct(
        "ET_s",
        "mean CPU time of correct completions, seconds, net of the empty program's",
        "lower",
        lambda found: found.program_runtime_s,
    ),
    over_correct(
        "NET_ratio_of_totals",
        "total CPU time of correct completions / total of their source programs",
        "lower",
        lambda found: found.program_runtime_s,
        per=lambda found: found.source_runtime_s,
    ),
    over_correct(
        "NET_mean_of_ratios",
        "mean of each correct completion's CPU time / its source program's",
        "lower",
        lambda found: 2.0 ** -time_log2(found),
    ),
    over_correct(
        "MU_mb",
        "mean peak memory of correct completions, MB (10^6 bytes), net of the empty program's",
        "lower",
        lambda found: found.program_peak_bytes / MB,
    ),
    over_correct(
        "NMU_ratio_of_totals",
        "total peak memory of correct completions / total of their source programs",
        "lower",
        lambda found: float(found.program_peak_bytes),
        per=lambda found: float(found.source_peak_bytes),
    ),
    over_correct(
        "NMU_mean_of_ratios",
        "mean of each correct completion's peak memory / its source program's",
        "lower",
        lambda found: 2.0 ** -memory_log2(found),
    ),
    over_sampled(
        "TMU_mb_s",
        "mean memory integral of correct completions, MB*s, sampled in a pass of its own",
        lambda _, program: program.mb_s,
    ),
    over_sampled(
        "NTMU_ratio_of_totals",
        "total memory integral of correct completions / total of their source programs",
        lambda _, program: program.mb_s,
        per=lambda source, _: source.mb_s,
    ),
    over_sampled(
        "NTMU_mean_of_ratios",
        "mean of each correct completion's memory integral / its source program's",
        lambda source, program: _damped(program) / _damped(source),
    ),
)

_DESCRIPTIVE = (
    over_scored("reward", "mean reward of completions", "higher", lambda row: row.reward or 0.0),
    over_scored(
        "time_gain",
        "mean runtime gain, from -1 to 1: 0 for a wrong completion",
        "higher",
        lambda row: row.time_gain if row.is_correct else 0.0,
    ),
    over_scored(
        "memory_gain",
        "mean memory gain, from -1 to 1: 0 for a wrong completion",
        "higher",
        lambda row: row.memory_gain if row.is_correct else 0.0,
    ),
    over_scored("copies", "share that only copy the source", "", lambda row: float(row.is_copy)),
)
