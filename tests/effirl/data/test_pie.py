import json
import os
from pathlib import Path
from typing import Any

import pytest

from effirl.data import codenet, pie, programs
from effirl.errors import UserError
from rewards.records import TestCase

SHARED = Path(
    os.environ.get("EFFIRL_SHARED", Path(__file__).resolve().parents[3].parent / "shared")
)
SAMPLE = SHARED / "data" / "pie"

PAIR: dict[str, Any] = {
    "user_id": "u1",
    "problem_id": "p00001",
    "language": "python",
    "submission_id_v0": "s1",
    "submission_id_v1": "s2",
    "cpu_time_v0": 300,
    "cpu_time_v1": 100,
    "memory_v0": 10000,
    "memory_v1": 9000,
    "status_v0": "Accepted",
    "status_v1": "Accepted",
    "input": "n = int(input())\n\nprint(sum(range(n)))",
    "target": "n = int(input())\n\nprint(n * (n - 1) // 2)",
}
TESTS: dict[str, Any] = {
    "problem_id": "p00001",
    "name": "Contest 1\n- Sum",
    "tests": [
        {"input": "3\n", "output": "3\n"},
        {"input": "100\n", "output": "4950\n"},
        {"input": "3\n", "output": "3\n"},
        {"input": "20\n", "output": "190\n"},
    ],
}


def write(folder: Path, pairs: list[Any], tests: list[Any]) -> Path:
    for name, rows in ((pie.PAIRS_FILE, pairs), (codenet.TESTS_FILE, tests)):
        lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
        (folder / name).write_text("\n".join(lines) + "\n")
    return folder


def test_a_pair_becomes_a_problem(tmp_path: Path) -> None:
    loaded = pie.load(write(tmp_path, [PAIR], [TESTS]), "all")
    (problem,) = loaded.problems
    assert problem.problem_id == "p00001"
    assert problem.description == "Contest 1 - Sum"
    assert problem.source_program == "n = int(input())\nprint(sum(range(n)))\n"
    assert problem.targets[0].program == "n = int(input())\nprint(n * (n - 1) // 2)\n"
    # The repeated test is there once, and the two with the longest inputs are measured.
    assert [case.input for case in problem.tests] == ["3\n", "100\n", "20\n"]
    assert problem.performance_inputs == (
        TestCase("100\n", "4950\n"),
        TestCase("20\n", "190\n"),
    )
    assert not loaded.dropped


@pytest.mark.parametrize(
    ("columns", "tags"),
    [
        ({"cpu_time_v0": 300, "cpu_time_v1": 200}, (1, 1)),  # 1.5x, 100 ms, 10% leaner
        ({"cpu_time_v0": 299, "cpu_time_v1": 200}, (0, 1)),  # 1.495x
        ({"cpu_time_v0": 60, "cpu_time_v1": 20}, (0, 1)),  # 3x, but 40 ms
        ({"memory_v1": 9001}, (1, 0)),
        ({"memory_v1": 20000, "cpu_time_v1": 300}, (0, 0)),
    ],
)
def test_tags_follow_from_the_judges_figures(
    tmp_path: Path, columns: dict[str, int], tags: tuple[int, int]
) -> None:
    loaded = pie.load(write(tmp_path, [PAIR | columns], [TESTS]), "all")
    target = loaded.problems[0].targets[0]
    assert (target.runtime_tag, target.memory_tag) == tags


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"language": "ruby"}, "not Python"),
        ({"status_v1": "Wrong Answer"}, "not Accepted"),
        ({"target": PAIR["input"]}, "target is the source program"),
        ({"target": "print((*range(3)))"}, "syntax error"),
        ({"problem_id": "p00002"}, "duplicate"),
        ({"problem_id": "p00002", "input": "print(1)"}, "no tests"),
    ],
)
def test_unusable_rows_are_counted_by_reason(
    tmp_path: Path, change: dict[str, str], reason: str
) -> None:
    loaded = pie.load(write(tmp_path, [PAIR, PAIR | change], [TESTS]), "all")
    assert len(loaded.problems) == 1
    assert loaded.dropped == {reason: 1}


def test_pairs_without_tests_are_left_out_unless_asked_for(tmp_path: Path) -> None:
    folder = write(tmp_path, [PAIR | {"problem_id": "p00002"}], [TESTS])
    assert pie.load(folder, "all").dropped == {"no tests": 1}
    assert len(pie.load(folder, "all", require_tests=False).problems) == 1
    (folder / codenet.TESTS_FILE).unlink()
    assert len(pie.load(folder, "all", require_tests=False).problems) == 1


@pytest.mark.parametrize(
    ("bad_row", "message"),
    [
        ("{not json", "not JSON"),
        ("[1, 2]", "must be a JSON object"),
        ({k: v for k, v in PAIR.items() if k != "target"}, "'target' is missing"),
        (PAIR | {"cpu_time_v0": "104"}, "'cpu_time_v0' must be a number, got '104'"),
        (PAIR | {"memory_v1": True}, "'memory_v1' must be a number, got True"),
        (PAIR | {"input": 3}, "'input' must be a text, got 3"),
        (PAIR | {"input": " \n"}, "'input' must not be empty"),
        (PAIR | {"problem_id": ""}, "'problem_id' must not be empty"),
    ],
)
def test_a_malformed_pair_is_an_error_that_names_its_line(
    tmp_path: Path, bad_row: Any, message: str
) -> None:
    folder = write(tmp_path, [PAIR, bad_row], [TESTS])
    with pytest.raises(UserError) as caught:
        pie.load(folder, "all")
    assert f"{folder / pie.PAIRS_FILE}:2: " in str(caught.value)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("bad_row", "message"),
    [
        (TESTS, "second row for p00001"),
        (TESTS | {"problem_id": "p2", "tests": []}, "'tests' must not be empty"),
        (TESTS | {"problem_id": "p2", "tests": ["3"]}, "must be an object"),
        (TESTS | {"problem_id": "p2", "tests": [{"input": "3"}]}, "'output' is missing"),
        (
            TESTS | {"problem_id": "p2", "tests": [{"input": "3", "output": 3}]},
            "'output' must be a text",
        ),
        (
            TESTS
            | {
                "problem_id": "p2",
                "tests": [{"input": "3", "output": "3"}, {"input": "3", "output": "4"}],
            },
            "one input must have one expected output",
        ),
    ],
)
def test_a_malformed_row_of_tests_names_its_line(
    tmp_path: Path, bad_row: Any, message: str
) -> None:
    folder = write(tmp_path, [PAIR], [TESTS, bad_row])
    with pytest.raises(UserError) as caught:
        pie.load(folder, "all")
    assert f"{folder / codenet.TESTS_FILE}:2" in str(caught.value)
    assert message in str(caught.value)


def test_bytes_that_are_not_text_name_their_line(tmp_path: Path) -> None:
    folder = write(tmp_path, [PAIR], [TESTS])
    with (folder / pie.PAIRS_FILE).open("ab") as file:
        file.write(b'{"input": "\xff\xfe"}\n')
    with pytest.raises(UserError, match=r"python_pairs\.jsonl:2: not JSON"):
        pie.load(folder, "all")


def test_a_missing_file_says_what_the_folder_must_hold(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no tests to run programs on; --data-path must"):
        pie.load(tmp_path, "all")
    with pytest.raises(UserError, match=r"python_pairs\.jsonl does not exist; --data-path must"):
        pie.load(tmp_path, "all", require_tests=False)


def test_limit_keeps_the_first_usable_rows(tmp_path: Path) -> None:
    rows = [PAIR | {"input": f"print({number})"} for number in range(5)]
    folder = write(tmp_path, [PAIR | {"language": "ruby"}, *rows], [TESTS])
    programs = [problem.source_program for problem in pie.load(folder, "all", limit=2).problems]
    assert programs == ["print(0)\n", "print(1)\n"]


def test_splits_are_by_problem_and_cover_everything(tmp_path: Path) -> None:
    ids = [f"p{number:05}" for number in range(1000)]
    counts = {name: sum(pie.split_of(i) == name for i in ids) for name in pie.SPLITS}
    assert counts["train"] + counts["validation"] + counts["test"] == 1000
    assert 760 < counts["train"] < 840
    assert 70 < counts["validation"] < 130
    rows = [PAIR | {"problem_id": i, "input": f"print({i!r})"} for i in ids[:50]]
    folder = write(tmp_path, rows, [TESTS | {"problem_id": i} for i in ids[:50]])
    splits = {
        name: {problem.problem_id for problem in pie.load(folder, name).problems}
        for name in pie.SPLITS
    }
    assert splits["train"] | splits["validation"] | splits["test"] == splits["all"] == set(ids[:50])
    assert not splits["train"] & splits["test"]


def test_an_unknown_split_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="train, validation, test, all, got 'transfer'"):
        pie.load(tmp_path, "transfer")


@pytest.mark.parametrize(
    ("program", "compact"),
    [
        ("a = 1\n\n\n\nb = 2", "a = 1\nb = 2\n"),
        ("if a:\n\n    b()\n    \n\nelse:\n\n    c()", "if a:\n    b()\nelse:\n    c()\n"),
        ("a = '''x\n\ny'''\n\nb", "a = '''x\n\ny'''\nb\n"),
        ("# one\n\n# two\n\nf(\n\n1)", "# one\n# two\nf(\n1)\n"),
        ("a = (1\n\n", "a = (1\n\n"),  # no Python: as it was
        ("print 'x'\n\nprint 'y'", "print 'x'\n\nprint 'y'"),
    ],
)
def test_blank_lines_go_where_that_is_safe(program: str, compact: str) -> None:
    assert programs.compact_program(program) == compact


@pytest.mark.skipif(not SAMPLE.is_dir(), reason=f"NOT CHECKED: {SAMPLE} is absent")
def test_the_real_sample_loads() -> None:
    loaded = pie.load(SAMPLE, "all")
    assert len(loaded.problems) == 486
    assert loaded.dropped == {"no tests": 234, "syntax error": 8}
    assert all(problem.tests and problem.performance_inputs for problem in loaded.problems)
    assert len(pie.load(SAMPLE, "all", require_tests=False).problems) == 720
