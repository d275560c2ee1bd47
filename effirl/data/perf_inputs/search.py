"""Finds a problem's performance inputs: larger and larger ones, until its programs take some time.

Every strategy is a climb: sizes double until every source program takes `ENOUGH_S`, or an input
fails (the authors disagree, nobody ends within the limits, no such input exists); then two smaller
steps are tried. All inputs on the way on which the authors agree are kept as rungs. Of the rungs
on which a source program is measurable, it is measured on those that keep it busiest for their
length: there it computes, rather than reads.

The same seed makes the same inputs. Which of them is large enough is a matter of measurement.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from effirl.data.perf_inputs.agreement import (
    LIMITS,
    OUT_OF_LIMITS,
    Voter,
    agree,
    is_right,
)
from effirl.data.perf_inputs.generation import MAX_NUMBER, InfeasibleError
from effirl.data.perf_inputs.model import InputModel, models
from effirl.data.perf_inputs.strategies import Strategy
from effirl.data.problems import Problem
from rewards.judging import run_test
from rewards.records import Status, TestCase
from rewards.worker import Worker

MEASURABLE_S: Final = 0.005
"""Net CPU time of a source program on a performance input: a hundred times the timer's floor."""
ENOUGH_S: Final = 0.02
MAX_S: Final = 0.1
"""Longer runs are chosen only where there is nothing else: every one is repeated many times."""
MAX_VOTERS: Final = 4
NUM_INPUTS: Final = 2
_BUDGET_S: Final = 30.0
"""CPU seconds of source programs, for each problem."""
_FEW_CHARACTERS: Final = 200  # a shorter input is no better for being short
_IDLE_S: Final = ENOUGH_S / 16  # so far from enough that steps may be longer
_MIN_CLIMBS: Final = 6
_MAX_FAILURES: Final = 3
_MAX_CRASHES: Final = 0.25  # share of the source programs


@dataclass(frozen=True, slots=True)
class Rung:
    """An input that is right, and how long source programs take on it."""

    case: TestCase
    origin: str
    """The strategy, or `public`."""
    num_authors: int
    runtimes_s: dict[str, float] = field(default_factory=dict)
    """Net CPU seconds by source program, where its answer was right."""

    def merit(self, program: str) -> tuple[bool, float]:
        """Rank it for one source program: short enough first, then by seconds a character."""
        runtime_s = self.runtimes_s[program]
        if runtime_s > MAX_S:
            return False, -runtime_s
        return True, runtime_s / max(len(self.case.input), _FEW_CHARACTERS)


@dataclass(slots=True)
class Found:
    """What a problem's pairs can be measured on."""

    inputs: dict[int, list[Rung]] = field(default_factory=dict)
    """By place of the pair; empty where nothing makes it measurable."""
    failures: dict[int, str] = field(default_factory=dict)
    """By place of the pair: why there are none."""


def find(worker: Worker, pairs: Sequence[Problem], seed: int, *, start: float = 1.0) -> Found:
    """Find performance inputs for all pairs of one problem.

    Args:
        worker: Runs everything.
        pairs: Rows of one problem, with the same tests and one target each.
        seed: Of the inputs.
        start: Where every climb starts, in sizes of the tests' inputs. Where an input is little
            more than its size, another seed alone makes the same ones.

    Raises:
        SandboxError: If we failed.
    """
    tests = pairs[0].tests
    found = Found()
    right = {
        program: is_right(worker, program, tests)
        for program in dict.fromkeys(text for pair in pairs for text in programs_of(pair))
    }
    usable = {}
    for place, pair in enumerate(pairs):
        wrong = [name for name, text in zip(_SIDES, programs_of(pair), strict=True)
                 if not right[text]]  # fmt: skip
        if wrong:
            found.failures[place] = f"{wrong[0]} fails a public test"
        else:
            usable[place] = pair
    if usable:
        climber = _Climber(worker, list(usable.values()), tests, seed)
        climber.climb_all(start)
        for place, pair in usable.items():
            chosen = climber.choose(pair)
            if not chosen:
                found.failures[place] = "not measurable"
            found.inputs[place] = chosen
    return found


_SIDES: Final = ("source program", "target")


def programs_of(pair: Problem) -> tuple[str, str]:
    """The source program and its target."""
    return pair.source_program, pair.targets[0].program


def choose_voters(pairs: Sequence[Problem]) -> list[Voter]:
    """Take accepted programs of different authors, targets first: they are the faster ones.

    Pairs without an author count as one author each, unless they share a program.
    """
    voters: dict[str, Voter] = {}
    seen: dict[str, str] = {}
    for number, pair in enumerate(pairs):
        texts = programs_of(pair)
        known = [seen[text] for text in texts if text in seen]
        author = pair.author or (known[0] if known else f"pair {number}")
        seen.update(dict.fromkeys(texts, author))
        voters.setdefault(author, Voter(texts[1], author))
    if len(voters) == 1:
        (author,) = voters
        return [Voter(text, author) for text in programs_of(pairs[0])]
    return list(voters.values())[:MAX_VOTERS]


class _Climber:
    """All that is tried for one problem."""

    def __init__(
        self, worker: Worker, pairs: Sequence[Problem], tests: Sequence[TestCase], seed: int
    ) -> None:
        self._worker, self._tests, self._seed = worker, tests, seed
        self._name = pairs[0].problem_id
        self._voters = choose_voters(pairs)
        self._sources = list(dict.fromkeys(pair.source_program for pair in pairs))
        self._rungs: list[Rung] = []
        self._spent_s = 0.0

    def climb_all(self, start: float) -> None:
        """Measure the public tests, then try strategies while they are needed."""
        for case in self._tests:
            rung = Rung(case, "public", len({voter.author for voter in self._voters}))
            if self._is_right(rung, self._sources):
                self._rungs.append(rung)
        for model in models([case.input for case in self._tests]):
            for number, strategy in enumerate(model.strategies()):
                is_needed = number < _MIN_CLIMBS or not self._has_enough()
                if is_needed and self._spent_s < _BUDGET_S:
                    self._climb(model, strategy, start)
            if self._has_enough():
                return

    def _has_enough(self) -> bool:
        origins: dict[str, set[str]] = {source: set() for source in self._sources}
        for rung in self._rungs:
            for source, runtime_s in rung.runtimes_s.items():
                if runtime_s >= MEASURABLE_S:
                    origins[source].add(rung.origin)
        return min(map(len, origins.values())) >= NUM_INPUTS

    def _climb(self, model: InputModel, strategy: Strategy, start: float) -> None:
        """Grow until every source program takes long enough, or an input fails."""
        left = dict.fromkeys(self._sources, 0.0)
        good, step, num_failures = start, 4.0, 0
        while left and num_failures < _MAX_FAILURES and good < MAX_NUMBER:
            rung = self._try(model, strategy, good * step, list(left))
            if rung is None:
                if min(left.values()) >= MEASURABLE_S:
                    return
                num_failures += 1
                step = math.sqrt(step)
                continue
            self._rungs.append(rung)
            good *= step
            left = {
                source: runtime_s
                for source, runtime_s in rung.runtimes_s.items()
                if source in left and runtime_s < ENOUGH_S
            }
            if num_failures == 0:
                step = 4.0 if max(left.values(), default=0.0) < _IDLE_S else 2.0

    def _try(
        self, model: InputModel, strategy: Strategy, factor: float, sources: Sequence[str]
    ) -> Rung | None:
        """Make an input and time the source programs on it; None where it is no good."""
        rng = random.Random(f"{self._seed} {self._name} {strategy.name} {factor}")
        try:
            text = model.text(strategy, factor, rng)
        except InfeasibleError:
            return None
        agreement = agree(self._worker, self._voters, text)
        if agreement is None:
            return None
        rung = Rung(agreement.case, strategy.name, agreement.num_authors)
        return rung if self._is_right(rung, sources) else None

    def _is_right(self, rung: Rung, sources: Sequence[str]) -> bool:
        """Time source programs on a rung, and say whether it is right by their word too.

        None answers otherwise, and few crash: one that does (a list as deep as an input is long, a
        table of the size that the statement allows) would hold back all others, most speak against
        the input.
        """
        num_crashes = 0
        for source in sources:
            result = run_test(self._worker, source, rung.case, LIMITS)
            self._spent_s += result.runtime_s
            if result.status is Status.OK:
                rung.runtimes_s[source] = result.runtime_s
            elif result.status is Status.WRONG_ANSWER:
                return False
            elif result.status not in OUT_OF_LIMITS:
                num_crashes += 1
        return num_crashes <= _MAX_CRASHES * len(self._sources)

    def choose(self, pair: Problem) -> list[Rung]:
        """Pick the inputs that keep the source program busiest, each made in another way."""
        source, target = programs_of(pair)
        rungs = [r for r in self._rungs if r.runtimes_s.get(source, 0.0) >= MEASURABLE_S]
        chosen: dict[str, Rung] = {}
        for rung in sorted(rungs, key=lambda r: r.merit(source), reverse=True):
            if len(chosen) == NUM_INPUTS:
                break
            if rung.origin not in chosen and is_right(self._worker, target, [rung.case]):
                chosen[rung.origin] = rung
        return list(chosen.values())
