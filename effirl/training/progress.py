"""What a step of training tells, as a line or as a row of a table. Imports without torch."""

from collections.abc import Mapping
from typing import Final

Figures = dict[str, str]
"""Name -> value, as text, in the order in which they are shown; empty where there is no news."""

NONE_SHARE_TOLERATED: Final = 0.01
ALONE_SHARE_TOLERATED: Final = 0.6
"""Of tokens that come after their sample left all others, so that the tree says nothing of them."""
STATUS_PREFIX: Final = "reward/status/"
_REINFORCEMENT: Final = {
    "reward/total": "reward",
    "reward/correct": "correct",
    "reward/time_gain": "time gain",
    "reward/memory_gain": "memory gain",
    "kl": "kl",
    "entropy": "entropy",
}
_VALIDATION: Final = {
    "eval_exact_match": "exact match",
    "eval_execution": "correct and better",
    "eval_correct": "correct",
    "eval_time_gain": "time gain",
    "eval_memory_gain": "memory gain",
    "eval_replay_share": "replay share",
}


def as_line(figures: Figures) -> str:
    """Return figures as the middle of a progress line."""
    return "  ".join(f"{name} {value}" for name, value in figures.items())


def warm_start_figures(logs: Mapping[str, float]) -> Figures:
    """Return what a log of the warm start tells: loss and rate, or a validation.

    >>> as_line(warm_start_figures({"eval_loss": 0.0213, "eval_correct": 0.8}))
    'validation loss 0.021  correct 0.80'
    """
    if "eval_loss" in logs:
        found = {text: f"{logs[name]:.2f}" for name, text in _VALIDATION.items() if name in logs}
        return {"validation loss": f"{logs['eval_loss']:.3f}", **found}
    if "loss" in logs:
        return {"loss": f"{logs['loss']:.3f}", "lr": f"{logs['learning_rate']:.1e}"}
    return {}  # the trainer's summary at the end


def reinforcement_figures(logs: Mapping[str, float]) -> Figures:
    """Return what a step of reinforcement tells: the reward and its parts, failures, KL, times.

    >>> logs = {"reward/none": 0, "reward/correct": 0.5, "reward/status/WRONG_ANSWER": 0.5}
    >>> as_line(reinforcement_figures(logs))
    'correct 0.500  failures WRONG_ANSWER 50%'
    """
    if "reward/none" not in logs:
        return {}  # the trainer's summary at the end
    figures = {text: f"{logs[name]:.3f}" for name, text in _REINFORCEMENT.items() if name in logs}
    figures |= {"failures": _failures(logs), "seconds": _seconds(logs), "WARNING": _warning(logs)}
    return {name: value for name, value in figures.items() if value}


def _failures(logs: Mapping[str, float]) -> str:
    """Name what programs end with, other than OK, most frequent first."""
    shares = [
        (share, name.removeprefix(STATUS_PREFIX))
        for name, share in logs.items()
        if name.startswith(STATUS_PREFIX) and share and name != f"{STATUS_PREFIX}OK"
    ]
    return ", ".join(f"{status} {share:.0%}" for share, status in sorted(shares, reverse=True))


def _seconds(logs: Mapping[str, float]) -> str:
    names = ("generation", "reward", "update")
    times = [f"{name} {logs[f'seconds/{name}']:.1f}" for name in names if f"seconds/{name}" in logs]
    return ", ".join(times)


def _warning(logs: Mapping[str, float]) -> str:
    found = []
    if (share := logs.get("reward/none", 0.0)) > NONE_SHARE_TOLERATED:
        found.append(f"no reward for {share:.1%} (not measured, or a gain that was refuted)")
    if (share := logs.get("tree/alone", 0.0)) > ALONE_SHARE_TOLERATED:
        found.append(f"{share:.0%} of tokens are not judged: see --advantage group")
    return "; ".join(found)
