"""How fast and how lean programs are, beside their source programs: the definitions.

Figures in the manner of PIE and of EffiBench. Ratios of single programs add 1 ms and 1 MiB to both
sides, so that a ratio of two nothings is 1.
"""

from collections.abc import Callable
from math import log2
from operator import attrgetter
from typing import Final

from effirl.evaluation.metrics import (
    MemoryTime,
    Metric,
    best_metric,
    over_compared,
    over_correct,
    over_sampled,
    over_scored,
)
from effirl.scoring import CompletionRow
from rewards.measurement import Comparison, with_imports
from rewards.records import Status
from rewards.scores import (
    MEMORY_FLOOR_BYTES,
    TIME_FLOOR_S,
    RewardConfig,
    damped_ratio,
    memory_gain,
    time_gain,
)

MB: Final = 1e6
OPTIMIZED_SPEEDUP: Final = 1.1
"""PIE's threshold for a program that counts as optimized."""
SATURATION: Final = RewardConfig().saturation
CENSORED_LOG2: Final = -SATURATION
"""A time-out counts as 8x slower: its limit is 16 times what the source program needs, but for one
that itself needs more than 0.6 s, as no run may take more than 10."""


def time_log2(found: Comparison) -> float:
    """Return log2 of a correct program's speedup, 1 ms added to both runtimes."""
    return log2(damped_ratio(found.source_runtime_s, found.program_runtime_s, TIME_FLOOR_S))


def memory_log2(found: Comparison) -> float:
    """Return log2 of a correct program's memory reduction, 1 MiB added to both peaks."""
    return log2(damped_ratio(found.source_peak_bytes, found.program_peak_bytes, MEMORY_FLOOR_BYTES))


def is_optimized(comparison: Comparison) -> bool:
    """Say whether a correct program is at least 1.1x as fast, beyond the noise of its timing."""
    return time_log2(comparison) >= log2(OPTIMIZED_SPEEDUP) and comparison.time_low > 0


def _damped(found: MemoryTime) -> float:
    """Return an integral with 1 MiB held for as long as the program runs, as for peaks."""
    return found.mb_s + (max(0.0, found.wall_s) + TIME_FLOOR_S) * MEMORY_FLOOR_BYTES / MB


def _optimized(row: CompletionRow) -> float:
    if not row.is_correct or row.is_copy or row.comparison is None:
        return 0.0
    return float(is_optimized(row.comparison))


def _speedup_or_one(row: CompletionRow) -> float:
    """The larger of 1 and a ratio with noise would be above 1 on average, so noise counts as 1."""
    if not row.is_correct or row.is_copy or row.comparison is None or row.comparison.time_low <= 0:
        return 1.0
    return max(1.0, float(2.0 ** time_log2(row.comparison)))


def raw(row: CompletionRow) -> Comparison | None:
    """Return a correct program's comparison with each program's imports counted, if measured."""
    if not row.is_correct or row.comparison is None:
        return None
    if row.source_imports is None or row.program_imports is None:
        return None
    return with_imports(row.comparison, row.source_imports, row.program_imports)


def _log2_or_censored(row: CompletionRow) -> float | None:
    if row.is_scored and row.status is Status.TIME_LIMIT:
        return CENSORED_LOG2
    return time_log2(row.comparison) if row.is_correct and row.comparison else None


def _raw_gain(row: CompletionRow, gain: Callable[[Comparison, float], float]) -> float | None:
    """Return 0 for a wrong completion; None where we failed to run it or to measure its imports."""
    if not row.is_correct or row.comparison is None:
        return 0.0 if row.is_scored else None
    return None if (found := raw(row)) is None else gain(found, SATURATION)


def pie_metrics(k: int) -> list[Metric]:
    """Make PIE's figures at the best of k completions; its %Correct is pass@k."""
    of = "completions" if k == 1 else f"the best of {k} completions of each problem"
    return [
        best_metric(
            "opt",
            f"PIE's %Opt: share of {of} that are correct, no copies and at least 1.1x as fast, and "
            "whose timing interval excludes 1x",
            k,
            _optimized,
        ),
        best_metric(
            "pie_speedup",
            f"PIE's Speedup: mean over {of}, where one counts as 1 that is wrong, "
            "a copy, or not faster beyond noise",
            k,
            _speedup_or_one,
        ),
    ]


RUNTIME_AND_MEMORY = (
    over_correct(
        "speedup_geometric",
        "runtime of source / runtime of program, geometric mean over correct completions",
        "higher",
        time_log2,
        is_log2=True,
    ),
    over_correct(
        "memory_reduction_geometric",
        "net peak memory of source / of program, geometric mean over correct completions",
        "higher",
        memory_log2,
        is_log2=True,
    ),
    over_correct(
        "speedup_mean",
        "runtime of source / runtime of program, arithmetic mean over correct completions",
        "higher",
        lambda found: 2.0 ** time_log2(found),
    ),
    over_correct(
        "memory_reduction_mean",
        "net peak memory of source / of program, arithmetic mean over correct completions",
        "higher",
        lambda found: 2.0 ** memory_log2(found),
    ),
    over_compared(
        "speedup_geometric_raw",
        "speedup_geometric with what each program's own imports cost in a fresh interpreter",
        "higher",
        lambda row: None if (found := raw(row)) is None else time_log2(found),
        is_log2=True,
    ),
    over_compared(
        "memory_reduction_geometric_raw",
        "memory_reduction_geometric with each program's own imports",
        "higher",
        lambda row: None if (found := raw(row)) is None else memory_log2(found),
        is_log2=True,
    ),
    over_compared(
        "speedup_geometric_censored",
        "speedup_geometric over correct completions and time-outs; a time-out counts as 1/8, "
        "the most that it can be where its source program takes at most 1.25 s on an input, as the "
        "limit is 10 s: the figure is then an upper bound",
        "higher",
        _log2_or_censored,
        is_log2=True,
    ),
)

PERCENTILES = tuple(
    over_compared(
        f"{quantity}_percentile",
        f"share of a problem's known programs that a completion beats in {words}, a tie counts "
        "half, 0 for a wrong completion; with --known-programs",
        "higher",
        attrgetter(f"{quantity}_percentile"),
    )
    for quantity, words in (("runtime", "runtime"), ("memory", "net peak memory"))
)

GAINS = (
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
    over_compared(
        "time_gain_raw",
        "time_gain with each program's own imports",
        "higher",
        lambda row: _raw_gain(row, time_gain),
    ),
    over_compared(
        "memory_gain_raw",
        "memory_gain with each program's own imports",
        "higher",
        lambda row: _raw_gain(row, memory_gain),
    ),
)

EFFIBENCH = (
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
