import json
from dataclasses import replace
from pathlib import Path

import pytest

from effirl import stages as stages_module
from effirl import sweep as sweep_module
from effirl.cluster_jobs import Job
from effirl.errors import UserError
from effirl.evaluation.config import EvaluateConfig, SweepConfig
from effirl.evaluation.results import COMPARED, append_rows
from effirl.launch import script_command
from effirl.sweep import reinforcement_command, sweep
from tests.effirl.evaluation.rows import correct

GAINS = {"warm": (0.0, 0.0), "alpha-0": (0.1, 0.6), "alpha-0.5": (0.05, 0.5), "alpha-1": (0.7, 0.1)}


class Fakes:
    def __init__(self) -> None:
        self.trained: list[str] = []
        self.evaluated: list[tuple[str, int, int]] = []
        self.measurements: set[Path | None] = set()
        self.exit_status = 0
        self.machine = "A"

    def run(self, command: list[str], what: str) -> None:
        folder = Path(command[command.index("--output-dir") + 1])
        assert folder.name.endswith(f"-seed-{command[command.index('--seed') + 1]}")
        self.trained.append(folder.name)
        if self.exit_status:
            raise UserError(f"{what} ended with exit status {self.exit_status}")
        (folder / "model").mkdir(parents=True)

    def evaluate(self, config: EvaluateConfig) -> str:
        folder = config.output_dir
        assert folder is not None
        self.evaluated.append((folder.name, config.runtime_tag, config.memory_tag))
        self.measurements.add(config.measurements)
        name = "warm" if config.model == "warm" else Path(config.model).parent.name
        time_gain, memory_gain = GAINS[name.split("-seed")[0]]
        folder.mkdir(parents=True, exist_ok=True)
        rows = [
            replace(correct(i, runtime_s=0.1), time_gain=time_gain, memory_gain=memory_gain)
            for i in range(3)
        ]
        append_rows(folder / "results.jsonl", rows)
        provenance = {name: {"cpu": self.machine} for name in COMPARED}
        (folder / "provenance.json").write_text(json.dumps(provenance))
        return ""


def test_settings_of_runs_on_other_data_are_refused(tmp_path: Path, fakes: "Fakes") -> None:
    path = tmp_path / "ppo.yaml"
    path.write_text("data: pie\ndata_path: somewhere\n")
    settings = replace(config(tmp_path / "sweep"), ppo_config=path)
    with pytest.raises(UserError, match=r"ppo\.yaml has --data pie, and the sweep builtin; give"):
        sweep(settings)
    assert fakes.trained == fakes.evaluated == []


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> Fakes:
    fakes = Fakes()
    monkeypatch.setattr(stages_module, "run", fakes.run)
    monkeypatch.setattr(stages_module, "evaluate", fakes.evaluate)
    return fakes


def config(folder: Path, seeds: tuple[int, ...] = (0,)) -> SweepConfig:
    return SweepConfig(model="warm", output_dir=folder, seeds=list(seeds))


def test_a_sweep_writes_its_front(tmp_path: Path, fakes: Fakes) -> None:
    table = sweep(config(tmp_path))
    assert fakes.trained == ["alpha-0-seed-0", "alpha-0.5-seed-0", "alpha-1-seed-0"]
    assert fakes.evaluated == [
        ("warm-start-1-1", 1, 1),
        ("warm-start-1-0", 1, 0),
        ("warm-start-0-1", 0, 1),
        *[("eval", 1, 1)] * 3,
    ]
    found = json.loads((tmp_path / "sweep.json").read_text())["policies"]
    assert {name: values["is_non_dominated"] for name, values in found.items()} == {
        "warm start, runtime=1 memory=1": False,
        "warm start, runtime=1 memory=0": False,
        "warm start, runtime=0 memory=1": False,
        "alpha 0": True,
        "alpha 0.5": False,
        "alpha 1": True,
    }
    assert found["alpha 1"]["figures"]["time_gain"]["value"] == pytest.approx(0.7)
    assert "0.700 (0.700 to 0.700)" in table
    assert fakes.measurements == {tmp_path}
    assert {path.name for path in tmp_path.iterdir()} >= {"front.png", "front.svg", "sweep.csv"}


def test_on_a_cluster_the_same_commands_run(
    tmp_path: Path, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[list[Job], str | None]] = []

    def run_on_cluster(jobs: list[Job], address: str | None) -> None:
        asked.append((jobs, address))
        for job in jobs:
            fakes.run(job.command, job.what)

    monkeypatch.setattr(sweep_module, "run_on_cluster", run_on_cluster)
    monkeypatch.setattr("effirl.engines.find_spec", lambda _: True)
    settings = replace(config(tmp_path), engine="ray", ray_address="auto")
    sweep(settings)
    ((jobs, address),) = asked
    assert address == "auto"
    assert [job.folder.name for job in jobs] == fakes.trained
    script, *arguments = reinforcement_command(settings, 1.0, 0, jobs[2].folder)
    assert jobs[2].command == script_command(script, arguments)
    assert jobs[2].log == (tmp_path / "alpha-1-seed-0.log").resolve()
    sweep(settings)  # finished: nothing to run
    assert len(asked) == 1


def test_every_alpha_is_trained_with_every_seed(tmp_path: Path, fakes: Fakes) -> None:
    sweep(config(tmp_path, seeds=(0, 7)))
    assert fakes.trained == [f"alpha-{a}-seed-{s}" for a in ("0", "0.5", "1") for s in (0, 7)]
    found = json.loads((tmp_path / "sweep.json").read_text())["policies"]
    assert len(found["alpha 1"]["runs"]) == 2


def test_a_sweep_goes_on_where_it_stopped(tmp_path: Path, fakes: Fakes) -> None:
    fakes.exit_status = 1
    with pytest.raises(UserError, match="alpha 0, seed 0 ended with exit status 1"):
        sweep(config(tmp_path))
    fakes.exit_status = 0
    (tmp_path / "alpha-0-seed-0" / "model").mkdir(parents=True)
    sweep(config(tmp_path))
    assert fakes.trained == ["alpha-0-seed-0", "alpha-0.5-seed-0", "alpha-1-seed-0"]


def test_figures_of_two_machines_are_not_put_together(
    tmp_path: Path, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def evaluate(config: EvaluateConfig) -> str:
        fakes.machine = "A" if config.model == "warm" else "B"
        return fakes.evaluate(config)

    monkeypatch.setattr(stages_module, "evaluate", evaluate)
    with pytest.raises(UserError, match=r"they differ in machine \(cpu: 'A' and 'B'\)"):
        sweep(config(tmp_path))
    assert not (tmp_path / "sweep.json").exists()


def test_settings_reach_the_reinforcement_command(tmp_path: Path) -> None:
    settings = SweepConfig(model="m", data="pie", data_path=Path("d"), max_steps=2)
    command = reinforcement_command(settings, 0.25, 3, tmp_path)
    flags = dict(zip(command[1::2], command[2::2], strict=True))
    assert command[0] == "ppo.py"
    assert flags == {
        "--alpha": "0.25",
        "--model": "m",
        "--data": "pie",
        "--data-path": "d",
        "--performance-inputs": "runs/performance-inputs",
        "--max-steps": "2",
        "--seed": "3",
        "--output-dir": str(tmp_path),
    }


def test_no_warm_start_names_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"accelerate launch scripts/sft\.py"):
        sweep(SweepConfig())
