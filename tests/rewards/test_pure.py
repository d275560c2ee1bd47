"""Extraction, judging, statistics and prices: nothing runs."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewards import extraction, judging, scores, stats
from rewards.measurement import Comparison
from rewards.records import MIB, Status
from rewards.scores import RewardConfig


@pytest.mark.parametrize(
    ("completion", "program"),
    [
        ("x = 1\n", "x = 1\n"),
        ("```\na\n```\n```\nb\n```", "a\n"),
        ("```python\ncut off", "cut off"),
        ("text ``` inline ``` text", "text ``` inline ``` text"),
        ("", None),
        (" \n\t", None),
        ("```python\n```", None),
        ("x" * (extraction.MAX_PROGRAM_CHARS + 1), None),
    ],
)
def test_extract_program(completion: str, program: str | None) -> None:
    assert extraction.extract_program(completion) == program


def test_normalise_tells_programs_apart() -> None:
    base = "if x:\n    y = 1\nz = 2\n"
    assert extraction.normalise(base) == extraction.normalise("if x :\n  y=1 # c\n\n\nz=2")
    for other in ("if x:\n    y = 1\n    z = 2\n", "if x:\n    y = 1\nz = 3\n", "yz = 1"):
        assert extraction.normalise(other) != extraction.normalise(base)
    usual = "# -*- coding: utf-8 -*-\n" + base
    assert extraction.normalise(usual) == extraction.normalise(base)
    for line in ("# coding: unicode_escape\n", "#!x\n# vim: fileencoding=cp1252 :\n"):
        assert extraction.normalise(line + base) != extraction.normalise(base)
    assert extraction.normalise("a b = (") == "a b = ("
    assert extraction.normalise("\x00") != extraction.normalise("\x01")


def test_normalise_reads_what_the_compiler_reads() -> None:
    tabs = "if 1:\n\tx = 1\n\ty = 2\nprint(x + y)\n"
    mixed = tabs.replace("\ty", " " * 8 + "y")
    with pytest.raises(TabError):
        compile(mixed, "mixed", "exec")
    assert extraction.normalise(tabs) == extraction.normalise(tabs.replace("\t", "    "))
    assert extraction.normalise(mixed) != extraction.normalise(tabs)
    inside = "for i in (1, 2):\n    x = i\n    print(x)"
    windows, old_mac = inside.replace("\n", "\r\n"), inside.replace("\n", "\r")
    assert extraction.normalise(windows) == extraction.normalise(inside)
    after = old_mac.replace("\r    print", "\rprint")
    assert extraction.normalise(old_mac) != extraction.normalise(after)


@pytest.mark.parametrize(
    ("program", "other"),
    [
        ("if 1:\n\tx=1\nif 2:\n    x=2\n", " if 1:\n\tx=1\nif 2:\n    x=2\n"),
        ("x = (", "\u00a0x = ("),
        ("x=1", "x=1 # \0"),
        ("if 1:\n x=1\nprint(2)", "if 1:\n\x01x=1\n\x02print(2)"),
        ("x=1", "# coding: utf-7\n# coding: utf-8\n# +AAo-y=2\nx=1"),
    ],
)
def test_normalise_of_what_does_not_compile_alike(program: str, other: str) -> None:
    assert extraction.normalise(program) != extraction.normalise(other)


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ('f"{x = }"', 'f"{x=}"'),
        ('f"{x}  {y}"', 'f"{x} {y}"'),
        ('f"{f(1,  2)!r:>{w}}" "b"', 'f"{f(1, 2)!r:>{w}}" "b"'),
        ('f"""{\nx}\n  b"""', 'f"""{\nx}\nb"""'),
    ],
)
def test_normalise_keeps_what_a_string_prints(text: str, other: str) -> None:
    key = extraction.normalise(f"print({text})  # why\n")
    assert key == extraction.normalise(f"print( {text} )\n")
    assert key != extraction.normalise(f"print({other})\n")


@pytest.mark.parametrize(
    ("stdout", "expected", "same"),
    [
        (b"1\n2\n", "1 2", True),
        (b"1\r\n", "1", True),
        (b"", "", True),
        (b"1", "1 2", False),
        (b"1 2", "1", False),
        (b"1\x1c", "1", False),
        (b"1\xc2\x85", "1", False),
        (b"1.0", "1", False),
        (b"nan", "1", False),
        (b"\xff", "1", False),
        (b"1\x00", "1", False),
    ],
)
def test_outputs_match(stdout: bytes, expected: str, same: bool) -> None:
    assert judging.outputs_match(stdout, expected) is same


def test_t95_is_students_quantile() -> None:
    assert stats.t95(4) == 2.776
    assert stats.t95(30) == pytest.approx(2.042, abs=0.01)
    with pytest.raises(ValueError, match="at least 1"):
        stats.t95(0)


PRIOR = stats.NoisePrior(0.03, 0.0, 4)


def test_ratio_of_constant_costs_is_exact() -> None:
    estimate = stats.paired_log2_ratio([2.0] * 4, [1.0] * 4, 1e-9, PRIOR)
    assert estimate.log2_ratio == pytest.approx(1.0)
    assert estimate.low < 1 < estimate.high


def test_drift_shared_by_a_pair_cancels() -> None:
    drift = [1.0, 2.0, 4.0, 8.0]
    estimate = stats.paired_log2_ratio(
        [2 * d for d in drift], drift, 1e-9, stats.NoisePrior(0.0, 0.0, 4)
    )
    assert estimate.half_width < 1e-6


@pytest.mark.parametrize("sd", [0.015, 0.03, 0.06, 0.12])
def test_equal_costs_are_called_different_at_most_one_time_in_twenty(sd: float) -> None:
    """The prior says 0.03: wrong in either direction, it must not make the interval lie."""
    rng = random.Random(0)
    trials = 2000
    wrong = 0
    for _ in range(trials):
        a, b = ([rng.gauss(1, sd) for _ in range(6)] for _ in range(2))
        estimate = stats.paired_log2_ratio(a, b, 1e-9, PRIOR)
        wrong += not estimate.low <= 0 <= estimate.high
    assert wrong / trials < 0.06
    assert sd <= 0.03 or wrong / trials > 0.02  # nor may it hide what the rounds do show


def comparison(
    source_s: float, program_s: float, source_mib: float, program_mib: float, width: float = 0.01
) -> Comparison:
    time = math.log2(source_s / program_s)
    memory = math.log2((source_mib + 0.125) / (program_mib + 0.125))
    return Comparison(
        time, time - width, time + width, width / 3, memory, memory - 0.01, memory + 0.01, 3,
        source_s, program_s, source_s, program_s, int(source_mib * MIB), int(program_mib * MIB),
    )  # fmt: skip


def test_gains_are_damped_ratios() -> None:
    c = comparison(0.007, 0.001, 7, 1)
    assert scores.time_gain(c, 3) == pytest.approx(2 / 3)
    assert scores.memory_gain(c, 3) == pytest.approx(2 / 3)


def test_gains_inside_noise_are_zero() -> None:
    assert scores.time_gain(comparison(0.0101, 0.01, 1, 1, width=0.05), 3) == 0
    assert scores.memory_gain(comparison(1, 1, 1.4, 1), 3) == 0
    assert scores.memory_gain(comparison(1, 1, 1.6, 1), 3) > 0


costs = st.floats(1e-4, 10)


@given(costs, costs, costs)
def test_reward_is_monotone_in_runtime(source: float, one: float, other: float) -> None:
    gain = [scores.clipped_gain(source, x, 1e-3, 3) for x in sorted((one, other))]
    assert gain[0] >= gain[1]


@given(st.floats(-1, 1), st.floats(-1, 1), st.floats(0, 1), st.floats(0.01, 0.99), st.floats(0, 1))
def test_correct_outranks_wrong(
    time: float, memory: float, alpha: float, weight: float, pass_rate: float
) -> None:
    config = RewardConfig(alpha=alpha, efficiency_weight=weight, partial_credit=True)
    right = scores.reward(Status.OK, 1.0, scores.efficiency(time, memory, alpha), config)
    wrong = [
        scores.reward(status, pass_rate, 0.0, config)
        for status in Status
        if status not in (Status.OK, Status.SANDBOX_ERROR)
    ]
    assert right > max(wrong)
    assert max(wrong) <= 0


def test_weight_0_pays_for_correctness_alone() -> None:
    config = RewardConfig(efficiency_weight=0.0)
    assert {scores.reward(Status.OK, 1.0, gain, config) for gain in (-1.0, 0.0, 1.0)} == {1.0}


@given(st.floats(-1, 1), st.floats(-1, 1), st.floats(-1, 1))
def test_ends_of_alpha_ignore_the_other_gain(time: float, memory: float, other: float) -> None:
    assert scores.efficiency(time, memory, 1.0) == scores.efficiency(time, other, 1.0)
    assert scores.efficiency(time, memory, 0.0) == scores.efficiency(other, memory, 0.0)


@pytest.mark.parametrize(
    ("status", "value"),
    [
        (Status.WRONG_ANSWER, -0.3),
        (Status.RUNTIME_ERROR, -0.6),
        (Status.TIME_LIMIT, -0.6),
        (Status.MEMORY_LIMIT, -0.6),
        (Status.OUTPUT_LIMIT, -0.6),
        (Status.NO_CODE, -1.0),
        (Status.SYNTAX_ERROR, -1.0),
        (Status.VIOLATION, -1.0),
    ],
)
def test_prices(status: Status, value: float) -> None:
    assert scores.reward(status, 0.5, 0.9, RewardConfig()) == value


@pytest.mark.parametrize(
    "bad", [{"alpha": 1.1}, {"alpha": -0.1}, {"alpha": math.nan}, {"efficiency_weight": 1.0},
            {"efficiency_weight": -0.1}, {"saturation": 0.0}],
)  # fmt: skip
def test_config_refuses(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(bad))):
        RewardConfig(**bad)  # type: ignore[arg-type]
