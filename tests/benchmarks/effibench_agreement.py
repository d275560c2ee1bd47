"""Our figures of whole processes beside EffiBench's own ruler, on the same programs.

    python -m tests.benchmarks.effibench_agreement --peers VENV [--rounds 5] [--output FILE]

`mprof run --interval 0.001` samples a process; ET is its last moment less its first, MU its largest
sample, TMU the area under the samples; NET, NMU and NTMU are totals over those of the canonical
solutions. Ours are `rewards.whole_process`, one run each. Each round runs every program by every
ruler, in an order drawn by lot. EffiBench hands mprof a file: then mprof starts it inside its own
package, whose loading is in every figure. So it is read twice, around a plain interpreter, which
ours imitates, and as EffiBench does it, where ours is moved by what a program that does nothing
reads there above our own reading of it.
"""

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, NamedTuple

from rewards.machine import fingerprint
from rewards.records import MIB, Limits, Status
from rewards.whole_process import ProcessMeter
from rewards.worker import Worker, WorkerSettings
from tests.benchmarks.contestants import make_clean_python
from tests.benchmarks.effibench_problems import CASES, PRELUDE, rows, script
from tests.benchmarks.tables import publish, table

HOW_TO_INSTALL: Final = "python -m venv PEERS && PEERS/bin/pip install memory_profiler"
MPROF_TIMEOUT_S: Final = 120.0
METRICS: Final = ("ET s", "MU MiB", "TMU MiB*s", "NET", "NMU", "NTMU")
OURS, PLAIN, WRAPPED = "effirl", "mprof", "mprof as EffiBench"
SOLUTIONS: Final = ("canonical_solution", "completion")
SPREADS: Final = 2.0
"""Standard deviations of mprof's rounds within which ours must be to count as one of them."""


class Reading(NamedTuple):
    """One run by one ruler, in EffiBench's units."""

    seconds: float
    peak_mib: float
    mib_s: float


@dataclass(frozen=True, slots=True)
class Script:
    """A program that the rulers run: of a problem and one of its two solutions, or neither."""

    problem: int
    solution: str
    path: Path

    @property
    def text(self) -> str:
        return self.path.read_text()


Ruler = Callable[[Script], Reading]
Readings = Mapping[tuple[int, str], Reading]
"""Of one round, by problem and solution."""


def main(argv: Sequence[str] | None = None) -> None:
    arguments = _parse(argv)
    peers = str(arguments.peers / "bin" / "python") if arguments.peers else sys.executable
    if not _has_mprof(peers):
        sys.exit(
            f"effibench_agreement: mprof is not installed for {peers}; {HOW_TO_INSTALL}, then "
            "--peers PEERS"
        )
    with tempfile.TemporaryDirectory(prefix="effirl-agreement-") as folder:
        scripts = _write(Path(folder))
        python = make_clean_python(Path(folder, "python"))
        mprof = [peers, "-m", "mprof", "run", "--interval", "0.001", "--output"]
        samples = Path(folder, "samples.dat")
        rulers: dict[str, Ruler] = {
            PLAIN: lambda s: _sample([*mprof, str(samples), python, str(s.path)], samples),
            WRAPPED: lambda s: _sample([*mprof, str(samples), str(s.path)], samples),
        }
        with Worker(WorkerSettings(min(os.sched_getaffinity(0)))) as worker:
            found, seconds = _record(worker, rulers, scripts, arguments.rounds)
    publish(_report(found, seconds), arguments.output)


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.effibench_agreement",
        description=__doc__.splitlines()[0],
    )
    parser.add_argument("--peers", type=Path, help="virtual environment with memory_profiler")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each program by each ruler")
    parser.add_argument("--output", type=Path, help="write the report here as well")
    return parser.parse_args(argv)


def _has_mprof(python: str) -> bool:
    try:
        return not subprocess.run([python, "-c", "import mprof"], capture_output=True).returncode
    except OSError:
        return False


def _write(folder: Path) -> list[Script]:
    """Write the solutions, and last the program that does nothing but load the prelude."""
    texts = {
        (index, name): script(row[name], row)
        for index, row in enumerate(rows())
        for name in SOLUTIONS
    }
    texts[-1, ""] = PRELUDE
    scripts = []
    for (problem, name), text in texts.items():
        scripts.append(Script(problem, name, folder / f"{name or 'nothing'}_{problem + 1}.py"))
        scripts[-1].path.write_text(text)
    return scripts


def _sample(command: list[str], samples: Path) -> Reading:
    subprocess.run(
        command, check=True, timeout=MPROF_TIMEOUT_S, stdout=subprocess.DEVNULL, cwd=samples.parent
    )
    reading = read_samples(samples.read_text())
    samples.unlink()
    return reading


def read_samples(text: str) -> Reading:
    """Work out EffiBench's three figures from what mprof wrote.

    >>> read_samples("CMDLINE x\\nMEM 1.0 10.0\\nMEM 3.0 10.5\\nMEM 3.0 11.0\\n")
    Reading(seconds=1.0, peak_mib=3.0, mib_s=2.5)
    """
    lines = [line.split() for line in text.splitlines()]
    points = [(float(words[2]), float(words[1])) for words in lines if words[:1] == ["MEM"]]
    return Reading(
        points[-1][0] - points[0][0],
        max(mib for _, mib in points),
        sum((t2 - t1) * (mib1 + mib2) / 2 for (t1, mib1), (t2, mib2) in pairwise(points)),
    )


def _run_ours(meter: ProcessMeter, program: Script) -> Reading:
    run = meter.run(program.text, "", Limits())
    if run.result.status is not Status.OK:
        raise RuntimeError(f"{program.path.name}: {run.result.status} {run.result.stderr!r}")
    cost = run.cost
    return Reading(cost.wall_s, cost.peak_memory_bytes / MIB, cost.memory_time_mb_s * 1e6 / MIB)


def _record(
    worker: Worker, rulers: Mapping[str, Ruler], scripts: Sequence[Script], rounds: int
) -> tuple[dict[str, list[Readings]], dict[str, dict[str, list[float]]]]:
    """Run all by all, round after round.

    Returns:
        The readings of each ruler's rounds; and by ruler and kind of program how long each run
        took on the clock on the wall, from the caller's side.
    """
    chance = random.Random(0)
    found: dict[str, list[Readings]] = defaultdict(list)
    seconds: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for number in range(rounds):
        sys.stderr.write(f"round {number + 1} of {rounds}\n")
        meter = ProcessMeter(worker)  # measures the start anew, as the others do
        meter.run(PRELUDE, "", Limits())
        contestants: dict[str, Ruler] = {OURS: partial(_run_ours, meter), **rulers}
        readings: dict[str, dict[tuple[int, str], Reading]] = {name: {} for name in contestants}
        for program in chance.sample(scripts, len(scripts)):
            for name in chance.sample(list(contestants), len(contestants)):
                started = time.perf_counter()
                reading = contestants[name](program)
                elapsed = time.perf_counter() - started
                readings[name][program.problem, program.solution] = reading
                if program.problem >= 0:
                    seconds[name][CASES[program.problem].kind].append(elapsed)
        for name, of_round in readings.items():
            found[name].append(of_round)
    return found, seconds


def metrics(readings: Readings) -> list[float]:
    """Work out EffiBench's six figures of a round's completions: means, and ratios of totals."""
    problems = sorted(problem for problem, solution in readings if solution == "completion")
    sides = [
        [sum(column) for column in zip(*(readings[p, name] for p in problems), strict=True)]
        for name in SOLUTIONS
    ]
    canonical, completion = sides
    means = [total / len(problems) for total in completion]
    return means + [a / b for a, b in zip(completion, canonical, strict=True)]


def moved(readings: Readings, ours: Reading, theirs: Reading) -> Readings:
    """Replace our reading of the program that does nothing by theirs, in all readings.

    What their start takes more of memory is held for as long as a program runs.
    """
    seconds, mib = theirs.seconds - ours.seconds, theirs.peak_mib - ours.peak_mib
    return {
        key: Reading(
            reading.seconds + seconds,
            reading.peak_mib + mib,
            reading.mib_s
            + (theirs.mib_s - ours.mib_s)
            + mib * max(0.0, reading.seconds - ours.seconds),
        )
        for key, reading in readings.items()
    }


def _report(
    found: Mapping[str, list[Readings]], seconds: Mapping[str, Mapping[str, list[float]]]
) -> str:
    machine = fingerprint()
    ours_empty, wrapped_empty = (_nothing(found[name]) for name in (OURS, WRAPPED))
    as_effibench = [moved(readings, ours_empty, wrapped_empty) for readings in found[OURS]]
    empty_rows = [[name, *(f"{value:.4g}" for value in _nothing(found[name]))] for name in found]
    return "\n\n".join(
        [
            f"# Agreement with EffiBench's ruler\n\n{len(CASES)} problems, two solutions each, "
            f"{len(found[OURS])} rounds; {machine['cpu']}, Python {machine['python']}. Mean and "
            f"standard deviation of the rounds; ours agrees where its mean is within {SPREADS:g} "
            "standard deviations of mprof's rounds.",
            f"## Around a plain interpreter\n\n{_agreement(found[OURS], found[PLAIN])}",
            f"## As EffiBench starts it\n\n{_agreement(as_effibench, found[WRAPPED])}",
            "## A program that does nothing but its imports\n\n"
            + table(["", *METRICS[:3]], empty_rows),
            f"## Programs per second\n\n{_throughput(seconds)}",
        ]
    )


def _nothing(rounds: Sequence[Readings]) -> Reading:
    columns = zip(*(readings[-1, ""] for readings in rounds), strict=True)
    return Reading(*map(statistics.median, columns))


def _agreement(ours: Sequence[Readings], theirs: Sequence[Readings]) -> str:
    cells: list[list[str]] = []
    for name, own, other in zip(METRICS, _columns(ours), _columns(theirs), strict=True):
        mean, spread = statistics.mean(other), statistics.stdev(other)
        away = statistics.mean(own) - mean
        cells.append(
            [
                name,
                f"{statistics.mean(own):.4g} +- {statistics.stdev(own):.2g}",
                f"{mean:.4g} +- {spread:.2g}",
                f"{away / mean:+.1%}",
                f"{away / spread if spread else 0.0:+.1f}",
                "yes" if abs(away) <= SPREADS * spread else "NO",
            ]
        )
    return table(["", OURS, PLAIN, "off by", "in spreads", "agrees"], cells)


def _columns(rounds: Sequence[Readings]) -> list[tuple[float, ...]]:
    return list(zip(*map(metrics, rounds), strict=True))


def _throughput(seconds: Mapping[str, Mapping[str, list[float]]]) -> str:
    kinds = {kind: [kind] for kind in seconds[OURS]} | {"all": list(seconds[OURS])}
    cells: list[list[Any]] = []
    for label, members in kinds.items():
        rates = {
            name: 1 / statistics.mean([s for kind in members for s in by_kind[kind]])
            for name, by_kind in seconds.items()
        }
        ratio = rates[OURS] / rates[WRAPPED]
        cells.append([label, *(f"{rates[name]:.1f}" for name in seconds), f"{ratio:.1f}x"])
    return (
        table(["programs", *seconds, f"{OURS} / {WRAPPED}"], cells)
        + "\n\nOne at a time, one run each. Where a program itself runs for long, no ruler can be "
        "much faster than it: the target of 20x is for quick programs."
    )


if __name__ == "__main__":
    main()
