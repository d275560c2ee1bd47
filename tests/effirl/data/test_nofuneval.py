"""NoFunEval's two sets, from a folder, a checkout and the hub."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from effirl.data import nofuneval, pie
from effirl.data.overlap import Footprint
from effirl.errors import UserError
from tests.effirl.data.test_malformed_rows import RESOURCE_ROW, RUNTIME_ROW
from tests.effirl.data.test_pie import TESTS
from tests.shared import shared_path


def write(folder: Path, name: str, rows: list[dict[str, Any]]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def test_a_row_becomes_a_problem(tmp_path: Path) -> None:
    write(tmp_path / "pie", "public_tests.jsonl", [TESTS])  # beside ours
    folder = write(tmp_path / "nofuneval", "runtime_efficiency.jsonl", [RUNTIME_ROW])
    (problem,) = nofuneval.load_runtime_efficiency(folder, "test").problems
    assert problem.problem_id == "p00001"
    assert problem.submission_ids == ("s1",)
    assert problem.source_program == "n = int(input())\nprint(sum(range(n)))\n"
    assert problem.targets[0].program == "n = int(input())\nprint(n * (n - 1) // 2)\n"
    assert (problem.targets[0].runtime_tag, problem.targets[0].memory_tag) == (1, None)
    assert len(problem.tests) == 3


def test_a_checkout_has_its_own_tests(tmp_path: Path) -> None:
    write(tmp_path / "datasets", "runtime_efficiency.jsonl", [RUNTIME_ROW])
    tests = tmp_path / "src/evaluation/pie-perf/codenet/public_test_cases/p00001"
    tests.mkdir(parents=True)
    (tests / "input.0.txt").write_text("3\n")
    (tests / "output.0.txt").write_text("3\n")
    for path in (tmp_path, tmp_path / "datasets", tmp_path / "datasets/runtime_efficiency.jsonl"):
        (problem,) = nofuneval.load_runtime_efficiency(path, "test").problems
        assert [case.input for case in problem.tests] == ["3\n"]


def test_the_hub_is_read_as_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "data", "resource_util.jsonl", [RESOURCE_ROW])
    asked: list[str] = []
    monkeypatch.setattr(nofuneval, "hub_folder", lambda name: asked.append(name) or tmp_path)
    assert len(nofuneval.load_resource_util(None, "test").problems) == 1
    assert asked == [nofuneval.HUB_ID]


def test_without_tests_the_rows_can_still_be_read(tmp_path: Path) -> None:
    write(tmp_path, "runtime_efficiency.jsonl", [RUNTIME_ROW])
    with pytest.raises(UserError, match=r"there are no tests for .*runtime_efficiency\.jsonl"):
        nofuneval.load_runtime_efficiency(tmp_path, "test")
    loaded = nofuneval.load_runtime_efficiency(tmp_path, "test", require_tests=False)
    assert len(loaded.problems) == 1


def test_what_cannot_be_used_is_counted(tmp_path: Path) -> None:
    rows = [
        RUNTIME_ROW,
        RUNTIME_ROW | {"source_code": "print 1"},
        RUNTIME_ROW | {"target_code": RUNTIME_ROW["source_code"]},
        RUNTIME_ROW | {"problem_id": "p00002"},
    ]
    write(tmp_path, "runtime_efficiency.jsonl", rows)
    write(tmp_path, "public_tests.jsonl", [TESTS])
    loaded = nofuneval.load_runtime_efficiency(tmp_path, "test")
    assert len(loaded.problems) == 1
    assert loaded.dropped == {
        "syntax error": 1, "target is the source program": 1, "no tests": 1,
    }  # fmt: skip


def test_a_missing_file_says_what_is_wanted(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"resource_util\.jsonl does not exist; --data-path must"):
        nofuneval.load_resource_util(tmp_path, "test")


@pytest.mark.parametrize(
    ("languages", "kept"),
    [("all", ["java", "c", "python"]), ("C", ["c"]), ("python, java", ["java", "python"])],
)
def test_languages_are_kept_by_choice(tmp_path: Path, languages: str, kept: list[str]) -> None:
    rows = [RESOURCE_ROW | {"pl": pl} for pl in ("Java", "C", "Python")]
    write(tmp_path, "resource_util.jsonl", rows)
    loaded = nofuneval.load_resource_util(tmp_path, "test", languages=languages)
    assert [problem.language for problem in loaded.problems] == kept
    assert loaded.dropped.total() == 3 - len(kept)
    assert all(reason.startswith("in ") for reason in loaded.dropped)


def test_an_unknown_language_names_the_known_ones(tmp_path: Path) -> None:
    write(tmp_path, "resource_util.jsonl", [RESOURCE_ROW])
    with pytest.raises(UserError, match="languages of resource_util are java, or all; got cobol"):
        nofuneval.load_resource_util(tmp_path, "test", languages="cobol")


def test_training_splits_divide_what_test_has(tmp_path: Path) -> None:
    rows = [RESOURCE_ROW | {"commit": f"commit/{number}"} for number in range(200)]
    write(tmp_path, "resource_util.jsonl", rows)
    ids = {
        split: {p.problem_id for p in nofuneval.load_resource_util(tmp_path, split).problems}
        for split in ("train", "validation", "test")
    }
    assert ids["train"] | ids["validation"] == ids["test"] == {str(row["commit"]) for row in rows}
    assert not ids["train"] & ids["validation"]
    assert 5 < len(ids["validation"]) < 40


def test_the_real_rows_load() -> None:
    folder = shared_path("data", "nofuneval")
    loaded = nofuneval.load_runtime_efficiency(folder, "test")
    assert (len(loaded.problems), dict(loaded.dropped)) == (81, {"syntax error": 1})
    assert all(problem.tests for problem in loaded.problems)
    edits = nofuneval.load_resource_util(folder, "test").problems
    assert Counter(problem.language for problem in edits).most_common(2) == [("java", 35), ("c", 5)]
    assert len(edits) == 51


def test_all_real_rows_are_inside_pie() -> None:
    pairs = pie.load(shared_path("data", "pie"), "all", require_tests=False)
    rows = nofuneval.load_runtime_efficiency(
        shared_path("data", "nofuneval"), "test", require_tests=False
    ).problems
    seen = Footprint.of(pairs.problems)
    assert {row.problem_id for row in rows} <= seen.problem_ids
    assert sum(not seen.submission_ids.isdisjoint(row.submission_ids) for row in rows) > 70
