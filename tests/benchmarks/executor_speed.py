"""What the executor costs beside a bare fork, a plain process and other people's ways to run.

    python -m tests.benchmarks.executor_speed [--programs 150] [--rounds 2] [--peers VENV]
                                              [--output FILE]

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
from pathlib import Path

from rewards.executor import Executor
from rewards.judging import outputs_match
from rewards.records import ExecutionResult, Limits
from rewards.worker import Worker, WorkerSettings
from tests.benchmarks import peers, speed_report
from tests.benchmarks.contestants import (
    BareFork,
    Contestant,
    NotIsolated,
    OurRepeat,
    OurWorker,
    PlainProcess,
    Program,
    make_clean_python,
)
from tests.benchmarks.programs import select
from tests.benchmarks.speed_report import ORDERS, Recording
from tests.benchmarks.tables import publish
from tests.shared import SHARED

WORKER_PASSES = 4


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
        found, absent = peers.present(python, arguments.peers, Path(folder))
        contestants = [*_own(cores[0]), PlainProcess(python), *found]
        recordings = _record(contestants, programs, arguments.rounds)
        for contestant in contestants:
            contestant.close()
        os.sched_setaffinity(0, set(cores))
        for recording in recordings.values():
            recording.add_fastest()
        light = [programs[i] for i in speed_report.light(recordings)]
        remarks = [_two_workers(light, len(cores)), *absent]
    publish(speed_report.report(recordings, programs, remarks), arguments.output)


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.executor_speed", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--programs", type=int, default=150, help="how many programs to run")
    parser.add_argument("--rounds", type=int, default=2, help="of each order of runs")
    parser.add_argument("--peers", type=Path, help="virtual environment with peers' packages")
    parser.add_argument("--output", type=Path, help="write the report here as well")
    return parser.parse_args(argv)


def _own(core: int) -> list[Contestant]:
    settings = WorkerSettings(core)
    return [BareFork(), OurWorker(settings), OurRepeat(settings), NotIsolated(settings)]


def _record(
    contestants: Sequence[Contestant], programs: Sequence[Program], rounds: int
) -> dict[str, Recording]:
    recordings = {
        c.name: Recording({o: [[] for _ in programs] for o in ORDERS}) for c in contestants
    }
    chance = random.Random(0)

    def one(order: str, contestant: Contestant, index: int) -> None:
        if isinstance(contestant, peers.Mprof) and index >= peers.Mprof.max_programs:
            return
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


if __name__ == "__main__":
    main()
