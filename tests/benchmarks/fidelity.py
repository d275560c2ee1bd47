"""How well the meter tells programs apart, against programs whose cost is known.

    python -m tests.benchmarks.fidelity [--hogs N] [--scale 1.0] [--output FILE]

Equal programs and twice the work as the reward compares them (`rewards.measurement.compare`, its
own choice of rounds); 5% apart in so many pairs of runs and no more; at 2, 20 and 200 ms of
arithmetic. Peak memory of byte arrays of known size, and memory over time of programs that work out
what it should be. `--hogs` puts loops on the same core, that count and that copy memory in turns.
"""

import argparse
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rewards.doctor import LOOP_INPUTS, loop_program, loop_steps_per_s
from rewards.machine import fingerprint
from rewards.measurement import Comparison, MeasurementPlan, compare
from rewards.memory_profile import memory_time
from rewards.records import MIB, Limits, Status
from rewards.scores import RewardConfig, time_gain
from rewards.worker import Worker, WorkerSettings
from tests.benchmarks.tables import percentile, publish, table

HOLD = """\
import time
block = bytearray({size})
end = time.perf_counter() + {hold_s}
while time.perf_counter() < end:
    pass
{ending}
"""
GO_UP_AND_DOWN = """\
import time
now = time.thread_time  # all that it does is compute
blocks, area = [], 0
start = now()
for number in range(8):
    before = now()
    blocks.append(bytearray({size} // 8))
    after = now()
    while now() < start + {seconds} * (number + 1) / 12: pass
    area += (after - before) * (number + 0.5) + (now() - after) * (number + 1)
for number in reversed(range(8)):  # to give memory back takes time, too
    before = now()
    blocks.pop()
    area += (now() - before) * (number + 0.5)
while now() < start + {seconds}: pass
print(area * {size} / 8 / 1e6)
"""
"""Holds an eighth more with each twelfth of its time, then nothing; prints its MB*s."""
HOGS = (
    "while True: pass",
    "block = bytearray(64 << 20)\nwhile True: bytes(block)",
)
STEP_APART, TWICE = 1.05, 2.0
NUM_EQUAL = {0.002: 60, 0.020: 60}
NUM_STEP_APART = {0.002: 60, 0.020: 60, 0.200: 20}
PAIRS_OF_RUNS = {0.002: 5, 0.020: 2, 0.200: 1}
PAIRS_BESIDE_HOGS = {0.002: 12, 0.020: 2, 0.200: 1}
NUM_TWICE, TWICE_S = 30, 0.020
SIZES_MIB = (1, 2, 4, 8, 16, 64, 256)
HOLDS_S = (0.0002, 0.001)
ENDINGS = {"freed": "del block", "held": ""}
MEMORY_REPEATS = 6
LARGE_HOST_BYTES = 500 * MIB
SAMPLED_MIB, SAMPLED_S, NUM_SAMPLED = (8, 32, 128), (0.040, 0.100, 0.300), 8
ROOMY = Limits(memory_bytes=2048 * MIB)


def main(argv: Sequence[str] | None = None) -> None:
    arguments = _parse(argv)
    core = min(os.sched_getaffinity(0))
    with Worker(WorkerSettings(core)) as worker, _hogs(arguments.hogs, core):
        steps_per_s = loop_steps_per_s(worker)
        parts = [
            _title(arguments.hogs),
            _equal_table(worker, steps_per_s, arguments.scale),
            _apart_table(worker, steps_per_s, arguments.scale, beside_hogs=arguments.hogs > 0),
            _twice_line(worker, steps_per_s, arguments.scale),
            _memory_table(worker),
            _large_host_line(core),
            _memory_time_table(worker, arguments.scale),
        ]
    publish("\n\n".join(parts), arguments.output)


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.fidelity", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--hogs", type=int, default=0, help="loops on the worker's core")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the comparisons to run")
    parser.add_argument("--output", type=Path, help="write the report here as well")
    return parser.parse_args(argv)


@contextmanager
def _hogs(number: int, core: int) -> Iterator[None]:
    pin = f"import os; os.sched_setaffinity(0, {{{core}}})\n"
    hogs = [
        subprocess.Popen([sys.executable, "-I", "-S", "-c", pin + HOGS[turn % len(HOGS)]])
        for turn in range(number)
    ]
    try:
        yield
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()


def _compare(
    worker: Worker,
    programs: tuple[str, str],
    number: int,
    plan: MeasurementPlan | None = None,
) -> list[Comparison]:
    return [compare(worker, *programs, LOOP_INPUTS, Limits(), plan) for _ in range(number)]


def _loops(steps_per_s: float, seconds: float, factor: float) -> tuple[str, str]:
    """A program of `factor` times the work, and one of `seconds`."""
    return loop_program(seconds * factor, steps_per_s), loop_program(seconds, steps_per_s)


def _title(num_hogs: int) -> str:
    machine = fingerprint()
    return (
        f"# Fidelity\n\n{machine['cpu']}, {machine['cores']} cores, Linux {machine['kernel']}, "
        f"Python {machine['python']}. Hogs on the core: {num_hogs}. Load average before: "
        f"{os.getloadavg()[0]:.1f}."
    )


def _equal_table(worker: Worker, steps_per_s: float, scale: float) -> str:
    """Equal programs: everything that is found is false."""
    header = ("runtime", "pairs", "interval holds 0", "time gain is 0", "sd of ratio", "rounds")
    rows = []
    for seconds, number in NUM_EQUAL.items():
        programs = _loops(steps_per_s, seconds, 1.0)
        found = _compare(worker, programs, max(2, round(number * scale)))
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


def _apart_table(worker: Worker, steps_per_s: float, scale: float, *, beside_hogs: bool) -> str:
    """5% apart: which one is faster, told from so many pairs of runs?"""
    header = ("runtime", "pairs of runs", "times", "ranked right", "median ratio", "sd of ratio")
    pairs_of_runs = PAIRS_BESIDE_HOGS if beside_hogs else PAIRS_OF_RUNS
    rows = []
    for seconds, number in NUM_STEP_APART.items():
        plan = MeasurementPlan(0.0, relative_half_width=0.0, max_rounds=pairs_of_runs[seconds])
        programs = _loops(steps_per_s, seconds, STEP_APART)
        found = _compare(worker, programs, max(2, round(number * scale)), plan)
        right = sum(c.time_log2_ratio > 0 for c in found)
        ratios = [2**c.time_log2_ratio for c in found]
        rows.append(
            [
                f"{seconds * 1000:.0f} ms",
                str(plan.max_rounds),
                str(len(found)),
                f"{right / len(found):.1%}",
                f"{statistics.median(ratios):.3f}",
                f"{statistics.pstdev(ratios):.2%}",
            ]
        )
    return "## 5% apart (target: 95% ranked right)\n\n" + table(header, rows)


def _twice_line(worker: Worker, steps_per_s: float, scale: float) -> str:
    programs = _loops(steps_per_s, TWICE_S, TWICE)
    found = _compare(worker, programs, max(2, round(NUM_TWICE * scale)))
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
    errors = _memory_errors(worker, size, hold_s, ending)
    return f"{statistics.median(errors):+.0f}, {max(errors) - min(errors)}"


def _memory_errors(worker: Worker, size: int, hold_s: float, ending: str) -> list[int]:
    program = HOLD.format(size=size, hold_s=hold_s, ending=ENDINGS[ending])
    errors = []
    for _ in range(MEMORY_REPEATS):
        result = worker.run(program, "", ROOMY, is_measured=True)
        assert result.status is Status.OK, result
        errors.append((result.peak_memory_bytes - size) // 1000)
    return errors


def _large_host_line(core: int) -> str:
    """Start workers from a small and from a large process of ours."""

    def median_error() -> float:
        with Worker(WorkerSettings(core)) as worker:
            return statistics.median(_memory_errors(worker, 8 * MIB, HOLDS_S[0], "held"))

    small = median_error()
    ballast = b"1" * LARGE_HOST_BYTES
    large = median_error()
    del ballast
    return (
        f"8 MiB on a fresh worker: {small:+.0f} kB; on one started by a host that holds "
        f"{LARGE_HOST_BYTES // MIB} MiB more: {large:+.0f} kB (target: within 130 kB)."
    )


def _memory_time_table(worker: Worker, scale: float) -> str:
    header = ("memory", "runtime", "runs", "reliable", "median error", "largest error")
    rows = []
    for size_mib in SAMPLED_MIB:
        for seconds in SAMPLED_S:
            program = GO_UP_AND_DOWN.format(size=size_mib * MIB, seconds=seconds)
            number = max(2, round(NUM_SAMPLED * scale))
            found = [memory_time(worker, program, "", ROOMY) for _ in range(number)]
            errors = [f.mb_s / float(f.result.stdout) - 1 for f in found if f.is_reliable]
            rows.append(
                [
                    f"{size_mib} MiB",
                    f"{seconds * 1000:.0f} ms",
                    str(number),
                    str(len(errors)),
                    f"{statistics.median(errors):+.1%}" if errors else "-",
                    f"{max(errors, key=abs):+.1%}" if errors else "-",
                ]
            )
    return "## Memory over time, of reliable runs (target: within 3%)\n\n" + table(header, rows)


if __name__ == "__main__":
    main()
