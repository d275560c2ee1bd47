"""The study: what is run with what, once, and on which problems it is evaluated."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from effirl import experiments
from effirl import stages as stages_module
from effirl.config import parse
from effirl.errors import UserError
from effirl.evaluation.config import EvaluateConfig, StudyConfig, SweepConfig
from effirl.experiments import stages, study
from effirl.runs import settings as run_settings
from effirl.stages import Stage
from effirl.sweep import reinforcements
from effirl.training.config import PpoConfig
from effirl.training.phases_config import PhasesConfig


class Fakes:
    """Leaves behind what each command does, and counts."""

    def __init__(self) -> None:
        self.products: dict[str, Path] = {}
        self.run_names: list[str] = []
        self.evaluated: list[EvaluateConfig] = []
        self.reported: list[list[Path]] = []
        self.interrupted_at: str | None = None

    def run(self, command: Sequence[str], what: str) -> None:
        if what == self.interrupted_at:
            raise KeyboardInterrupt
        self.run_names.append(what)
        self.products[what].parent.mkdir(parents=True, exist_ok=True)
        self.products[what].touch()

    def evaluate(self, config: EvaluateConfig) -> str:
        self.evaluated.append(config)
        return ""

    def report(self, folders: list[Path], _: Path) -> str:
        self.reported.append(folders)
        return "answers"


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> Fakes:
    fakes = Fakes()
    monkeypatch.setattr(stages_module, "run", fakes.run)
    monkeypatch.setattr(stages_module, "evaluate", fakes.evaluate)
    monkeypatch.setattr(experiments, "report", fakes.report)
    return fakes


def config(folder: Path, fakes: Fakes, seeds: tuple[int, ...] = (0,)) -> StudyConfig:
    found = StudyConfig(seeds=[*seeds], output_dir=folder, test_limit=10)
    for seed in seeds:
        listed = stages(found, seed, folder / f"seed-{seed}")
        fakes.products |= {stage.name: stage.product for stage in listed}
    return found


def test_everything_is_run_once_a_seed_and_reported(tmp_path: Path, fakes: Fakes) -> None:
    assert study(config(tmp_path, fakes)) == "answers"
    assert study(config(tmp_path, fakes, (0, 1))) == "answers"
    names = [
        "warm start",
        "phases: runtime, then memory",
        "phases: memory, then runtime",
        "separate policies: alpha 0, 0.5, 1",
        "conditioned",
        "correctness-only",
    ]
    assert fakes.run_names == [f"seed {seed}, {name}" for seed in (0, 1) for name in names]
    seeds = [tmp_path / "seed-0", tmp_path / "seed-1"]
    assert fakes.reported == [seeds[:1], seeds]


def test_interrupted_the_same_command_goes_on(tmp_path: Path, fakes: Fakes) -> None:
    fakes.interrupted_at = "seed 0, conditioned"
    with pytest.raises(KeyboardInterrupt):
        study(config(tmp_path, fakes))
    assert fakes.reported == []
    done = len(fakes.run_names)
    fakes.interrupted_at = None
    study(config(tmp_path, fakes))
    assert fakes.run_names[done:] == ["seed 0, conditioned", "seed 0, correctness-only"]


def test_all_start_from_the_warm_start_of_their_seed(tmp_path: Path, fakes: Fakes) -> None:
    settings = config(tmp_path, fakes, (3,))
    by_name = {s.name.partition(", ")[2]: s for s in stages(settings, 3, tmp_path / "seed-3")}
    warm_start = tmp_path / "seed-3" / "sft" / "model"
    assert by_name["warm start"].product == warm_start
    for name, alpha, weight in (
        ("conditioned", "conditioned", 0.6),
        ("correctness-only", "0.5", 0),
    ):
        found = parse(PpoConfig, [*(by_name[name].command or ())[1:]])
        assert (found.alpha, found.efficiency_weight) == (alpha, weight)
        assert (found.model, found.seed) == (str(warm_start), 3)
    command = by_name["phases: memory, then runtime"].command
    assert command is not None
    found_phases = parse(PhasesConfig, [*command[1:]])
    assert found_phases.phases == ["memory", "runtime"]
    assert (found_phases.test_limit, found_phases.seed) == (10, 3)


def test_a_conditioned_policy_is_asked_for_each_balance(tmp_path: Path, fakes: Fakes) -> None:
    study(config(tmp_path, fakes))
    asked = [(Path(e.model).parent.name, e.alpha) for e in fakes.evaluated]
    assert asked[:5] == [("conditioned", alpha) for alpha in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert asked[5:] == [("correctness-only", 0.5)]
    assert len({e.output_dir for e in fakes.evaluated}) == 6
    assert {e.limit for e in fakes.evaluated} == {10}


def test_all_evaluations_of_a_seed_share_their_measurements(tmp_path: Path, fakes: Fakes) -> None:
    settings = config(tmp_path, fakes)
    study(settings)
    shared = tmp_path / "seed-0"
    assert {e.measurements for e in fakes.evaluated} == {shared}
    for stage in stages(settings, 0, shared):
        script, *arguments = stage.command or ("",)
        if script in ("phases.py", "sweep.py"):
            kind = PhasesConfig if script == "phases.py" else SweepConfig
            assert parse(kind, arguments).measurements == shared


def test_a_mistake_in_a_later_runs_settings_is_told_first(tmp_path: Path, fakes: Fakes) -> None:
    path = tmp_path / "ppo.yaml"
    path.write_text("max_stepz: 3\n")
    settings = replace(config(tmp_path / "out", fakes), ppo_config=path)
    with pytest.raises(UserError, match=r"ppo\.yaml:1: key max_stepz is unknown"):
        study(settings)
    assert fakes.run_names == []
    assert not (tmp_path / "out").exists()


def test_a_seed_is_not_gone_on_with_other_settings(tmp_path: Path, fakes: Fakes) -> None:
    study(config(tmp_path, fakes))
    with pytest.raises(UserError, match="num_samples was 4, now 2"):
        study(replace(config(tmp_path, fakes), num_samples=2))


def write_settings(stage: Stage) -> None:
    """Say what a stage's product was made with, as its command does."""
    made = yaml.safe_dump(run_settings(stage.settings()))
    (stage.product.parent / "config.yaml").write_text(made)


def test_what_is_finished_with_other_settings_is_not_mixed_in(tmp_path: Path, fakes: Fakes) -> None:
    settings = replace(config(tmp_path / "out", fakes), ppo_config=tmp_path / "ppo.yaml")
    (tmp_path / "ppo.yaml").write_text("max_steps: 3\n")
    found = next(s for s in stages(settings, 0, tmp_path / "out" / "seed-0") if "cond" in s.name)
    study(settings)
    write_settings(found)
    study(settings)
    (tmp_path / "ppo.yaml").write_text("max_steps: 4\n")
    with pytest.raises(UserError, match=r"conditioned holds a run .*max_steps was 3, now 4"):
        study(settings)


def test_a_sweep_that_is_finished_with_other_settings_is_not_mixed_in(
    tmp_path: Path, fakes: Fakes
) -> None:
    settings = replace(config(tmp_path / "out", fakes), ppo_config=tmp_path / "ppo.yaml")
    (tmp_path / "ppo.yaml").write_text("max_steps: 3\n")
    sweep = next(s for s in stages(settings, 0, tmp_path / "out" / "seed-0") if "alpha" in s.name)
    run = reinforcements(sweep.settings(), PpoConfig(), sweep.product.parent)[1][0]
    run.product.mkdir(parents=True)
    write_settings(run)
    study(settings)
    (tmp_path / "ppo.yaml").write_text("max_steps: 4\n")
    with pytest.raises(UserError, match=r"alpha-1-seed-0 holds a run .*max_steps was 3, now 4"):
        study(settings)


def test_policies_are_evaluated_as_long_as_they_were_trained(tmp_path: Path, fakes: Fakes) -> None:
    (tmp_path / "ppo.yaml").write_text("max_new_tokens: 512\nmax_prompt_tokens: 1024\n")
    settings = replace(config(tmp_path / "out", fakes), ppo_config=tmp_path / "ppo.yaml")
    with pytest.raises(UserError, match="that of the reinforcement 512 and 1024"):
        study(settings)
    assert fakes.run_names == []
    (tmp_path / "phases.yaml").write_text("max_target_tokens: 512\nmax_prompt_tokens: 1024\n")
    study(replace(settings, phases_config=tmp_path / "phases.yaml"))
    assert {(e.max_new_tokens, e.max_prompt_tokens) for e in fakes.evaluated} == {(512, 1024)}
