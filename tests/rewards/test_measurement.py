"""Interleaving, stopping and judging, exactly, on scripted costs; then once for real."""

import math
import random
from collections.abc import Callable, Iterator
from itertools import count, cycle

import pytest

from rewards import measurement
from rewards.executor import Executor
from rewards.imports import ImportCost
from rewards.measurement import (
    PRECISE,
    MeasurementPlan,
    TimedRunError,
    compare,
    memory_resolution_bytes,
    with_imports,
)
from rewards.records import Limits, Status, TestCase
from tests.rewards.fakes import FakeWorker

CASES = [TestCase("1", "1"), TestCase("2", "2")]


def run(source: str, program: str, noise: tuple[float, ...] = (1.0,), **plan: float):
    worker = FakeWorker(noise)
    return worker, compare(
        worker,
        source,
        program,
        CASES,
        Limits(),
        MeasurementPlan(**plan),  # type: ignore[arg-type]
    )


def test_sums_runtimes_and_takes_the_largest_peak() -> None:
    _, result = run("# runtime=0.2 memory=8e6", "# runtime=0.05 memory=2e6")
    assert result.source_runtime_s == pytest.approx(0.4)
    assert result.program_runtime_s == pytest.approx(0.1)
    assert result.time_log2_ratio == pytest.approx(2, abs=0.01)
    assert (result.source_peak_bytes, result.program_peak_bytes) == (8_000_000, 2_000_000)
    assert result.memory_low < result.memory_log2_ratio < result.memory_high
    assert result.memory_log2_ratio == pytest.approx(math.log2(8131072 / 2131072))


def test_program_against_itself_reads_zero_inside_its_interval() -> None:
    _, result = run("# runtime=0.01 memory=1e6", "# runtime=0.01 memory=1e6", (1.0, 1.03, 0.98))
    assert result.time_low <= 0 <= result.time_high
    assert result.memory_low < 0 < result.memory_high


def test_turns_are_balanced_in_pairs_of_rounds_and_drawn_by_lot() -> None:
    pairs: list[str] = []
    for _ in range(20):
        worker, _ = run("# runtime=0.005 a", "# runtime=0.005 b", (1.0, 1.3, 0.7), max_rounds=4)
        sides = "".join(call[-1] for call in worker.calls[:: len(CASES)])
        assert sides[:2] == "ab"  # the source program's time sets the other one's limit
        pairs += [sides[2:6], sides[6:]]
    assert set(pairs) == {"abba", "baab"}


def test_the_first_run_of_each_is_not_counted() -> None:
    cold = (9.0,) * 2 * len(CASES)
    _, result = run("# runtime=0.01 a", "# runtime=0.01 b", (*cold, *(1.0,) * 500))
    assert result.source_runtime_s == pytest.approx(0.02)
    assert result.program_runtime_s == pytest.approx(0.02)


def test_short_programs_get_more_rounds_than_long_ones() -> None:
    _, short = run("# runtime=0.001", "# runtime=0.001")
    _, long = run("# runtime=1", "# runtime=1")
    assert short.rounds >= 6 > 4 >= long.rounds


def test_noise_gets_more_rounds_up_to_the_limit() -> None:
    noise = (1.0, 1.4, 0.7, 1.2, 0.9)
    _, quiet = run("# runtime=0.01", "# runtime=0.01")
    _, noisy = run("# runtime=0.01", "# runtime=0.01", noise, max_rounds=8)
    assert quiet.rounds < noisy.rounds == 8
    assert noisy.time_high - noisy.time_low > quiet.time_high - quiet.time_low


def spread_of(runtime_s: float) -> float:
    """Relative standard deviation of one run on a calm machine."""
    return math.hypot(0.025, 60e-6 / runtime_s)


def share_called_different(runtime_s: float, plan: MeasurementPlan, noise: Callable[[], float]):
    """Compare equal programs as the reward does, stopping rule and all."""
    measurement._lot.seed(1)
    program, num_trials, num_different = f"# runtime={runtime_s}", 800, 0
    for _ in range(num_trials):
        worker = FakeWorker(iter(noise, None))
        found = compare(worker, program, program, [TestCase("", "")], Limits(), plan)  # type: ignore[arg-type]
        num_different += not found.time_low <= 0 <= found.time_high
    return num_different / num_trials


@pytest.mark.parametrize("plan", [MeasurementPlan(), PRECISE], ids=["training", "precise"])
@pytest.mark.parametrize("runtime_s", [0.002, 0.02])
@pytest.mark.parametrize("times_calm", [0.5, 1.0, 2.0, 4.0])
def test_equal_programs_differ_one_time_in_twenty_however_noisy_the_machine(
    times_calm: float, runtime_s: float, plan: MeasurementPlan
) -> None:
    rng = random.Random(1)
    sd = times_calm * spread_of(runtime_s)
    # The bound is 0.045 and two standard errors of a share in 800 trials.
    assert share_called_different(runtime_s, plan, lambda: max(0.0, rng.gauss(1, sd))) <= 0.06


def test_a_disturbance_in_step_with_the_turns_does_not_add_up() -> None:
    """Every fourth run is slow for a while: it would always hit the same program of A B B A."""
    measurement._lot.seed(1)
    rng = random.Random(1)
    start = cycle(range(4))

    def comparison_noise() -> Iterator[float]:
        phase = next(start)
        for number in count():
            yield rng.gauss(1, 0.03) + 0.1 * ((number + phase) % 4 == 0)

    wrong = 0
    for _ in range(400):
        worker = FakeWorker(comparison_noise())
        found = compare(
            worker,
            "# runtime=0.02",
            "# runtime=0.02",
            CASES[:1],
            Limits(),
            PRECISE,  # type: ignore[arg-type]
        )
        wrong += not found.time_low <= 0 <= found.time_high
    assert wrong / 400 <= 0.072  # 0.05 and two standard errors


@pytest.mark.parametrize(
    ("source", "program", "status", "is_source"),
    [
        ("# prints=0", "# runtime=0", Status.WRONG_ANSWER, True),
        ("# runtime=0", "# prints=0", Status.WRONG_ANSWER, False),
        ("# runtime=0", "# status=RUNTIME_ERROR", Status.RUNTIME_ERROR, False),
        ("# runtime=0.01", "# runtime=1.1", Status.TIME_LIMIT, False),
        ("# runtime=0.2", "# runtime=1.7", Status.TIME_LIMIT, False),  # on each input, not on all
        ("# runtime=2", "# runtime=11", Status.TIME_LIMIT, False),
    ],
)
def test_a_failed_timed_run_ends_it(
    source: str, program: str, status: Status, is_source: bool
) -> None:
    with pytest.raises(TimedRunError) as caught:
        run(source, program, wall_factor=8)
    assert (caught.value.status, caught.value.is_source) == (status, is_source)


def test_a_slow_program_may_take_a_multiple_of_its_source() -> None:
    _, result = run("# runtime=0.2", "# runtime=1.5", wall_factor=8)
    assert result.time_log2_ratio == pytest.approx(math.log2(0.2 / 1.5), abs=0.01)


def test_needs_an_input() -> None:
    with pytest.raises(ValueError, match="at least one"):
        compare(FakeWorker(), "", "", [], Limits())  # type: ignore[arg-type]


LOOP = "n = int(input())\ns = 0\nfor i in range(n): s += i\nprint(s)"


def test_real_difference_is_seen_and_the_same_program_is_the_same(executor: Executor) -> None:
    """Twice the work reads as more work; fidelity in figures is tests/benchmarks/fidelity.py."""
    n = 200_000
    case = [TestCase(str(n), str(n * (n - 1) // 2))]
    twice = LOOP.replace("print", "t = 0\nfor i in range(n): t += i\nprint")

    def measure(worker, program):
        return compare(worker, LOOP, program, case, Limits(), PRECISE)

    same, more = executor.map(measure, [LOOP, twice])
    assert abs(same.time_log2_ratio) < 0.2
    assert -1.3 < more.time_log2_ratio < -0.7


def test_imports_are_added_on_request_only() -> None:
    """A dropped import gains nothing, unless imports count; then the runs' spread weighs less."""
    program = "# runtime=0.02 memory=4e6"
    case = TestCase("1", "1")
    comparison = compare(FakeWorker((1.0, 1.03)), program, program, [case], Limits())  # type: ignore[arg-type]
    added = with_imports(comparison, ImportCost(0.06, 12_000_000), ImportCost(0.0, 0))
    assert comparison.time_low < 0 < comparison.time_high
    assert added.time_log2_ratio == pytest.approx(2.0, abs=0.05)
    assert added.memory_log2_ratio == pytest.approx(2.0, abs=0.05)
    width = comparison.time_high - comparison.time_low
    assert added.time_high - added.time_low == pytest.approx(width)  # one side is runs alone
    both = with_imports(comparison, ImportCost(0.06, 0), ImportCost(0.06, 0))
    assert both.time_log2_ratio == pytest.approx(comparison.time_log2_ratio / 4, abs=1e-3)
    assert both.time_high - both.time_low == pytest.approx(width / 4, rel=0.05)
    assert added.source_wall_s - comparison.source_wall_s == pytest.approx(0.06)
    assert (added.program_imports_s, both.program_imports_s) == (0.0, 0.06)


def test_each_input_is_a_process_with_imports_of_its_own() -> None:
    """Two runs of 20 ms and an import of 60 ms, dropped: 160 ms beside 40."""
    program = "# runtime=0.02 memory=4e6"
    worker = FakeWorker((1.0, 1.03))
    comparison = compare(worker, program, program, CASES, Limits())  # type: ignore[arg-type]
    assert comparison.num_inputs == 2
    added = with_imports(comparison, ImportCost(0.06, 12_000_000), ImportCost(0.0, 0))
    assert added.time_log2_ratio == pytest.approx(2.0, abs=0.05)
    assert added.source_wall_s - comparison.source_wall_s == pytest.approx(0.12)
    assert added.memory_log2_ratio == pytest.approx(2.0, abs=0.05)  # a peak is one run's
    error = ImportCost(0.06, 0, error_s=0.003)
    width = with_imports(comparison, error, ImportCost(0.0, 0)).time_spread
    assert width == pytest.approx(0.006 / 0.16 / math.log(2), rel=0.3)


def test_what_an_import_costs_is_known_to_its_error() -> None:
    program = "# runtime=0.005 memory=4e6"
    case = TestCase("1", "1")
    comparison = compare(FakeWorker((1.0,)), program, program, [case], Limits())  # type: ignore[arg-type]
    kept, other = ImportCost(0.070, 0, error_s=0.001), ImportCost(0.072, 0, error_s=0.001)
    # The same modules are one measurement: it is the same for both, whatever its error.
    same = with_imports(comparison, kept, kept)
    apart = with_imports(comparison, other, kept)
    assert same.time_high - same.time_low < 0.02
    assert apart.time_low < 0 < apart.time_log2_ratio, "2 ms are within the error of both"
    assert apart.time_spread > 5 * same.time_spread


@pytest.mark.parametrize(("num_cpus", "wanted"), [(2, 128 << 10), (16, 128 << 10), (96, 768 << 10)])
def test_memory_is_counted_in_larger_batches_on_larger_machines(
    num_cpus: int, wanted: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: num_cpus)
    assert memory_resolution_bytes() == wanted
