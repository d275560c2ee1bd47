"""The whole command: on two real pairs, and with fakes where it is interrupted or mistaken."""

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from effirl.audit import command
from effirl.audit.command import audit
from effirl.audit.config import AuditConfig, DataName
from effirl.audit.measuring import Pair, PairRow
from effirl.config import parse
from effirl.data.perf_inputs.loading import PUBLIC
from effirl.errors import UserError
from rewards.errors import SandboxError
from rewards.isolation import IsolationReport, Mechanism
from rewards.machine import fingerprint
from rewards.records import Status
from tests.effirl.data.test_pie import PAIR, TESTS, write

SLOW = "n = int(input())\ntotal = 0\nfor i in range(n):\n    total += i\nprint(total)"
PAIRS = [{**PAIR, "input": SLOW}, {**PAIR, "input": f"import numpy\n{PAIR['target']}"}]
CASES = [{"input": f"{n}\n", "output": f"{n * (n - 1) // 2}\n"} for n in (3, 300_000)]


@pytest.fixture
def pie_folder(tmp_path: Path) -> Path:
    (tmp_path / "pie").mkdir()
    return write(tmp_path / "pie", PAIRS, [{**TESTS, "tests": CASES}])


def config(pie_folder: Path, **settings: Any) -> AuditConfig:
    defaults = {"performance_inputs": PUBLIC, "output_dir": pie_folder.parent / "audit"}
    return AuditConfig(data_path=pie_folder, **(defaults | settings))


def test_two_pairs_are_measured_and_reported(pie_folder: Path) -> None:
    text = audit(config(pie_folder, against=[f"pie:{pie_folder}"]))
    folder = pie_folder.parent / "audit"
    rows = [json.loads(line) for line in (folder / "pairs.jsonl").read_text().splitlines()]
    better, dropped = sorted(rows, key=lambda row: row["index"])
    assert better["comparison"]["time_low"] > 0
    assert dropped["with_imports"]["time_low"] > 0
    for part in (
        "pairs: 2, of problems: 1",
        "performance inputs: 2 public tests",
        "drops an import",
    ):
        assert part in text
        assert part in (folder / "audit.md").read_text()
    assert re.search(r"pie: rows with one of these +2 +2\n", text)
    assert {path.name for path in folder.iterdir()} >= {
        "audit.md", "pairs.jsonl", "pairs.parquet", "speedups.png", "gains.png",
        "provenance.json", "config.yaml",
    }  # fmt: skip


class FakeExecutor:
    """Runs tasks here, one after the other."""

    machine = fingerprint()
    isolation = IsolationReport({"namespaces": Mechanism(True, "")})

    def __enter__(self) -> "FakeExecutor":
        return self

    def __exit__(self, *_: object) -> None: ...

    def map(
        self, task: Callable[[Any, Any], Any], items: Sequence[Any], _: object
    ) -> list[SandboxError | None]:
        found: list[SandboxError | None] = []
        for item in items:
            try:
                found.append(task(None, item))
            except SandboxError as error:
                found.append(error)
        return found


class Failing:
    """Finds every pair wrong, but for one that raises."""

    def __init__(self, fails_at: int, error: BaseException) -> None:
        self.fails_at, self.error = fails_at, error
        self.asked: list[int] = []

    def __call__(self, worker: object, pair: Pair) -> PairRow:
        self.asked.append(pair.index)
        if pair.index == self.fails_at:
            raise self.error
        problem = pair.problem
        wrong = Status.WRONG_ANSWER
        return PairRow(pair.index, problem.problem_id, problem.input_origin, wrong, wrong, "tests")


@pytest.fixture
def run_with(monkeypatch: pytest.MonkeyPatch) -> Callable[[Failing], Failing]:
    def use(failing: Failing) -> Failing:
        monkeypatch.setattr(command, "Executor", FakeExecutor)
        monkeypatch.setattr(command, "audit_pair", failing)
        return failing

    return use


def test_pairs_in_another_isolation_are_not_added(
    pie_folder: Path,
    run_with: Callable[[Failing], Failing],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run_with(Failing(1, KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        audit(config(pie_folder))
    run_with(Failing(-1, SandboxError("")))
    monkeypatch.setattr(FakeExecutor, "isolation", IsolationReport({}))
    with pytest.raises(UserError, match="results made with another isolation"):
        audit(config(pie_folder))


def test_an_interrupted_audit_goes_on_where_it_stopped(
    pie_folder: Path, run_with: Callable[[Failing], Failing]
) -> None:
    run_with(Failing(1, KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        audit(config(pie_folder))
    again = run_with(Failing(-1, KeyboardInterrupt()))
    assert "pairs: 2, of problems: 1" in audit(config(pie_folder))
    assert again.asked == [1]
    idle = run_with(Failing(-1, KeyboardInterrupt()))
    audit(config(pie_folder))
    assert idle.asked == []


def test_a_pair_that_we_failed_to_run_is_counted_and_tried_again(
    pie_folder: Path, run_with: Callable[[Failing], Failing]
) -> None:
    run_with(Failing(0, SandboxError("no worker")))
    assert "pairs that could not be run or measured: 1; the same" in audit(config(pie_folder))
    again = run_with(Failing(-1, SandboxError("")))
    assert "could not be run" not in audit(config(pie_folder))
    assert again.asked == [0]


def test_nothing_that_runs_is_one_line(
    pie_folder: Path, run_with: Callable[[Failing], Failing]
) -> None:
    run_with(Failing(0, SandboxError("no worker")))
    with pytest.raises(UserError, match=r"no pair could be run; .*doctor"):
        audit(config(pie_folder, limit=1))


def test_results_on_other_data_are_refused(
    pie_folder: Path, run_with: Callable[[Failing], Failing]
) -> None:
    run_with(Failing(-1, SandboxError("")))
    audit(config(pie_folder))
    write(pie_folder, PAIRS, [{**TESTS, "tests": CASES[:1]}])
    with pytest.raises(UserError, match="made with another problems"):
        audit(config(pie_folder))


def test_data_without_targets_are_refused(
    pie_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "pairs_of", lambda _: [])
    with pytest.raises(UserError, match="no problem of pie has a target"):
        audit(config(pie_folder))


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (
            ["--data", "resource_util"],
            "data must be one of builtin, jsonl, pie, .* which have tests",
        ),
        (["--against", "pi:x"], "against must be NAME:PATH with a NAME of builtin, .* 'pi:x'"),
        (["--limit", "0"], "limit must be at least 1, got 0"),
    ],
)
def test_mistakes_are_told_before_anything_is_read(flags: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        parse(AuditConfig, flags)


def test_data_sets_are_named_with_or_without_a_path() -> None:
    found = parse(AuditConfig, ["--against", "builtin", "pie:a/b:c"]).others
    assert found == [DataName("builtin", None), DataName("pie", Path("a/b:c"))]
