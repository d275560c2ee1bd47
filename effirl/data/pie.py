"""PIE's Python pairs, from the hub or the benchmark's own files, in its original columns.

A malformed row is an error that names its line; a well-formed row that cannot be used is left out
and counted by reason.

The public tests are tiny (half of the longest inputs have at most 23 characters), so most of
these programs end within the timer's floor: expect many gains of exactly 0 on this data.
"""

from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from effirl.data.codenet import NO_TESTS, TESTS_FILE, TESTS_FOLDER, ProblemTests, find_tests
from effirl.data.hub import hub_id, read_hub
from effirl.data.problems import (
    TARGET_IS_SOURCE,
    InputOrigin,
    LoadedProblems,
    Problem,
    Target,
    Unusable,
    collect,
)
from effirl.data.programs import compact_program, parses
from effirl.data.rows import Columns, Row, check_columns, optional_text, read_rows
from effirl.data.splits import SPLITS, check_split, split_of
from effirl.errors import UserError

HUB_ID = "rootacess/pie-perf"
"""A copy of the pairs. It has no tests."""
_HUB_SPLITS = ("train", "val", "test")
PAIRS_FILE = "python_pairs.jsonl"
PAIRS_FILES = (PAIRS_FILE, "train.jsonl", "val.jsonl", "test.jsonl")

MIN_SPEEDUP = 1.5
"""Each program was timed once, by the judge, in whole milliseconds and with the interpreter's
start in it: a ratio nearer to 1 is mostly chance."""
MIN_MILLISECONDS_SAVED = 50.0
"""Programs that do next to nothing took from 10 to some 40 ms, so 40 -> 20 is no improvement."""
MAX_MEMORY_SHARE = 0.9
"""The interpreter is part of the figure, so a tenth of it is much more of the program's own."""

_COLUMNS: Columns = {
    "problem_id": "text",
    "language": "text",
    "input": "text",
    "target": "text",
    "cpu_time_v0": "number",
    "cpu_time_v1": "number",
    "memory_v0": "number",
    "memory_v1": "number",
    "status_v0": "text",
    "status_v1": "text",
}


def load(
    data_path: Path | None, split: str, *, limit: int | None = None, require_tests: bool = True
) -> LoadedProblems:
    """Read one split of the pairs, a `Problem` with one target for each pair.

    Args:
        data_path: A file of pairs or a folder with `PAIRS_FILES`, tests beside it; a hub id; None
            for the hub's copy.
        split: train, validation and test hold 80, 10 and 10% of the problem ids, whatever rows a
            copy of the data has and however it was split; `all` is every row.
        limit: Keep the first so many usable rows.
        require_tests: Leave out pairs without tests. The warm start needs none, so it can use all
            pairs, and works without tests.

    Raises:
        UserError: If a file is missing or one of its rows is malformed.
    """
    check_split("pie", split, SPLITS)
    name = hub_id(data_path, HUB_ID)
    folder = None if name or data_path is None else _folder_of(data_path)
    tests_of = find_tests([folder]) if folder else None
    if require_tests and tests_of is None:
        place = folder or f"{name} (of the hub, as there is no such folder here)"
        raise UserError(
            f"{place} has no tests to run programs on; --data-path must name a folder "
            f"with the pairs ({PAIRS_FILE}) and {TESTS_FILE} or {TESTS_FOLDER}/"
        )
    seen: set[tuple[str, ...]] = set()

    def make(row: Row) -> Problem | None:
        check_columns(row, _COLUMNS)
        problem_id = row.values["problem_id"]
        if split not in ("all", split_of(problem_id)):
            return None
        problem = _problem(row, tests_of(problem_id) if tests_of else NO_TESTS)
        _require_usable(row.values, problem, seen, require_tests)
        return problem

    return collect(_read_pairs(data_path, name), make, limit)


def runtime_tag(source_ms: float, target_ms: float) -> int:
    """Say whether a judge's figures show a significant speedup (1) or not (0)."""
    return int(
        source_ms >= MIN_SPEEDUP * target_ms and source_ms - target_ms >= MIN_MILLISECONDS_SAVED
    )


def ratio(source: float, target: float) -> float | None:
    """Divide two figures of a data set; None where one of them cannot be a cost.

    >>> ratio(300, 100), ratio(300, 0)
    (3.0, None)
    """
    return source / target if source > 0 and target > 0 else None


def _read_pairs(data_path: Path | None, name: str | None) -> Iterator[Row]:
    if name is not None:
        return chain.from_iterable(read_hub(name, split) for split in _HUB_SPLITS)
    assert data_path is not None
    if data_path.is_file():
        return read_rows(data_path)
    found = [data_path / file for file in PAIRS_FILES if (data_path / file).is_file()]
    if not found:
        raise UserError(
            f"{data_path / PAIRS_FILE} does not exist; --data-path must name a folder with one of "
            f"{', '.join(PAIRS_FILES)}"
        )
    return chain.from_iterable(map(read_rows, found))


def _folder_of(data_path: Path) -> Path:
    return data_path.parent if data_path.is_file() else data_path


def _problem(row: Row, tests: ProblemTests) -> Problem:
    values = row.values
    target = Target(
        program=compact_program(values["target"]),
        runtime_tag=runtime_tag(values["cpu_time_v0"], values["cpu_time_v1"]),
        memory_tag=int(0 < values["memory_v1"] <= MAX_MEMORY_SHARE * values["memory_v0"]),
        name="target",
        claimed_speedup=ratio(values["cpu_time_v0"], values["cpu_time_v1"]),
        claimed_memory_reduction=ratio(values["memory_v0"], values["memory_v1"]),
    )
    submissions = (optional_text(row, f"submission_id_v{version}") for version in (0, 1))
    return Problem(
        problem_id=values["problem_id"],
        description=tests.name,
        source_program=compact_program(values["input"]),
        tests=tests.tests,
        performance_inputs=tests.performance_inputs,
        targets=(target,),
        submission_ids=tuple(filter(None, submissions)),
        author=optional_text(row, "user_id"),
        input_origin=InputOrigin.PUBLIC,
    )


def _require_usable(
    values: Mapping[str, Any], problem: Problem, seen: set[tuple[str, ...]], require_tests: bool
) -> None:
    """Raise `Unusable` if a pair cannot be used, or was seen before."""
    if values["language"].lower() != "python":
        raise Unusable("not Python")
    if (values["status_v0"], values["status_v1"]) != ("Accepted", "Accepted"):
        raise Unusable("not Accepted")
    if problem.programs in seen:
        raise Unusable("duplicate")
    seen.add(problem.programs)
    if len(set(problem.programs)) == 1:
        raise Unusable(TARGET_IS_SOURCE)
    if not all(map(parses, problem.programs)):
        raise Unusable("syntax error")
    if require_tests and not problem.tests:
        raise Unusable("no tests")
