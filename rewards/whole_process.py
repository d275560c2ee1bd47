"""What a program costs as a process of its own: interpreter, imports and exit included.

The reward leaves out what every program pays. Other people's figures have it in, EffiBench's ET, MU
and TMU above all, which sample `python FILE` from outside. This makes figures that compare with
those, from one run on a worker.

Theory of operation. A process's life is a start, the same for all programs with the same imports,
and the program. The start is measured in a fresh interpreter, once for each set of imports: it
loads those of the modules that workers preload, and is sampled from outside until it is gone. The
program then runs on a worker, from its text: compiling it counts here, as does what the interpreter
does at the end, giving back what the program's global names hold. The two follow each other, so
times add up; so do peaks, since what was loaded stays; and the start's memory is held for as long
as the program runs.

All times are wall time, as that is what is sampled, with whatever the process waited for its core.
Not seen: what a module that is not preloaded would load of those that are, which is already there.
"""

import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Final

from rewards import interpreter
from rewards.errors import SandboxError
from rewards.executor import PACKAGES
from rewards.imports import preloaded_imports
from rewards.memory_profile import (
    INTERVAL_S,
    Trace,
    integrate,
    resident_mb,
    resting,
    sampled_run,
)
from rewards.records import ExecutionResult, Limits
from rewards.worker import Worker

_REPEATS: Final = 5
_TIMEOUT_S: Final = 60.0
_SIZE_DIGITS: Final = 16
# The text comes before the program's own standard input, which starts where it ends. What is
# registered first is done last: threads have ended and the program's own exit functions have run.
_RUN_TEXT: Final = f"""\
import atexit, os
atexit.register(globals().clear)
effirl_text = os.read(0, int(os.read(0, {_SIZE_DIGITS})))
del atexit, os
exec(compile(globals().pop("effirl_text"), "main.py", "exec", dont_inherit=True))
"""
# Samples can miss the peak. VmHWM, not ru_maxrss: that one starts at our own peak.
_START: Final = """\
import sys
sys.path += {folders!r}
{imports}
sys.stdout.write(open("/proc/self/status").read().split("VmHWM:")[1].split()[0])
"""


@dataclass(frozen=True, slots=True)
class ProcessCost:
    """What a process costs from its start to its end, as seen from outside."""

    wall_s: float
    """EffiBench's ET."""
    peak_memory_bytes: int
    """Resident, EffiBench's MU."""
    memory_time_mb_s: float
    """Resident memory integrated over time, EffiBench's TMU; MB are 10^6 bytes."""


@dataclass(frozen=True, slots=True)
class ProcessRun:
    """A run and its cost, which means what it says only if the run ended with OK."""

    result: ExecutionResult
    cost: ProcessCost


class ProcessMeter:
    """Measures programs on one worker as processes of their own.

    Raises:
        SandboxError: If we failed; so does `run`.
    """

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._resting_mb = resting(worker).mb
        self._starts: dict[tuple[str, ...], ProcessCost] = {}

    def run(self, program: str, stdin: str, limits: Limits) -> ProcessRun:
        """Run a program once.

        Args:
            program: Untrusted source.
            stdin: All that it can read.
            limits: For the program; the start comes on top.
        """
        modules = preloaded_imports(self._worker, program)
        if modules not in self._starts:
            self._starts[modules] = _start(modules)
        start = self._starts[modules]
        size = len(program.encode("utf-8", "surrogatepass"))
        text = f"{size:<{_SIZE_DIGITS}}{program}{stdin}"
        found = sampled_run(self._worker, _RUN_TEXT, text, limits, self._resting_mb)
        wall_s = found.result.wall_s
        held_mb_s = start.peak_memory_bytes / 1e6 * wall_s
        cost = ProcessCost(
            wall_s=start.wall_s + wall_s,
            peak_memory_bytes=start.peak_memory_bytes + found.result.peak_memory_bytes,
            memory_time_mb_s=start.memory_time_mb_s + held_mb_s + found.mb_s,
        )
        return ProcessRun(found.result, cost)


def _start(modules: tuple[str, ...]) -> ProcessCost:
    """Measure a fresh interpreter that imports some modules and ends; medians of several."""
    starts = [_watch_start(modules) for _ in range(_REPEATS)]
    return ProcessCost(
        statistics.median(start.wall_s for start in starts),
        statistics.median_low(start.peak_memory_bytes for start in starts),
        statistics.median(start.memory_time_mb_s for start in starts),
    )


def _watch_start(modules: tuple[str, ...]) -> ProcessCost:
    _, folders = interpreter.package_folders([name for name in modules if name in PACKAGES])
    imports = "\n".join(f"import {module}" for module in modules)
    program = _START.format(folders=folders, imports=imports)
    try:
        process = subprocess.Popen(
            # As a user would start it; workers' own flags leave out a part of the start.
            [os.path.realpath(sys.executable), "-c", program],
            env=interpreter.ENVIRONMENT,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except OSError as error:
        raise SandboxError(f"an interpreter did not start: {error}") from error
    started = time.monotonic()
    trace = Trace(process.pid, started)
    with process:
        assert process.stdout is not None
        while process.poll() is None:
            moment, resident = time.monotonic(), resident_mb(process.pid)
            if resident > 0:
                trace.samples.append((moment, resident))
            if moment > started + _TIMEOUT_S:
                process.kill()
            time.sleep(INTERVAL_S)
        trace.ended_at = time.monotonic()
        peak_kib = process.stdout.read()
    if process.returncode or not trace.samples:
        raise SandboxError(f"an interpreter that imports {modules} failed: {process.returncode}")
    return ProcessCost(trace.ended_at - started, int(peak_kib) << 10, integrate(trace, 0.0))
