from dataclasses import replace

from effirl.data.problems import Problem
from effirl.evaluation.meter import (
    ExecutorMeter,
    Pair,
    measured,
    unreliable_share,
)
from rewards.costs import ImportCosts, MemoryTimes
from rewards.executor import Executor
from rewards.imports import ImportCost
from rewards.measurement import Comparison
from rewards.records import TestCase
from tests.effirl.evaluation.rows import correct, failed
from tests.fakes import FakeMeter, comparison

INPUTS = (TestCase("1\n", "1\n"),)
PROBLEMS = [Problem(f"p{i}", "", "# runtime=0.4\npass\n", INPUTS, INPUTS) for i in range(3)]
COPY = replace(
    correct(0, runtime_s=0.4),
    is_copy=True,
    comparison=None,
    program=PROBLEMS[0].source_program,
    program_memory_time_mb_s=None,
    source_memory_time_mb_s=None,
    program_imports=None,
    source_imports=None,
)


def test_a_copy_is_timed_and_a_wrong_program_is_left_alone() -> None:
    wrong = failed(1)
    copy, same = measured(FakeMeter(), PROBLEMS, [COPY, wrong])
    assert copy.comparison == comparison(0.4, 1_000_000, 0.4, 1_000_000)
    assert copy.program_memory_time_mb_s == copy.source_memory_time_mb_s == 0.4
    assert same == wrong


def test_imports_are_measured_of_correct_programs() -> None:
    row = replace(correct(2, runtime_s=0.1), program="# import_s=0.05\npass\n")
    found, wrong = measured(FakeMeter(), PROBLEMS, [row, failed(1)])
    assert found.program_imports == ImportCost(0.05, 0)
    assert found.source_imports == ImportCost(0.0, 0)
    assert wrong.program_imports is None


def test_the_sandbox_tells_what_imports_cost() -> None:
    problem = Problem("p", "", "import fractions\nprint(1)\n", INPUTS, INPUTS)
    with Executor(num_workers=1) as executor:
        (costs,) = ExecutorMeter(executor).imports([Pair(problem, "print(1)\n")])
    assert costs is not None
    assert costs.source.peak_memory_bytes > 0
    assert costs.program == ImportCost(0.0, 0)


def test_a_comparison_that_the_score_has_or_refuses_is_kept() -> None:
    class NoComparisons(FakeMeter):
        def comparisons(self, pairs: list[Pair]) -> list[Comparison | None]:  # type: ignore[override]
            assert not pairs
            return []

    row = correct(2, runtime_s=0.1)
    waits = replace(row, comparison=None, refutation="waits again for as long as it saves")
    for each in (row, waits):
        assert measured(NoComparisons(), PROBLEMS, [each])[0].comparison == each.comparison


def test_what_we_fail_to_measure_stays_unknown() -> None:
    class Broken(FakeMeter):
        def comparisons(self, pairs: list[Pair]) -> list[Comparison | None]:  # type: ignore[override]
            return [None for _ in pairs]

        def memory_times(self, pairs: list[Pair]) -> list[MemoryTimes | None]:  # type: ignore[override]
            return [None for _ in pairs]

        def imports(self, pairs: list[Pair]) -> list[ImportCosts | None]:  # type: ignore[override]
            return [None for _ in pairs]

    assert measured(Broken(), PROBLEMS, [COPY]) == [COPY]


def test_short_programs_make_their_memory_integral_unreliable() -> None:
    rows = [correct(0, runtime_s=0.039), correct(1, runtime_s=0.041), failed(2)]
    assert unreliable_share(rows) == 0.5


def test_copies_of_one_source_are_measured_once() -> None:
    class Counting(FakeMeter):
        num_pairs = 0

        def comparisons(self, pairs: list[Pair]) -> list[Comparison | None]:  # type: ignore[override]
            self.num_pairs += len(pairs)
            return super().comparisons(pairs)

    meter = Counting()
    spaced = replace(COPY, sample=1, program="# runtime=0.4\npass  # as before\n")
    elsewhere = replace(COPY, problem_index=1, problem_id="p1")
    rows = measured(meter, PROBLEMS, [COPY, spaced, elsewhere])
    assert meter.num_pairs == 2
    assert all(row.comparison is not None for row in rows)
    assert all(row.source_memory_time_mb_s == 0.4 for row in rows)


def test_what_a_function_holds_while_it_is_called_counts() -> None:
    body = """import time
class Solution:
    def hold(self, megabytes: int) -> int:
        block = bytearray(megabytes << 20)
        deadline = time.process_time() + 0.1
        while time.process_time() < deadline:
            pass
        return len(block)
"""
    test = TestCase.from_row({"assert": f"assert Solution().hold(32) == {32 << 20}"})
    problem = Problem("p", "", body, (test,), (test,))
    with Executor(num_workers=1) as executor:
        (times,) = ExecutorMeter(executor).memory_times([Pair(problem, body)])
    assert times is not None
    assert times.source > 2.0  # 33.6 MB for 0.1 s or more
    assert times.program > 2.0
