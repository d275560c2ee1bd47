"""The guard: what counts as the same, how it is recorded, what evaluation leaves out."""

import json
from pathlib import Path

import pytest

from effirl.data import overlap
from effirl.data.overlap import Footprint, leave_out, record_training, trained_on
from effirl.data.problems import LoadedProblems, Problem, Target
from effirl.errors import UserError

SEEN = Problem(
    "p1", "", "x = 1\nprint(x)", targets=(Target("print(1)"),), submission_ids=("s1", "s2")
)


@pytest.mark.parametrize(
    ("problem", "expected"),
    [
        (Problem("p1", "", "print(9)"), "problem"),
        (Problem("p2", "", "print(9)", submission_ids=("s9", "s2")), "submission"),
        (Problem("p2", "", "x = 1  # one\n\nprint( x )\n"), "program"),
        (Problem("p2", "", "print(9)", targets=(Target("print(1)"),)), "program"),
        (Problem("p2", "", "x = 2\nprint(x)", submission_ids=("s3",)), None),
    ],
)
def test_what_counts_as_the_same(problem: Problem, expected: str | None) -> None:
    assert Footprint.of([SEEN]).overlap(problem) == expected
    assert Footprint().overlap(problem) is None


def test_what_overlaps_is_left_out_and_counted() -> None:
    loaded = LoadedProblems([SEEN, Problem("p2", "", "print(1)"), Problem("p3", "", "print(3)")])
    loaded.dropped["no tests"] = 4
    kept = leave_out(loaded, Footprint.of([SEEN]), "as m was trained on")
    assert [problem.problem_id for problem in kept.problems] == ["p3"]
    assert kept.dropped == {
        "no tests": 4, "same problem as m was trained on": 1, "same program as m was trained on": 1,
    }  # fmt: skip
    assert len(loaded.problems) == 3
    with pytest.raises(UserError, match="all 1 problems have the same problem id"):
        leave_out(LoadedProblems([SEEN]), Footprint.of([SEEN]), "as m was trained on")


def test_a_record_holds_what_earlier_runs_learnt_from(tmp_path: Path) -> None:
    first, second = tmp_path / "sft", tmp_path / "ppo"
    for run in (first, second):
        (run / "model").mkdir(parents=True)
    record_training(first, Footprint.of([SEEN]), "codet5-nano")
    record_training(second, Footprint.of([Problem("p2", "", "print(2)")]), str(first / "model"))
    found = trained_on(str(second / "model"))
    assert found.problem_ids == {"p1", "p2"}
    assert found.submission_ids == {"s1", "s2"}
    assert found == Footprint.of([SEEN]) | Footprint.of([Problem("p2", "", "print(2)")])


def test_a_model_that_was_moved_keeps_its_record(tmp_path: Path) -> None:
    record_training(tmp_path, Footprint.of([SEEN]), "codet5-nano")
    (tmp_path / "elsewhere" / "model").mkdir(parents=True)
    moved = tmp_path / "elsewhere" / "model"
    (tmp_path / overlap.RECORD_FILE).rename(moved / overlap.RECORD_FILE)
    assert trained_on(str(moved)).problem_ids == {"p1"}


@pytest.mark.parametrize("name", ["codet5-nano", "Salesforce/codet5-small", "source"])
def test_a_model_without_a_record_has_seen_nothing(name: str) -> None:
    assert trained_on(name) == Footprint()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"problem_ids": 3}', "\ud800"])
def test_an_unreadable_record_is_an_error_that_names_it(tmp_path: Path, text: str) -> None:
    path = tmp_path / overlap.RECORD_FILE
    path.write_bytes(text.encode(errors="surrogatepass"))
    with pytest.raises(UserError, match="does not say what the model was trained on") as caught:
        trained_on(str(tmp_path))
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_record_can_be_read_by_people(tmp_path: Path) -> None:
    record_training(tmp_path, Footprint.of([SEEN]), "codet5-nano")
    record = json.loads((tmp_path / overlap.RECORD_FILE).read_text())
    assert record["problem_ids"] == ["p1"]
    assert len(record["programs"]) == 2
