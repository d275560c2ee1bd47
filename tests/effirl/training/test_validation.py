"""Validation by execution, with a scorer that reads costs from the programs."""

from typing import Any

import pytest

from effirl.data.problems import Problem, Target
from effirl.errors import UserError
from effirl.training import validation as module
from effirl.training.config import SftConfig
from effirl.training.validation import Validation, check_usable, paired_difference
from tests.fakes import FakeReward

SOURCE = "# runtime=1 memory=8e6\nprint(0 + 1)"
FAST = "# runtime=0.1 memory=8e6\nprint(1)"
LEAN = "# runtime=1 memory=1e6\nprint(1)"
SLOWER = "# runtime=8 memory=8e6\nprint(1)"
WRONG = "# runtime=0.1 memory=1e6 status=WRONG_ANSWER\nprint(2)"


def problems(number: int) -> list[Problem]:
    return [Problem(f"p{i}", "Print.", SOURCE, targets=(Target(FAST),)) for i in range(number)]


def judge(monkeypatch: pytest.MonkeyPatch, completions: list[str], *objectives: Any) -> Any:
    monkeypatch.setattr(module, "sample_completions", lambda *_: [[text] for text in completions])
    policy: Any = None
    config = SftConfig()
    validation = Validation(policy, problems(len(completions)), config, FakeReward(), objectives)
    assert validation.metric == "eval_execution"
    return validation()


def test_the_metric_is_the_share_of_correct_and_better(monkeypatch: pytest.MonkeyPatch) -> None:
    completions = [FAST, LEAN, WRONG, SLOWER]
    for objectives, expected in (
        (("runtime",), 1 / 4),
        (("memory",), 1 / 4),
        (("both",), 2 / 4),
        (("memory", "both"), 3 / 8),
    ):
        verdict = judge(monkeypatch, completions, *objectives)
        assert verdict.metrics["eval_execution"] == pytest.approx(expected)
    assert verdict.metrics["eval_correct"] == 3 / 4
    assert verdict.gains["memory"] == [0, 1, 0, 0]
    assert verdict.gains["runtime"] == [1, 0, 0, -1]


def test_exact_match_runs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "sample_completions", lambda *_: [[FAST], [LEAN]])
    policy: Any = None
    config = SftConfig(validation_metric="exact_match")
    verdict = Validation(policy, problems(2), config, None, ["both"])()
    assert verdict.metrics == {"eval_exact_match": 0.5}
    assert verdict.gains == {}


def test_problems_whose_source_fails_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    broken = Problem("b", "Print.", "# status=RUNTIME_ERROR\nprint(1)", targets=(Target("x"),))
    check_usable([*problems(1), broken], FakeReward())
    assert "1 problems cannot be run" in capsys.readouterr().out
    with pytest.raises(UserError, match="--validation-metric exact_match"):
        check_usable([broken], FakeReward())


def test_a_paired_difference_has_an_interval() -> None:
    before = [0.5, 0.6, 0.7, None, 0.1]
    after = [0.3, 0.4, 0.5, 0.5, None]
    found = paired_difference(after, before)
    assert found is not None
    assert found.mean == pytest.approx(-0.2)
    assert found.high == pytest.approx(-0.2, abs=1e-6)
    noisy = paired_difference([0.0, 1.0, 0.0, 1.0], [1.0, 0.0, 0.1, 1.0])
    assert noisy is not None
    assert noisy.low < 0 < noisy.high
    assert paired_difference([None, 1.0], [1.0, 1.0]) is None
