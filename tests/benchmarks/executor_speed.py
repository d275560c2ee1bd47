"""What the executor costs beside a bare fork, a plain process and a sandbox for each run.

    python -m tests.benchmarks.executor_speed [--programs 150] [--rounds 2] [--output FILE]

Real PIE programs, each on its last public input. All contestants run in one go on one core, in
blocks (a contestant runs all programs, then the next one) and interleaved (each program goes round
the contestants). Only the ratios carry over to another moment or machine.
"""

import argparse
import os
import random
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rewards.executor import Executor
from rewards.judging import outputs_match
from rewards.machine import fingerprint
from rewards.records import ExecutionResult, Limits
from rewards.worker import Worker
from tests.benchmarks.contestants import (
    BareFork,
    Bubblewrap,
    Contestant,
    OurWorker,
    PlainProcess,
    Program,
    make_clean_python,
)
from tests.benchmarks.programs import select
from tests.benchmarks.tables import percentile, publish, table
from tests.shared import SHARED

LIGHT_S = 0.010
"""A program whose bare run takes less is light: the executor's own cost shows on it."""
WORKER_PASSES = 4
ORDERS = ("blocks", "interleaved")
FASTEST = "fastest"
"""Each program's fastest run in either order: what holds when others use the core too."""


@dataclass(slots=True)
class Recording:
    """One contestant's runs."""

    seconds: dict[str, list[list[float]]]
    """Order of runs -> for each program, the time of each round."""
    rejected: set[int] = field(default_factory=set)
    """Programs that did not print what they print in a plain process, in any round."""


def main(argv: Sequence[str] | None = None) -> None:
    arguments = _parse(argv)
    data = SHARED / "data" / "pie"
    if not (data / "python_pairs.jsonl").exists():
        sys.exit(f"executor_speed: {data} is absent; set EFFIRL_SHARED to the shared folder")
    cores = sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory(prefix="effirl-speed-") as folder:
        os.sched_setaffinity(0, {cores[0]})
        python = make_clean_python(Path(folder, "python"))
        programs = select(data, Path(folder), PlainProcess(python), arguments.programs)
        contestants = _contestants(cores[0], python, Path(folder))
        recordings = _record(contestants, programs, arguments.rounds)
        for contestant in contestants:
            contestant.close()
        os.sched_setaffinity(0, set(cores))
        for recording in recordings.values():
            by_order = zip(*(recording.seconds[order] for order in ORDERS), strict=True)
            recording.seconds[FASTEST] = [[min(blocks + turns)] for blocks, turns in by_order]
        light = _light(recordings)
        workers = _two_workers([programs[i] for i in light], len(cores))
    publish(_report(recordings, light, programs, workers), arguments.output)


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.executor_speed", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--programs", type=int, default=150, help="how many programs to run")
    parser.add_argument("--rounds", type=int, default=2, help="of each order of runs")
    parser.add_argument("--output", type=Path, help="write the report here as well")
    return parser.parse_args(argv)


def _contestants(core: int, python: str, folder: Path) -> list[Contestant]:
    contestants: list[Contestant] = [BareFork(), OurWorker(core), PlainProcess(python)]
    if Bubblewrap.is_installed():
        contestants.append(Bubblewrap(python, folder))
    return contestants


def _record(
    contestants: Sequence[Contestant], programs: Sequence[Program], rounds: int
) -> dict[str, Recording]:
    recordings = {
        c.name: Recording({o: [[] for _ in programs] for o in ORDERS}) for c in contestants
    }
    chance = random.Random(0)

    def one(order: str, contestant: Contestant, index: int) -> None:
        outcome = contestant.run(programs[index])
        recording = recordings[contestant.name]
        recording.seconds[order][index].append(outcome.seconds)
        if not (outcome.has_succeeded and outputs_match(outcome.stdout, programs[index].expected)):
            recording.rejected.add(index)

    for _ in range(rounds):
        for contestant in chance.sample(contestants, len(contestants)):
            for index in range(len(programs)):
                one("blocks", contestant, index)
        for index in range(len(programs)):
            for contestant in chance.sample(contestants, len(contestants)):
                one("interleaved", contestant, index)
    return recordings


def _bare_median_s(recordings: dict[str, Recording], order: str, index: int) -> float:
    return statistics.median(recordings[BareFork.name].seconds[order][index])


def _light(recordings: dict[str, Recording]) -> list[int]:
    num_programs = len(recordings[BareFork.name].seconds["blocks"])
    return [i for i in range(num_programs) if _bare_median_s(recordings, FASTEST, i) < LIGHT_S]


def _two_workers(programs: Sequence[Program], num_cores: int) -> str:
    """Throughput of two workers over that of one, alternately, on the light programs."""
    if num_cores < 2:
        return "Two workers: not measured, one core only."

    def run(worker: Worker, program: Program) -> ExecutionResult:
        return worker.run(program.source, program.stdin, Limits())

    elapsed_s: dict[int, list[float]] = defaultdict(list)
    with Executor(num_workers=1) as one, Executor(num_workers=2) as two:
        for turn in range(WORKER_PASSES + 1):
            for executor in (one, two):
                started = time.perf_counter()
                executor.map(run, programs)
                if turn > 0:  # the first one starts the workers and measures their floors
                    elapsed_s[executor.num_workers].append(time.perf_counter() - started)
    ratio = statistics.median(a / b for a, b in zip(elapsed_s[1], elapsed_s[2], strict=True))
    per_second = len(programs) / statistics.median(elapsed_s[1])
    return (
        f"Two workers over one, light programs: **{ratio:.2f}x** of {per_second:.0f} programs/s "
        "(target 1.8 with both cores free; the caller's threads share them)."
    )


def _report(
    recordings: dict[str, Recording],
    light: Sequence[int],
    programs: Sequence[Program],
    workers: str,
) -> str:
    machine = fingerprint()
    parts = [
        f"# Executor speed: {len(programs)} PIE programs, {len(light)} of them light "
        f"(bare run < {LIGHT_S * 1000:.0f} ms)",
        f"{machine['cpu']}, {machine['cores']} cores, Linux {machine['kernel']}, Python "
        f"{machine['python']}. Everything on one core. Load average while it ran: "
        f"{os.getloadavg()[0]:.1f} (above 1, others shared the core: read the fastest runs only).",
    ]
    for order in (*ORDERS, FASTEST):
        parts += [f"## Light programs, {order}", _order_table(recordings, light, order)]
    parts += [_accepted(recordings, programs), _ratios(recordings, light), workers]
    if not Bubblewrap.is_installed():
        parts.append("Bubblewrap: not measured, bwrap is not installed.")
    return "\n\n".join(parts)


def _order_table(recordings: dict[str, Recording], light: Sequence[int], order: str) -> str:
    header = (
        "contestant", "p50 ms", "p90 ms", "p99 ms", "ratio to bare p50", "p99", "overhead p50 ms",
        "programs/s", "all programs/s",
    )  # fmt: skip
    bare = {i: _bare_median_s(recordings, order, i) for i in light}
    rows = []
    for name, recording in recordings.items():
        per_program = recording.seconds[order]
        runs = [(s, bare[i]) for i in light for s in per_program[i]]
        seconds = [s for s, _ in runs]
        ratios = [s / b for s, b in runs]
        everything = [s for program in per_program for s in program]
        rows.append(
            [
                name,
                *(f"{percentile(seconds, share) * 1000:.2f}" for share in (0.5, 0.9, 0.99)),
                f"{percentile(ratios, 0.5):.2f}",
                f"{percentile(ratios, 0.99):.2f}",
                f"{percentile([s - b for s, b in runs], 0.5) * 1000:.2f}",
                f"{len(seconds) / sum(seconds):.0f}",
                f"{len(everything) / sum(everything):.0f}",
            ]
        )
    return table(header, rows)


def _accepted(recordings: dict[str, Recording], programs: Sequence[Program]) -> str:
    lines = []
    for name, recording in recordings.items():
        num_right = len(programs) - len(recording.rejected)
        lines.append(f"- {name}: {num_right} of {len(programs)} accepted")
        lines += [
            f"  - rejected {i}:\n\n```python\n{programs[i].source.decode()}\n```"
            for i in sorted(recording.rejected)
        ]
    return "\n".join(["## Programs accepted in every run", "", *lines])


def _ratios(recordings: dict[str, Recording], light: Sequence[int]) -> str:
    """Throughput of the worker over each contestant's, on the light programs."""
    totals = {
        (name, order): sum(sum(recording.seconds[order][i]) for i in light)
        for name, recording in recordings.items()
        for order in (*ORDERS, FASTEST)
    }
    header = ("worker's throughput over", *ORDERS, FASTEST, "target")
    targets = {BareFork.name: "", PlainProcess.name: "5 / 4", Bubblewrap.name: "7 / 5"}
    rows = [
        [name]
        + [
            f"{totals[name, order] / totals[OurWorker.name, order]:.2f}"
            for order in (*ORDERS, FASTEST)
        ]
        + [targets[name]]
        for name in recordings
        if name != OurWorker.name
    ]
    return "## Throughput, light programs\n\n" + table(header, rows)


if __name__ == "__main__":
    main()
