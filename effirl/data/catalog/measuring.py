"""Measures every family of the catalog, and holds it to what it claims.

The gains are those of the reward: what a family claims here is what training can learn from it.
"""

import datetime
import json
import logging
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from effirl.data.catalog.family import Family, Instance
from effirl.data.catalog.loading import FAMILIES, instances, own_test
from effirl.errors import UserError
from rewards import Comparison, Executor, Limits, SandboxError, Status, TestCase
from rewards.judging import judge
from rewards.machine import fingerprint
from rewards.measurement import MeasurementPlan, TimedRunError, compare
from rewards.scores import RewardConfig, memory_gain, time_gain
from rewards.worker import Worker

MARGIN = 0.2
"""How far apart the two sides of a trade-off are, on each gain."""
BOUND = 0.95
"""A trade-off's gains stay inside: a clipped gain rewards no further progress."""
MEASURED_JSON = Path(__file__).with_name("measured.json")

_PLAN = MeasurementPlan(target_half_width=0.05, relative_half_width=0.05, max_rounds=12)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Measured:
    """An alternative's cost and gains: of one instance, or the mean of several."""

    family: Family
    name: str
    source_runtime_s: float
    source_peak_bytes: float
    runtime_s: float
    peak_bytes: float
    time_gain: float
    memory_gain: float


@dataclass(frozen=True, slots=True)
class _Task:
    family: Family
    instance: Instance
    name: str
    tests: tuple[TestCase, ...]
    performance_input: TestCase


def measure(families: Sequence[Family], num_instances: int) -> list[Measured]:
    """Measure all alternatives of some families on the inputs of training, isolated.

    Returns:
        One entry for each family and alternative, the mean over its instances.

    Raises:
        UserError: If an alternative is wrong, or we could not run it.
    """
    tasks = [task for family in families for task in _tasks(family, num_instances)]
    with Executor() as executor:
        results = executor.map(_measure_one, tasks)
    by_alternative: dict[tuple[str, str], list[Measured]] = {}
    for result in results:
        if isinstance(result, SandboxError | UserError):
            raise UserError(f"the catalog could not be measured: {result}") from result
        by_alternative.setdefault((result.family.name, result.name), []).append(result)
    return [_mean(rows) for rows in by_alternative.values()]


def _tasks(family: Family, num_instances: int) -> Iterator[_Task]:
    split = "transfer" if family.is_transfer else "train"
    for instance in instances(family, split, num_instances):
        # The source program says what is right, so that every alternative is judged.
        source = instance.source_program
        tests = tuple(own_test(source, text) for text in instance.checking_inputs)
        performance_input = own_test(source, instance.performance_input("training"))
        for name in instance.alternatives:
            yield _Task(family, instance, name, tests, performance_input)


def _measure_one(worker: Worker, task: _Task) -> Measured | UserError:
    """Judge an alternative on the checking inputs, then time it beside its source program."""
    source, program = task.instance.source_program, task.instance.alternatives[task.name]
    where = f"{task.family.name}, alternative {task.name}"
    limits = Limits()
    judgement = judge(worker, program, task.tests, limits, run_all=False)
    if judgement.status is not Status.OK:
        return UserError(f"{where}: {judgement.status} on a checking input")
    try:
        comparison = compare(worker, source, program, [task.performance_input], limits, _PLAN)
    except TimedRunError as error:
        return UserError(f"{where}: {error} on the performance input")
    _log.info("measured %s, %s", task.family.name, task.name)
    return _gains(task, comparison)


def _gains(task: _Task, comparison: Comparison) -> Measured:
    saturation = RewardConfig().saturation
    return Measured(
        task.family,
        task.name,
        comparison.source_runtime_s,
        comparison.source_peak_bytes,
        comparison.program_runtime_s,
        comparison.program_peak_bytes,
        time_gain(comparison, saturation),
        memory_gain(comparison, saturation),
    )


def _mean(rows: Sequence[Measured]) -> Measured:
    return Measured(
        rows[0].family,
        rows[0].name,
        fmean(row.source_runtime_s for row in rows),
        fmean(row.source_peak_bytes for row in rows),
        fmean(row.runtime_s for row in rows),
        fmean(row.peak_bytes for row in rows),
        fmean(row.time_gain for row in rows),
        fmean(row.memory_gain for row in rows),
    )


def failed_claims(rows: Sequence[Measured]) -> list[str]:
    """Name each claim that the measurements do not bear out, one line each."""
    by_family: dict[str, dict[str, Measured]] = {}
    for row in rows:
        by_family.setdefault(row.family.name, {})[row.name] = row
    failures = []
    for name, alternatives in by_family.items():
        if len(alternatives) < 2:
            failures.append(f"{name}: must have two alternatives, has {len(alternatives)}")
        elif next(iter(alternatives.values())).family.is_trade_off:
            failures += [f"{name}: {text}" for text in _trade_off_failures(alternatives)]
        else:
            failures += [
                f"{name}: {row.name} must gain {MARGIN} on runtime or memory, gains "
                f"{row.time_gain:+.2f} and {row.memory_gain:+.2f}"
                for row in alternatives.values()
                if max(row.time_gain, row.memory_gain) < MARGIN
            ]
    return failures


def _trade_off_failures(alternatives: dict[str, Measured]) -> list[str]:
    fast, lean = alternatives["fast"], alternatives["lean"]
    margins = {
        "runtime": fast.time_gain - lean.time_gain,
        "memory": lean.memory_gain - fast.memory_gain,
    }
    failures = [
        f"fast and lean must be {MARGIN} apart on {kind}, are {margin:+.2f}"
        for kind, margin in margins.items()
        if margin < MARGIN
    ]
    gains = (fast.time_gain, fast.memory_gain, lean.time_gain, lean.memory_gain)
    if max(map(abs, gains)) >= BOUND:
        failures.append(f"gains must be inside {BOUND}, the largest is {max(gains, key=abs):+.2f}")
    return failures


def command_line(arguments: Sequence[str]) -> str:
    """The command behind the figures."""
    return shlex.join(["python", "scripts/measure_catalog.py", *arguments])


def to_json(rows: Sequence[Measured], arguments: Sequence[str]) -> str:
    """Write what `loading` reads: the gains, and where they come from."""
    families: dict[str, dict[str, dict[str, float]]] = {}
    for row in rows:
        families.setdefault(row.family.name, {})[row.name] = {
            "time_gain": round(row.time_gain, 3),
            "memory_gain": round(row.memory_gain, 3),
        }
    content = {
        "command": command_line(arguments),
        "cpu": fingerprint()["cpu"],
        "date": datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
        "families": families,
    }
    return json.dumps(content, indent=1) + "\n"


def measure_all(num_instances: int, output: Path, arguments: Sequence[str]) -> list[Measured]:
    """Measure the whole catalog, and write its facts, its page and its picture.

    Args:
        num_instances: For each family.
        output: The documentation's folder.
        arguments: Those of the command, for the record.
    """
    from effirl.data.catalog.report import draw, page  # matplotlib is slow to import

    if num_instances < 1:
        raise UserError(f"--instances must be at least 1, got {num_instances}: leave it out for 3")
    rows = measure(FAMILIES, num_instances)
    MEASURED_JSON.write_text(to_json(rows, arguments), encoding="utf-8")
    picture = output / "images" / "catalog.png"
    picture.parent.mkdir(parents=True, exist_ok=True)
    draw(rows, picture)
    (output / "catalog.md").write_text(page(rows, num_instances, arguments), encoding="utf-8")
    return rows
