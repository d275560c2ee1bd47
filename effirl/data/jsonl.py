"""Problems of your own: a file of JSON lines, a problem in each.

The columns are those that the reward takes in any trainer (`problem_id`, `source_program`, `tests`,
`performance_inputs`), so one file serves both; and for the warm start `targets`, for the prompt
`description`, and `split` for who wants to divide the problems himself.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from effirl.data.problems import (
    TARGET_IS_SOURCE,
    InputOrigin,
    LoadedProblems,
    Problem,
    Target,
    Unusable,
    collect,
)
from effirl.data.programs import parses
from effirl.data.rows import Columns, Row, check_columns, check_texts, optional_text, read_rows
from effirl.data.splits import SPLITS, check_split, split_of
from effirl.errors import UserError
from rewards.errors import ProblemError
from rewards.extraction import normalise
from rewards.records import TestCase

_COLUMNS: Columns = {"problem_id": "text", "source_program": "text"}
_OWN_SPLITS = tuple(split for split in SPLITS if split != "all")


def load(
    data_path: Path | None, split: str, *, limit: int | None = None, require_tests: bool = True
) -> LoadedProblems:
    """Read one split of a file, a `Problem` for each row.

    Args:
        data_path: The file.
        split: train, validation or test, as a row's `split` says; without one 80, 10 and 10% of the
            problem ids; `all` is every row.
        limit: Keep the first so many usable rows.
        require_tests: Leave out problems without tests. The warm start needs none.

    Raises:
        UserError: If the file is missing or one of its rows is malformed.
    """
    check_split("jsonl", split, SPLITS)
    if data_path is None or not data_path.is_file():
        found = "got none" if data_path is None else f"got {data_path}, which is none"
        raise UserError(
            f"--data jsonl needs --data-path FILE.jsonl, {found}; docs/data.md has its columns"
        )

    def make(row: Row) -> Problem | None:
        check_columns(row, _COLUMNS)
        problem = _problem(row)
        if split not in ("all", _split_of(row)):
            return None
        _require_usable(problem, row, require_tests)
        return problem

    return collect(read_rows(data_path), make, limit)


def _split_of(row: Row) -> str:
    split = optional_text(row, "split") or split_of(row.values["problem_id"])
    if split not in _OWN_SPLITS:
        raise UserError(
            f"{row.where}: 'split' must be one of {', '.join(_OWN_SPLITS)}, got {split!r:.60}"
        )
    return split


def _problem(row: Row) -> Problem:
    tests, inputs = _cases(row, "tests"), _cases(row, "performance_inputs")
    source = row.values["source_program"]
    return Problem(
        problem_id=row.values["problem_id"],
        description=" ".join(optional_text(row, "description").split()),
        source_program=source,
        tests=tests,
        performance_inputs=inputs or tests,
        targets=tuple(
            Target(text) for text in _texts(row, "targets") if normalise(text) != normalise(source)
        ),
        input_origin=InputOrigin.OWN if inputs else InputOrigin.PUBLIC,
    )


def _require_usable(problem: Problem, row: Row, require_tests: bool) -> None:
    """Raise `Unusable` if a well-formed row cannot be used."""
    if not all(map(parses, problem.programs)):
        raise Unusable("syntax error")
    if row.values.get("targets") and not problem.targets:
        raise Unusable(TARGET_IS_SOURCE)
    if require_tests and not problem.tests:
        raise Unusable("no tests")


def _texts(row: Row, name: str) -> list[str]:
    """Return the texts of a list that a row may lack."""
    if row.values.get(name) is None:
        return []
    check_columns(row, {name: "list"}, may_be_empty=(name,))
    check_texts(row, name)
    if not all(text.strip() for text in row.values[name]):
        raise UserError(f"{row.where}: {name!r} must not have an empty one; fix or remove the row")
    return list(row.values[name])


def _cases(row: Row, name: str) -> tuple[TestCase, ...]:
    """Return the test cases of a list that a row may lack."""
    values: list[Mapping[str, Any]] | None = row.values.get(name)
    if values is None:
        return ()
    check_columns(row, {name: "list"}, may_be_empty=(name,))
    try:
        json.dumps(values, ensure_ascii=False).encode()
        return tuple(map(TestCase.from_row, values))
    except (ProblemError, UnicodeEncodeError) as error:
        raise UserError(f"{row.where}: {name!r}: {error}; fix or remove the row") from error
