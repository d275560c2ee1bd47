"""A program as a process of its own: what is counted beside the program, in order not in size."""

import pytest

from rewards.errors import SandboxError
from rewards.executor import Executor
from rewards.records import Limits, Status
from rewards.whole_process import ProcessMeter, ProcessRun

MB = 10**6


@pytest.fixture(scope="module")
def meter_runs(executor: Executor):
    """Runs programs on one meter, in one task."""

    def run_all(*programs: str, stdin: str = "") -> list[ProcessRun]:
        def task(worker, _) -> list[ProcessRun]:
            meter = ProcessMeter(worker)
            return [meter.run(program, stdin, Limits()) for program in programs]

        (found,) = executor.map(task, [None], lambda _: programs)
        if isinstance(found, SandboxError):
            raise found
        return found

    return run_all


def test_interpreter_imports_and_what_is_held_all_count(meter_runs) -> None:
    empty, imports, block = (
        run.cost
        for run in meter_runs(
            "pass", "import datetime, inspect, statistics", f"block = bytearray({50 * MB})"
        )
    )
    assert empty.wall_s > 0
    assert empty.memory_time_mb_s > 0
    assert 4 * MB < empty.peak_memory_bytes < 40 * MB
    assert imports.peak_memory_bytes > empty.peak_memory_bytes + MB / 2
    assert block.peak_memory_bytes - empty.peak_memory_bytes == pytest.approx(50 * MB, rel=0.03)


def test_the_start_is_held_for_as_long_as_the_program_runs(meter_runs) -> None:
    empty, sleeper = meter_runs("pass", "import time\ntime.sleep(0.3)")
    assert sleeper.result.wall_s > 0.2
    assert sleeper.cost.wall_s > sleeper.result.wall_s
    held = sleeper.result.wall_s * empty.cost.peak_memory_bytes / MB
    assert sleeper.cost.memory_time_mb_s > 0.9 * held


def test_a_program_reads_its_own_input_and_runs_as_main(meter_runs) -> None:
    program = (
        "import atexit, sys\nprint(__name__, [n for n in globals() if n[0] != '_'])\n"
        "atexit.register(lambda: print(sys.stdin.read(), 'é'))\n"
    )
    (run,) = meter_runs(program, stdin="one\ntwo")
    assert run.result.status is Status.OK
    assert run.result.stdout.decode() == "__main__ ['atexit', 'sys']\none\ntwo é\n"


def test_giving_back_what_globals_hold_is_part_of_the_run(meter_runs) -> None:
    ends = "class Last:\n    def __del__(self): print('gone')\nlast = Last()\n"
    (run,) = meter_runs(ends)
    assert run.result.stdout == b"gone\n"


@pytest.mark.parametrize(
    ("program", "status"),
    [("1 / 0", Status.RUNTIME_ERROR), ("(", Status.RUNTIME_ERROR), ("import sys; sys.exit(3)", 3)],
)
def test_a_failed_run_keeps_its_status(meter_runs, program: str, status: Status | int) -> None:
    (run,) = meter_runs(program)
    assert status in (run.result.status, run.result.exit_code)
