"""A program to judge and measure against its source program, and what came of it."""

import hashlib
from dataclasses import dataclass, replace
from functools import lru_cache

from rewards.errors import SandboxError
from rewards.extraction import normalise
from rewards.judging import judge
from rewards.measurement import Comparison, MeasurementPlan, TimedRunError, compare
from rewards.records import Limits, Status, TestCase
from rewards.worker import Worker


@dataclass(frozen=True, slots=True)
class Job:
    """What is measured once, however many completions hold it."""

    problem_id: str
    source_program: str
    program: str
    tests: tuple[TestCase, ...]
    performance_inputs: tuple[TestCase, ...]
    limits: Limits
    """For each run of the source program."""
    source_wall_s: float = 0.0
    """The source program's longest run: what its successor's wall limit follows from."""

    @property
    def is_source(self) -> bool:
        return self.program == self.source_program

    @property
    def programs(self) -> tuple[str, str]:
        return self.source_program, self.program

    @property
    def texts(self) -> tuple[str, ...]:
        """The code that its runs are made of, from which the packages that they need follow."""
        return *self.programs, *(case.code for case in self.tests + self.performance_inputs)

    def key(self, conditions: str) -> str:
        """Digest what decides the outcome, in hexadecimal.

        The wall time of the source program is left out: it is measured, so no two keys would be
        equal. So is the problem's name: equal programs and cases are the same measurement.

        Args:
            conditions: All that outcomes depend on besides the job: machine, interpreter, plan...
        """
        problem = _problem_digest(self.source_program, self.tests, self.performance_inputs)
        return _digest(conditions, problem, self.limits, normalise(self.program))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a job: nothing here is a failure of ours, and nothing here is a price."""

    status: Status
    pass_rate: float
    longest_wall_s: float
    comparison: Comparison | None = None
    """None for a source program, for a failed one, without performance inputs, and where the
    measurement is known to miss where the work is done."""
    flag: str | None = None
    """Why `rewards.monitor` doubted the gain; None when it did not."""
    refutation: str | None = None
    """What measuring again held against the gain, or the program; None when it confirmed it."""


def run_job(worker: Worker, job: Job, plan: MeasurementPlan, *, run_all: bool) -> Outcome:
    """Judge a program and, when it is correct and no source program, measure it.

    Args:
        worker: Where to run.
        job: With at least one test.
        plan: How precisely to measure.
        run_all: Run the tests after the first failed one too.

    Raises:
        SandboxError: If we failed, or the source program did in a timed run.
    """
    # A source program's gains are 0 by definition: its performance inputs are only judged.
    cases = job.tests + (job.performance_inputs if job.is_source else ())
    limits = job.limits if job.is_source else plan.tightened(job.limits, job.source_wall_s)
    judgement = judge(worker, job.program, cases, limits, run_all=run_all)
    outcome = Outcome(judgement.status, judgement.pass_rate, judgement.longest_wall_s)
    if job.is_source or outcome.status is not Status.OK or not job.performance_inputs:
        return outcome
    try:
        comparison = compare_job(worker, job, job.performance_inputs, plan)
    except TimedRunError as failure:
        return failed_when_timed(outcome, job, job.performance_inputs, failure.status)
    return replace(outcome, comparison=comparison)


def compare_job(
    worker: Worker, job: Job, inputs: tuple[TestCase, ...], plan: MeasurementPlan
) -> Comparison:
    """Measure a job's program beside its source program.

    Raises:
        TimedRunError: If the program fails, or prints something else than expected.
        SandboxError: If the source program does, or we failed.
    """
    try:
        return compare(worker, *job.programs, inputs, job.limits, plan)
    except TimedRunError as failure:
        if failure.is_source:
            raise SandboxError(f"the source program failed: {failure.status}") from failure
        raise


def failed_when_timed(
    outcome: Outcome, job: Job, inputs: tuple[TestCase, ...], status: Status
) -> Outcome:
    """Turn the outcome of a program that passed its tests into that of one that failed after them.

    Args:
        outcome: What it had come to.
        job: Whose tests it passed.
        inputs: What it was timed on: none of them counts as passed.
        status: How the timed run ended.
    """
    pass_rate = len(job.tests) / (len(job.tests) + len(inputs))
    return replace(outcome, status=status, pass_rate=pass_rate, comparison=None)


@lru_cache(maxsize=32)  # a batch's problems; its completions share them
def _problem_digest(*problem: object) -> str:
    return _digest(*problem)


def _digest(*parts: object) -> str:
    """Digest by `repr`, which shows every field of a dataclass, those added later too."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()
