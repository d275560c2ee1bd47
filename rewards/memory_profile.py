"""Total memory use (MB*s): resident memory over time, sampled from outside in a pass of its own.

The calling thread runs the program; a second thread, kept off the worker's core, reads the
kernel's count of the program's resident pages every half millisecond until the process is gone.
Time is wall time without what the program waited for its core while others had it.
Never done where runtime is compared: on a busy machine the sampler takes time from somebody. Each
step in a program's memory is seen up to one interval late, so short programs are not measurable:
the result says so. The kernel counts in batches of 128 KiB a core or more, which a program of a few
hundred KiB drowns in. Memory that a program gave back to its allocator, not to the kernel, is still
used.
"""

import mmap
import os
import statistics
import threading
import time
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

from rewards.errors import SandboxError
from rewards.records import ExecutionResult, Limits, Status
from rewards.worker import Worker

RELIABLE_ABOVE_S: Final = 0.04
_IDLE: Final = "import time\ntime.sleep(0.02)"
INTERVAL_S: Final = 0.0005
_MAX_GAP: Final = 0.03
"""Longest time between two samples, as a share of the run: a step in between is misplaced by half
of it at most. Longer on a busy machine, where the sampler waits for its core."""
_MAX_TRIES: Final = 3
_PAGE_MB: Final = mmap.PAGESIZE / 1e6


@dataclass(frozen=True, slots=True)
class MemoryTime:
    """A run's memory over time."""

    mb_s: float
    """Integral of the resident memory above the empty program's, MB*s."""
    is_reliable: bool
    """Whether it is within 3%: the program ran for 40 ms or more, and was sampled all along."""
    result: ExecutionResult
    """The run. Its times are not to be compared: it was watched."""


class Resting(NamedTuple):
    """Resident memory of an empty program."""

    mb: float
    is_sampled: bool
    """Otherwise it is a peak, which counts a little more."""


@dataclass(slots=True)
class Trace:
    """What was seen of one process."""

    pid: int
    looked_at: float
    """When there was no such process yet."""
    samples: list[tuple[float, float]] = field(default_factory=list)
    """(time, resident MB). All times here are time.monotonic() less what the process waited for its
    core. The kernel books a wait at its end, and the clock jumps back over it: at equal memory, as
    nothing ran, so that it drops out of the integral."""
    ended_at: float = 0.0
    """When it was first seen to be gone."""

    @property
    def span_s(self) -> float:
        return self.ended_at - self.samples[0][0] if self.samples else 0.0

    @property
    def is_dense(self) -> bool:
        moments = [self.looked_at, *(moment for moment, _ in self.samples), self.ended_at]
        return max(b - a for a, b in pairwise(moments)) <= _MAX_GAP * self.span_s


def memory_time(worker: Worker, program: str, stdin: str, limits: Limits) -> MemoryTime:
    """Integrate a run's resident memory, net of the empty program's, over time.

    Raises:
        SandboxError: If the run did not end with OK.
    """
    base = resting(worker)
    found = sampled_run(worker, program, stdin, limits, base.mb)
    if found.result.status is not Status.OK:
        raise SandboxError(f"a sampled run must end with OK, got {found.result.status}")
    return replace(found, is_reliable=found.is_reliable and base.is_sampled)


def resting(worker: Worker) -> Resting:
    """Sample an empty program: what is taken off must be by the same meter."""
    _, idle = _watch(worker, _IDLE, "", Limits())
    if not idle.samples:
        return Resting(worker.floor().resident_bytes / 1e6, is_sampled=False)
    return Resting(statistics.median(resident for _, resident in idle.samples), is_sampled=True)


def sampled_run(
    worker: Worker, program: str, stdin: str, limits: Limits, base_mb: float
) -> MemoryTime:
    """Integrate a run's resident memory above `base_mb`, whatever its status.

    A run that the sampler missed a part of is done again, twice at most.
    """
    for _ in range(_MAX_TRIES):
        result, trace = _watch(worker, program, stdin, limits)
        is_long = trace.span_s >= RELIABLE_ABOVE_S
        if trace.is_dense or not is_long:
            break
    return MemoryTime(integrate(trace, base_mb), is_long and trace.is_dense, result)


def _watch(
    worker: Worker, program: str, stdin: str, limits: Limits
) -> tuple[ExecutionResult, Trace]:
    """Run a program and sample it."""
    worker.floor()  # measured now if it is old: its processes must not follow the program's
    traces = [Trace(0, 0.0)]
    is_over = threading.Event()
    sampler = threading.Thread(
        target=_sample, args=(worker, is_over, traces), name="effirl-memory-sampler"
    )
    sampler.start()
    try:
        result = worker.run(program, stdin, limits, is_measured=True)
    finally:
        is_over.set()
        sampler.join()
    # A process that compiles the program goes before the one that runs it, and is short.
    return result, max(traces, key=lambda trace: trace.span_s)


def _sample(worker: Worker, is_over: threading.Event, traces: list[Trace]) -> None:
    """Follow one program's process after the other until the run is over."""
    other_cores = os.sched_getaffinity(0) - {worker.settings.core}
    if other_cores:
        os.sched_setaffinity(0, other_cores)  # this thread's alone
    trace: Trace | None = None
    moment, waited_s = time.monotonic(), 0.0
    while not is_over.wait(INTERVAL_S):
        looked_at, moment = moment, time.monotonic()
        if trace is None:
            pid = worker.program_pid()
            if pid is None:
                continue
            trace, waited_s = Trace(pid, looked_at), 0.0
            traces.append(trace)
        waited_s = max(waited_s, _read_word(trace.pid, "schedstat", 1) / 1e9)
        resident = resident_mb(trace.pid)
        if resident > 0:
            trace.samples.append((moment - waited_s, resident))
        else:  # on its way out, or gone
            trace.ended_at = moment - waited_s
            trace = None
    if trace is not None:
        trace.ended_at = time.monotonic() - waited_s


def resident_mb(pid: int) -> float:
    """Read a process's resident memory as of now, MB; 0 when it is gone."""
    return _read_word(pid, "statm", 1) * _PAGE_MB


def _read_word(pid: int, file: str, number: int) -> int:
    """One of the numbers that the kernel keeps on a process; 0 when it is gone."""
    try:
        return int(Path(f"/proc/{pid}/{file}").read_text().split()[number])
    except (OSError, IndexError):
        return 0


def integrate(trace: Trace, base_mb: float) -> float:
    """Trapezoid over what is above `base_mb`, the last sample held until the process's end.

    The end lies between the last sample and the first look that found nothing: halfway, on average.
    """
    if not trace.samples:
        return 0.0
    last_seen, last_mb = trace.samples[-1]
    points = [*trace.samples, ((last_seen + trace.ended_at) / 2, last_mb)]
    above = [(moment, max(0.0, resident_mb - base_mb)) for moment, resident_mb in points]
    return sum((t2 - t1) * (mb1 + mb2) / 2 for (t1, mb1), (t2, mb2) in pairwise(above))
