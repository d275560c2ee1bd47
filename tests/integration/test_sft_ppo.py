"""Both training commands as a user runs them: as processes, with programs really run."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 300
ACCELERATE = ["-m", "accelerate.commands.launch"]


def run(cwd: Path, *argv: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *map(str, argv)],
        cwd=cwd,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory, tiny_policy_dir: Path) -> Path:
    """A folder in which the warm start has been made."""
    folder = tmp_path_factory.mktemp("workplace")
    config = ROOT / "configs" / "smoke" / "sft.yaml"
    done = run(
        folder, ROOT / "scripts" / "sft.py", "--config", config, "--model", tiny_policy_dir,
        "--max-target-tokens", "400",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.slow
def test_warm_start_leaves_its_files(workplace: Path) -> None:
    (path,) = (workplace / "runs").iterdir()
    assert path.name.startswith("sft-")
    assert yaml.safe_load((path / "config.yaml").read_text())["max_steps"] == 2
    assert (path / "model" / "model.safetensors").is_file()
    log = [json.loads(line) for line in (path / "log.jsonl").read_text().splitlines()]
    assert any("eval_execution" in row for row in log)


@pytest.mark.slow
def test_reinforcement_starts_from_it(workplace: Path) -> None:
    done = run(
        workplace, *ACCELERATE, "--config_file", ROOT / "configs" / "accelerate" / "cpu.yaml",
        ROOT / "scripts" / "ppo.py", "--config", ROOT / "configs" / "smoke" / "ppo.yaml",
        "--max-new-tokens", "16", "--output-dir", "out",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    path = workplace / "out"
    settings = yaml.safe_load((path / "config.yaml").read_text())
    assert settings["model"].startswith("runs/sft-")
    assert (path / "checkpoint-1" / "trainer_state.json").is_file()
    assert (path / "model" / "model.safetensors").is_file()
    rollouts = [json.loads(line) for line in (path / "rollouts.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rollouts] == [1] * 8 + [2] * 8
    assert all(row["status"] != "SANDBOX_ERROR" for row in rollouts)
    assert "2/2  reward" in done.stdout
    assert "Warning" not in done.stderr


@pytest.mark.parametrize(
    ("script", "argv", "expected"),
    [
        ("ppo.py", ["--alpha", "2"], "--alpha must be a number from 0"),
        ("sft.py", ["--lerning-rate", "1"], "did you mean learning_rate"),
        ("sft.py", ["--model", "./nowhere"], "nowhere"),
        ("ppo.py", [], "accelerate launch scripts/sft.py"),
        ("ppo.py", ["--model", "./nowhere"], "nowhere"),
        ("sft.py", ["--data", "pie", "--data-path", "nowhere"], "nowhere"),
    ],
)
def test_mistakes_are_one_line(tmp_path: Path, script: str, argv: list[str], expected: str) -> None:
    done = run(tmp_path, ROOT / "scripts" / script, *argv)
    assert done.returncode == 2, done.stderr
    assert expected in done.stderr
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
