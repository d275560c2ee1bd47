"""Total memory use (MB*s): resident memory over time, sampled from outside in a pass of its own.

Never taken while runtime is measured: the sampler costs. Below about 40 ms of runtime there are
too few samples to trust.
"""

import threading
import time
from itertools import pairwise
from pathlib import Path
from typing import Final

from rewards.errors import SandboxError
from rewards.records import ExecutionResult, Limits, Status
from rewards.worker import Worker

RELIABLE_ABOVE_S: Final = 0.04
_INTERVAL_S: Final = 0.001
_PAGE_MB: Final = 4096 / 1e6


def memory_time(worker: Worker, program: str, stdin: str, limits: Limits) -> float:
    """Integrate a run's resident memory, net of the worker's own, over its wall time.

    Returns:
        MB*s by the trapezoid rule.

    Raises:
        SandboxError: If the run did not end with OK, or could not be sampled.
    """
    results: list[ExecutionResult] = []

    def run() -> None:
        results.append(worker.run(program, stdin, limits))

    base_mb = worker.floor().resident_bytes / 1e6
    runner = threading.Thread(target=run, name="effirl-sampled-run")
    runner.start()
    samples = _sample(worker, runner)
    runner.join()
    if not results or results[0].status is not Status.OK:
        status = results[0].status if results else Status.SANDBOX_ERROR
        raise SandboxError(f"a sampled run must end with OK, got {status}")
    return _integrate(samples, base_mb, results[0].wall_s)


def _sample(worker: Worker, runner: threading.Thread) -> list[tuple[float, float]]:
    """(seconds, resident MB) while the program lives."""
    samples: list[tuple[float, float]] = []
    status: Path | None = None
    while runner.is_alive():
        if status is None:
            pid = worker.program_pid()
            status = Path(f"/proc/{pid}/statm") if pid is not None else None
        if status is not None:
            try:
                pages = int(status.read_text().split()[1])
            except (OSError, IndexError):
                break
            if pages:
                samples.append((time.monotonic(), pages * _PAGE_MB))
        runner.join(_INTERVAL_S)
    return samples


def _integrate(samples: list[tuple[float, float]], base_mb: float, wall_s: float) -> float:
    """Trapezoid over what is resident above `base_mb`, scaled to the whole wall time."""
    above = [(moment, max(0.0, resident - base_mb)) for moment, resident in samples]
    sampled_s = above[-1][0] - above[0][0] if above else 0.0
    if sampled_s <= 0:
        return above[0][1] * wall_s if above else 0.0
    area = sum((t2 - t1) * (mb1 + mb2) / 2 for (t1, mb1), (t2, mb2) in pairwise(above))
    return area * wall_s / sampled_s
