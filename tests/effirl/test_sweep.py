import json
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from effirl import sweep as sweep_module
from effirl.errors import UserError
from effirl.evaluation.bootstrap import Estimate
from effirl.evaluation.config import EvaluateConfig, SweepConfig
from effirl.sweep import TABLE_METRICS, reinforcement_command, sweep

GAINS = {"warm": (0.0, 0.0), "alpha-0": (0.1, 0.6), "alpha-0.5": (0.05, 0.5), "alpha-1": (0.7, 0.1)}


class Fakes:
    def __init__(self) -> None:
        self.trained: list[str] = []
        self.exit_status = 0

    def run(self, command: list[str], what: str) -> None:
        folder = Path(command[command.index("--output_dir") + 1])
        self.trained.append(folder.name)
        if self.exit_status:
            raise UserError(f"{what} ended with exit status {self.exit_status}")
        (folder / "model").mkdir(parents=True)

    def evaluate(self, config: EvaluateConfig) -> str:
        assert config.output_dir is not None
        name = "warm" if config.model == "warm" else Path(config.model).parent.name
        time_gain, memory_gain = GAINS[name]
        values = dict.fromkeys(TABLE_METRICS, Estimate(0.5, 0.4, 0.6, 3)) | {
            "time_gain": Estimate(time_gain, time_gain - 0.1, time_gain + 0.1, 3),
            "memory_gain": Estimate(memory_gain, None, None, 1),
        }
        config.output_dir.mkdir(parents=True, exist_ok=True)
        document = {key: asdict(value) for key, value in values.items()}
        (config.output_dir / "metrics.json").write_text(json.dumps(document))
        return ""


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> Fakes:
    fakes = Fakes()
    monkeypatch.setattr(sweep_module, "run", fakes.run)
    monkeypatch.setattr(sweep_module, "evaluate", fakes.evaluate)
    return fakes


def config(folder: Path) -> SweepConfig:
    return SweepConfig(model="warm", output_dir=folder)


def test_a_sweep_writes_its_front(tmp_path: Path, fakes: Fakes) -> None:
    table = sweep(config(tmp_path))
    assert fakes.trained == ["alpha-0", "alpha-0.5", "alpha-1"]
    found = json.loads((tmp_path / "sweep.json").read_text())
    assert {name: values["is_non_dominated"] for name, values in found.items()} == {
        "warm start": False,
        "alpha 0": True,
        "alpha 0.5": False,
        "alpha 1": True,
    }
    assert found["alpha 1"]["time_gain"]["value"] == 0.7
    assert (tmp_path / "front.png").stat().st_size > 1000
    assert "0.700 (0.600 to 0.800)" in table


def test_a_sweep_goes_on_where_it_stopped(tmp_path: Path, fakes: Fakes) -> None:
    fakes.exit_status = 1
    with pytest.raises(UserError, match="alpha 0 ended with exit status 1"):
        sweep(config(tmp_path))
    fakes.exit_status = 0
    (tmp_path / "alpha-0" / "model").mkdir(parents=True)
    sweep(config(tmp_path))
    assert fakes.trained == ["alpha-0", "alpha-0.5", "alpha-1"]


def test_settings_reach_the_reinforcement_command(tmp_path: Path) -> None:
    settings = SweepConfig(model="m", data="pie", data_path=Path("d"), max_steps=2, seed=3)
    command = reinforcement_command(settings, 0.25, tmp_path)
    flags = dict(zip(command[2::2], command[3::2], strict=True))
    assert command[0] == sys.executable
    assert Path(command[1]).is_file()
    assert flags == {
        "--alpha": "0.25",
        "--model": "m",
        "--data": "pie",
        "--data_path": "d",
        "--performance_inputs": "runs/performance-inputs",
        "--max_steps": "2",
        "--seed": "3",
        "--output_dir": str(tmp_path),
    }


def test_no_warm_start_names_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"accelerate launch scripts/sft\.py"):
        sweep(SweepConfig())
