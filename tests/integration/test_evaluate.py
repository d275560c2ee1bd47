"""scripts/evaluate.py as a user runs it, with real programs in the real sandbox."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
SOURCE = "n = int(input())\ntotal = 0\nfor i in range(n):\n    total += i\nprint(total)\n"
TARGET = "n = int(input())\nprint(n * (n - 1) // 2)\n"


@pytest.fixture
def pie_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "pie"
    folder.mkdir()
    ids = ["p1", "p2", "p3"]
    pairs = [
        {
            "problem_id": name,
            "language": "python",
            "cpu_time_v0": 300,
            "cpu_time_v1": 20,
            "memory_v0": 9000,
            "memory_v1": 9000,
            "status_v0": "Accepted",
            "status_v1": "Accepted",
            "input": f"# {name}\n{SOURCE}",
            "target": f"# {name}\n{TARGET}",
        }
        for name in ids
    ]
    cases = [{"input": f"{n}\n", "output": f"{n * (n - 1) // 2}\n"} for n in (3, 200_000)]
    tests = [{"problem_id": name, "name": "Sum", "tests": cases} for name in ids]
    for file, rows in (("python_pairs.jsonl", pairs), ("public_tests.jsonl", tests)):
        (folder / file).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def evaluate(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "scripts/evaluate.py", *map(str, arguments)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_a_better_program_is_told_from_its_source(pie_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "eval"
    arguments = (
        *("--model", "target", "--baseline", "source", "--split", "all", "--output-dir", out),
        *("--data", "pie", "--data-path", pie_folder),
    )
    ended = evaluate(*arguments)
    assert ended.returncode == 0, ended.stderr
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["pass@1"]["value"] == 1.0
    assert metrics["opt@1"]["value"] == 1.0
    assert metrics["NET_ratio_of_totals"]["high"] < 0.9
    baseline = json.loads((out / "baseline" / "metrics.json").read_text())
    assert baseline["opt@1"]["value"] == 0.0
    assert baseline["copies"]["value"] == 1.0
    assert "| NTMU_mean_of_ratios |" in (out / "report.md").read_text()
    assert "pass@1" in ended.stdout

    assert metrics["lines"]["value"] == 2 < metrics["lines_of_source"]["value"] == 5
    assert metrics["time_gain_raw"]["value"] > 0

    results = (out / "results.jsonl").read_text()
    again = evaluate(*arguments)
    assert again.returncode == 0, again.stderr
    assert (out / "results.jsonl").read_text() == results


def test_evaluations_share_what_they_measure(pie_folder: Path, tmp_path: Path) -> None:
    arguments = (
        *("--model", "target", "--split", "all", "--data", "pie", "--data-path", pie_folder),
        *("--measurements", tmp_path / "shared"),
    )
    found = []
    for name in ("one", "other"):
        ended = evaluate(*arguments, "--output-dir", tmp_path / name)
        assert ended.returncode == 0, ended.stderr
        rows = map(json.loads, (tmp_path / name / "results.jsonl").read_text().splitlines())
        found.append([row["comparison"] for row in rows])
    assert found[0] == found[1]
    assert all(found[0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "pie"], "--data-path"),
        (
            ["--data", "pie", "--data-path", "nowhere"],
            "--data-path nowhere is no file or folder here",
        ),
        (["--model", "runs/nothing/model"], "runs/nothing/model"),
        (["--modle", "source"], "did you mean model"),
    ],
)
def test_a_mistake_is_one_line(arguments: list[str], message: str, tmp_path: Path) -> None:
    ended = evaluate(*arguments, "--output-dir", tmp_path / "eval", "--limit", "1")
    assert ended.returncode == 2
    assert message in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    assert not (tmp_path / "eval").exists()
