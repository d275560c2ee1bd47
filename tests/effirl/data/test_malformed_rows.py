"""Whatever a row holds, a loader uses it, counts it, or names its file and line: all loaders."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from effirl.data.load import load_problems
from effirl.data.problems import LoadedProblems
from effirl.errors import UserError
from rewards.records import TestCase
from tests.effirl.data.test_pie import PAIR, TESTS

FIXTURES = Path(__file__).parent / "fixtures"


def fixture(name: str) -> Any:
    """The first row of a file of ours."""
    text = (FIXTURES / name).read_text()
    return json.loads(text)[0] if name.endswith(".json") else json.loads(text.splitlines()[0])


@dataclass(frozen=True)
class Case:
    data: str
    file: str
    row: dict[str, Any]
    columns: tuple[str, ...]
    """Those that must be there and not be empty."""
    split: str = "test"
    other_split: str | None = None
    """What the file is divided into besides, by the id of a row."""

    def load(self, folder: Path, *lines: str, split: str | None = None) -> LoadedProblems:
        (folder / self.file).write_text("".join(line + "\n" for line in lines))
        (folder / "public_tests.jsonl").write_text(json.dumps(TESTS) + "\n")
        return self.read(folder, split)

    def read(self, folder: Path, split: str | None = None) -> LoadedProblems:
        has_tests = self.data != "resource_util"
        path = folder / self.file if self.data == "jsonl" else folder
        return load_problems(
            self.data, data_path=path, split=split or self.split, require_tests=has_tests
        )


RUNTIME_ROW = {
    "problem_id": "p00001", "submission_id_v0": "s1", "cpu_time_v0": "300", "cpu_time_v1": "100",
    "source_code": PAIR["input"], "target_code": PAIR["target"], "pl": "python",
}  # fmt: skip
RESOURCE_ROW = {
    "non_functional_requirement": "memory", "commit": "https://host/repository/commit/1",
    "commit_message": "Close it", "source_code": "open();", "target_code": "open(); close();",
    "pl": "Java",
}  # fmt: skip
OWN_ROW = {
    "problem_id": "p00001", "source_program": PAIR["input"], "targets": [PAIR["target"]],
    "description": "Add.", "split": "test", "tests": [{"input": "1 2", "output": "3"}],
    "performance_inputs": [{"input": "3 4", "output": "7"}],
}  # fmt: skip
CASES = (
    Case("jsonl", "own.jsonl", OWN_ROW, ("problem_id", "source_program"), "all"),
    Case("pie", "python_pairs.jsonl", PAIR, (
        "problem_id", "language", "input", "target", "cpu_time_v0", "cpu_time_v1", "memory_v0",
        "memory_v1", "status_v0", "status_v1",
    ), "all"),
    Case("nofuneval", "runtime_efficiency.jsonl", RUNTIME_ROW, (
        "problem_id", "cpu_time_v0", "cpu_time_v1", "source_code", "target_code", "pl",
    )),
    Case("resource_util", "resource_util.jsonl", RESOURCE_ROW, tuple(RESOURCE_ROW)),
    Case("effibench", "dataset.jsonl", fixture("effibench/dataset.json"), (
        "problem_idx", "markdown_description", "canonical_solution", "test_case",
    )),
    Case("mercury", "train.jsonl", fixture("mercury/train.jsonl"), (
        "id", "pretty_content", "solutions", "convert_offline", "evaluate_offline", "entry_point",
        "test_cases",
    ), "train", "validation"),
)  # fmt: skip
COLUMNS = [(case, column) for case in CASES for column in case.columns]
each_loader = pytest.mark.parametrize("case", CASES, ids=lambda case: case.data)
each_column = pytest.mark.parametrize(
    ("case", "column"), COLUMNS, ids=[f"{case.data}-{column}" for case, column in COLUMNS]
)


def outcome_of(load: Callable[[], LoadedProblems]) -> LoadedProblems | str:
    """What was loaded, or the user's error; any other error is the test's."""
    try:
        return load()
    except UserError as error:
        return str(error)


def error_of(load: Callable[[], object]) -> str:
    with pytest.raises(UserError) as caught:
        load()
    assert "\n" not in str(caught.value)
    return str(caught.value)


@each_loader
def test_the_good_row_is_good(case: Case, tmp_path: Path) -> None:
    loaded = case.load(tmp_path, json.dumps(case.row), "", json.dumps(case.row))
    assert len(loaded.problems) + loaded.dropped["duplicate"] == 2
    assert loaded.problems[0].source_program.strip()


@each_column
@pytest.mark.parametrize("value", [None, True, {}, {"a": 1}, 3.5j, "", " \n", [], "\ud800"])
def test_a_wrong_value_names_line_and_column(
    case: Case, column: str, value: object, tmp_path: Path
) -> None:
    row = {name: content for name, content in case.row.items() if name != column}
    if not isinstance(value, complex):  # that one stands for no value at all
        row[column] = value
    message = error_of(lambda: case.load(tmp_path, json.dumps(case.row), json.dumps(row)))
    assert message.startswith(f"{tmp_path / case.file}:2")
    assert repr(column) in message


@each_loader
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("{", "not JSON"),
        ("nothing", "not JSON"),
        ('{"a": 1} {"b": 2}', "not JSON"),
        ("[1, 2]", "must be a JSON object"),
        ("null", "must be a JSON object"),
        ("3", "must be a JSON object"),
        ("[" * 100_000, "not JSON"),
        ("{}", "is missing"),
    ],
)
def test_a_line_that_is_no_row_is_named(
    case: Case, line: str, expected: str, tmp_path: Path
) -> None:
    message = error_of(lambda: case.load(tmp_path, json.dumps(case.row), line))
    assert message.startswith(f"{tmp_path / case.file}:2: ")
    assert expected in message


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "fast", "nan"])
@pytest.mark.parametrize(
    ("case", "name"),
    [
        pytest.param(case, name, id=f"{case.data}-{name}")
        for case, name in COLUMNS
        if name.startswith(("cpu_time", "memory_v"))
    ],
)
def test_numbers_must_be_finite(case: Case, name: str, value: object, tmp_path: Path) -> None:
    lines = json.dumps(case.row), json.dumps(case.row | {name: value})
    message = error_of(lambda: case.load(tmp_path, *lines))
    assert ":2: " in message
    assert f"{name!r} must be a" in message


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@each_loader
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_value_in_any_column_is_used_counted_or_named(
    case: Case, tmp_path: Path, data: st.DataObject
) -> None:
    column = data.draw(st.sampled_from(sorted(case.row)))
    row = case.row | {column: data.draw(JSON)}
    lines = json.dumps(case.row), json.dumps(row)
    outcome = outcome_of(lambda: case.load(tmp_path, *lines))
    if not isinstance(outcome, str) and len(outcome.problems) + outcome.dropped.total() == 1:
        # The good row alone: the other's id must have put it into the other split.
        assert case.other_split is not None
        assert column == "id"
        outcome = outcome_of(lambda: case.load(tmp_path, *lines, split=case.other_split))
        assert not isinstance(outcome, str)
        assert len(outcome.problems) + outcome.dropped.total() == 1
        return
    if isinstance(outcome, str):
        assert outcome.startswith(f"{tmp_path / case.file}:2")
        assert "\n" not in outcome
        return
    assert len(outcome.problems) + outcome.dropped.total() == 2
    for problem in outcome.problems:
        problem.source_program.encode()
        assert all(isinstance(test, TestCase) for test in problem.tests)


@each_loader
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(noise=st.binary(min_size=1, max_size=40))
def test_any_bytes_after_a_good_row_are_named_or_blank(
    case: Case, tmp_path: Path, noise: bytes
) -> None:
    path = tmp_path / case.file
    case.load(tmp_path, json.dumps(case.row))
    with path.open("ab") as file:
        file.write(noise)
    outcome = outcome_of(lambda: case.read(tmp_path))
    if isinstance(outcome, str):
        assert outcome.startswith(f"{path}:")
    else:
        assert not noise.strip()
