"""Replay a run's rollouts under other prices: what would have been rewarded, without running it.

    python scripts/simulate_reward.py --rollouts runs/ppo-DATE/rollouts.jsonl --alpha 1

The log holds what was measured of every program; prices only weigh it. What they would have led
the policy to try next is not in the log.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from effirl.config import check_range, check_types
from effirl.errors import UserError
from effirl.runs import read_settings
from rewards.measurement import Comparison
from rewards.records import Status
from rewards.scores import (
    TIME_DEAD_ZONE_SPREADS,
    RewardConfig,
    efficiency,
    memory_gain,
    reward,
    time_gain,
)


@dataclass
class SimulateConfig:
    """Price a run's logged rollouts anew."""

    rollouts: Path = field(metadata={"help": "rollouts.jsonl of a reinforcement run"})
    alpha: float | None = field(
        default=None, metadata={"help": "1 runtime only, 0 memory only; default: as in the run"}
    )
    efficiency_weight: float | None = field(
        default=None,
        metadata={"help": "weight of efficiency beside correctness; default: as in the run"},
    )
    saturation: float | None = field(
        default=None, metadata={"help": "log2 of the ratio whose gain is 1; default: as in the run"}
    )
    time_dead_zone: float = field(
        default=TIME_DEAD_ZONE_SPREADS,
        metadata={"help": "runtime gains below so many standard errors are 0"},
    )
    partial_credit: bool | None = field(
        default=None,
        metadata={
            "help": "reward the share of tests that a wrong program passes; default: as in the run"
        },
    )

    def __post_init__(self) -> None:
        check_types(self)
        check_range(self, 0, 1, names=("alpha",))
        check_range(self, 0, 0.99, names=("efficiency_weight",))
        check_range(self, 0.01, 10, names=("saturation",))
        check_range(self, 0, names=("time_dead_zone",))


@dataclass(frozen=True, slots=True)
class Rollout:
    """One logged program: its group, what it earned, and what was measured of it."""

    group: tuple[int, int, float]
    """Step, problem and alpha: the programs that were compared with each other."""
    status: Status
    pass_rate: float
    is_copy: bool
    reward: float
    comparison: Comparison | None


def simulate(config: SimulateConfig) -> str:
    """Return a table: the logged prices beside the new ones.

    Raises:
        UserError: If the log is missing, malformed, or has nothing to compare.
    """
    rollouts = list(read_rollouts(config.rollouts))
    if not rollouts:
        raise UserError(f"{config.rollouts}: no scored rollout; name another run's log")
    groups: defaultdict[tuple[int, int, float], list[Rollout]] = defaultdict(list)
    for rollout in rollouts:
        groups[rollout.group].append(rollout)
    prices = _prices(config)
    logged = [np.array([r.reward for r in group]) for group in groups.values()]
    priced = [np.array([price(r, config, prices) for r in group]) for group in groups.values()]
    return _table(logged, priced)


def _prices(config: SimulateConfig) -> RewardConfig:
    """Take what is asked for, and the rest from the settings of the run that wrote the log."""
    run = read_settings(config.rollouts.parent) or {}
    names = ("efficiency_weight", "saturation", "partial_credit")
    asked = {name: value for name in names if (value := getattr(config, name)) is not None}
    return RewardConfig(**{name: run[name] for name in names if name in run} | asked)


def price(rollout: Rollout, config: SimulateConfig, prices: RewardConfig) -> float:
    """Return what a program would have earned."""
    mixed = 0.0
    if rollout.comparison is not None and not rollout.is_copy:
        time = time_gain(rollout.comparison, prices.saturation, config.time_dead_zone)
        memory = memory_gain(rollout.comparison, prices.saturation)
        alpha = rollout.group[2] if config.alpha is None else config.alpha
        mixed = efficiency(time, memory, alpha)
    return reward(rollout.status, rollout.pass_rate, mixed, prices)


def read_rollouts(path: Path) -> Iterator[Rollout]:
    """Yield the rollouts that had a reward.

    Raises:
        UserError: Naming file and line of what cannot be read.
    """
    if not path.is_file():
        raise UserError(f"{path} does not exist; a run of scripts/ppo.py writes rollouts.jsonl")
    lines = path.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, start=1):
        try:
            rollout = _rollout(json.loads(line))
        except json.JSONDecodeError as error:
            if number == len(lines):  # a run that was killed cut it short
                return
            raise UserError(f"{path}:{number}: not a JSON object ({error})") from error
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"{path}:{number}: no rollout of this version ({error!r})") from error
        if rollout is not None:
            yield rollout


def _rollout(row: dict[str, Any]) -> Rollout | None:
    """Take a row of the log; None if its program could not be scored."""
    if row["reward"] is None:
        return None
    comparison = row["comparison"]
    return Rollout(
        (row["step"], row["problem_index"], row["alpha"]),
        Status(row["status"]),
        row["pass_rate"],
        row["is_copy"],
        row["reward"],
        None if comparison is None else Comparison(**comparison),
    )


def _table(logged: Sequence[np.ndarray], priced: Sequence[np.ndarray]) -> str:
    before, after = _advantages(logged), _advantages(priced)
    rows = [
        ("mean reward", np.concatenate(logged).mean(), np.concatenate(priced).mean()),
        ("mean |advantage|", np.abs(before).mean(), np.abs(after).mean()),
        ("groups without spread", _no_spread(logged), _no_spread(priced)),
    ]
    lines = [f"{'':24}{'logged':>9}{'new':>9}"]
    lines += [f"{name:24}{old:9.3f}{new:9.3f}" for name, old, new in rows]
    flipped = float((before * after < 0).mean())
    lines += [
        f"{len(before)} programs in {len(logged)} groups",
        f"advantages that change sign: {flipped:.1%}",
        f"pairs of a group that change order: {_reordered(logged, priced):.1%}",
        f"groups with another best program: {_other_best(logged, priced):.1%}",
    ]
    return "\n".join(lines) + "\n"


def _advantages(groups: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate([group - group.mean() for group in groups])


def _no_spread(groups: Sequence[np.ndarray]) -> float:
    return float(np.mean([np.ptp(group) < 1e-9 for group in groups]))


def _reordered(logged: Sequence[np.ndarray], priced: Sequence[np.ndarray]) -> float:
    """Return the share of pairs that one pricing ranks and the other ranks the other way."""
    ranked = reordered = 0
    for old, new in zip(logged, priced, strict=True):
        before = np.sign(old[:, None] - old[None, :])
        after = np.sign(new[:, None] - new[None, :])
        ranked += int((before != 0).sum())
        reordered += int((before * after < 0).sum())
    return reordered / max(1, ranked)


def _other_best(logged: Sequence[np.ndarray], priced: Sequence[np.ndarray]) -> float:
    """Return the share of groups whose best programs before are not the best any more."""
    changed = [
        new[old == old.max()].max() < new.max() for old, new in zip(logged, priced, strict=True)
    ]
    return float(np.mean(changed))
