"""EffiBench: LeetCode problems with a canonical solution and tests in the form of asserts.

The columns are those that the benchmark's own scripts use: `problem_idx`, `markdown_description`,
`canonical_solution`, `test_case` (the large tests, which are measured), and where there are any
`small_test_cases` and a model's `completion`.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from effirl.data.hub import hub_id, read_hub
from effirl.data.problems import LoadedProblems, Problem, Target, Unusable, collect
from effirl.data.programs import parses
from effirl.data.rows import Columns, Row, check_columns, optional_text, read_rows
from effirl.data.splits import EVALUATION_SPLITS, check_split, is_in_evaluation_split
from effirl.errors import UserError
from rewards.errors import ProblemError
from rewards.extraction import extract_program
from rewards.records import TestCase

HUB_ID = "DONG19/EffiBench"
_HUB_SPLIT = "train"
"""The hub's copy calls all of it so."""
FILES = ("dataset.json", "dataset.jsonl", "data/dataset.json")

_COLUMNS: Columns = {
    "problem_idx": "text or number",
    "markdown_description": "text",
    "canonical_solution": "text",
    "test_case": "text",
}
_EXAMPLES = re.compile(
    r"(?:[\s*_#]|<[^<>]{1,40}>)*\b(?:example\s*\d*\s*:|constraints\s*:)", re.IGNORECASE
)
_MARKDOWN = re.compile(r"[*`]+|<[^<>]{1,40}>|&nbsp;")


def load(
    data_path: Path | None, split: str, *, limit: int | None = None, require_tests: bool = True
) -> LoadedProblems:
    """Read EffiBench, or what a model made of it, a `Problem` for each row.

    The source program is the row's completion if it has one, and then the canonical solution is the
    target; else it is the canonical solution, which has no target.

    Args:
        data_path: The benchmark's `dataset.json`, a folder with it, or a results file of a model; a
            hub id; None for the hub's copy.
        split: See `EVALUATION_SPLITS`.
        limit: Keep the first so many usable rows.
        require_tests: Whether to read the tests, which takes most of the time.

    Raises:
        UserError: If a file is missing or one of its rows is malformed.
    """
    check_split("effibench", split, EVALUATION_SPLITS)

    def make(row: Row) -> Problem | None:
        check_columns(row, _COLUMNS)
        problem_id = leetcode_id(row, "problem_idx")
        if not is_in_evaluation_split(problem_id, split):
            return None
        return _problem(row, problem_id, require_tests)

    return collect(_read(data_path), make, limit)


def leetcode_id(row: Row, column: str) -> str:
    """Return the id that all data sets from LeetCode share, so that their overlap shows."""
    number = str(row.values[column]).strip()
    if not number.isdecimal():
        raise UserError(f"{row.where}: {column!r} must be a whole number, got {number!r:.60}")
    return f"leetcode-{int(number)}"


def statement(description: str) -> str:
    r"""Return what a description says before its examples and constraints, without markup.

    >>> statement("Given `nums`, return the **sum**.\n\n**Example 1:**\n\nInput: [1]")
    'Given nums, return the sum.'
    """
    start = _EXAMPLES.search(description)
    text = description[: start.start()] if start and start.start() else description
    return " ".join(_MARKDOWN.sub("", text).split())


def read_asserts(*texts: str) -> tuple[TestCase, ...]:
    """Make a test of each text of asserts.

    Raises:
        Unusable: If a text is no Python or asserts nothing.
    """
    try:
        return tuple(TestCase.from_row({"assert": text}) for text in texts if text)
    except ProblemError as error:
        raise Unusable("unreadable tests") from error


def _read(data_path: Path | None) -> Iterator[Row]:
    name = hub_id(data_path, HUB_ID)
    if name is not None:
        return read_hub(name, _HUB_SPLIT)
    assert data_path is not None
    if data_path.is_file():
        return read_rows(data_path)
    for file in FILES:
        if (data_path / file).is_file():
            return read_rows(data_path / file)
    raise UserError(
        f"{data_path / FILES[0]} does not exist; --data-path must name EffiBench's {FILES[0]} or a "
        "folder with it"
    )


def _problem(row: Row, problem_id: str, require_tests: bool) -> Problem:
    values = row.values
    canonical = values["canonical_solution"]
    source = canonical
    targets: tuple[Target, ...] = ()
    if completion := optional_text(row, "completion"):
        source = extract_program(completion) or ""
        targets = (Target(canonical, name="canonical"),)
    if not parses(canonical):
        raise Unusable("syntax error")
    if not source or not parses(source):
        raise Unusable("completion is no program")
    small, large = optional_text(row, "small_test_cases"), values["test_case"]
    tests = read_asserts(small, large) if require_tests else ()
    return Problem(
        problem_id=problem_id,
        description=statement(values["markdown_description"]),
        source_program=source,
        tests=tests,
        performance_inputs=tests[-1:],
        targets=() if source == canonical else targets,
    )
