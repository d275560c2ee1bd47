"""Two processes on a CPU (gloo) make one run, with one policy and one critic."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[3]


def test_two_processes_make_one_run(tiny_policy_dir: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
            "-m", "tests.effirl.training.two_processes", str(tiny_policy_dir), str(tmp_path),
        ],
        cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    first, second = (torch.load(tmp_path / f"rank{rank}.pt") for rank in (0, 1))
    for part in ("policy", "critic"):
        for name, tensor in first[part].items():
            assert torch.equal(tensor, second[part][name]), name
    assert first["critic"]["out.weight"].any()
    rollouts = (tmp_path / "run" / "rollouts.jsonl").read_text().splitlines()
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in log] == [1, 2, 3]
    by_step: dict[int, list[float]] = {1: [], 2: [], 3: []}
    for row in map(json.loads, rollouts):
        if row["reward"] is not None:
            by_step[row["step"]].append(row["reward"])
    assert len(rollouts) == 24
    for row in log:  # the mean over both processes' completions
        rewards = by_step[row["step"]]
        mean = pytest.approx(sum(rewards) / len(rewards), abs=1e-5)
        assert (row["reward"], row["reward/total"]) == (mean, mean)
        assert row["reward/none"] == pytest.approx(1 - len(rewards) / 8)
    assert (tmp_path / "run" / "model" / "model.safetensors").is_file()
