"""EffiBench and Mercury, on fixtures of our own in their columns."""

import json
from pathlib import Path
from typing import Any

import pytest

from effirl.data import effibench, mercury
from effirl.data.problems import Problem
from effirl.errors import UserError
from rewards import EfficiencyReward, Executor, RewardConfig
from rewards.efficiency import ScoreRequest
from rewards.records import Match
from tests.effirl.data.test_malformed_rows import FIXTURES, fixture

EFFIBENCH, MERCURY = FIXTURES / "effibench", FIXTURES / "mercury"


def test_a_completion_is_improved_and_else_the_canonical_solution() -> None:
    loaded = effibench.load(EFFIBENCH, "test")
    with_completion, without, _ = loaded.problems
    assert not loaded.dropped
    assert "max(hs[: i + 1])" in with_completion.source_program
    assert "```" not in with_completion.source_program
    assert "accumulate" in with_completion.targets[0].program
    assert with_completion.targets[0].name == "canonical"
    assert "isdisjoint" in without.source_program
    assert without.targets == ()


def test_large_tests_are_measured_and_small_ones_come_first() -> None:
    problem, without_small, split_into_nothing = effibench.load(EFFIBENCH, "test").problems
    small, large = problem.tests
    assert len(small.input) < len(large.input)
    assert problem.performance_inputs == (large,)
    assert without_small.performance_inputs == without_small.tests
    assert small.match is large.match is Match.VALUES
    assert split_into_nothing.tests[0].match is Match.ASSERTS  # loops over nodes: weakly judged


def test_ids_and_descriptions() -> None:
    problems = effibench.load(EFFIBENCH / "dataset.json", "test", require_tests=False).problems
    assert [problem.problem_id for problem in problems] == [
        f"leetcode-{number}" for number in (900001, 900002, 900003)
    ]
    assert problems[0].description == (
        "Given a list of heights hs, return for each place the greatest height so far."
    )
    assert not problems[0].tests


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"completion": "I cannot do that"}, "completion is no program"),
        ({"completion": "```python\n```"}, "completion is no program"),
        ({"canonical_solution": "class Solution"}, "syntax error"),
        ({"test_case": "assert solution.f(1 =="}, "unreadable tests"),
        ({"test_case": "solution = Solution()"}, "unreadable tests"),
    ],
)
def test_what_cannot_be_used_is_counted(
    tmp_path: Path, change: dict[str, str], reason: str
) -> None:
    row = fixture("effibench/dataset.json")
    (tmp_path / "dataset.json").write_text(json.dumps([row, row | change]))
    loaded = effibench.load(tmp_path, "test")
    assert len(loaded.problems) == 1
    assert loaded.dropped == {reason: 1}


def test_limit_and_splits(tmp_path: Path) -> None:
    row = fixture("effibench/dataset.json")
    rows = [row | {"problem_idx": number} for number in range(100)]
    (tmp_path / "dataset.json").write_text(json.dumps(rows))
    sizes = {
        split: len(effibench.load(tmp_path, split, require_tests=False).problems)
        for split in ("train", "validation", "test")
    }
    assert sizes["train"] + sizes["validation"] == sizes["test"] == 100
    assert sizes["validation"] > 3
    assert len(effibench.load(tmp_path, "test", limit=2, require_tests=False).problems) == 2


def test_the_slowest_solution_is_to_become_the_fastest() -> None:
    loaded = mercury.load(MERCURY, "train")
    (problem,) = loaded.problems
    assert loaded.dropped == {
        "tests need a converter of the benchmark's": 1, "fewer than two usable solutions": 1,
    }  # fmt: skip
    assert problem.problem_id == "leetcode-900011"
    assert problem.description == "Given an array xs, count the pairs that add up to total."
    assert "for j in range(i)" in problem.source_program
    assert "Counter" in problem.targets[0].program
    assert problem.targets[0].runtime_tag == 1
    assert [test.match for test in problem.tests] == [Match.VALUES] * 2
    assert problem.performance_inputs == problem.tests[1:]


def test_mercurys_eval_is_the_test_split() -> None:
    (problem,) = mercury.load(MERCURY, "test").problems
    assert problem.problem_id == "leetcode-900014"
    assert problem.targets[0].runtime_tag == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"test_cases": "[{]"}, "'test_cases' must hold JSON"),
        ({"test_cases": "[]"}, "'test_cases' must be a list of objects with input and expected"),
        ({"test_cases": '[{"input": 3, "expected": 1}]'}, "must be a list of objects with input"),
        ({"test_cases": '[{"input": []}]'}, "must be a list of objects with input and expected"),
        ({"entry_point": "f(1) or g"}, "'entry_point' must be a name"),
        ({"pretty_content": [3]}, "'pretty_content[0]' must be a text, got 3"),
        ({"solutions": ["pass"]}, "a solution must be an object, got 'pass'"),
        ({"solutions": [{"solution": "pass"}]}, "a solution: key 'runtime' is missing"),
        ({"id": "two-sum"}, "'id' must be a whole number, got 'two-sum'"),
    ],
)
def test_a_malformed_row_names_its_line(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    row = fixture("mercury/train.jsonl")
    (tmp_path / "eval.json").write_text(f"[{json.dumps(row)},\n{json.dumps(row | change)}]")
    with pytest.raises(UserError) as caught:
        mercury.load(tmp_path, "test")
    assert str(caught.value).startswith(f"{tmp_path / 'eval.json'}:2")
    assert message in str(caught.value)


@pytest.mark.parametrize("loader", [effibench, mercury])
def test_a_missing_file_says_what_is_wanted(loader: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="json does not exist; --data-path must name"):
        loader.load(tmp_path, "test")


def test_every_program_of_the_fixtures_passes_its_tests() -> None:
    """Really run: the tests as they were split, against sources and targets."""
    problems = [
        *effibench.load(EFFIBENCH, "test").problems,
        *mercury.load(MERCURY, "train").problems,
        *mercury.load(MERCURY, "test").problems,
    ]
    wrong = "class Solution:\n    def __getattr__(self, name):\n        return lambda *_: None\n"
    with Executor() as executor:
        reward = EfficiencyReward(RewardConfig(), executor)
        sources = [request(p, p.source_program) for p in problems]
        targets = [request(p, p.targets[0].program) for p in problems if p.targets]
        assert reward.validate(sources) == [None] * len(problems)
        assert reward.validate(targets) == [None] * len(targets)
        assert all(reason for reason in reward.validate([request(p, wrong) for p in problems]))


def request(problem: Problem, program: str) -> ScoreRequest:
    return ScoreRequest(
        problem.problem_id, program, problem.tests, problem.performance_inputs, completion=""
    )
