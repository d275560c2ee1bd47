"""What a pair is worth when its two programs are run here, as the reward would run them.

Gains are import-neutral: the modules that programs usually import are loaded before they start.
Beside them stand the gains that one sees with the loading counted, so that what comes of a dropped
import can be told from what comes of a better program.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from effirl.data.perf_inputs.search import MEASURABLE_S
from effirl.data.problems import InputOrigin, Problem, Target
from effirl.data.programs import drops_import
from effirl.data.tags import SIGNIFICANT_GAIN
from rewards.imports import ImportCost, import_cost, interpreter_cost
from rewards.judging import judge
from rewards.measurement import Comparison, TimedRunError, compare, with_imports
from rewards.records import Limits, Status
from rewards.scores import (
    MEMORY_FLOOR_BYTES,
    TIME_FLOOR_S,
    RewardConfig,
    damped_ratio,
    memory_gain,
    time_gain,
)
from rewards.worker import Worker

SATURATION: Final = RewardConfig().saturation
_TESTS, _INPUTS = "tests", "performance inputs"


class Cause(StrEnum):
    """Where a significant gain comes from: one that earns tag 1."""

    PROGRAM = "better program"
    IMPORT = "dropped import"
    """It is significant only where the loading of modules is counted."""
    NONE = "no significant gain"


@dataclass(frozen=True, slots=True)
class Pair:
    """A source program and one target of its problem."""

    index: int
    """Its place among all pairs of the audit."""
    problem: Problem
    target: Target

    @property
    def programs(self) -> tuple[str, str]:
        return self.problem.source_program, self.target.program

    @property
    def texts(self) -> tuple[str, ...]:
        """The code that its runs are made of."""
        problem = self.problem
        cases = *problem.tests, *problem.performance_inputs
        return *self.programs, *(case.code for case in cases)


@dataclass(frozen=True, slots=True)
class PairRow:
    """What was found for a pair: one line of pairs.jsonl."""

    index: int
    problem_id: str
    input_origin: InputOrigin
    source_status: Status
    target_status: Status
    failed_on: str | None = None
    """`tests` or `performance inputs`, where one of the two is not OK."""
    comparison: Comparison | None = None
    """On the performance inputs, as the reward measures; None unless both are OK."""
    with_imports: Comparison | None = None
    """The same with the loading of each program's imports added."""
    interpreter: ImportCost | None = None
    """What starting one costs, which both of the above leave out."""

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "PairRow":
        """Undo `dataclasses.asdict`.

        Raises:
            TypeError: If a field is missing or unknown.
            ValueError: If a status is unknown.
        """
        comparisons = {
            name: None if values.get(name) is None else Comparison(**values[name])
            for name in ("comparison", "with_imports")
        }
        cost = values.get("interpreter")
        interpreter = None if cost is None else ImportCost(**cost)
        statuses = {
            name: Status(values.get(name, "")) for name in ("source_status", "target_status")
        }
        origin = InputOrigin(values.get("input_origin", ""))
        changed = {**comparisons, **statuses, "input_origin": origin, "interpreter": interpreter}
        return cls(**{**values, **changed})


@dataclass(frozen=True, slots=True)
class Audited:
    """A pair, what its data set claims, and what was found."""

    pair: Pair
    row: PairRow

    @property
    def group(self) -> str:
        """Which line of the tables it counts in."""
        if drops_import(*self.pair.programs):
            return "drops an import"
        tag = self.pair.target.runtime_tag
        return "no claim" if tag is None else ("minor", "significant")[tag]

    @property
    def is_correct(self) -> bool:
        """Whether both programs are, on the tests and on the performance inputs."""
        return self.row.comparison is not None

    @property
    def is_measurable(self) -> bool:
        """Whether the source program runs long enough for its runtime to tell something."""
        found = self.row.comparison
        return found is not None and found.source_runtime_s >= found.num_inputs * MEASURABLE_S

    @property
    def time_gain(self) -> float | None:
        """The reward's gain, 0 where noise could explain it; None where nothing was measured."""
        found = self.row.comparison
        return None if found is None else time_gain(found, SATURATION)

    @property
    def memory_gain(self) -> float | None:
        found = self.row.comparison
        return None if found is None else memory_gain(found, SATURATION)

    @property
    def speedup(self) -> float | None:
        """Import-neutral; as in reports of evaluation, 1 ms is added to both sides."""
        found = self.row.comparison
        if found is None:
            return None
        return damped_ratio(found.source_runtime_s, found.program_runtime_s, TIME_FLOOR_S)

    @property
    def memory_reduction(self) -> float | None:
        """Import-neutral; 1 MiB is added to both sides."""
        found = self.row.comparison
        if found is None:
            return None
        return damped_ratio(found.source_peak_bytes, found.program_peak_bytes, MEMORY_FLOOR_BYTES)

    @property
    def process_speedup(self) -> float | None:
        """As one sees it from outside: the interpreter's start and the imports counted."""
        found, start = self.row.with_imports, self.row.interpreter
        if found is None or start is None:
            return None
        starts_s = found.num_inputs * start.runtime_s
        return damped_ratio(found.source_runtime_s, found.program_runtime_s, starts_s)

    @property
    def process_memory_reduction(self) -> float | None:
        found, start = self.row.with_imports, self.row.interpreter
        if found is None or start is None:
            return None
        return damped_ratio(
            found.source_peak_bytes, found.program_peak_bytes, start.peak_memory_bytes
        )

    @property
    def time_cause(self) -> Cause | None:
        found = self.row.with_imports
        return _cause(self.time_gain, None if found is None else time_gain(found, SATURATION))

    @property
    def memory_cause(self) -> Cause | None:
        found = self.row.with_imports
        return _cause(self.memory_gain, None if found is None else memory_gain(found, SATURATION))

    @property
    def runtime_tag(self) -> int | None:
        """As `Target.runtime_tag`, by what was measured."""
        return _tag(self.time_gain)

    @property
    def memory_tag(self) -> int | None:
        return _tag(self.memory_gain)


def pairs_of(problems: Iterable[Problem]) -> list[Pair]:
    """List every target of every problem."""
    found = [(problem, target) for problem in problems for target in problem.targets]
    return [Pair(index, *pair) for index, pair in enumerate(found)]


def audit_pair(worker: Worker, pair: Pair) -> PairRow:
    """Judge both programs on the tests, and when they are right, measure them.

    Raises:
        SandboxError: If we failed.
    """
    problem, limits = pair.problem, Limits()
    source, target = (
        judge(worker, program, problem.tests, limits, run_all=False).status
        for program in pair.programs
    )
    row = PairRow(pair.index, problem.problem_id, problem.input_origin, source, target)
    if (source, target) != (Status.OK, Status.OK):
        return replace(row, failed_on=_TESTS)
    try:
        comparison = compare(worker, *pair.programs, problem.performance_inputs, limits)
    except TimedRunError as failure:
        row = replace(row, failed_on=_INPUTS)
        if failure.is_source:
            return replace(row, source_status=failure.status)
        return replace(row, target_status=failure.status)
    costs = [import_cost(worker, program) for program in pair.programs]
    return replace(
        row,
        comparison=comparison,
        with_imports=with_imports(comparison, *costs),
        interpreter=interpreter_cost(),
    )


def _cause(gain: float | None, gain_with_imports: float | None) -> Cause | None:
    if gain is None or gain_with_imports is None:
        return None
    if _tag(gain):
        return Cause.PROGRAM
    return Cause.IMPORT if _tag(gain_with_imports) else Cause.NONE


def _tag(gain: float | None) -> int | None:
    return None if gain is None else int(gain * SATURATION >= SIGNIFICANT_GAIN)
