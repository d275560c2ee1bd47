"""From a verdict and a comparison to a reward. Pure functions; nothing is run here."""

import math
from dataclasses import dataclass, field
from typing import Final

from rewards.measurement import Comparison
from rewards.records import MIB, Status

TIME_FLOOR_S: Final = 1e-3
"""Added to both net runtimes in a gain: below it, a ratio says nothing about the program."""
MEMORY_FLOOR_BYTES: Final = 1 * MIB
MEMORY_DEAD_ZONE_BYTES: Final = MIB // 2
TIME_DEAD_ZONE_SPREADS: Final = 3.0

REWARD_CORRECT: Final = 1.0
REWARD_WRONG: Final = -0.3
REWARD_FAILED: Final = -0.6
REWARD_NO_PROGRAM: Final = -1.0

_NO_PROGRAM: Final = (Status.NO_CODE, Status.SYNTAX_ERROR, Status.VIOLATION)


@dataclass(frozen=True, slots=True)
class RewardConfig:
    """How correctness, runtime and memory are priced.

    Raises:
        ValueError: If a value is out of its range.
    """

    alpha: float = field(
        default=0.5, metadata={"help": "weight of runtime against memory: 1 runtime only, 0 memory"}
    )
    efficiency_weight: float = field(
        default=0.6,
        metadata={"help": "w: the most that efficiency adds to a correct program's 1, 0 for none"},
    )
    saturation: float = field(
        default=3.0, metadata={"help": "c: log2 of the gain that counts in full (3 is 8x)"}
    )
    partial_credit: bool = field(
        default=False, metadata={"help": "credit for the share of tests that a wrong one passes"}
    )

    def __post_init__(self) -> None:
        check_alpha(self.alpha)
        if not 0 <= self.efficiency_weight < 1:
            raise ValueError(
                f"efficiency_weight must be at least 0 and below 1, got {self.efficiency_weight}"
            )
        if not self.saturation > 0:
            raise ValueError(f"saturation must be above 0, got {self.saturation}")


def check_alpha(alpha: float) -> None:
    """Refuse an alpha outside [0, 1].

    Raises:
        ValueError: Naming the range.
    """
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha must be a number in [0, 1] (1 is runtime only), got {alpha}")


@dataclass(frozen=True, slots=True)
class Score:
    """What one completion earned, and why."""

    status: Status
    reward: float | None
    """None when we failed."""
    time_gain: float
    """In [-1, 1]; 0 for anything but a correct, measured program."""
    memory_gain: float
    is_copy: bool
    """The source program again, but for layout and comments."""
    pass_rate: float
    comparison: Comparison | None
    program: str | None
    """What was taken from the completion."""
    flag: str | None = None
    """Why the gain was doubted (`rewards.monitor.Reason`), None when it was not."""
    refutation: str | None = None
    """What measuring again held against it; None when that confirmed it."""

    @property
    def training_reward(self) -> float | None:
        """The reward, but None for a correct program whose gain is refuted: masked, not punished.

        Noise may have made that gain, or taken it.
        """
        return None if self.status is Status.OK and self.refutation else self.reward


def damped_ratio(source: float, program: float, floor: float) -> float:
    """Source over program, with a floor added to both: a ratio of two nothings is 1.

    Args:
        source: Net cost of the source program; any unit, negative counts as 0.
        program: The same of the program.
        floor: Same unit, > 0.

    >>> damped_ratio(7.0, -1.0, 1.0)
    8.0
    """
    return (max(0.0, source) + floor) / (max(0.0, program) + floor)


def clipped_gain(source: float, program: float, floor: float, saturation: float) -> float:
    """log2 of the damped ratio over `saturation`, clipped to [-1, 1].

    Args:
        source: Net cost of the source program, as for `damped_ratio`.
        program: The same of the program.
        floor: Same unit, > 0.
        saturation: log2 of the ratio that counts in full.

    >>> clipped_gain(7.0, 0.0, 1.0, 3.0)
    1.0
    >>> clipped_gain(0.0, 1.0, 1.0, 2.0)
    -0.5
    """
    ratio = damped_ratio(source, program, floor)
    return max(-1.0, min(1.0, math.log2(ratio) / saturation))


def time_gain(
    comparison: Comparison, saturation: float, dead_zone: float = TIME_DEAD_ZONE_SPREADS
) -> float:
    """Runtime gain in [-1, 1]; 0 where noise could explain it.

    Args:
        comparison: What was measured.
        saturation: log2 of the ratio that counts in full.
        dead_zone: Standard errors of a pair of equal programs that a gain must exceed.
    """
    c = comparison
    unsure = c.time_low <= 0 <= c.time_high
    if unsure or abs(c.time_log2_ratio) < dead_zone * c.time_spread:
        return 0.0
    return clipped_gain(c.source_runtime_s, c.program_runtime_s, TIME_FLOOR_S, saturation)


def memory_gain(comparison: Comparison, saturation: float) -> float:
    """Peak-memory gain in [-1, 1]; 0 where the meter's granularity could explain it."""
    c = comparison
    difference = abs(c.source_peak_bytes - c.program_peak_bytes)
    if c.memory_low <= 0 <= c.memory_high or difference < MEMORY_DEAD_ZONE_BYTES:
        return 0.0
    return clipped_gain(
        float(c.source_peak_bytes), float(c.program_peak_bytes), MEMORY_FLOOR_BYTES, saturation
    )


def efficiency(time: float, memory: float, alpha: float) -> float:
    """E(alpha): the two gains, mixed.

    >>> efficiency(0.5, -0.5, 1.0), efficiency(0.5, -0.5, 0.5)
    (0.5, 0.0)
    """
    return alpha * time + (1 - alpha) * memory


def reward(status: Status, pass_rate: float, mixed_gain: float, config: RewardConfig) -> float:
    """The reward of a program that was run; DESIGN: any correct one outranks any wrong one.

    Args:
        status: Not SANDBOX_ERROR: our own failure has no reward.
        pass_rate: Share of tests passed, in [0, 1].
        mixed_gain: E(alpha), in [-1, 1].
        config: Prices.

    >>> reward(Status.OK, 1.0, 0.5, RewardConfig(efficiency_weight=0.6))
    1.3
    >>> reward(Status.WRONG_ANSWER, 0.5, 0.0, RewardConfig())
    -0.3
    """
    assert status is not Status.SANDBOX_ERROR
    if status is Status.OK:
        return REWARD_CORRECT + config.efficiency_weight * mixed_gain
    if status is Status.WRONG_ANSWER:
        credit = pass_rate if config.partial_credit else 0.0
        return REWARD_WRONG * (1 - credit)
    return REWARD_NO_PROGRAM if status in _NO_PROGRAM else REWARD_FAILED
