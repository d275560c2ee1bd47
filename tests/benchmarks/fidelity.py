"""How well the meter tells programs apart, against programs whose cost is known.

    python -m tests.benchmarks.fidelity [--hogs N] [--scale 1.0] [--output FILE]

Runs each comparison as the reward does (`rewards.measurement.compare`, its own choice of rounds):
equal programs, 5% apart, 2x apart, at 2, 20 and 200 ms of arithmetic; and peak memory of byte
arrays of known size. `--hogs` puts busy loops on the same core.
"""

import argparse
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rewards.machine import fingerprint
from rewards.measurement import Comparison, compare
from rewards.records import MIB, Limits, Status, TestCase
from rewards.scores import RewardConfig, time_gain
from rewards.worker import Worker, WorkerSettings
from tests.benchmarks.tables import percentile, publish, table

LOOP = "total = 0\nfor i in range({steps}):\n    total += i * i % 7\nprint('done')\n"
HOLD = """\
import time
block = bytearray({size})
end = time.perf_counter() + {hold_s}
while time.perf_counter() < end:
    pass
{ending}
"""
INPUTS = (TestCase("", "done\n"),)
CALIBRATION_STEPS = 400_000
STEP_APART, TWICE = 1.05, 2.0
NUM_EQUAL = {0.002: 60, 0.020: 60}
NUM_STEP_APART = {0.002: 60, 0.020: 60, 0.200: 12}
NUM_TWICE, TWICE_S = 30, 0.020
SIZES_MIB = (1, 2, 4, 8, 16, 64, 256)
HOLDS_S = (0.0002, 0.001)
ENDINGS = {"freed": "del block", "held": ""}
MEMORY_REPEATS = 6
ROOMY = Limits(memory_bytes=2048 * MIB)


def main(argv: Sequence[str] | None = None) -> None:
    arguments = _parse(argv)
    core = min(os.sched_getaffinity(0))
    with Worker(WorkerSettings(core)) as worker, _hogs(arguments.hogs, core):
        steps_per_s = _calibrate(worker)
        parts = [
            _title(arguments.hogs),
            _equal_table(worker, steps_per_s, arguments.scale),
            _apart_table(worker, steps_per_s, arguments.scale),
            _twice_line(worker, steps_per_s, arguments.scale),
            _memory_table(worker),
        ]
    publish("\n\n".join(parts), arguments.output)


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.fidelity", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--hogs", type=int, default=0, help="busy loops on the worker's core")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the comparisons to run")
    parser.add_argument("--output", type=Path, help="write the report here as well")
    return parser.parse_args(argv)


@contextmanager
def _hogs(number: int, core: int) -> Iterator[None]:
    loop = f"import os; os.sched_setaffinity(0, {{{core}}})\nwhile True: pass"
    hogs = [subprocess.Popen([sys.executable, "-I", "-S", "-c", loop]) for _ in range(number)]
    try:
        yield
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()


def _calibrate(worker: Worker) -> float:
    """Steps of the loop in a second of net runtime."""
    program = LOOP.format(steps=CALIBRATION_STEPS)
    runs = [worker.run(program, "", Limits()).runtime_s for _ in range(5)]
    return CALIBRATION_STEPS / statistics.median(runs)


def _compare(
    worker: Worker, steps_per_s: float, seconds: float, factor: float, number: int
) -> list[Comparison]:
    """Compare a program of `factor` times the work with one of `seconds`, `number` times."""
    steps = round(seconds * steps_per_s)
    source, program = (LOOP.format(steps=round(s)) for s in (steps * factor, steps))
    return [compare(worker, source, program, INPUTS, Limits()) for _ in range(number)]


def _title(num_hogs: int) -> str:
    machine = fingerprint()
    return (
        f"# Fidelity\n\n{machine['cpu']}, {machine['cores']} cores, Linux {machine['kernel']}, "
        f"Python {machine['python']}. Busy loops on the core: {num_hogs}. Load average before: "
        f"{os.getloadavg()[0]:.1f}."
    )


def _equal_table(worker: Worker, steps_per_s: float, scale: float) -> str:
    """Equal programs: everything that is found is false."""
    header = ("runtime", "pairs", "interval holds 0", "time gain is 0", "sd of ratio", "rounds")
    rows = []
    for seconds, number in NUM_EQUAL.items():
        found = _compare(worker, steps_per_s, seconds, 1.0, max(1, round(number * scale)))
        holding = sum(c.time_low <= 0 <= c.time_high for c in found)
        silent = sum(time_gain(c, RewardConfig().saturation) == 0 for c in found)
        rows.append(
            [
                f"{seconds * 1000:.0f} ms",
                str(len(found)),
                f"{holding / len(found):.1%}",
                f"{silent / len(found):.1%}",
                f"{statistics.pstdev(2**c.time_log2_ratio for c in found):.2%}",
                _rounds(found),
            ]
        )
    return "## A program against itself (target: 95% hold 0)\n\n" + table(header, rows)


def _apart_table(worker: Worker, steps_per_s: float, scale: float) -> str:
    """5% apart: which one is faster?"""
    header = ("runtime", "pairs", "ranked right", "median ratio", "sd of ratio", "rounds")
    rows = []
    for seconds, number in NUM_STEP_APART.items():
        found = _compare(worker, steps_per_s, seconds, STEP_APART, max(1, round(number * scale)))
        right = sum(c.time_log2_ratio > 0 for c in found)
        ratios = [2**c.time_log2_ratio for c in found]
        rows.append(
            [
                f"{seconds * 1000:.0f} ms",
                str(len(found)),
                f"{right / len(found):.1%}",
                f"{statistics.median(ratios):.3f}",
                f"{statistics.pstdev(ratios):.2%}",
                _rounds(found),
            ]
        )
    return "## 5% apart (target: 95% ranked right)\n\n" + table(header, rows)


def _twice_line(worker: Worker, steps_per_s: float, scale: float) -> str:
    found = _compare(worker, steps_per_s, TWICE_S, TWICE, max(1, round(NUM_TWICE * scale)))
    ratios = [c.source_runtime_s / c.program_runtime_s for c in found]
    return (
        f"## Twice the work, {TWICE_S * 1000:.0f} against {2 * TWICE_S * 1000:.0f} ms "
        f"(target: 2.0 +- 0.05)\n\n{len(ratios)} pairs read {statistics.mean(ratios):.3f} on "
        f"average, {min(ratios):.3f} to {max(ratios):.3f}, sd {statistics.pstdev(ratios):.3f}."
    )


def _rounds(found: Sequence[Comparison]) -> str:
    rounds = [c.rounds for c in found]
    return f"{percentile(rounds, 0.5):.0f} ({min(rounds)}-{max(rounds)})"


def _memory_table(worker: Worker) -> str:
    """Net peak minus the array's size, in kB: median, and the spread of the repeats."""
    columns = [(hold_s, ending) for hold_s in HOLDS_S for ending in ENDINGS]
    header = ("array", *(f"{hold_s * 1000:g} ms, {ending}" for hold_s, ending in columns))
    rows = []
    for size_mib in SIZES_MIB:
        cells = [_memory_error(worker, size_mib * MIB, *column) for column in columns]
        rows.append([f"{size_mib} MiB", *cells])
    return (
        "## Peak memory: measured minus true, kB (median, repeat spread; target 0 to 450, 0)\n\n"
        + table(header, rows)
    )


def _memory_error(worker: Worker, size: int, hold_s: float, ending: str) -> str:
    program = HOLD.format(size=size, hold_s=hold_s, ending=ENDINGS[ending])
    errors = []
    for _ in range(MEMORY_REPEATS):
        result = worker.run(program, "", ROOMY)
        assert result.status is Status.OK, result
        errors.append((result.peak_memory_bytes - size) // 1000)
    return f"{statistics.median(errors):+.0f}, {max(errors) - min(errors)}"


if __name__ == "__main__":
    main()
