"""What a step tells."""

from effirl.training.progress import as_line, reinforcement_figures, warm_start_figures

LOGS = {
    "reward/total": 0.91, "reward/correct": 0.8, "reward/time_gain": 0.4,
    "reward/memory_gain": -0.1, "reward/none": 0.01, "reward/status/OK": 0.8,
    "reward/status/WRONG_ANSWER": 0.05, "reward/status/TIME_LIMIT": 0.15,
    "reward/status/VIOLATION": 0.0, "kl": 0.0123, "entropy": 0.25,
    "seconds/generation": 3.14, "seconds/reward": 2.0, "seconds/update": 4.56,
}  # fmt: skip


def test_everything_is_in_the_line() -> None:
    assert as_line(reinforcement_figures(LOGS)) == (
        "reward 0.910  correct 0.800  time gain 0.400  memory gain -0.100  kl 0.012  entropy 0.250"
        "  failures TIME_LIMIT 15%, WRONG_ANSWER 5%  seconds generation 3.1, reward 2.0, update 4.6"
    )


def test_a_share_without_reward_above_one_per_cent_is_warned_about() -> None:
    assert "WARNING" not in reinforcement_figures(LOGS)
    warned = reinforcement_figures(LOGS | {"reward/none": 0.011})
    assert warned["WARNING"].startswith("no reward for 1.1%")


def test_a_tree_that_judges_few_tokens_is_warned_about() -> None:
    assert "WARNING" not in reinforcement_figures(LOGS | {"tree/alone": 0.3})
    warned = reinforcement_figures(LOGS | {"tree/alone": 0.7, "reward/none": 0.011})
    assert warned["WARNING"].endswith("; 70% of tokens are not judged: see --advantage group")


def test_what_is_no_step_is_passed_over() -> None:
    assert reinforcement_figures({"train_runtime": 3.0}) == {}
    assert warm_start_figures({"train_loss": 3.0}) == {}


def test_a_warm_start_tells_its_loss_or_its_validation() -> None:
    assert as_line(warm_start_figures({"loss": 0.5, "learning_rate": 9e-4})) == (
        "loss 0.500  lr 9.0e-04"
    )
    logs = {"eval_loss": 0.02, "eval_execution": 0.75, "eval_replay_share": 0.4}
    assert as_line(warm_start_figures(logs)) == (
        "validation loss 0.020  correct and better 0.75  replay share 0.40"
    )
