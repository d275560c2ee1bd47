"""The command end to end: programs really run, completions written by hand."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from effirl.data.problems import Problem
from effirl.errors import UserError
from effirl.optimize import inputs, report, search
from effirl.optimize.command import optimize
from effirl.optimize.config import OptimizeConfig
from effirl.optimize.examples import read_assignment
from effirl.optimize.inputs import prepare_inputs
from rewards.executor import Executor
from rewards.judging import Judgement, judge
from rewards.records import Limits, Match, Status, TestCase
from rewards.worker import Worker

SOURCE = "n = int(input())\ntotal = 0\nfor i in [*range(n)]:\n    total += i\nprint(total)\n"
GOOD = "n = int(input())\nprint(n * (n - 1) // 2)\n"
CHEAT = "n = int(input())\nprint({5: 10, 40: 780, 60: 1770}[n])\n"


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "slow.py"
    path.write_text(SOURCE)
    (tmp_path / "tests").mkdir()
    for n in (5, 40, 60):
        (tmp_path / "tests" / f"{n}.in").write_text(f"{n}\n")
    (tmp_path / "tests" / "5.out").write_text("10\n")
    return path


@pytest.fixture(scope="module")
def executor() -> Iterator[Executor]:
    with Executor(num_workers=1) as executor:
        yield executor


def written(monkeypatch: pytest.MonkeyPatch, *completions: str) -> None:
    """Have every round give these completions."""
    monkeypatch.setattr(search, "sample_completions", lambda *_: [list(completions)])


def config(program: Path, model: Path, **settings: object) -> OptimizeConfig:
    folder = program.parent / "out"
    values = {"rounds": 1, "output_dir": folder, "model": str(model)} | settings
    return OptimizeConfig(program=program, **values)  # type: ignore[arg-type]


def test_a_better_program_is_written_with_its_proof(
    program: Path, tiny_policy_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(monkeypatch, CHEAT, GOOD, SOURCE, "print(")
    monkeypatch.setenv("EFFIRL_JSON", "1")
    record = json.loads(optimize(config(program, tiny_policy_dir)))
    assert record["is_better"]
    assert record["candidates"]["number"] == 4
    assert record["candidates"]["correct"] == 2
    assert record["candidates"]["copies"] == 1
    assert record["candidates"]["statuses"]["SYNTAX_ERROR"] == 1
    assert record["proof"]["speedup"]["low"] > 1
    assert record["inputs"]["is_proof_separate"]
    assert record["inputs"]["made_up_for_proof"] > 5
    folder = program.parent / "out"
    assert (folder / "slow.py").read_text() == GOOD
    assert "-total = 0\n" in (folder / "changes.diff").read_text()
    assert json.loads((folder / "proof.json").read_text())["gain_low"] > 0
    assert len((folder / "candidates.jsonl").read_text().splitlines()) == 4
    assert program.read_text() == SOURCE

    with pytest.raises(UserError, match="is there already"):
        optimize(config(program, tiny_policy_dir))

    text = report.to_text(record)
    assert "speedup" in text
    assert "the same as the original, line by line, on" in text
    assert "had no part in the choice" in text


def large(worker: Worker, item: tuple[Problem, int]) -> list[TestCase]:
    """Stand in for the search for large inputs, which takes seconds."""
    n = 200_000 + item[1]
    return [TestCase(f"{n}\n", f"{n * (n - 1) // 2}\n")]


def test_in_place_overwrites_the_program(
    program: Path, tiny_policy_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(monkeypatch, GOOD)
    monkeypatch.setattr(inputs, "_find_large", large)
    header = '#!/usr/bin/env python3\n"""Sum."""\n'
    program.write_text(header + SOURCE)
    program.chmod(0o750)
    monkeypatch.setenv("EFFIRL_JSON", "1")
    record = json.loads(optimize(config(program, tiny_policy_dir, in_place=True)))
    assert record["written_to"] == str(program)
    assert program.read_text() == header + GOOD
    assert json.loads((program.parent / "out" / "proof.json").read_text()) == record
    assert program.stat().st_mode & 0o777 == 0o750


def test_the_changes_are_such_that_patch_can_make_them(
    program: Path, tiny_policy_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(monkeypatch, GOOD)
    monkeypatch.setattr(inputs, "_find_large", large)
    program.write_text("# Sum\x0cof all.\n" + SOURCE.removesuffix("\n"))
    optimize(config(program, tiny_policy_dir))
    assert (program.parent / "out" / "changes.diff").read_text() == (
        "--- a/slow.py\n+++ b/slow.py\n@@ -1,6 +1,3 @@\n # Sum\x0cof all.\n n = int(input())\n"
        "-total = 0\n-for i in [*range(n)]:\n-    total += i\n-print(total)\n"
        "\\ No newline at end of file\n+print(n * (n - 1) // 2)\n"
    )


def test_without_a_better_program_nothing_is_written(
    program: Path, tiny_policy_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(monkeypatch, CHEAT, SOURCE)
    monkeypatch.setattr(inputs, "_find_large", large)
    text = optimize(config(program, tiny_policy_dir, in_place=True))
    assert "nothing provably better was found, nothing was changed" in text
    assert sorted(path.name for path in program.parent.iterdir()) == ["slow.py", "tests"]
    assert program.read_text() == SOURCE


TRIANGLE = "for i in range(int(input())):\n    print(' ' * (9 - i) + '*' * i)\n"


@pytest.mark.parametrize(
    ("candidate", "status"),
    [
        ("for i in range(int(input())):\n    print('*' * i)\n", Status.WRONG_ANSWER),
        ("print(*['*' * i for i in range(int(input()))])\n", Status.WRONG_ANSWER),
        (
            "n = int(input())\n"
            "print('\\n'.join((' ' * (9 - i) + '*' * i).rstrip() for i in range(n)), end='')\n",
            Status.OK,
        ),
    ],
)
def test_what_the_program_draws_is_drawn_again(
    executor: Executor,
    program: Path,
    monkeypatch: pytest.MonkeyPatch,
    candidate: str,
    status: Status,
) -> None:
    monkeypatch.setattr(inputs, "_find_large", large_drawing)
    program.write_text(TRIANGLE)
    (program.parent / "tests" / "5.out").unlink()
    made = prepare_inputs(executor, read_assignment(OptimizeConfig(program=program)), 0)
    assert made.num_checks > 0
    assert made.are_lines_compared
    for cases in (made.choosing.tests, made.proving.tests):
        (found,) = executor.map(
            lambda worker, tests: judge(worker, candidate, tests, Limits(), run_all=False), [cases]
        )
        assert isinstance(found, Judgement)
        assert found.status is status


def large_drawing(worker: Worker, item: tuple[Problem, int]) -> list[TestCase]:
    return [TestCase("4\n", worker.run(TRIANGLE, "4\n", Limits()).stdout.decode())]


@pytest.mark.parametrize(
    ("output", "others"),
    [
        ("1 \n\n2\n\n", ("1 \n\n2", "1 \n\n2\n", "1\n\n2", "1\n\n2\n")),
        ("1 2", ("1 2\n",)),
        ("1\r\n", ("1\r", "1", "1\n")),
    ],
)
def test_white_space_at_the_ends_of_lines_may_be_left_out(
    output: str, others: tuple[str, ...]
) -> None:
    case = inputs.line_by_line(TestCase("", output))
    assert (case.match, case.output, case.also_accepted) == (Match.BYTES, output, others)
    near = TestCase("", "0.5\n", Match.NUMBERS, absolute_tolerance=1e-6)
    assert inputs.line_by_line(near) == near


def test_functions_share_their_asserts(executor: Executor, tmp_path: Path) -> None:
    program = tmp_path / "slow.py"
    program.write_text("def f(n):\n    return sum([i for i in range(n)])\n")
    text = "".join(f"assert f({n}) == {n * (n - 1) // 2}\n" for n in (3, 400_000, 300_000, 500_000))
    (tmp_path / "test_slow.py").write_text(text)
    made = prepare_inputs(executor, read_assignment(OptimizeConfig(program=program)), 0)
    chosen, proved = made.choosing.performance_inputs, made.proving.performance_inputs
    assert chosen
    assert proved
    assert not set(chosen) & set(proved)
    assert not set(made.choosing.tests) & set(proved)
    assert made.is_proof_separate
    assert made.num_checks == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("print(int(input()) + 1)", "5.in: .*slow.py ends with WRONG_ANSWER; that is not the"),
        ("import no_such", "RUNTIME_ERROR .*No module named 'no_such'.*; programs run in isol"),
        ("raise SystemExit(3)", r"RUNTIME_ERROR \(exit status 3\); mend the program or the input"),
        ("import os\nprint(10 if input() == '5' else os.urandom(9))", "something else each time"),
    ],
)
def test_a_program_that_fails_its_examples_is_refused(
    executor: Executor, program: Path, text: str, message: str
) -> None:
    program.write_text(text)
    assignment = read_assignment(OptimizeConfig(program=program))
    with pytest.raises(UserError, match=message):
        prepare_inputs(executor, assignment, 0)


def test_a_program_that_prints_nothing_is_refused(executor: Executor, program: Path) -> None:
    program.write_text("def main(): ...\n")
    (program.parent / "tests" / "5.out").unlink()
    assignment = read_assignment(OptimizeConfig(program=program))
    with pytest.raises(UserError, match="prints nothing on any of its examples"):
        prepare_inputs(executor, assignment, 0)


def test_a_folder_that_cannot_be_made_is_refused_before_the_search(
    program: Path, tiny_policy_dir: Path
) -> None:
    with pytest.raises(UserError, match="refuses; name another --output-dir"):
        optimize(config(program, tiny_policy_dir, output_dir=program / "out" / "deep"))


def test_a_folder_that_cannot_be_replaced_is_refused_before_the_search(
    program: Path, tiny_policy_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "empty")
    monkeypatch.chdir(tmp_path / "empty")
    for name in (".", "../link"):
        with pytest.raises(UserError, match="is there already; name a new --output-dir"):
            optimize(config(program, tiny_policy_dir, output_dir=Path(name)))


def test_a_program_that_cannot_be_overwritten_is_refused_before_the_search(
    program: Path, tiny_policy_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda path, _: Path(path) != program)  # root may do all
    with pytest.raises(UserError, match=r"cannot overwrite .*slow.py: .*leave --in-place out"):
        optimize(config(program, tiny_policy_dir, in_place=True))


def test_a_folder_is_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes = Path.write_text

    def interrupted(path: Path, *arguments: str, **named: str) -> int:
        if path.name == "b":
            raise KeyboardInterrupt
        return writes(path, *arguments, **named)

    monkeypatch.setattr(Path, "write_text", interrupted)
    with pytest.raises(KeyboardInterrupt):
        report.write_folder(tmp_path / "out", {"a": "1", "b": "2"})
    assert list(tmp_path.iterdir()) == []
    monkeypatch.undo()
    report.write_folder(tmp_path / "out", {"a": "1", "b": "2"})
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_program_that_changed_meanwhile_is_left(program: Path) -> None:
    assignment = read_assignment(OptimizeConfig(program=program))
    program.write_text("print('mine')\n")
    with pytest.raises(UserError, match="changed meanwhile"):
        report.replace_program(assignment, GOOD)
    assert program.read_text() == "print('mine')\n"


def test_agreement_bounds_what_was_not_seen() -> None:
    assert report.unseen_share(0) == 1.0
    levels = [(1 - report.unseen_share(59, tried)) ** 59 for tried in range(1, 1000)]
    assert levels[0] == pytest.approx(0.05 / 2)
    assert 0.0499 < sum(levels) < 0.05, "however many were tried"
