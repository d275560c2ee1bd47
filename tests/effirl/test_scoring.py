import json

import pytest

from effirl import scoring
from effirl.data.problems import Problem, Target
from effirl.data.prompts import inference_prompt
from effirl.errors import UserError
from effirl.scoring import CompletionRow, control_completions, find_unusable, score_completions
from rewards.records import Status, TestCase
from tests.fakes import FakeReward, fake_policy

INPUTS = (TestCase("1\n", "1\n"),)
SOURCE = "# runtime=0.4 memory=8e6\npass\n"
PROBLEMS = [
    Problem("a", "", SOURCE, INPUTS, INPUTS, (Target("best"), Target("second"))),
    Problem("b", "", SOURCE, INPUTS, INPUTS, (Target("other"),)),
]
HALF = "# runtime=0.2 memory=8e6\nx\n"


def test_every_completion_has_its_row() -> None:
    scorer = FakeReward()
    rows = score_completions(
        scorer, PROBLEMS, [[HALF, "# status=WRONG_ANSWER\n"], [""]], alpha=1.0, indices=[4, 7]
    )
    assert [(row.problem_index, row.problem_id, row.sample) for row in rows] == [
        (4, "a", 0),
        (4, "a", 1),
        (7, "b", 0),
    ]
    assert [row.status for row in rows] == [Status.OK, Status.WRONG_ANSWER, Status.NO_CODE]
    assert rows[0].time_gain == pytest.approx(1 / 3)
    assert rows[0].reward == pytest.approx(1 + 0.6 / 3)
    assert [request.alpha for request in scorer.requests] == [1.0, 1.0, 1.0]
    assert scorer.requests[0].tests == INPUTS


def test_our_own_failure_is_neither_scored_nor_correct() -> None:
    (row,) = score_completions(FakeReward(), PROBLEMS[:1], [["# status=SANDBOX_ERROR\n"]])
    assert not row.is_scored
    assert not row.is_correct


def test_a_row_survives_json() -> None:
    rows = score_completions(FakeReward(), PROBLEMS[:1], [[HALF, "", SOURCE]])
    for row in rows:
        assert CompletionRow.from_json(json.loads(json.dumps(row.to_json()))) == row


def test_controls_complete_with_what_the_data_has() -> None:
    assert control_completions("source", PROBLEMS) == [[SOURCE], [SOURCE]]
    assert control_completions("target", PROBLEMS) == [["best"], ["other"]]
    with pytest.raises(UserError, match="every problem, c has none"):
        control_completions("target", [Problem("c", "", SOURCE)])


def test_source_programs_are_checked_as_they_are() -> None:
    broken = Problem("c", "", "# status=TIME_LIMIT\npass\n", INPUTS, INPUTS)
    assert find_unusable(FakeReward(), [PROBLEMS[0], broken]) == [None, "ends with TIME_LIMIT"]


def test_a_policy_is_asked_with_the_prompt_of_inference(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, object] = {}

    def fake_generate(policy: object, prompts: list[str], **settings: object) -> list[list[str]]:
        asked.update(settings, prompts=prompts)
        return [["x"] for _ in prompts]

    monkeypatch.setattr(scoring, "generate", fake_generate)
    sampling = scoring.Sampling(2, 0.8, 100, 200, 16, seed=5)
    policy = fake_policy()
    scoring.sample_completions(
        policy, PROBLEMS, sampling, lambda problem: scoring.policy_prompt(policy, problem, 0.8)
    )
    assert asked.pop("prompts") == [inference_prompt(problem) for problem in PROBLEMS]
    assert asked == {
        "num_samples": 2,
        "temperature": 0.8,
        "max_new_tokens": 100,
        "max_prompt_tokens": 200,
        "batch_size": 16,
        "seed": 5,
    }


def test_only_a_conditioned_policy_is_told_alpha() -> None:
    policy = fake_policy()
    assert scoring.policy_prompt(policy, PROBLEMS[0], 0.8) == inference_prompt(PROBLEMS[0])
    policy.is_conditioned = True
    assert scoring.policy_prompt(policy, PROBLEMS[0], 0.8).endswith("runtime=1 memory=0.5")
    causal = fake_policy(is_causal=True)
    prompt = scoring.policy_prompt(causal, PROBLEMS[0], 0.8)
    assert prompt == inference_prompt(PROBLEMS[0]) + "\nImproved Code:\n"
