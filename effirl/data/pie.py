"""PIE's Python pairs, from a local folder in the benchmark's original columns.

The folder holds `python_pairs.jsonl` (`input`, `target`, `problem_id`, `cpu_time_v0`, ...) and
`public_tests.jsonl` (`problem_id`, `name`, `tests`). A malformed row is an error that names its
line; a well-formed row that cannot be used is left out and counted by reason.

The public tests are tiny (half of the largest ones have fewer than 20 characters), so most of
these programs end within the timer's floor: expect many gains of exactly 0 on this data.
"""

import ast
import hashlib
import io
import json
import tokenize
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from effirl.data.problems import LoadedProblems, Problem, Target
from effirl.errors import UserError
from rewards.records import TestCase

SPLITS = ("train", "validation", "test", "all")
PAIRS_FILE = "python_pairs.jsonl"
TESTS_FILE = "public_tests.jsonl"

MIN_SPEEDUP = 1.5
"""Each program was timed once, by the judge, in whole milliseconds and with the interpreter's
start in it: a ratio nearer to 1 is mostly chance."""
MIN_MILLISECONDS_SAVED = 50.0
"""Programs that do next to nothing took from 10 to some 40 ms, so 40 -> 20 is no improvement."""
MAX_MEMORY_SHARE = 0.9
"""The interpreter is part of the figure, so a tenth of it is much more of the program's own."""
NUM_PERFORMANCE_INPUTS = 2

_PAIR_COLUMNS: Mapping[str, type | tuple[type, ...]] = {
    "problem_id": str,
    "language": str,
    "input": str,
    "target": str,
    "cpu_time_v0": (int, float),
    "cpu_time_v1": (int, float),
    "memory_v0": (int, float),
    "memory_v1": (int, float),
    "status_v0": str,
    "status_v1": str,
}


@dataclass(frozen=True, slots=True)
class _ProblemTests:
    name: str
    tests: tuple[TestCase, ...]


def load(
    data_path: Path, split: str, *, limit: int | None = None, require_tests: bool = True
) -> LoadedProblems:
    """Read one split of the pairs, a `Problem` with one target for each pair.

    Args:
        data_path: Folder with the two files.
        split: train, validation and test hold 80, 10 and 10% of the problem ids, whatever rows a
            copy of the data has; `all` is every row.
        limit: Keep the first so many usable rows.
        require_tests: Leave out pairs without tests. The warm start needs none, so it can use all
            pairs, and works without the file of tests.

    Raises:
        UserError: If a file is missing or one of its rows is malformed.
    """
    if split not in SPLITS:
        raise UserError(f"split of pie must be one of {', '.join(SPLITS)}, got {split!r}")
    tests_path = data_path / TESTS_FILE
    tests = _read_tests(tests_path) if require_tests or tests_path.exists() else {}
    loaded = LoadedProblems([])
    seen: set[tuple[str, str]] = set()
    for where, row in _read_rows(data_path / PAIRS_FILE):
        _check_columns(where, row, _PAIR_COLUMNS)
        _check_not_empty(where, row, ("problem_id", "input", "target"))
        if split not in ("all", split_of(row["problem_id"])):
            continue
        problem = _problem(row, tests.get(row["problem_id"]))
        reason = _reason_to_drop(row, problem, seen, require_tests)
        if reason:
            loaded.dropped[reason] += 1
            continue
        loaded.problems.append(problem)
        if limit is not None and len(loaded.problems) == limit:
            break
    return loaded


def split_of(problem_id: str) -> str:
    """Name the split of a problem, from nothing but its id.

    >>> [split_of(name) for name in ("p02552", "p02278", "p03371")]
    ['train', 'validation', 'test']
    """
    bucket = int(hashlib.sha256(problem_id.encode()).hexdigest(), 16) % 10
    return ("validation", "test")[bucket - 8] if bucket >= 8 else "train"


def compact_program(program: str) -> str:
    r"""Take the blank lines out of a program: PIE doubles every newline, and tokens are scarce.

    Strings over several lines keep theirs. Where the result would not parse to the same tree, or
    the program cannot be read at all, it comes back as it was.

    >>> compact_program("a = 1\n\n\n\nprint(a)\n\n")
    'a = 1\nprint(a)\n'
    """
    try:
        inside_token: set[int] = set()
        for token in tokenize.generate_tokens(io.StringIO(program).readline):
            if token.type != tokenize.NEWLINE:
                inside_token.update(range(token.start[0], token.end[0]))
        lines = [
            line
            for number, line in enumerate(program.splitlines(), start=1)
            if line.strip() or number in inside_token
        ]
        compact = "\n".join(lines) + "\n"
        return compact if _tree(compact) == _tree(program) else program
    except (SyntaxError, tokenize.TokenError, ValueError, RecursionError):
        return program


def _tree(program: str) -> str:
    with warnings.catch_warnings():  # old programs hold escapes and comparisons that Python regrets
        warnings.simplefilter("ignore")
        return ast.dump(ast.parse(program))


def _parses(program: str) -> bool:
    try:
        _tree(program)
    except (SyntaxError, ValueError, RecursionError):
        return False
    return True


def _problem(row: Mapping[str, Any], tests: _ProblemTests | None) -> Problem:
    target = Target(
        program=compact_program(row["target"]),
        runtime_tag=_runtime_tag(row["cpu_time_v0"], row["cpu_time_v1"]),
        memory_tag=int(row["memory_v1"] <= MAX_MEMORY_SHARE * row["memory_v0"]),
        name="target",
    )
    cases = tests.tests if tests else ()
    largest = sorted(cases, key=lambda case: len(case.input), reverse=True)
    return Problem(
        problem_id=row["problem_id"],
        description=" ".join(tests.name.split()) if tests else "",
        source_program=compact_program(row["input"]),
        tests=cases,
        performance_inputs=tuple(largest[:NUM_PERFORMANCE_INPUTS]),
        targets=(target,),
    )


def _runtime_tag(source_ms: float, target_ms: float) -> int:
    return int(
        source_ms >= MIN_SPEEDUP * target_ms and source_ms - target_ms >= MIN_MILLISECONDS_SAVED
    )


def _reason_to_drop(
    row: Mapping[str, Any], problem: Problem, seen: set[tuple[str, str]], require_tests: bool
) -> str | None:
    pair = (problem.source_program, problem.targets[0].program)
    if row["language"].lower() != "python":
        return "not Python"
    if (row["status_v0"], row["status_v1"]) != ("Accepted", "Accepted"):
        return "not Accepted"
    if pair in seen:
        return "duplicate"
    seen.add(pair)
    if pair[0] == pair[1]:
        return "target is the source program"
    if not all(map(_parses, pair)):
        return "syntax error"
    if require_tests and not problem.tests:
        return "no tests"
    return None


def _read_tests(path: Path) -> dict[str, _ProblemTests]:
    tests: dict[str, _ProblemTests] = {}
    for where, row in _read_rows(path):
        _check_columns(where, row, {"problem_id": str, "name": str, "tests": list})
        _check_not_empty(where, row, ("problem_id", "tests"))
        if row["problem_id"] in tests:
            raise UserError(f"{where}: second row for {row['problem_id']}; remove one of them")
        for case in row["tests"]:
            if not isinstance(case, dict):
                raise UserError(
                    f"{where}: each test must be an object with input and output, got {case!r:.60}"
                )
            _check_columns(f"{where}, a test", case, {"input": str, "output": str})
        cases = dict.fromkeys(map(TestCase.from_row, row["tests"]))
        repeated = [text for text, n in Counter(case.input for case in cases).items() if n > 1]
        if repeated:
            raise UserError(
                f"{where}: one input must have one expected output, got several for "
                f"{repeated[0]!r:.60}; remove the wrong ones"
            )
        tests[row["problem_id"]] = _ProblemTests(row["name"], tuple(cases))
    return tests


def _read_rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    if not path.is_file():
        raise UserError(
            f"{path} does not exist; --data-path must name a folder with {PAIRS_FILE} and "
            f"{TESTS_FILE}"
        )
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            where = f"{path}:{number}"
            try:
                row = json.loads(line)
            except ValueError as error:  # also bytes that are not UTF-8
                raise UserError(f"{where}: not JSON ({error}); fix or remove the line") from error
            if not isinstance(row, dict):
                raise UserError(
                    f"{where}: a row must be a JSON object, got {row!r:.60}; fix or remove the line"
                )
            yield where, row


def _check_columns(
    where: str, row: Mapping[str, Any], columns: Mapping[str, type | tuple[type, ...]]
) -> None:
    for name, kind in columns.items():
        if name not in row:
            raise UserError(
                f"{where}: key {name!r} is missing, got {', '.join(row) or 'no keys'}; "
                "the file must have PIE's original columns"
            )
        value = row[name]
        if not isinstance(value, kind) or isinstance(value, bool):
            wanted = "a number" if isinstance(kind, tuple) else f"a {kind.__name__}"
            raise UserError(f"{where}: {name!r} must be {wanted}, got {value!r:.60}; fix the row")


def _check_not_empty(where: str, row: Mapping[str, Any], names: tuple[str, ...]) -> None:
    for name in names:
        value = row[name]
        if not (value.strip() if isinstance(value, str) else value):
            raise UserError(f"{where}: {name!r} must not be empty; fix or remove the row")
