"""Doubts gains that are too good, and has them measured again before they are paid.

Theory of operation
    A gain is doubted (`Monitor.doubt`) for one of the reasons of `Reason`. A doubted gain is
    measured again (`measure_again`), later and maybe on another core, on the same inputs and, where
    `fresh_inputs` makes some, on inputs that no program has seen. It is confirmed when what was
    gained is gained again, and refuted when it is not, or when the program waits again. Either way
    the new measurement replaces the first one, which was picked for being extreme, and it is one
    line of JSON in the log of this module.

    A program that fails or answers wrong when it is measured again, on known inputs or fresh ones,
    is a failed or wrong program like any other. One that is right on all of them and whose gain is
    refuted stays correct: it is reported with what the last measurement shows, and a policy does
    not learn from it until the outcome leaves the memory of outcomes and the next try confirms it.

    Where a program was once refuted, others that do the same will follow: from then on every gain
    of its problem is measured on fresh inputs.

Not covered
    Without `fresh_inputs` a program that knows the inputs by heart repeats its gain and is paid:
    only the tests, the performance inputs and their secrecy stand against it. With them, one that
    keeps to a modest gain is caught when an audit picks it, not before.
"""

import hashlib
import json
import logging
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from rewards.extraction import normalise
from rewards.jobs import Job, Outcome, compare_job, failed_when_timed
from rewards.measurement import Comparison, MeasurementPlan, TimedRunError
from rewards.records import TestCase
from rewards.scores import TIME_FLOOR_S, memory_gain, time_gain
from rewards.worker import Worker

FreshInputs = Callable[[str, int], Sequence[TestCase]]
"""(problem_id, seed) -> performance inputs like the problem's own, as large, with right outputs.

Empty where it can make none for the problem."""

MAX_PLAUSIBLE_SPEEDUP: Final = 50.0
AUDIT_SHARE: Final = 1 / 16
"""Of the gains without any other reason for doubt, how many are tried on fresh inputs."""
_STALL_S: Final = 0.01

logger = logging.getLogger(__name__)


class Reason(StrEnum):
    """Why a gain is doubted."""

    OFF_CPU = "OFF_CPU"
    """It waited for as long as it saved in CPU time: who works where the meter does not look?"""
    BELOW_EMPTY = "BELOW_EMPTY"
    """In no round did it take longer than an empty program."""
    NO_WORK = "NO_WORK"
    """A gain that counts in full, at a runtime where no ratio says anything about a program.

    To read a line and print one takes 0.1-0.5 ms by this meter, beside busy neighbours."""
    SPEEDUP = "SPEEDUP"
    """More than `MAX_PLAUSIBLE_SPEEDUP` times as fast."""
    AUDIT = "AUDIT"
    """Picked at random."""
    DISTRUST = "DISTRUST"
    """Another program of the problem was refuted."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """An outcome to confirm or refute."""

    job: Job
    outcome: Outcome
    reason: Reason
    fresh_inputs: tuple[TestCase, ...] = ()
    seed: int | None = None
    """That the fresh inputs were made from; None where nothing makes any."""


class Monitor:
    """Decides which gains to doubt, and keeps the book of them.

    Args:
        saturation: log2 of the gain that counts in full.
        fresh_inputs: Makes inputs that no program has seen; None where nothing can.
    """

    def __init__(self, saturation: float, fresh_inputs: FreshInputs | None = None) -> None:
        self._saturation = saturation
        self._fresh_inputs = fresh_inputs
        self._random = random.Random()  # of its own: it must not move the trainer's
        self._distrusted: set[str] = set()

    def doubt(self, job: Job, outcome: Outcome) -> Doubt | None:
        """Return what to measure again; None for a gain that is plausible, or settled already."""
        comparison = outcome.comparison
        if comparison is None or outcome.flag is not None:
            return None
        reason = suspicion(comparison, self._saturation)
        if self._fresh_inputs is None:
            return None if reason is None else Doubt(job, outcome, reason)
        chosen = reason
        if chosen is None and _gains(comparison, self._saturation):
            chosen = self._sample(job)
        if chosen is None:
            return None
        seed = self._random.getrandbits(31)
        fresh_inputs = tuple(self._fresh_inputs(job.problem_id, seed))
        if reason is None and not fresh_inputs:
            return None
        return Doubt(job, outcome, chosen, fresh_inputs, seed)

    def _sample(self, job: Job) -> Reason | None:
        if job.problem_id in self._distrusted:
            return Reason.DISTRUST
        return Reason.AUDIT if self._random.random() < AUDIT_SHARE else None

    def settle(self, doubt: Doubt, outcome: Outcome) -> None:
        """Take note of what came of a doubt, and log it."""
        if outcome.refutation is not None:
            self._distrusted.add(doubt.job.problem_id)
        assert doubt.outcome.comparison is not None
        line = {
            "event": "doubted_gain",
            "problem_id": doubt.job.problem_id,
            "program": hashlib.sha256(repr(normalise(doubt.job.program)).encode()).hexdigest()[:16],
            "reason": doubt.reason,
            "status": outcome.status,
            "confirmed": outcome.refutation is None,
            "refutation": outcome.refutation,
            "time_log2_ratio": round(doubt.outcome.comparison.time_log2_ratio, 3),
            "memory_log2_ratio": round(doubt.outcome.comparison.memory_log2_ratio, 3),
            "seed": doubt.seed,
        }
        level = logging.INFO if line["confirmed"] else logging.WARNING
        logger.log(level, "%s", json.dumps(line))


def suspicion(comparison: Comparison, saturation: float) -> Reason | None:
    """What in a comparison itself makes its gain doubtful.

    Args:
        comparison: Of a correct program.
        saturation: log2 of the gain that counts in full.
    """
    c = comparison
    gains = _gains(c, saturation)
    if not gains:
        return None
    if "runtime" in gains and _waits_for_it(c):
        return Reason.OFF_CPU
    run_s = c.program_runtime_s - c.program_imports_s
    if run_s <= 0:
        return Reason.BELOW_EMPTY
    largest = max(c.time_log2_ratio, c.memory_log2_ratio)
    if run_s <= TIME_FLOOR_S and largest > saturation:
        return Reason.NO_WORK
    if "runtime" in gains and c.time_log2_ratio > math.log2(MAX_PLAUSIBLE_SPEEDUP):
        return Reason.SPEEDUP
    return None


def measure_again(
    worker: Worker, doubt: Doubt, plan: MeasurementPlan, saturation: float
) -> Outcome:
    """Confirm a doubted gain, or refute it.

    Returns:
        The outcome with `flag` set. Its comparison is the last one that was made: the one on fresh
        inputs where there are any, since that is what the program gains without knowing them. It is
        None where the program fails, and where it waits: its CPU time does not tell its runtime.

    Raises:
        SandboxError: If we failed, or the source program did.
    """
    outcome = replace(doubt.outcome, flag=str(doubt.reason))
    claimed = doubt.outcome.comparison
    assert claimed is not None
    try:
        again = compare_job(worker, doubt.job, doubt.job.performance_inputs, plan)
    except TimedRunError as failure:
        return _failed(outcome, doubt, doubt.job.performance_inputs, failure, "when measured again")
    if doubt.reason is Reason.OFF_CPU and _waits_for_it(again):
        refutation = "waits again for as long as it saves"
        return replace(outcome, comparison=None, refutation=refutation)
    outcome = replace(outcome, comparison=again)
    if lost := _lost_gains(claimed, again, saturation):
        return replace(outcome, refutation=f"no {lost} gain when measured again")
    if not doubt.fresh_inputs:
        return outcome
    try:
        fresh = compare_job(worker, doubt.job, doubt.fresh_inputs, plan)
    except TimedRunError as failure:
        return _failed(outcome, doubt, doubt.fresh_inputs, failure, "on fresh inputs")
    outcome = replace(outcome, comparison=fresh)
    if lost := _lost_gains(claimed, fresh, saturation):
        return replace(outcome, refutation=f"no {lost} gain on fresh inputs")
    return outcome


def _failed(
    outcome: Outcome,
    doubt: Doubt,
    inputs: tuple[TestCase, ...],
    failure: TimedRunError,
    when: str,
) -> Outcome:
    """The outcome as it would have been, had the program failed in the first place."""
    refuted = replace(outcome, refutation=f"{failure.status} {when}")
    return failed_when_timed(refuted, doubt.job, inputs, failure.status)


@dataclass(frozen=True, slots=True)
class _Gain:
    """A gain above 0: log2 of the ratio, and the interval's lower end."""

    log2_ratio: float
    low: float


def _gains(comparison: Comparison, saturation: float) -> dict[str, _Gain]:
    """The gains that a comparison would be paid for, by what was gained."""
    c = comparison
    gains: dict[str, _Gain] = {}
    if time_gain(c, saturation) > 0:
        gains["runtime"] = _Gain(c.time_log2_ratio, c.time_low)
    if memory_gain(c, saturation) > 0:
        gains["memory"] = _Gain(c.memory_log2_ratio, c.memory_low)
    return gains


def _lost_gains(claimed: Comparison, again: Comparison, saturation: float) -> str:
    """Which claimed gain is gone, beyond what noise explains: the intervals must not overlap.

    Where one gain counts in full, a slight one beside it is no matter.
    """
    before = _gains(claimed, saturation)
    at_stake = {n: g for n, g in before.items() if g.log2_ratio >= saturation} or before
    now = _gains(again, saturation)
    highs = {"runtime": again.time_high, "memory": again.memory_high}
    return " or ".join(n for n, g in at_stake.items() if n not in now and highs[n] < g.low)


def _waits_for_it(comparison: Comparison) -> bool:
    """Whether the program spends at least as long off the processor as it saves on it."""
    c = comparison
    saved_s = c.source_runtime_s - c.program_runtime_s
    waited_s = (c.program_wall_s - c.program_runtime_s) - (c.source_wall_s - c.source_runtime_s)
    return waited_s > max(saved_s, _STALL_S)
