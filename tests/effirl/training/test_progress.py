"""The progress line."""

from effirl.training.progress import describe_step

LOGS = {
    "reward/total": 0.91, "reward/correct": 0.8, "reward/time_gain": 0.4,
    "reward/memory_gain": -0.1, "reward/none": 0.01, "reward/status/OK": 0.8,
    "reward/status/WRONG_ANSWER": 0.05, "reward/status/TIME_LIMIT": 0.15,
    "reward/status/VIOLATION": 0.0, "kl": 0.0123, "entropy": 0.25,
    "seconds/generation": 3.14, "seconds/reward": 2.0, "seconds/update": 4.56,
}  # fmt: skip


def test_everything_is_in_the_line() -> None:
    assert describe_step(LOGS) == (
        "reward 0.910  correct 0.800  time gain 0.400  memory gain -0.100  kl 0.012  entropy 0.250"
        "  TIME_LIMIT 15%  WRONG_ANSWER 5%  seconds: generation 3.1, reward 2.0, update 4.6"
    )


def test_a_share_without_reward_above_one_per_cent_is_warned_about() -> None:
    assert "WARNING" not in describe_step(LOGS)
    assert "WARNING: no reward for 1.1%" in describe_step(LOGS | {"reward/none": 0.011})


def test_what_is_no_step_is_passed_over() -> None:
    assert describe_step({"train_runtime": 3.0}) == ""
