"""The prompt, character by character."""

from collections import Counter
from pathlib import Path

import pytest

from effirl.data.problems import Problem, Target
from effirl.data.prompts import (
    BALANCES,
    TAGS,
    build_prompt,
    inference_prompt,
    is_conditioned,
    mark_conditioned,
    target_text,
    training_prompt,
)

PROBLEM = Problem("p1", "Sum the\nnumbers up to n.", "\nn = int(input())\nprint(sum(range(n)))\n\n")
BODY = "Problem: Sum the numbers up to n.\nInitial Code:\nn = int(input())\nprint(sum(range(n)))"


@pytest.mark.parametrize(
    ("runtime_tag", "memory_tag", "line"),
    [
        (1, 0, "\nPerformance Tag: runtime=1 memory=0"),
        (0, None, "\nPerformance Tag: runtime=0"),
        (None, 1, "\nPerformance Tag: memory=1"),
        (None, None, ""),
    ],
)
def test_tags(runtime_tag: int | None, memory_tag: int | None, line: str) -> None:
    assert build_prompt(PROBLEM, runtime_tag=runtime_tag, memory_tag=memory_tag) == BODY + line


def test_inference_asks_for_both() -> None:
    assert inference_prompt(PROBLEM) == BODY + "\nPerformance Tag: runtime=1 memory=1"


@pytest.mark.parametrize(
    ("alpha", "tags"),
    [
        (0.0, "runtime=0 memory=1"),
        (0.25, "runtime=0.5 memory=1"),
        (0.5, "runtime=1 memory=1"),
        (0.8, "runtime=1 memory=0.5"),
        (1.0, "runtime=1 memory=0"),
        (1 / 3, "runtime=0.75 memory=1"),
    ],
)
def test_a_conditioned_policy_is_told_alpha_by_its_tags(alpha: float, tags: str) -> None:
    assert inference_prompt(PROBLEM, alpha) == f"{BODY}\nPerformance Tag: {tags}"


def test_the_mark_is_found_beside_the_weights_and_in_the_run(tmp_path: Path) -> None:
    for name in ("model", "checkpoint-3"):
        (tmp_path / name).mkdir()
        assert not is_conditioned(tmp_path / name)
    mark_conditioned(tmp_path)
    assert is_conditioned(tmp_path / "model")
    assert is_conditioned(str(tmp_path / "checkpoint-3"))
    assert not is_conditioned("codet5-nano")


def test_target_is_the_program_alone() -> None:
    assert target_text(Target("\n  print(1)\n")) == "  print(1)"


def test_dropout_of_none_and_all() -> None:
    target = Target("print(1)", runtime_tag=1, memory_tag=0)
    kept = training_prompt(PROBLEM, target, tag_dropout=0.0, seed=0)
    assert kept == build_prompt(PROBLEM, runtime_tag=1, memory_tag=0)
    assert training_prompt(PROBLEM, target, tag_dropout=1.0, seed=0) == BODY


def test_a_target_is_asked_for_at_balances_where_it_is_the_best() -> None:
    found: Counter[str] = Counter()
    for i in range(400):
        target = Target(f"print({i})", 0, 1, balances=(0.0, 0.125, 0.25))
        prompt = training_prompt(PROBLEM, target, tag_dropout=0.0, seed=0)
        found[prompt.removeprefix(f"{BODY}\nPerformance Tag: ")] += 1
    ends, middle, *between = (
        found.pop(f"runtime={runtime} memory=1") / 400 for runtime in ("0", "1", "0.25", "0.5")
    )
    assert not found
    assert middle == pytest.approx(0.15, abs=0.07)  # though it is no balance of the target's
    assert ends == pytest.approx(0.6, abs=0.07)  # what the target earned
    assert between == pytest.approx([0.125, 0.125], abs=0.07)


def test_every_balance_has_tags_of_its_own() -> None:
    prompts = {inference_prompt(PROBLEM, alpha) for alpha in BALANCES}
    assert len(prompts) == len(BALANCES) == 9
    words = {word for prompt in prompts for word in prompt.splitlines()[-1].split()[2:]}
    assert words == set(TAGS)


def test_unknown_tags_stay_out() -> None:
    assert training_prompt(PROBLEM, Target("print(1)"), tag_dropout=0.0, seed=0) == BODY


def test_each_tag_is_dropped_on_its_own_at_its_rate() -> None:
    shown = {"runtime": 0, "memory": 0, "both": 0}
    for i in range(2000):
        target = Target(f"print({i})", runtime_tag=1, memory_tag=1)
        prompt = training_prompt(PROBLEM, target, tag_dropout=0.25, seed=0)
        shown["runtime"] += "runtime=" in prompt
        shown["memory"] += "memory=" in prompt
        shown["both"] += "runtime=" in prompt and "memory=" in prompt
    # Binomial: four standard deviations are 77 and 89.
    assert abs(shown["runtime"] - 1500) < 77
    assert abs(shown["memory"] - 1500) < 77
    assert abs(shown["both"] - 1125) < 89


def test_draws_depend_on_pair_and_seed_only() -> None:
    targets = [Target(f"print({i})", 1, 1) for i in range(50)]

    def prompts(order: list[Target], seed: int) -> dict[str, str]:
        return {t.program: training_prompt(PROBLEM, t, tag_dropout=0.5, seed=seed) for t in order}

    assert prompts(targets, 0) == prompts(targets[::-1], 0)
    assert prompts(targets, 0) != prompts(targets, 1)
