"""Which candidate is chosen and which is proved, with a scorer that runs nothing."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from effirl.data.problems import Problem
from effirl.optimize import report, search
from effirl.optimize.config import OptimizeConfig
from effirl.optimize.examples import Assignment, Example
from effirl.optimize.inputs import Inputs
from effirl.policy import Policy, load_policy
from rewards.efficiency import ScoreRequest
from rewards.records import Match, TestCase
from rewards.scores import Score
from tests.fakes import FakeReward, comparison

SOURCE = "# runtime=0.8 memory=8e6\nprint(1)\n"
FAST = "# runtime=0.4 memory=8e6\nprint(3 - 2)\n"
FASTER = "# runtime=0.2 memory=8e6\nprint(2 - 1)\n"
LEAN = "# runtime=0.8 memory=1e6\nprint(+1)\n"
WRONG = "# status=WRONG_ANSWER\nprint(2)\n"
CHEAT = "# runtime=0.01 memory=1e6\nprint('known by heart')\n"
CASE = (TestCase("", "1\n"),)
PROBLEM = Problem("slow.py", "Print one.", SOURCE, CASE, CASE)
INPUTS = Inputs(PROBLEM, PROBLEM, 1, 1, 0, True)


class Prover(FakeReward):
    """Sees through CHEAT, and finds no gain in `unconfirmed`."""

    def __init__(self, unconfirmed: str = "") -> None:
        super().__init__()
        self.unconfirmed = unconfirmed

    def score(self, requests: Sequence[ScoreRequest]) -> list[Score]:
        seen = [
            replace(request, completion=WRONG if request.completion == CHEAT else SOURCE)
            if request.completion in (CHEAT, self.unconfirmed)
            else request
            for request in requests
        ]
        return super().score(seen)


@pytest.fixture(scope="module")
def policy(tiny_policy_dir: Path) -> Policy:
    return load_policy(tiny_policy_dir)


def run(
    policy: Policy,
    monkeypatch: pytest.MonkeyPatch,
    rounds: list[list[str]],
    prover: FakeReward,
    alpha: float = 0.5,
    source: str = SOURCE,
    inputs: Inputs = INPUTS,
    header: str = "",
) -> tuple[search.Found, list[str]]:
    """Search with these completions; return also the program that each round rewrote."""
    rewritten: list[str] = []

    def sample(_: Policy, problems: Sequence[Problem], *__: object) -> list[list[str]]:
        rewritten.append(problems[0].source_program)
        return [rounds[len(rewritten) - 1]]

    monkeypatch.setattr(search, "sample_completions", sample)
    examples = (Example("1.in", inputs.choosing.tests[0]),)
    assignment = Assignment(
        Path("slow.py"), header + source, header, source, "Print one.", examples
    )
    config = OptimizeConfig(program=Path("slow.py"), rounds=len(rounds), alpha=alpha)
    return search.search(policy, FakeReward(), prover, assignment, inputs, config), rewritten


def test_the_best_of_all_rounds_wins(policy: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    rounds = [[WRONG, FAST, SOURCE], [FASTER, ""], [FAST, FAST]]
    found, rewritten = run(policy, monkeypatch, rounds, Prover(), alpha=1)
    assert rewritten == [SOURCE, FAST, FASTER]
    assert found.winner is not None
    assert found.winner.program == FASTER
    assert found.gain_low == pytest.approx(2 / 3, rel=0.01)
    assert [len(rows) for rows in found.candidates] == [3, 2, 2]


def test_alpha_decides_what_is_best(policy: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    for alpha, best in ((1.0, FAST), (0.0, LEAN)):
        found, _ = run(policy, monkeypatch, [[FAST, LEAN]], Prover(), alpha)
        assert found.winner is not None
        assert found.winner.program == best


def test_one_that_is_wrong_in_the_proof_makes_way(
    policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, _ = run(policy, monkeypatch, [[CHEAT, CHEAT, FAST, FASTER]], Prover())
    assert [row.program for row in found.proofs] == [WRONG, FASTER]
    assert found.winner is not None


def test_one_that_gains_nothing_in_the_proof_ends_it(
    policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, _ = run(policy, monkeypatch, [[FAST, FASTER]], Prover(unconfirmed=FASTER))
    assert found.winner is None
    assert len(found.proofs) == 1


def test_nothing_better_is_proved(policy: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    found, rewritten = run(policy, monkeypatch, [[WRONG, SOURCE], [SOURCE]], Prover())
    assert found.winner is None
    assert found.proofs == []
    assert rewritten == [SOURCE, SOURCE]


def test_a_copy_of_what_the_policy_read_is_no_candidate(
    policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    header = '"""Print one."""\n'
    problem = replace(PROBLEM, source_program=header + SOURCE)
    copy = SOURCE.replace("0.8", "0.1")  # seems faster, by noise
    found, rewritten = run(
        policy,
        monkeypatch,
        [[copy, WRONG, ""], [FAST]],
        Prover(),
        inputs=replace(INPUTS, choosing=problem, proving=problem),
        header=header,
    )
    assert [row.is_copy for row in found.all_candidates] == [True, False, False, False]
    assert rewritten == [SOURCE, SOURCE]
    assert found.winner is not None
    assert found.winner.program == FAST


def test_a_function_that_no_test_calls_is_kept(
    policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = "# runtime=0.8 memory=8e6\ndef f(): return 1\ndef g(): return 2\n"
    half = "# runtime=0.1 memory=8e6\ndef f(): return 1\n"
    whole = "# runtime=0.4 memory=8e6\ndef f(): return 1\nclass g: ...\n"
    case = (TestCase("assert f() == 1", "", Match.ASSERTS),)
    problem = Problem("slow.py", "One and two.", source, case, case)
    functions = Inputs(problem, problem, 1, 1, 0, True)
    found, rewritten = run(
        policy, monkeypatch, [[half], [half, whole]], Prover(), 1, source, functions
    )
    assert rewritten == [source, source]
    assert found.winner is not None
    assert found.winner.program == whole
    lost, _ = run(policy, monkeypatch, [[half]], Prover(), 1, source, functions)
    assert (lost.winner, lost.lacking) == (None, {"g"})


def test_what_is_lost_is_named(policy: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = "# runtime=0.8 memory=8e6\ndef f(): return 1\n"
    lost = "class C:\n    def push(self): ...\nif __name__ == '__main__':\n    print(f())\n"
    case = (TestCase("assert f() == 1", "", Match.ASSERTS),)
    problem = Problem("slow.py", "One.", kept + lost, case, case)
    inputs = Inputs(problem, problem, 1, 1, 0, True)
    found, _ = run(
        policy,
        monkeypatch,
        [[kept.replace("0.8", "0.1") + "class C: ...\n"]],
        Prover(),
        source=kept + lost,
        inputs=inputs,
    )
    assignment = Assignment(Path("slow.py"), kept + lost, "", kept + lost, "One.", ())
    config = OptimizeConfig(program=Path("slow.py"))
    record = report.to_json(assignment, "a model", config, inputs, found)
    assert record["reason"] == (
        "what was faster or leaner no longer defines C.push, the __main__ block, "
        "which others may use"
    )


def test_a_gain_is_taken_at_the_low_end_of_its_interval() -> None:
    sure = comparison(0.8, 8_000_000, 0.4, 8_000_000)
    assert search.gain_low(sure, 1.0) == pytest.approx(1 / 3, rel=0.01)
    wide = replace(sure, time_low=0.1)
    assert search.gain_low(wide, 1.0) == pytest.approx(0.1 / 3)
    assert search.gain_low(replace(sure, time_low=-0.1), 1.0) == 0.0
    # What it costs is counted in full: twice the memory weighs as much as twice the speed.
    assert search.gain_low(comparison(0.8, 80_000_000, 0.4, 160_000_000), 0.5) <= 0.01


def test_a_program_that_the_model_cannot_read_is_refused(
    policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "MAX_PROMPT_TOKENS", 5)
    with pytest.raises(search.UserError, match="too long"):
        run(policy, monkeypatch, [[FAST]], Prover())
