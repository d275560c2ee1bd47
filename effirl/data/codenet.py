"""CodeNet's tests, which PIE and NoFunEval share, in the two layouts that they come in.

`public_tests.jsonl` has `problem_id`, `name` and `tests` (a list of `input` and `output`). The
benchmarks' own folder is `public_test_cases/<problem_id>/input.<N>.txt` and `output.<N>.txt`; the
names of its problems are in PIE's `problem_list.csv`, if that lies beside it.
"""

import csv
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from effirl.data.decimals import with_tolerance
from effirl.data.rows import Columns, Row, check_columns, read_rows
from effirl.errors import UserError
from rewards.records import TestCase

TESTS_FILE = "public_tests.jsonl"
TESTS_FOLDER = "public_test_cases"
_FOLDERS = (TESTS_FOLDER, f"codenet/{TESTS_FOLDER}", f"data/codenet/{TESTS_FOLDER}")
_NAMES_FILE = "problem_list.csv"
_COLUMNS: Columns = {"problem_id": "text", "name": "text", "tests": "list"}
_TEST_COLUMNS: Columns = {"input": "text", "output": "text"}
NUM_PERFORMANCE_INPUTS = 2


@dataclass(frozen=True, slots=True)
class ProblemTests:
    """The tests of one problem, without repetitions."""

    name: str
    tests: tuple[TestCase, ...] = ()

    @property
    def performance_inputs(self) -> tuple[TestCase, ...]:
        """The tests with the longest inputs. Most are still tiny."""
        largest = sorted(self.tests, key=lambda case: len(case.input), reverse=True)
        return tuple(largest[:NUM_PERFORMANCE_INPUTS])


NO_TESTS = ProblemTests("")
TestsOf = Callable[[str], ProblemTests]
"""Problem id -> its tests, `NO_TESTS` if there are none."""


def find_tests(places: Sequence[Path]) -> TestsOf | None:
    """Look for tests in folders, the first that has any wins.

    Returns:
        None if there are none.

    Raises:
        UserError: If a file of tests is malformed; a folder's files are read when asked for.
    """
    for place in places:
        if (place / TESTS_FILE).is_file():
            tests = _read_file(place / TESTS_FILE)
            return lambda problem_id: tests.get(problem_id, NO_TESTS)
        for folder in (place / name for name in _FOLDERS):
            if folder.is_dir():
                return _reader(folder)
    return None


def _read_file(path: Path) -> dict[str, ProblemTests]:
    found: dict[str, ProblemTests] = {}
    for row in read_rows(path):
        check_columns(row, _COLUMNS, may_be_empty=("name",))
        problem_id = row.values["problem_id"]
        if problem_id in found:
            raise UserError(f"{row.where}: second row for {problem_id}; remove one of them")
        for case in row.values["tests"]:
            if not isinstance(case, dict):
                raise UserError(
                    f"{row.where}: each test must be an object with input and output, got "
                    f"{case!r:.60}"
                )
            where = f"{row.where}, a test"
            check_columns(Row(where, case), _TEST_COLUMNS, may_be_empty=("input", "output"))
        cases = [TestCase(case["input"], case["output"]) for case in row.values["tests"]]
        found[problem_id] = _checked(row.where, row.values["name"], cases)
    return found


def _reader(folder: Path) -> TestsOf:
    names = _names(folder)

    @cache
    def tests_of(problem_id: str) -> ProblemTests:
        if not problem_id.isalnum():  # it must name a folder here, and none elsewhere
            return NO_TESTS
        inputs = sorted((folder / problem_id).glob("input.*.txt"))
        outputs = [path.with_name(path.name.replace("input", "output", 1)) for path in inputs]
        cases = [TestCase(_read(i), _read(o)) for i, o in zip(inputs, outputs, strict=True)]
        return _checked(str(folder / problem_id), names.get(problem_id, ""), cases)

    return tests_of


def _names(folder: Path) -> dict[str, str]:
    """Return the problems' names, if the list is in the folder's parent or the parent's parent."""
    for path in (folder.parent / _NAMES_FILE, folder.parent.parent / _NAMES_FILE):
        if path.is_file():
            with path.open(encoding="utf-8", errors="replace", newline="") as file:
                return {row.get("id") or "": row.get("name") or "" for row in csv.DictReader(file)}
    return {}


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(
            f"cannot read {path}: {error.strerror}; every input.N.txt needs its output.N.txt"
        ) from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 ({error}); convert or remove the test") from error


def _checked(where: str, name: str, cases: Sequence[TestCase]) -> ProblemTests:
    # Word for word, a right program that prints 7.0 would fail where 7.000000000000 is expected.
    unique = tuple(dict.fromkeys(map(with_tolerance, cases)))
    repeated = [text for text, n in Counter(case.input for case in unique).items() if n > 1]
    if repeated:
        raise UserError(
            f"{where}: one input must have one expected output, got several for "
            f"{repeated[0]!r:.60}; remove the wrong ones"
        )
    return ProblemTests(" ".join(name.split()), unique)
