"""Rollouts under other prices."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from effirl.errors import UserError
from effirl.training.simulate import SimulateConfig, simulate
from rewards.measurement import Comparison
from rewards.records import MIB

FAST = Comparison(
    time_log2_ratio=1.0, time_low=0.9, time_high=1.1, time_spread=0.05,
    memory_log2_ratio=0.0, memory_low=0.0, memory_high=0.0, rounds=4,
    source_runtime_s=0.031, program_runtime_s=0.015, source_wall_s=0.04, program_wall_s=0.02,
    source_peak_bytes=MIB, program_peak_bytes=MIB,
)  # fmt: skip
LEAN = replace(
    FAST, time_log2_ratio=0.0, time_low=-0.1, time_high=0.1, program_runtime_s=0.031,
    memory_log2_ratio=2.0, memory_low=2.0, memory_high=2.0, source_peak_bytes=7 * MIB,
)  # fmt: skip


def row(**values: Any) -> dict[str, Any]:
    default = {
        "step": 1, "problem_index": 0, "alpha": 1.0, "status": "OK", "pass_rate": 1.0,
        "is_copy": False, "reward": 1.0, "comparison": None,
    }  # fmt: skip
    return default | values


def write(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(r) + "\n" for r in rows))
    return path


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """One group in which, at alpha 1, the fast program was best, the lean one next."""
    return write(
        tmp_path / "rollouts.jsonl",
        row(reward=1.2, comparison=asdict(FAST)),
        row(reward=1.0, comparison=asdict(LEAN)),
        row(reward=-0.3, status="WRONG_ANSWER", pass_rate=0.5),
        row(reward=None, status="SANDBOX_ERROR"),
    )


def test_the_logged_prices_change_nothing(log: Path) -> None:
    text = simulate(SimulateConfig(log, alpha=1.0))
    assert "mean reward                 0.633    0.633" in text
    assert "3 programs in 1 groups" in text
    assert "change order: 0.0%" in text
    assert "another best program: 0.0%" in text


def test_without_alpha_each_program_keeps_its_own(tmp_path: Path) -> None:
    fast = asdict(FAST)
    path = write(
        tmp_path / "log",
        row(alpha=1.0, reward=1.2, comparison=fast),
        row(alpha=0.0, reward=1.0, comparison=fast),
    )
    text = simulate(SimulateConfig(path))
    assert "mean reward                 1.100    1.100" in text
    assert "2 programs in 2 groups" in text
    assert f"1.100{1.2:9.3f}" in simulate(SimulateConfig(path, alpha=1.0))


def test_memory_only_prefers_the_lean_program(log: Path) -> None:
    text = simulate(SimulateConfig(log, alpha=0.0))
    # The lean one saves a factor (7 + 1) / (1 + 1), of 8 that count: a gain of 2/3.
    assert f"mean reward                 0.633{(1 + 1.4 - 0.3) / 3:9.3f}" in text
    assert "change order: 33.3%" in text
    assert "another best program: 100.0%" in text


def test_a_wide_dead_zone_takes_the_time_gain_away(log: Path) -> None:
    text = simulate(SimulateConfig(log, alpha=1.0, time_dead_zone=25.0))
    assert f"mean reward                 0.633{(1 + 1 - 0.3) / 3:9.3f}" in text


def test_partial_credit(log: Path) -> None:
    text = simulate(SimulateConfig(log, alpha=1.0, partial_credit=True))
    assert f"mean reward                 0.633{(1.2 + 1 - 0.15) / 3:9.3f}" in text


def test_a_line_that_a_kill_cut_short_is_passed_over(log: Path) -> None:
    whole = simulate(SimulateConfig(log))
    with log.open("a") as file:
        file.write('{"step": 1, "prob')
    assert simulate(SimulateConfig(log)) == whole


def test_without_weight_efficiency_earns_nothing(log: Path) -> None:
    text = simulate(SimulateConfig(log, alpha=1.0, efficiency_weight=0))
    assert f"mean reward                 0.633{(1 + 1 - 0.3) / 3:9.3f}" in text


def test_what_is_not_asked_for_is_priced_as_in_the_run(log: Path) -> None:
    (log.parent / "config.yaml").write_text("alpha: '1'\nefficiency_weight: 0.3\nsaturation: 3\n")
    text = simulate(SimulateConfig(log))
    assert f"mean reward                 0.633{(1.1 + 1 - 0.3) / 3:9.3f}" in text
    text = simulate(SimulateConfig(log, efficiency_weight=0.6))
    assert "mean reward                 0.633    0.633" in text


def test_copies_gain_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "log", row(is_copy=True, comparison=asdict(FAST)))
    assert "mean reward                 1.000    1.000" in simulate(SimulateConfig(path, alpha=1.0))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{\n{}", ":1: not a JSON object"),
        ("3", ":1: no rollout of this version"),
        ("{}", ":1: no rollout of this version .*'reward'"),
        (json.dumps(row(status="NOPE")), ":1: no rollout of this version .*NOPE"),
        (json.dumps(row(comparison={"x": 1})), ":1: no rollout of this version"),
        ("", "no scored rollout"),
    ],
)
def test_a_malformed_log_is_named(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "log"
    path.write_text(text)
    with pytest.raises(UserError, match=f"{path}.*{says}"):
        simulate(SimulateConfig(path))
    with pytest.raises(UserError, match="does not exist"):
        simulate(SimulateConfig(tmp_path / "nowhere"))
