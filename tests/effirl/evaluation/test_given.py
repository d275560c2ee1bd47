import json
from pathlib import Path
from typing import Any

import pytest

from effirl.data.problems import Problem
from effirl.errors import UserError
from effirl.evaluation.given import read_completions

PROBLEMS = [Problem("a", "", "one()"), Problem("b", "", "two()"), Problem("c", "", "three()")]
TWINS = [Problem("a", "", "one()"), Problem("a", "", "two()")]


def write(tmp_path: Path, *rows: dict[str, Any]) -> Path:
    path = tmp_path / "theirs.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_both_shapes_are_read_in_the_order_of_the_problems(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        {"problem_id": "c", "completions": ["c0", "c1"]},
        {"problem_id": "a", "completion": "a1", "sample": 1},
        {"problem_id": "b", "completion": "b0", "extra": True},
        {"problem_id": "a", "completion": "a0", "sample": 0},
        {"problem_id": "b", "completion": "b1"},
    )
    found = read_completions(path, PROBLEMS)
    assert found.by_problem == [["a0", "a1"], ["b0", "b1"], ["c0", "c1"]]
    assert found.num_samples == 2
    assert found.notes == []


def test_what_is_odd_is_named_and_counted(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        {"problem_id": "a", "completions": ["a0", " \n"]},
        {"problem_id": "b", "completion": "b0"},
        {"problem_id": "z", "completions": ["z0", "z1"]},
    )
    found = read_completions(path, PROBLEMS)
    assert found.by_problem == [["a0", " \n"], ["b0", ""], ["", ""]]
    assert found.notes == [
        "1 problems have no completion, and count as failed: c",
        "1 problems have fewer than 2 completions; the rest count as failed: b",
        "1 completions are empty: a",
        "2 completions are of problems that are not evaluated, and are left out: z",
    ]


def test_many_names_are_cut_and_counted(tmp_path: Path) -> None:
    problems = [Problem(f"p{i}", "", "pass") for i in range(13)]
    (note,) = read_completions(
        write(tmp_path, {"problem_id": "p0", "completion": "x"}), problems
    ).notes
    assert note.startswith("12 problems have no completion")
    assert note.endswith("p10 and 2 more")


def test_a_source_program_tells_problems_of_one_id_apart(tmp_path: Path) -> None:
    rows = [
        {"problem_id": "a", "completion": "second", "source_program": "two( )  # the slow one"},
        {"problem_id": "a", "completion": "first", "source_program": "one()"},
    ]
    assert read_completions(write(tmp_path, *rows), TWINS).by_problem == [["first"], ["second"]]
    other = {"problem_id": "b", "completion": "b", "source_program": "another()"}
    notes = read_completions(write(tmp_path, *rows, other), [*TWINS, PROBLEMS[1]]).notes
    assert "1 completions are of problems that are not evaluated, and are left out: b" in notes


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"problem_id": "a"}], r"jsonl:1: a row must have completion, or completions"),
        ([{"completion": "x"}], r"jsonl:1: key 'problem_id' is missing"),
        ([{"problem_id": "a", "completion": 3}], r"jsonl:1: 'completion' must be a text"),
        (
            [{"problem_id": "a", "completions": ["x", None]}],
            r"'completions\[1\]' must be a text",
        ),
        ([{"problem_id": "a", "completion": "x", "sample": "0"}], r"must be a whole number"),
        ([{"problem_id": "a", "completion": "x", "sample": [1]}], r"must be a whole number"),
        ([{"problem_id": "a", "completions": ["\ud800"]}], r"'completions\[0\]' is no valid text"),
        (
            [{"problem_id": "a", "completion": text, "sample": 0} for text in "xy"],
            r"jsonl:2: sample 0 of problem 'a' is already in .*jsonl:1; remove one",
        ),
        ([{"problem_id": "z", "completion": "x"}], r"none of its 1 completions .*\(z\); check"),
        ([], r"none of its 0 completions .*the file is empty"),
    ],
)
def test_what_cannot_be_meant_is_an_error(
    rows: list[dict[str, Any]], message: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=message):
        read_completions(write(tmp_path, *rows), PROBLEMS)


def test_one_id_for_several_problems_needs_the_source_program(tmp_path: Path) -> None:
    path = write(tmp_path, {"problem_id": "a", "completion": "x"})
    with pytest.raises(UserError, match="problem_id 'a' is that of 2 problems"):
        read_completions(path, TWINS)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no\.jsonl does not exist"):
        read_completions(tmp_path / "no.jsonl", PROBLEMS)


def test_equal_problems_share_what_is_theirs(tmp_path: Path) -> None:
    """PIE has pairs with one source program: a completion of each is one sample of each."""
    equal = [Problem("p", "", "pass"), Problem("p", "", "pass  # again"), Problem("q", "", "pass")]
    path = tmp_path / "given.jsonl"
    rows = [
        {"problem_id": "p", "source_program": "pass", "completion": "a", "sample": 0},
        {"problem_id": "p", "source_program": "pass  # again", "completion": "b", "sample": 0},
        {"problem_id": "q", "source_program": "pass", "completion": "c", "sample": 0},
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = read_completions(path, equal)
    assert (found.num_samples, found.by_problem, found.notes) == (1, [["a"], ["b"], ["c"]], [])
    twins = [Problem("p", "", "pass"), Problem("p", "", "pass"), Problem("q", "", "pass")]
    for row in rows:
        row["source_program"] = "pass"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert read_completions(path, twins).by_problem == [["a"], ["b"], ["c"]]
    path.write_text("".join(json.dumps(row) + "\n" for row in (rows[0], rows[2])))
    assert read_completions(path, twins).by_problem == [["a"], ["a"], ["c"]]
