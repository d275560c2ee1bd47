"""The line that a step of reinforcement leaves on the terminal. Imports without torch."""

from collections.abc import Mapping
from typing import Final

NONE_SHARE_TOLERATED: Final = 0.01
STATUS_PREFIX: Final = "reward/status/"
_FIGURES: Final = {
    "reward/total": "reward",
    "reward/correct": "correct",
    "reward/time_gain": "time gain",
    "reward/memory_gain": "memory gain",
    "kl": "kl",
    "entropy": "entropy",
}


def describe_step(logs: Mapping[str, float]) -> str:
    """Return the middle of a progress line: the reward and its parts, failures, KL, times.

    >>> describe_step({"reward/correct": 0.5, "reward/status/WRONG_ANSWER": 0.5})
    'correct 0.500  WRONG_ANSWER 50%'
    """
    if "reward/correct" not in logs:
        return ""  # the trainer's summary at the end
    figures = [(text, logs.get(name)) for name, text in _FIGURES.items()]
    parts = [f"{text} {value:.3f}" for text, value in figures if value is not None]
    parts += [*_failures(logs), *_seconds(logs), *_warning(logs)]
    return "  ".join(parts)


def _failures(logs: Mapping[str, float]) -> list[str]:
    """Name what programs end with, other than OK, most frequent first."""
    shares = [
        (share, name.removeprefix(STATUS_PREFIX))
        for name, share in logs.items()
        if name.startswith(STATUS_PREFIX) and share and name != f"{STATUS_PREFIX}OK"
    ]
    return [f"{status} {share:.0%}" for share, status in sorted(shares, reverse=True)]


def _seconds(logs: Mapping[str, float]) -> list[str]:
    names = ("generation", "reward", "update")
    times = [f"{name} {logs[f'seconds/{name}']:.1f}" for name in names if f"seconds/{name}" in logs]
    return [f"seconds: {', '.join(times)}"] if times else []


def _warning(logs: Mapping[str, float]) -> list[str]:
    share = logs.get("reward/none", 0.0)
    if share <= NONE_SHARE_TOLERATED:
        return []
    return [f"WARNING: no reward for {share:.1%} (not measured, or a gain that was refuted)"]
