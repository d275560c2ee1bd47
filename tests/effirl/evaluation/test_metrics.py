from dataclasses import replace
from itertools import combinations
from math import sqrt

import numpy as np
import pytest

from effirl.evaluation.bootstrap import estimate
from effirl.evaluation.metric_table import table
from effirl.evaluation.metrics import Samples, best_at_k, pass_at_k
from rewards.imports import ImportCost
from rewards.records import Status
from tests.effirl.evaluation.rows import correct, failed

MIB = 1 << 20


def value(name: str, problems: list[Samples], num_samples: int = 2) -> float | None:
    (metric,) = [metric for metric in table(num_samples) if metric.name == name]
    return estimate(metric.over(problems)).value


@pytest.mark.parametrize("num_correct", range(6))
@pytest.mark.parametrize("k", range(1, 6))
def test_pass_at_k_agrees_with_enumeration(num_correct: int, k: int) -> None:
    is_correct = [True] * num_correct + [False] * (5 - num_correct)
    draws = list(combinations(is_correct, k))
    expected = sum(map(any, draws)) / len(draws)
    assert pass_at_k(5, num_correct, k) == pytest.approx(expected)


def test_pass_at_k_refuses_more_draws_than_samples() -> None:
    with pytest.raises(ValueError, match="k=3, num_correct=1, num_samples=2"):
        pass_at_k(2, 1, 3)


@pytest.mark.parametrize(
    ("k", "expected"),
    # Of {0, 0.2, 0.6, 1} two are drawn: the best is 1 in 3 of 6 draws, 0.6 in 2, 0.2 in 1.
    [(1, 0.45), (2, (3 * 1 + 2 * 0.6 + 0.2) / 6), (4, 1.0)],
)
def test_best_at_k_by_hand(k: int, expected: float) -> None:
    assert best_at_k([0.2, 1.0, 0.0, 0.6], k) == pytest.approx(expected)


@pytest.mark.parametrize("k", [0, 5])
def test_best_at_k_needs_as_many_scores(k: int) -> None:
    with pytest.raises(ValueError, match="k must be from 1 to 4"):
        best_at_k([0.0] * 4, k)


# Problem 0: 0.4 s -> 0.1 s and a wrong sample. Problem 1: 0.4 s -> 0.8 s twice, at 4 -> 8 MB.
PROBLEMS: list[Samples] = [
    [correct(0, runtime_s=0.1, num_bytes=1_000_000), failed(0, sample=1)],
    [
        correct(1, runtime_s=0.8, num_bytes=8_000_000),
        correct(1, runtime_s=0.8, num_bytes=8_000_000, sample=1),
    ],
]
FAST = 0.401 / 0.101  # 1 ms is added to both sides of a ratio of single programs
SLOW = 0.401 / 0.801
LEAN = (4_000_000 + MIB) / (1_000_000 + MIB)
FAT = (4_000_000 + MIB) / (8_000_000 + MIB)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("pass@1", 0.75),
        ("pass@2", 1.0),
        ("opt@1", 0.25),
        ("opt@2", 0.5),
        ("pie_speedup@1", (FAST + 1 + 1 + 1) / 4),
        ("pie_speedup@2", (FAST + 1) / 2),
        ("speedup_mean", (FAST + SLOW + SLOW) / 3),
        ("speedup_geometric", (FAST * SLOW * SLOW) ** (1 / 3)),
        ("memory_reduction_mean", (LEAN + FAT + FAT) / 3),
        ("memory_reduction_geometric", (LEAN * FAT * FAT) ** (1 / 3)),
        ("ET_s", (0.1 + 0.8 + 0.8) / 3),
        ("NET_ratio_of_totals", (0.1 + 0.8 + 0.8) / 1.2),
        ("NET_mean_of_ratios", (1 / FAST + 1 / SLOW + 1 / SLOW) / 3),
        ("MU_mb", (1 + 8 + 8) / 3),
        ("NMU_ratio_of_totals", 17 / 12),
        ("NMU_mean_of_ratios", (1 / LEAN + 1 / FAT + 1 / FAT) / 3),
        ("TMU_mb_s", (0.1 + 6.4 + 6.4) / 3),
        ("NTMU_ratio_of_totals", (0.1 + 6.4 + 6.4) / (3 * 1.6)),
        ("reward", (3 * 1.2 - 0.3) / 4),
        ("time_gain", 3 * 0.5 / 4),
        ("memory_gain", -3 * 0.25 / 4),
        ("copies", 0.0),
        ("status/OK", 0.75),
        ("status/WRONG_ANSWER", 0.25),
    ],
)
def test_metrics_by_hand(name: str, expected: float) -> None:
    assert value(name, PROBLEMS) == pytest.approx(expected)


def test_memory_integral_ratio_adds_one_mebibyte_while_each_program_runs() -> None:
    mib_mb = MIB / 1e6
    expected = (0.1 + 0.101 * mib_mb) / (1.6 + 0.401 * mib_mb)
    assert value("NTMU_mean_of_ratios", [PROBLEMS[0]]) == pytest.approx(expected)


def test_ratio_of_totals_is_not_mean_of_ratios() -> None:
    problems: list[Samples] = [
        [correct(0, runtime_s=0.5, source_runtime_s=1.0)],
        [correct(1, runtime_s=4.0, source_runtime_s=2.0)],
    ]
    assert value("NET_ratio_of_totals", problems) == pytest.approx(4.5 / 3.0)
    assert value("NET_mean_of_ratios", problems) == pytest.approx(
        (0.501 / 1.001 + 4.001 / 2.001) / 2
    )


def test_what_we_failed_to_run_counts_nowhere_but_in_its_own_share() -> None:
    problems: list[Samples] = [
        [correct(0, runtime_s=0.1), failed(0, Status.SANDBOX_ERROR, sample=1)],
    ]
    assert value("pass@1", problems) == 1.0
    assert value("pass@2", problems) is None
    assert value("time_gain", problems) == 0.5
    assert value("reward", problems) == 1.2
    assert value("status/SANDBOX_ERROR", problems) == 0.5


def test_a_time_out_is_in_no_time_but_in_the_censored_speedup() -> None:
    problems: list[Samples] = [
        [correct(0, runtime_s=0.1), failed(0, Status.TIME_LIMIT, sample=1)],
        [failed(1), failed(1, Status.SANDBOX_ERROR, sample=1)],
    ]
    assert value("speedup_geometric", problems) == pytest.approx(FAST)
    assert value("speedup_geometric_censored", problems) == pytest.approx(sqrt(FAST / 8))


def test_raw_figures_count_imports_and_neutral_ones_do_not() -> None:
    slow_import, none = ImportCost(0.1, MIB), ImportCost(0.0, 0)
    row = correct(0, runtime_s=0.4, num_bytes=4_000_000)
    problems: list[Samples] = [[replace(row, source_imports=slow_import, program_imports=none)]]
    assert value("speedup_geometric", problems) == pytest.approx(1.0)
    assert value("speedup_geometric_raw", problems) == pytest.approx(0.501 / 0.401)
    lean = (4_000_000 + 2 * MIB) / (4_000_000 + MIB)
    assert value("memory_reduction_geometric_raw", problems) == pytest.approx(lean)
    assert value("time_gain_raw", problems) == pytest.approx(np.log2(0.501 / 0.401) / 3)
    wrong: list[Samples] = [[failed(0), replace(problems[0][0], sample=1)]]
    assert value("time_gain_raw", wrong) == pytest.approx(np.log2(0.501 / 0.401) / 6)
    unmeasured: list[Samples] = [[replace(row, source_imports=None, program_imports=None)]]
    assert value("speedup_geometric_raw", unmeasured) is None
    assert value("time_gain_raw", unmeasured) is None


def test_no_correct_program_has_no_speedup() -> None:
    problems: list[Samples] = [[failed(0)], [failed(1)]]
    assert value("speedup_geometric", problems) is None
    assert value("ET_s", problems) is None
    assert value("pie_speedup@1", problems) == 1.0
    assert value("opt@1", problems) == 0.0


def test_below_a_tenth_faster_is_not_optimized() -> None:
    assert value("opt@1", [[correct(0, runtime_s=0.4 / 1.05)]]) == 0.0
    assert value("opt@1", [[correct(0, runtime_s=0.4 / 1.15)]]) == 1.0


def test_rows_of_one_problem_id_are_one_problem_to_the_bootstrap() -> None:
    problems: list[Samples] = [
        [correct(0, runtime_s=0.1, problem_id="same")],
        [correct(1, runtime_s=0.3, problem_id="same")],
        [correct(2, runtime_s=0.2)],
    ]
    (metric,) = [metric for metric in table(1) if metric.name == "ET_s"]
    terms = metric.over(problems)
    assert terms.numerators == pytest.approx(np.array([0.4, 0.2]))
    assert terms.denominators == pytest.approx(np.array([2.0, 1.0]))


def test_geometric_mean_of_halves_and_doubles_is_one() -> None:
    problems: list[Samples] = [
        [correct(0, runtime_s=0.4 * 1e3, source_runtime_s=0.1 * 1e3)],
        [correct(1, runtime_s=0.1 * 1e3, source_runtime_s=0.4 * 1e3)],
    ]
    assert value("speedup_geometric", problems) == pytest.approx(sqrt(1.0), abs=1e-6)
