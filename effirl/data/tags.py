"""Performance tags from measured gains: 1 for a significant gain, 0 for a minor one or none.

A gain is significant if the target is half as much again better than the source program, and no
other target of the problem is half as much again better than it. Without the second condition both
ends of a trade-off would carry the same tags, and a policy could not be steered by them; PIE too
tags a program by how near it comes to the best one known for its problem.

A target that others of its problem beat at every balance of runtime and memory is left out: nobody
ever asks for it, and a policy that learns it for the tags 0 0 takes a 0 for a wish for what is bad,
not for the other end of a trade-off. Those that stay know at which balances they are the best.

The built-in catalog ships what was measured of each of its alternatives. For other data a table of
measured pairs decides, if one is given; a pair that it lacks keeps the tags that its loader made of
the data set's own columns.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal, NamedTuple

from effirl.data.catalog.loading import measured_gains
from effirl.data.problems import Problem, Target
from effirl.data.prompts import BALANCES
from effirl.data.rows import Columns, Row, check_columns, read_rows
from effirl.errors import UserError
from rewards.extraction import normalise
from rewards.scores import RewardConfig

Objective = Literal["both", "runtime", "memory"]

_PROGRAMS: Columns = {"source_program": "text", "target_program": "text"}
_GAINS: Columns = {"time_gain": "number", "memory_gain": "number"}
SIGNIFICANT_GAIN: Final = 0.6
"""log2 of half as much again, in runtime or in memory."""
_SATURATION: Final = RewardConfig().saturation
"""The catalog and the audit keep gains as the reward has them: log2 over this."""
_LEAST_WEIGHT: Final = 0.02
"""At alpha 0 and 1, so that of two equally lean targets the faster one is the best."""


class Gains(NamedTuple):
    """What a pair was measured to gain."""

    time_log2: float
    """log2 of the speedup."""
    memory_log2: float
    """log2 of the memory reduction."""


Lookup = Callable[[Problem, Target], Gains | None]


def tag_by_gains(
    problems: Sequence[Problem], data: str, table: Path | None, min_gain: float
) -> tuple[list[Problem], str]:
    """Set the tags of every target that has a measured gain.

    Args:
        problems: Of one data set.
        data: Its name.
        table: Measured pairs, parquet or JSON lines, with the columns `source_program`,
            `target_program`, `time_gain` and `memory_gain` (empty where a pair could not be
            measured), as `scripts/audit_data.py` writes it; None if there is none.
        min_gain: log2 of the speedup or memory reduction from which a gain over the source program
            is significant, and from which a target is behind a better one of its problem.

    Returns:
        The problems, and where their tags come from and how many targets were left out, in a line
        for the log.

    Raises:
        UserError: If the table is unreadable or one of its rows is malformed.
    """
    if table is None and data != "builtin":
        return list(problems), _unmeasured_line([t for p in problems for t in p.targets])
    lookup = _catalog_gains if table is None else _table_gains(table)
    found = [[lookup(problem, target) for target in problem.targets] for problem in problems]
    tagged = [
        replace(problem, targets=_tagged(problem.targets, row, min_gain))
        for problem, row in zip(problems, found, strict=True)
    ]
    num_targets = sum(map(len, found))
    num_measured = num_targets - sum(row.count(None) for row in found)
    line = (
        f"tags: {num_measured} of {num_targets} from measured gains, 1 from {2**min_gain:.2f}x on"
    )
    if num_measured < num_targets:
        line += "; the others from the data set's own columns"
    if num_beaten := num_targets - sum(len(problem.targets) for problem in tagged):
        line += f"; left out: {num_beaten} that others of their problem beat at every balance"
    return tagged, line


def _unmeasured_line(targets: Sequence[Target]) -> str:
    num_without = sum(t.runtime_tag is None and t.memory_tag is None for t in targets)
    if not num_without:
        return "tags: from the data set's own columns (not measured here)"
    return (
        f"tags: {num_without} of {len(targets)} targets have none, and teach nothing of what a tag "
        "asks for; measure them with scripts/audit_data.py, and name its pairs.parquet with "
        "--measured-gains"
    )


def with_objective(problems: Sequence[Problem], objective: Objective) -> list[Problem]:
    """Keep the targets with a significant gain in the objective, and the problems that have one."""
    if objective == "both":
        return list(problems)
    kept = [
        replace(
            problem,
            targets=tuple(t for t in problem.targets if getattr(t, f"{objective}_tag") == 1),
        )
        for problem in problems
    ]
    return [problem for problem in kept if problem.targets]


def _tagged(
    targets: Sequence[Target], gains: Sequence[Gains | None], min_gain: float
) -> tuple[Target, ...]:
    measured = [found for found in gains if found is not None]
    if not measured:
        return tuple(targets)
    best = Gains(*map(max, zip(*measured, strict=True)))
    winners = [_best(measured, alpha) for alpha in BALANCES]
    tagged = []
    for target, found in zip(targets, gains, strict=True):
        if found is not None:
            balances = tuple(a for a, won in zip(BALANCES, winners, strict=True) if won == found)
            if not balances:
                continue
            runtime_tag, memory_tag = (
                int(gain >= min_gain and most - gain < min_gain)
                for gain, most in zip(found, best, strict=True)
            )
            target = replace(target, runtime_tag=runtime_tag, memory_tag=memory_tag)
            if len(measured) > 1:
                target = replace(target, balances=balances)
        tagged.append(target)
    return tuple(tagged)


def _best(gains: Sequence[Gains], alpha: float) -> Gains:
    weight = min(max(alpha, _LEAST_WEIGHT), 1 - _LEAST_WEIGHT)
    return max(gains, key=lambda g: weight * g.time_log2 + (1 - weight) * g.memory_log2)


def _catalog_gains(problem: Problem, target: Target) -> Gains:
    family = problem.problem_id.split("/")[1]
    found = measured_gains()[family][target.name]
    return Gains(found["time_gain"] * _SATURATION, found["memory_gain"] * _SATURATION)


@lru_cache(maxsize=1)  # train and validation ask for the same one
def _table_gains(path: Path) -> Lookup:
    found: dict[str, Gains] = {}
    for row in _read_parquet(path) if path.suffix == ".parquet" else read_rows(path):
        values = row.values
        check_columns(row, _PROGRAMS)
        if missing := _GAINS.keys() - values.keys():
            raise UserError(
                f"{row.where}: key {min(missing)!r} is missing; --measured-gains takes an "
                "audit's pairs.parquet, or a table with its columns"
            )
        if None in (values["time_gain"], values["memory_gain"]):
            continue  # a pair that could not be measured
        check_columns(row, _GAINS)
        gains = Gains(values["time_gain"] * _SATURATION, values["memory_gain"] * _SATURATION)
        found[_key(values["source_program"], values["target_program"])] = gains
    return lambda problem, target: found.get(_key(problem.source_program, target.program))


def _read_parquet(path: Path) -> Iterator[Row]:
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(path)
    except (OSError, pyarrow.ArrowException) as error:
        raise UserError(f"cannot read {path}: {str(error).splitlines()[0]}") from error
    for number, values in enumerate(table.to_pylist(), start=1):
        yield Row(f"{path}:{number}", values)


def _key(source: str, target: str) -> str:
    return hashlib.sha256(f"{normalise(source)}\0{normalise(target)}".encode()).hexdigest()
