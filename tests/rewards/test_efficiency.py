"""The reward on real programs, and on an executor that fails."""

from types import SimpleNamespace
from typing import ClassVar

import pytest

from rewards import outcomes
from rewards.efficiency import EfficiencyReward, ScoreRequest
from rewards.errors import SandboxError
from rewards.executor import Executor
from rewards.jobs import run_job
from rewards.records import Status, TestCase
from rewards.scores import RewardConfig

SLOW = "n = int(input())\ns = 0\nfor i in range(n): s += i\nprint(s)\n"
FAST = "n = int(input())\nprint(n * (n - 1) // 2)\n"
TESTS = (TestCase("10", "45"), TestCase("0", "0"))
LARGE = (TestCase("300000", "44999850000"),)


def request(completion: str, source: str = SLOW, alpha: float | None = None) -> ScoreRequest:
    return ScoreRequest("sum", source, TESTS, LARGE, completion, alpha)


@pytest.fixture(scope="module")
def scorer(executor: Executor) -> EfficiencyReward:
    return EfficiencyReward(executor=executor)


@pytest.mark.parametrize(
    ("completion", "status", "reward"),
    [
        (SLOW, Status.OK, 1.0),
        ("# a copy\n" + SLOW, Status.OK, 1.0),
        ("print(45)", Status.WRONG_ANSWER, -0.3),
        ("1/0", Status.RUNTIME_ERROR, -0.6),
        ("while True: pass", Status.TIME_LIMIT, -0.6),
        ("print(", Status.SYNTAX_ERROR, -1.0),
        ("", Status.NO_CODE, -1.0),
    ],
)
def test_prices(scorer: EfficiencyReward, completion: str, status: Status, reward: float) -> None:
    (score,) = scorer.score([request(completion)])
    assert (score.status, score.reward) == (status, reward)


def test_right_on_the_tests_but_wrong_where_it_is_timed(scorer: EfficiencyReward) -> None:
    cheat = "n = int(input())\nprint(n * (n - 1) // 2 if n < 100 else 0)"
    (score,) = scorer.score([request(cheat)])
    assert (score.status, score.reward) == (Status.WRONG_ANSWER, -0.3)


def test_alpha_weighs_the_gains(scorer: EfficiencyReward) -> None:
    runtime, memory, both = scorer.score([request(FAST, alpha=a) for a in (1.0, 0.0, None)])
    assert runtime.time_gain > 0.5
    assert runtime.reward == pytest.approx(1 + 0.6 * runtime.time_gain)
    assert memory.reward == pytest.approx(1 + 0.6 * memory.memory_gain)
    assert both.reward == pytest.approx((runtime.reward + memory.reward) / 2)


def test_callable_as_trl_calls_it(scorer: EfficiencyReward) -> None:
    columns = {
        "problem_id": ["sum"] * 3,
        "source_program": [SLOW] * 3,
        "tests": [[{"input": t.input, "output": t.output} for t in TESTS]] * 3,
        "performance_inputs": [[{"input": t.input, "output": t.output} for t in LARGE]] * 3,
    }
    chat = [{"role": "assistant", "content": "```python\n" + FAST + "```"}]
    completions = [FAST, "print(1)", chat]
    rewards = scorer(["p"] * 3, completions, **columns, alpha=[1.0, 1.0, 1.0], trainer_state=None)
    assert rewards[0] == rewards[2] > 1
    assert rewards[1] == -0.3


def test_broken_source_program_gives_no_reward(scorer: EfficiencyReward) -> None:
    wrong = request(FAST, source="print(0)")
    (score,) = scorer.score([wrong])
    assert score.reward is None
    reasons = scorer.validate([wrong, request("")])
    assert reasons[0] is not None
    assert "WRONG_ANSWER" in reasons[0]
    assert reasons[1] is None


class BrokenExecutor:
    """Loses every item but source programs."""

    isolation = SimpleNamespace(level=3)
    machine: ClassVar = {"cpu": "a"}

    def map(self, task, items, programs=None):
        return [task(RealEnough(), job) if job.is_source else SandboxError("gone") for job in items]


class RealEnough:
    def run(self, program, stdin, limits, **_):
        from rewards.records import ExecutionResult

        n = int(stdin)
        return ExecutionResult(
            Status.OK, str(n * (n - 1) // 2).encode(), b"", 0, None, 0.01, 0.01, 0, 3
        )


def test_our_failure_is_none_and_is_not_remembered() -> None:
    scorer = EfficiencyReward(executor=BrokenExecutor())  # type: ignore[arg-type]
    first = scorer.score([request(FAST), request(SLOW)])
    assert [s.reward for s in first] == [None, 1.0]
    assert first[0].status is Status.SANDBOX_ERROR
    metrics = scorer.pop_metrics()
    assert metrics["reward/none"] == 0.5
    assert metrics["reward/total"] == 1.0
    assert metrics["reward/correct"] == 1.0, "our failure is no wrong program"
    shares = {status: metrics[f"reward/status/{status}"] for status in Status}
    assert shares == {s: 0.5 if s in (Status.OK, Status.SANDBOX_ERROR) else 0.0 for s in Status}
    assert scorer.pop_metrics() == {}
    scorer.score([request(FAST)])
    metrics = scorer.pop_metrics()
    assert metrics["reward/none"] == 1.0
    assert not {"reward/total", "reward/correct", "reward/time_gain"} & metrics.keys()


def test_equal_programs_are_run_once(executor: Executor, monkeypatch) -> None:
    scorer = EfficiencyReward(executor=executor)
    jobs: list[str] = []

    def counting(worker, job, *rest, **settings):
        jobs.append(job.program)
        return run_job(worker, job, *rest, **settings)

    monkeypatch.setattr(outcomes, "run_job", counting)
    scorer.score([request(FAST), request(FAST + "\n# again"), request(FAST), request(SLOW)])
    scorer.score([request(FAST)])
    assert sorted(jobs) == sorted([SLOW, FAST])


def test_refuses_a_problem_without_tests(scorer: EfficiencyReward) -> None:
    with pytest.raises(ValueError, match="at least one test"):
        scorer.score([ScoreRequest("p", SLOW, (), LARGE, FAST)])
    with pytest.raises(ValueError, match="alpha must be"):
        scorer.score([request(FAST, alpha=2.0)])


def test_partial_credit(executor: Executor) -> None:
    scorer = EfficiencyReward(RewardConfig(partial_credit=True), executor)
    (score,) = scorer.score([request("print(0)")])
    assert score.pass_rate == 0.5
    assert score.reward == pytest.approx(-0.15)
