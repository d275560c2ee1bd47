"""Mercury: LeetCode problems with many people's solutions, their runtimes, and tests as values.

The slowest solution is the source program, the fastest its target. A problem whose tests need the
benchmark's own converters (linked lists, trees) or its own comparison is left out and counted.
"""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from effirl.data.effibench import leetcode_id, read_asserts, statement
from effirl.data.hub import hub_id, read_hub
from effirl.data.pie import ratio, runtime_tag
from effirl.data.problems import (
    TARGET_IS_SOURCE,
    LoadedProblems,
    Problem,
    Target,
    Unusable,
    collect,
)
from effirl.data.programs import parses
from effirl.data.rows import Columns, Row, check_columns, check_texts, read_rows
from effirl.data.splits import SPLITS, check_split, split_of
from effirl.errors import UserError
from rewards.records import TestCase

HUB_ID = "Elfsong/Mercury"
_SPLITS = SPLITS[:3]

_COLUMNS: Columns = {
    "id": "text or number",
    "pretty_content": "list",
    "solutions": "list",
    "convert_offline": "text",
    "evaluate_offline": "text",
    "entry_point": "text",
    "test_cases": "text",
}
_SOLUTION_COLUMNS: Columns = {"solution": "text", "runtime": "text"}
_RUNTIME = re.compile(r"(\d+)\s*ms")
_PLAIN_CONVERT = "def convert_offline(case):\n    return case"
_PLAIN_EVALUATE = (
    "def evaluate_offline(inputs, outputs, expected):\n"
    "    if outputs == expected:\n        return True\n    return False",
    "def evaluate_offline(inputs, outputs, expected):\n    return outputs == expected",
)


def load(
    data_path: Path | None, split: str, *, limit: int | None = None, require_tests: bool = True
) -> LoadedProblems:
    """Read one split of Mercury, a `Problem` with one target for each row.

    Args:
        data_path: A folder with the benchmark's two splits, `train` and `eval`, as .json or .jsonl;
            a hub id; None for the hub's copy.
        split: `test` is the benchmark's `eval`; `train` and `validation` are nine tenths and one
            of its `train`, roughly.
        limit: Keep the first so many usable rows.
        require_tests: Whether to read the tests.

    Raises:
        UserError: If a file is missing or one of its rows is malformed.
    """
    check_split("mercury", split, _SPLITS)

    def make(row: Row) -> Problem | None:
        check_columns(row, _COLUMNS)
        problem_id = leetcode_id(row, "id")
        is_validation = split_of(problem_id) == "validation"
        if split != "test" and is_validation != (split == "validation"):
            return None
        return _problem(row, problem_id, require_tests)

    return collect(_read(data_path, "eval" if split == "test" else "train"), make, limit)


def _read(data_path: Path | None, split: str) -> Iterator[Row]:
    name = hub_id(data_path, HUB_ID)
    if name is not None:
        return read_hub(name, split)
    assert data_path is not None
    for file in (data_path / f"{split}.json", data_path / f"{split}.jsonl"):
        if file.is_file():
            return read_rows(file)
    raise UserError(
        f"{data_path / split}.json does not exist; --data-path must name a folder with Mercury's "
        "train and eval as .json or .jsonl"
    )


def _problem(row: Row, problem_id: str, require_tests: bool) -> Problem:
    check_texts(row, "pretty_content")
    description = row.values["pretty_content"][0]
    solutions = _solutions(row)
    if len(solutions) < 2:
        raise Unusable("fewer than two usable solutions")
    slowest, fastest = max(solutions), min(solutions)
    if slowest[1] == fastest[1]:
        raise Unusable(TARGET_IS_SOURCE)
    tests = _tests(row) if require_tests else ()
    milliseconds = slowest[0], fastest[0]
    target = Target(
        fastest[1],
        runtime_tag=runtime_tag(*milliseconds),
        name="fastest",
        claimed_speedup=ratio(*milliseconds),
    )
    return Problem(
        problem_id=problem_id,
        description=statement(description),
        source_program=slowest[1],
        tests=tests,
        performance_inputs=tests[-1:],
        targets=(target,),
    )


def _solutions(row: Row) -> list[tuple[int, str]]:
    """Return (runtime in ms, program) of the solutions that have one and that Python can read."""
    found = []
    for solution in row.values["solutions"]:
        if not isinstance(solution, dict):
            raise UserError(f"{row.where}: a solution must be an object, got {solution!r:.60}")
        where = f"{row.where}, a solution"
        check_columns(Row(where, solution), _SOLUTION_COLUMNS)
        runtime = _RUNTIME.fullmatch(solution["runtime"].strip())
        if runtime and parses(solution["solution"]):
            found.append((int(runtime[1]), solution["solution"]))
    return found


def _tests(row: Row) -> tuple[TestCase, ...]:
    values = row.values
    if not _is_same(values["convert_offline"], _PLAIN_CONVERT):
        raise Unusable("tests need a converter of the benchmark's")
    if not any(_is_same(values["evaluate_offline"], plain) for plain in _PLAIN_EVALUATE):
        raise Unusable("answers need a comparison of the benchmark's")
    if not values["entry_point"].isidentifier():
        raise UserError(f"{row.where}: 'entry_point' must be a name, got {values['entry_point']!r}")
    lines = [
        f"assert solution.{values['entry_point']}({', '.join(map(repr, case['input']))}) == "
        f"{case['expected']!r}"
        for case in _cases(row)
    ]
    return read_asserts(lines[0], "\n".join(lines))


def _cases(row: Row) -> list[dict[str, Any]]:
    try:
        cases = json.loads(row.values["test_cases"])
    except (ValueError, RecursionError) as error:
        raise UserError(
            f"{row.where}: 'test_cases' must hold JSON ({error}); fix the row"
        ) from error
    if not isinstance(cases, list) or not cases or not all(map(_is_case, cases)):
        raise UserError(
            f"{row.where}: 'test_cases' must be a list of objects with input and expected, got "
            f"{cases!r:.60}"
        )
    return cases


def _is_case(case: object) -> bool:
    return isinstance(case, dict) and isinstance(case.get("input"), list) and "expected" in case


def _is_same(code: str, plain: str) -> bool:
    try:
        return ast.dump(ast.parse(code.strip())) == ast.dump(ast.parse(plain))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
