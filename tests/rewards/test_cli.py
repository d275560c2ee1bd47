"""`python -m rewards` as others script against it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

RUN_KEYS = {
    "program", "status", "stdout", "exit_code", "signal", "runtime_s", "wall_s",
    "peak_memory_bytes", "isolation_level",
}  # fmt: skip
MEASURE_KEYS = {
    "correct", "time_log2_ratio", "time_low", "time_high", "memory_log2_ratio", "memory_low",
    "memory_high", "rounds", "source_runtime_s", "program_runtime_s", "source_peak_bytes",
    "program_peak_bytes",
}  # fmt: skip


def rewards(folder: Path, *arguments: str) -> tuple[int, list[dict], str]:
    done = subprocess.run(
        [sys.executable, "-m", "rewards", *arguments], cwd=folder, capture_output=True, text=True
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "slow.py").write_text("n = int(input())\nprint(sum([i for i in range(n)]))\n")
    (tmp_path / "fast.py").write_text("n = int(input())\nprint(n * (n - 1) // 2)\n")
    (tmp_path / "wrong.py").write_text("print(1)\n")
    (tmp_path / "crash.py").write_text("1/0\n")
    (tmp_path / "bytes.py").write_text("import os\nos.write(1, b'\\xff')\n")
    (tmp_path / "bytes.txt").write_bytes(b"\xff\n")
    (tmp_path / "in.txt").write_text("300000\n")
    (tmp_path / "out.txt").write_text("44999850000\n")
    return tmp_path


def test_run(folder: Path) -> None:
    programs = ["slow.py", "wrong.py", "crash.py", "slow.py"]
    code, rows, _ = rewards(folder, "run", *programs, "--stdin", "in.txt", "--expected", "out.txt",
                            "--json")  # fmt: skip
    assert code == 0
    assert [row["program"] for row in rows] == programs
    assert [row["status"] for row in rows] == ["OK", "WRONG_ANSWER", "RUNTIME_ERROR", "OK"]
    assert all(row.keys() == RUN_KEYS for row in rows)
    assert rows[0]["runtime_s"] != rows[3]["runtime_s"], "duplicates are run, not merged"
    assert rows[0]["peak_memory_bytes"] > 8e6


def test_run_without_expected_output_and_with_limits(folder: Path) -> None:
    code, rows, _ = rewards(folder, "run", "wrong.py", "--stdin", "in.txt")
    assert (code, rows[0]["status"], rows[0]["stdout"]) == (0, "OK", "1\n")
    _, rows, _ = rewards(folder, "run", "slow.py", "--stdin", "in.txt", "--memory-limit", "4")
    assert rows[0]["status"] == "MEMORY_LIMIT"
    _, rows, _ = rewards(folder, "run", "slow.py", "--stdin", "in.txt", "--wall-limit", "0.001")
    assert rows[0]["status"] == "TIME_LIMIT"
    _, rows, _ = rewards(folder, "run", "slow.py", "--stdin", "in.txt", "--wall-limit", "1e9")
    assert rows[0]["status"] == "OK"


def test_measure(folder: Path) -> None:
    code, (row,), _ = rewards(
        folder, "measure", "slow.py", "fast.py", "--stdin", "in.txt", "--json"
    )
    assert code == 0
    assert row.keys() >= MEASURE_KEYS
    assert row["correct"] is True
    assert row["time_log2_ratio"] > 2
    assert row["memory_log2_ratio"] > 2
    assert row["time_low"] <= row["time_log2_ratio"] <= row["time_high"]


def test_measure_itself_really_measures(folder: Path) -> None:
    _, (row,), _ = rewards(folder, "measure", "slow.py", "slow.py", "--stdin", "in.txt")
    assert row["rounds"] > 1
    assert row["source_runtime_s"] != row["program_runtime_s"]
    assert abs(row["time_log2_ratio"]) < 0.3


def test_measure_a_wrong_program(folder: Path) -> None:
    code, (row,), _ = rewards(folder, "measure", "slow.py", "wrong.py", "--stdin", "in.txt")
    assert (code, row["correct"], row["time_log2_ratio"]) == (0, False, None)


def test_isolation(folder: Path) -> None:
    code, (row,), _ = rewards(folder, "isolation", "--json")
    assert code == 0
    assert row["level"] >= 1
    assert row["mechanisms"]["no_new_processes"]["on"] is True
    assert all(isinstance(m["why"], str) for m in row["mechanisms"].values())


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["run", "absent.py", "--stdin", "in.txt"], "absent.py"),
        (["run", "slow.py", "--stdin", "absent.txt"], "absent.txt"),
        (["run", "slow.py"], "--stdin"),
        (["run", "slow.py", "--stdin", "in.txt", "--wall-limit", "-1"], "--wall-limit"),
        (["run", "slow.py", "--stdin", "in.txt", "--memory-limit", "2e13"], "--memory-limit"),
        (["measure", "crash.py", "fast.py", "--stdin", "in.txt"], "crash.py"),
        (["nonsense"], "nonsense"),
        (["run", "slow.py", "--tests", "in.txt", "--expected", "out.txt"], "--expected"),
        (["run", "slow.py", "--tests", "in.txt"], "in.txt: a test must assert something"),
        (["run", "slow.py", "--tests", "in.txt", "--stdin", "in.txt"], "--stdin"),
        (["measure", "crash.py", "fast.py", "--tests", "absent.py"], "absent.py"),
        (["score", "absent.jsonl"], "absent.jsonl"),
        (["score", "in.txt", "--alpha", "2"], "alpha"),
        (["score", "in.txt"], "in.txt:1"),
        (["measure", "slow.py", "fast.py", "--stdin", "bytes.txt"], "bytes.txt must be UTF-8"),
        (["measure", "bytes.py", "fast.py", "--stdin", "in.txt"], "prints on in.txt must be UTF-8"),
        (["run", "slow.py", "--stdin", "bytes.txt", "--whole-process"], "bytes.txt must be UTF-8"),
    ],
)
def test_mistakes_of_the_caller(folder: Path, arguments: list[str], names: str) -> None:
    code, rows, stderr = rewards(folder, *arguments)
    assert (code, rows) == (2, [])
    assert names in stderr
    assert len(stderr.splitlines()) == 1


def completions(folder: Path, *texts: str) -> None:
    case = {"input": "10", "output": "45"}
    large = {"input": "300000", "output": "44999850000"}
    rows = [
        {
            "problem_id": "sum", "source_program": (folder / "slow.py").read_text(),
            "tests": [case], "performance_inputs": [large], "completion": text, "note": i,
        }
        for i, text in enumerate(texts)
    ]  # fmt: skip
    (folder / "c.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_score_and_continue(folder: Path) -> None:
    completions(folder, (folder / "fast.py").read_text(), "print(1)", "print(")
    code, rows, _ = rewards(folder, "score", "c.jsonl", "--alpha", "1")
    assert code == 0
    assert [row["status"] for row in rows] == ["OK", "WRONG_ANSWER", "SYNTAX_ERROR"]
    assert [row["note"] for row in rows] == [0, 1, 2]
    assert rows[0]["reward"] > 1.3
    output = folder / "c.scored.jsonl"
    whole = output.read_text()
    lines = whole.splitlines(keepends=True)
    output.write_text(lines[0] + lines[1][:20])  # as if killed while writing the second row
    code, again, _ = rewards(folder, "score", "c.jsonl", "--alpha", "1")
    assert (code, again[0]) == (0, rows[0]), "the first row is not measured again"
    assert len(output.read_text().splitlines()) == 3
    ours = {**json.loads(lines[1]), "status": "SANDBOX_ERROR", "reward": None}
    output.write_text(lines[0] + json.dumps(ours) + "\n" + lines[2])  # as if we had failed there
    code, again, _ = rewards(folder, "score", "c.jsonl", "--alpha", "1")
    assert (code, again[0]) == (0, rows[0])
    assert [row["status"] for row in again] == ["OK", "WRONG_ANSWER", "SYNTAX_ERROR"]
    assert len(output.read_text().splitlines()) == 3
    code, _, stderr = rewards(folder, "score", "c.jsonl", "--alpha", "0")
    assert code == 2
    assert "c.scored.jsonl:1" in stderr


def test_scored_rows_can_be_scored_again(folder: Path) -> None:
    completions(folder, "print(1)", "print(")
    rewards(folder, "score", "c.jsonl", "--output", "first.jsonl")
    again = ("score", "first.jsonl", "--alpha", "1", "--output", "second.jsonl")
    code, rows, _ = rewards(folder, *again)
    assert (code, [row["alpha"] for row in rows]) == (0, [1.0, 1.0])
    assert rewards(folder, *again)[:2] == (0, rows)


@pytest.mark.parametrize("output", ["absent/c.jsonl", ".", "bytes.txt"])
def test_output_that_cannot_be_used_is_named(folder: Path, output: str) -> None:
    completions(folder, "print(1)")
    code, rows, stderr = rewards(folder, "score", "c.jsonl", "--output", output)
    assert (code, rows) == (2, [])
    assert f"rewards: {output}: " in stderr
    assert len(stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"note": float("nan")}, "NaN is no JSON"),
        ({"tests": [{"assert": f"assert f() == {'+'.join('1' * 900)}"}]}, "nested less deeply"),
        ({"tests": []}, "tests must not be empty"),
        ({"note": 10.0**308}, "1000e+308 is too large"),
        ({"tests": None}, "tests must be a list"),
        ({"tests": [{"input": 1, "output": "1"}]}, "tests: input of a test must be a text"),
        ({"tests": [{"assert": "assert f("}]}, "tests: a test must be Python"),
        ({"performance_inputs": [{"input": "1", "output": "1", "match": "x"}]}, "match must be"),
        ({"completion": None}, "completion must be a string"),
    ],
)
def test_malformed_row_is_named(folder: Path, change: dict, names: str) -> None:
    completions(folder, "print(1)", "print(2)")
    first, second = (folder / "c.jsonl").read_text().splitlines()
    broken = json.dumps(json.loads(second) | change).replace("1e+308", "1000e+308")
    (folder / "c.jsonl").write_text(f"{first}\n{broken}\n")
    code, rows, stderr = rewards(folder, "score", "c.jsonl")
    assert (code, rows) == (2, [])
    assert "c.jsonl:2" in stderr
    assert names in stderr
    assert not (folder / "c.scored.jsonl").exists()


@pytest.fixture
def functions(folder: Path) -> Path:
    body = "class Solution:\n    def total(self, n: int) -> int:\n        "
    (folder / "f_slow.py").write_text(body + "return sum([i for i in range(n)])\n")
    (folder / "f_fast.py").write_text(body + "return n * (n - 1) // 2\n")
    (folder / "f_wrong.py").write_text(body + "return n\n")
    (folder / "tests.py").write_text(
        "solution = Solution()\nassert solution.total(10) == 45\n"
        "assert solution.total(300000) == 44999850000\n"
    )
    (folder / "weak.py").write_text("for n in (10,):\n    assert solution.total(n) == 45\n")
    return folder


def test_run_functions(functions: Path) -> None:
    code, rows, _ = rewards(functions, "run", "f_slow.py", "f_wrong.py", "--tests", "tests.py")
    assert code == 0
    assert [row["status"] for row in rows] == ["OK", "WRONG_ANSWER"]
    assert all(row.keys() == RUN_KEYS | {"is_weakly_judged"} for row in rows)
    assert not rows[0]["is_weakly_judged"]
    _, rows, _ = rewards(functions, "run", "f_slow.py", "f_wrong.py", "--tests", "weak.py")
    assert [row["status"] for row in rows] == ["OK", "WRONG_ANSWER"]
    assert rows[0]["is_weakly_judged"]


def test_measure_functions(functions: Path) -> None:
    code, (row,), _ = rewards(functions, "measure", "f_slow.py", "f_fast.py", "--tests", "tests.py")
    assert (code, row["correct"], row["is_weakly_judged"]) == (0, True, False)
    assert row["time_log2_ratio"] > 1
    code, (row,), _ = rewards(functions, "measure", "f_slow.py", "f_wrong.py", "--tests",
                              "tests.py")  # fmt: skip
    assert (code, row["correct"]) == (0, False)
    code, rows, stderr = rewards(functions, "measure", "f_wrong.py", "f_fast.py", "--tests",
                                 "tests.py")  # fmt: skip
    assert (code, rows) == (2, [])
    assert "f_wrong.py ends with WRONG_ANSWER on tests.py" in stderr


def test_score_functions(functions: Path) -> None:
    tests = [
        {"assert": "assert solution.total(10) == 45"},
        {"call": "solution.total(2)", "output": 1},
    ]
    large = {"assert": "assert solution.total(300000) == 44999850000"}
    row = {"problem_id": "total", "source_program": (functions / "f_slow.py").read_text(),
           "tests": tests, "performance_inputs": [large]}  # fmt: skip
    weak = {"assert": "for n in (1,): assert solution.total(n) == 0"}
    rows = [
        row | {"completion": (functions / name).read_text()} for name in ("f_fast.py", "f_wrong.py")
    ]
    rows.append(rows[0] | {"tests": [*tests, weak]})
    (functions / "c.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    code, scored, _ = rewards(functions, "score", "c.jsonl", "--alpha", "1")
    assert code == 0
    assert [row["status"] for row in scored] == ["OK", "WRONG_ANSWER", "OK"]
    assert [row["is_weakly_judged"] for row in scored] == [False, False, True]
    assert scored[0]["reward"] > 1.1
    assert scored[0]["tests"] == tests, "rows keep the form that they came in"
