"""NoFunEval's two sets on efficiency: `runtime_efficiency` and `resource_util`.

`runtime_efficiency` is Python, and wholly inside PIE: the same submissions. Its tests are those of
CodeNet. `resource_util` is commits of apps in ten languages, mostly Java on Android, on memory,
energy and bandwidth; nothing of it can be run, so it has no tests (see
`effirl.evaluation.diffbleu`).

Both were made for evaluation, so `test` is every row.
"""

import math
from pathlib import Path

from effirl.data.codenet import NO_TESTS, TESTS_FILE, TESTS_FOLDER, ProblemTests, find_tests
from effirl.data.hub import hub_folder, hub_id
from effirl.data.pie import ratio, runtime_tag
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
from effirl.data.splits import EVALUATION_SPLITS, check_split, is_in_evaluation_split
from effirl.errors import UserError

HUB_ID = "ManavSinghal157/NoFunEval"
RUNTIME_FILE = "runtime_efficiency.jsonl"
RESOURCE_FILE = "resource_util.jsonl"
_FOLDERS = ("", "datasets", "data")
"""Where the files are: alone, in a checkout, in a hub's copy."""
_TESTS_FOLDER_OF_CHECKOUT = "src/evaluation/pie-perf"
_NEIGHBOUR = "pie"
"""A folder of PIE beside ours has the tests of all these problems."""

_RUNTIME_COLUMNS: Columns = {
    "problem_id": "text",
    "source_code": "text",
    "target_code": "text",
    "cpu_time_v0": "text or number",
    "cpu_time_v1": "text or number",
    "pl": "text",
}
_RESOURCE_COLUMNS: Columns = {
    "non_functional_requirement": "text",
    "commit": "text",
    "commit_message": "text",
    "source_code": "text",
    "target_code": "text",
    "pl": "text",
}


def load_runtime_efficiency(
    data_path: Path | None, split: str, *, limit: int | None = None, require_tests: bool = True
) -> LoadedProblems:
    """Read `runtime_efficiency`, a `Problem` with one target for each row.

    Args:
        data_path: A checkout of the benchmark, a folder with its jsonl or the file itself; a hub
            id; None for the hub's copy.
        split: See `EVALUATION_SPLITS`.
        limit: Keep the first so many usable rows.
        require_tests: Leave out rows without tests.

    Raises:
        UserError: If a file is missing or one of its rows is malformed.
    """
    check_split("nofuneval", split, EVALUATION_SPLITS)
    path = _find(data_path, RUNTIME_FILE)
    root = path.parent.parent if path.parent.name in _FOLDERS else path.parent
    tests_of = find_tests(
        [path.parent, root, root / _TESTS_FOLDER_OF_CHECKOUT, root.parent / _NEIGHBOUR]
    )
    if require_tests and tests_of is None:
        raise UserError(
            f"there are no tests for {path}; put PIE's {TESTS_FILE} or {TESTS_FOLDER}/ beside it, "
            "or name a checkout of the benchmark with --data-path"
        )

    def make(row: Row) -> Problem | None:
        check_columns(row, _RUNTIME_COLUMNS)
        problem_id = row.values["problem_id"]
        if not is_in_evaluation_split(problem_id, split):
            return None
        problem = _runtime_problem(row, tests_of(problem_id) if tests_of else NO_TESTS)
        _require_change(problem)
        if not all(map(parses, problem.programs)):
            raise Unusable("syntax error")
        if require_tests and not problem.tests:
            raise Unusable("no tests")
        return problem

    return collect(read_rows(path), make, limit)


def load_resource_util(
    data_path: Path | None, split: str, *, limit: int | None = None, languages: str = "all"
) -> LoadedProblems:
    """Read `resource_util`, a `Problem` without tests and with one target for each row.

    Args:
        data_path: As for `load_runtime_efficiency`.
        split: See `EVALUATION_SPLITS`.
        limit: Keep the first so many usable rows.
        languages: Which to keep, with commas between them, or `all`.

    Raises:
        UserError: If the file is missing, a row is malformed, or no row has such a language.
    """
    check_split("resource_util", split, EVALUATION_SPLITS)
    rows = list(read_rows(_find(data_path, RESOURCE_FILE)))
    for row in rows:
        check_columns(row, _RESOURCE_COLUMNS)
    wanted = {name.strip().lower() for name in languages.split(",")}
    found = {row.values["pl"].lower() for row in rows}
    if unknown := wanted - found - {"all"}:
        raise UserError(
            f"languages of resource_util are {', '.join(sorted(found))}, or all; got {min(unknown)}"
        )

    def make(row: Row) -> Problem | None:
        problem = _resource_problem(row)
        if not is_in_evaluation_split(problem.problem_id, split):
            return None
        if not wanted & {"all", problem.language}:
            raise Unusable(f"in {problem.language}")
        _require_change(problem)
        return problem

    return collect(rows, make, limit)


def _find(data_path: Path | None, name: str) -> Path:
    hub = hub_id(data_path, HUB_ID)
    folder = hub_folder(hub) if hub else data_path
    assert folder is not None
    if folder.is_file():
        return folder
    for place in _FOLDERS:
        if (folder / place / name).is_file():
            return folder / place / name
    raise UserError(
        f"{folder / name} does not exist; --data-path must name a checkout of NoFunEval or a "
        f"folder with {name}"
    )


def _runtime_problem(row: Row, tests: ProblemTests) -> Problem:
    values = row.values
    milliseconds = _milliseconds(row, "cpu_time_v0"), _milliseconds(row, "cpu_time_v1")
    target = Target(
        program=compact_program(values["target_code"]),
        runtime_tag=runtime_tag(*milliseconds),
        name="target",
        claimed_speedup=ratio(*milliseconds),
    )
    submission = optional_text(row, "submission_id_v0")
    return Problem(
        problem_id=values["problem_id"],
        description=tests.name,
        source_program=compact_program(values["source_code"]),
        tests=tests.tests,
        performance_inputs=tests.performance_inputs,
        targets=(target,),
        submission_ids=(submission,) if submission else (),
        language=values["pl"].lower(),
        input_origin=InputOrigin.PUBLIC,
    )


def _milliseconds(row: Row, name: str) -> float:
    """Read a time, which the benchmark's own file has as text."""
    value = row.values[name]
    try:
        milliseconds = float(value)
    except ValueError:
        milliseconds = math.nan
    if not math.isfinite(milliseconds):
        raise UserError(f"{row.where}: {name!r} must be a number, got {value!r:.60}; fix the row")
    return milliseconds


def _resource_problem(row: Row) -> Problem:
    values = row.values
    requirement = values["non_functional_requirement"].lower()
    target = Target(
        program=values["target_code"],
        memory_tag=1 if requirement == "memory" else None,
        name=requirement,
    )
    return Problem(
        problem_id=values["commit"],
        description=f"Improve the {requirement} use of this program.",
        source_program=values["source_code"],
        targets=(target,),
        submission_ids=(values["commit"],),
        language=values["pl"].lower(),
    )


def _require_change(problem: Problem) -> None:
    if len(set(problem.programs)) == 1:
        raise Unusable(TARGET_IS_SOURCE)
