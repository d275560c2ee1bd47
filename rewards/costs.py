"""What a correct program costs beside what its score says: memory over time, imports.

Memory over time is EffiBench's TMU, MB*s. Sampling disturbs a program's timing, so it is never done
in the runs that are timed. Each program has run once before, and a lot decides which of the two is
sampled first: the first one took longer, and read as 2% more.
"""

import random
from dataclasses import dataclass

from rewards.errors import SandboxError
from rewards.functions import compose
from rewards.imports import ImportCost, import_cost
from rewards.jobs import Job
from rewards.measurement import Comparison, TimedRunError, compare
from rewards.memory_profile import memory_time
from rewards.worker import Worker

_lot = random.Random()  # not the global one, which models that sample seed and draw from


@dataclass(frozen=True, slots=True)
class MemoryTimes:
    """Memory integrals of a source program and a program, MB*s, summed over the inputs."""

    source: float
    program: float


@dataclass(frozen=True, slots=True)
class ImportCosts:
    """What the imports of a source program and a program cost in a fresh interpreter."""

    source: ImportCost
    program: ImportCost


def memory_times(worker: Worker, job: Job) -> MemoryTimes:
    """Sample a job's source program and its program on the performance inputs.

    Raises:
        SandboxError: If we failed.
    """
    runs = [[compose(text, case) for case in job.performance_inputs] for text in job.programs]
    for composed in (*runs[0], *runs[1]):
        worker.run(*composed, job.limits)
    order = [0, 1]
    _lot.shuffle(order)
    sums = {
        side: sum(memory_time(worker, *composed, job.limits).mb_s for composed in runs[side])
        for side in order
    }
    return MemoryTimes(source=sums[0], program=sums[1])


def comparison(worker: Worker, job: Job) -> Comparison:
    """Time both programs of a job in turns; both were found correct before.

    Raises:
        SandboxError: If one of them fails now, or we did.
    """
    try:
        return compare(worker, *job.programs, job.performance_inputs, job.limits)
    except TimedRunError as error:
        raise SandboxError(f"a program found correct before failed: {error}") from error


def import_costs(worker: Worker, job: Job) -> ImportCosts:
    """Load what both programs of a job import.

    Raises:
        SandboxError: If we failed.
    """
    return ImportCosts(*(import_cost(worker, text) for text in job.programs))
