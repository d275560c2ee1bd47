"""Whether anything grows while programs of every kind run, one after the other.

    python -m tests.benchmarks.soak [--programs 10000] [--output FILE]

Each program must give its one expected row. Processes, threads, descriptors, mounts, control
groups, temporary files and resident memory, ours and the workers', are read ten times on the way.
Exit status 1 when a row is wrong or something grew.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from rewards.errors import SandboxError
from rewards.executor import Executor
from rewards.judging import verdict
from rewards.machine import fingerprint
from rewards.records import MIB, Limits, Status
from rewards.worker import Worker
from tests.benchmarks.tables import publish, table
from tests.traces import traces

NUM_READINGS = 10
WARM_UP_PROGRAMS = 400
"""All workers are up, and each has as many inputs open as it keeps."""
SPARE_BYTES = 2 * MIB
"""An allocator may keep this much more at the end than after the first tenth ..."""
SPARE_BYTES_EACH = 1024
"""... and this much for each program between: 1 MiB for a thousand."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A way for a program to end. `{number}` in its text tells the programs apart."""

    text: str
    status: Status
    limits: Limits = Limits()  # noqa: RUF009 - frozen


RIGHT = Kind("print({number})", Status.OK)
NUMPY = Kind("import numpy as np\nprint(np.arange({number} + 1)[-1])", Status.OK)
KINDS = (
    RIGHT,
    NUMPY,
    Kind("print({number} + 1)", Status.WRONG_ANSWER),
    Kind("raise ValueError({number})", Status.RUNTIME_ERROR),
    Kind("import os\nos.abort()  # {number}", Status.RUNTIME_ERROR),
    Kind("def f({number}", Status.SYNTAX_ERROR),
    Kind("while True: pass  # {number}", Status.TIME_LIMIT, Limits(wall_s=0.02)),
    Kind("x = bytearray(10**12)  # {number}", Status.MEMORY_LIMIT),
    Kind("print('x' * 10**6)  # {number}", Status.OUTPUT_LIMIT, Limits(output_bytes=1 << 16)),
    Kind("import ctypes\nctypes.CDLL(None).syscall(169)  # {number}", Status.VIOLATION),
)


@dataclass(frozen=True, slots=True)
class Soak:
    """Readings by name, in order, and what was not as it should be."""

    readings: dict[str, list[int]]
    wrong_rows: Counter[str]
    seconds: float

    def grown(self, num_programs: int) -> list[str]:
        """The names of what is more at the end than when all workers were warm."""
        spare = SPARE_BYTES + SPARE_BYTES_EACH * num_programs
        return [
            name
            for name, values in self.readings.items()
            if values[-1] - values[1] > (spare if name.endswith("bytes") else 0)
        ]


def soak(num_programs: int) -> Soak:
    """Run them in equal parts, each with every kind, and read what there is between the parts."""
    readings: dict[str, list[int]] = {}
    wrong_rows: Counter[str] = Counter()
    started = time.monotonic()
    with Executor() as executor:
        _run(executor, range(WARM_UP_PROGRAMS))
        for part in range(NUM_READINGS + 1):
            for name, value in _read().items():
                readings.setdefault(name, []).append(value)
            first, last = (num_programs * p // NUM_READINGS for p in (part, part + 1))
            if part < NUM_READINGS:
                wrong_rows += _run(executor, range(first, last))
    return Soak(readings, wrong_rows, time.monotonic() - started)


def _run(executor: Executor, numbers: range) -> Counter[str]:
    def run(worker: Worker, number: int) -> Status:
        kind = KINDS[number % len(KINDS)]
        result = worker.run(kind.text.format(number=number), "", kind.limits)
        return verdict(result, str(number))

    rows = executor.map(run, numbers, lambda number: [KINDS[number % len(KINDS)].text])
    assert len(rows) == len(numbers)
    wrong: Counter[str] = Counter()
    for number, row in zip(numbers, rows, strict=True):
        expected = KINDS[number % len(KINDS)].status
        if row is not expected:
            got = f"our failure: {row}" if isinstance(row, SandboxError) else row
            wrong[f"expected {expected}, got {got}"] += 1
    return wrong


def _read() -> dict[str, int]:
    ours = psutil.Process()
    workers = ours.children(recursive=True)
    return {
        "processes": len(workers),
        "threads": ours.num_threads(),
        **{kind: len(found) for kind, found in traces().items()},
        "resident bytes": ours.memory_info().rss,
        "workers' resident bytes": sum(worker.memory_info().rss for worker in workers),
    }


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.soak", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--programs", type=int, default=10_000, help="how many to run")
    parser.add_argument("--output", type=Path, help="write the report here as well")
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="effirl-soak-") as folder:
        tempfile.tempdir = folder  # others write to the common one
        found = soak(arguments.programs)
        tempfile.tempdir = None
    grown = found.grown(arguments.programs)
    publish(_report(found, grown, arguments.programs), arguments.output)
    return 1 if grown or found.wrong_rows else 0


def _report(found: Soak, grown: list[str], num_programs: int) -> str:
    header = ("programs so far", *(str(num_programs * p // 10) for p in (0, 1, 5, 10)), "")
    rows = []
    for name, values in found.readings.items():
        shown = [values[part] for part in (0, 1, 5, 10)]
        cells = [f"{value / MIB:.1f} MiB" if "bytes" in name else str(value) for value in shown]
        rows.append([name.removesuffix(" bytes"), *cells, "GREW" if name in grown else "flat"])
    machine = fingerprint()
    wrong = ", ".join(f"{text}: {count}" for text, count in found.wrong_rows.items()) or "none"
    return (
        f"# Soak: {num_programs} programs of {len(KINDS)} kinds\n\n{machine['cpu']}, Python "
        f"{machine['python']}. {found.seconds:.0f} s.\n\n{table(header, rows)}\n\n"
        f"Rows that are not as expected: {wrong}."
    )


if __name__ == "__main__":
    sys.exit(main())
