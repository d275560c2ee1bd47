"""Phases: what is started with what, going on where it stopped, and the table."""

from dataclasses import replace
from pathlib import Path

import pytest

from effirl import stages as stages_module
from effirl.config import parse
from effirl.errors import UserError
from effirl.evaluation.config import EvaluateConfig
from effirl.evaluation.evaluations import Evaluation
from effirl.evaluation.results import append_rows, load_evaluation
from effirl.phases import BASE, Phase, compare, phases, train_phases
from effirl.training.config import SftConfig
from effirl.training.phases_config import PhasesConfig
from tests.effirl.evaluation.rows import correct

GAINS = {
    "base": (0.0, 0.0),
    "runtime": (0.4, 0.2),
    "memory": (0.36, 0.5),
    "memory-no-replay": (0.1, 0.5),
    "memory-asked-for-runtime": (0.4, 0.3),
    "memory-asked-for-memory": (0.2, 0.6),
    "runtime-asked-for-runtime": (0.5, 0.2),
    "runtime-asked-for-memory": (0.3, 0.4),
}
YAML = """
max_steps: 300
learning_rate: 1.0e-3
phases: [runtime, memory]
runtime:
  epochs: 2
memory:
  learning_rate: 5.0e-4
  replay_share: 0.5
"""


class Fakes:
    def __init__(self) -> None:
        self.started: list[tuple[str, SftConfig]] = []
        self.fails = False
        self.asked: dict[str, tuple[float, float]] = {}

    def run(self, command: list[str], what: str) -> None:
        flags = dict(zip(command[-4::2], command[-3::2], strict=True))
        folder = Path(flags["--output-dir"])
        settings = parse(SftConfig, ["--config", flags["--config"]])
        self.started.append((folder.name, settings))
        if self.fails:
            raise UserError(f"{what} ended with exit status 1")
        (folder / "model").mkdir(parents=True)

    def evaluate(self, config: EvaluateConfig) -> str:
        assert config.output_dir is not None
        config.output_dir.mkdir(parents=True, exist_ok=True)
        if list(config.output_dir.iterdir()):
            return ""
        name = config.output_dir.name.removeprefix("eval-")
        self.asked[name] = config.runtime_tag, config.memory_tag
        time_gain, memory_gain = GAINS[name]
        # What a policy was trained on is left out of its evaluation.
        ids = range(4) if name == "base" else range(1, 4)
        rows = [
            replace(
                correct(i, runtime_s=0.1, sample=sample),
                time_gain=time_gain + i / 100,
                memory_gain=memory_gain,
            )
            for i in ids
            for sample in range(config.num_samples or 1)
        ]
        append_rows(config.output_dir / "results.jsonl", rows)
        return ""


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> Fakes:
    fakes = Fakes()
    monkeypatch.setattr(stages_module, "run", fakes.run)
    monkeypatch.setattr(stages_module, "evaluate", fakes.evaluate)
    return fakes


def config(folder: Path, *flags: str) -> PhasesConfig:
    path = folder / "run.yaml"
    path.write_text(YAML)
    return parse(PhasesConfig, ["--config", str(path), "--output-dir", str(folder / "out"), *flags])


def trained(settings: PhasesConfig, folder: Path) -> tuple[list[Phase], dict[str, Evaluation]]:
    train_phases(settings)
    listed = phases(settings, folder / "out")
    found = {p.name: load_evaluation(folder / "out" / f"eval-{p.name}") for p in listed}
    return listed, found


def test_each_phase_starts_from_the_one_before_and_replays_all_before(
    tmp_path: Path, fakes: Fakes
) -> None:
    table = train_phases(config(tmp_path, "--replay-control"))
    names = [name for name, _ in fakes.started]
    assert names == ["runtime", "memory", "memory-no-replay"]
    runtime, memory, control = (settings for _, settings in fakes.started)
    out = tmp_path / "out"
    assert (runtime.objective, runtime.model, runtime.replay_from) == ("runtime", "codet5-nano", [])
    assert (runtime.epochs, runtime.max_steps, runtime.learning_rate) == (2, None, 1e-3)
    assert memory.objective == control.objective == "memory"
    assert memory.model == control.model == str(out / "runtime" / "model")
    assert memory.replay_from == [str(out / "runtime")]
    assert (memory.max_steps, memory.learning_rate, memory.replay_share) == (300, 5e-4, 0.5)
    assert (control.replay_from, control.replay_share) == ([], 0.0)
    assert (out / "phases.md").is_file()
    assert "3 problems of builtin" in table
    assert "-0.040 (" in table
    assert "+0.300 (" in table


def test_the_table_says_what_was_gained_and_kept(tmp_path: Path, fakes: Fakes) -> None:
    settings = config(tmp_path, "--replay-control")
    listed, found = trained(settings, tmp_path)
    lines = {(x.stage, x.against, x.is_share): x.values for x in compare(listed, found, seed=0)}
    assert lines["runtime", None, False]["time_gain"].value == pytest.approx(0.42)
    assert lines["memory", BASE, False]["time_gain"].value == pytest.approx(0.36)
    change = lines["memory", "runtime", False]
    assert change["time_gain"].value == pytest.approx(-0.04)
    assert change["memory_gain"].value == pytest.approx(0.3)
    assert change["time_gain"].high is not None
    assert change["time_gain"].high < 0
    kept = lines["memory", "runtime", True]["time_gain"]
    assert kept.value == pytest.approx(0.38 / 0.42)
    assert lines["memory-no-replay", "runtime", True]["time_gain"].value == pytest.approx(
        0.12 / 0.42
    )
    assert ("runtime", BASE, True) not in lines
    # A completion that we could not run is no loss of the policy's.
    rows = list(found["memory"].rows)
    rows[0] = replace(rows[0], reward=None, time_gain=0.0)
    found["memory"] = replace(found["memory"], rows=rows)
    lines = {(x.stage, x.against, x.is_share): x.values for x in compare(listed, found, seed=0)}
    share = lines["memory", "runtime", True]["time_gain"].value
    assert share == pytest.approx(0.38 / 0.42, rel=0.02)


def test_the_last_phase_is_asked_for_what_each_one_taught(tmp_path: Path, fakes: Fakes) -> None:
    listed, found = trained(config(tmp_path), tmp_path)
    assert fakes.asked == {
        "base": (1, 1),
        "runtime": (1, 1),
        "memory": (1, 1),
        "memory-asked-for-runtime": (1, 0),
        "memory-asked-for-memory": (0, 1),
    }
    assert [name for name, _ in fakes.started] == ["runtime", "memory"]
    lines = {(x.stage, x.against, x.is_share): x.values for x in compare(listed, found, seed=0)}
    kept = lines["memory-asked-for-runtime", "runtime", True]["time_gain"]
    assert kept.value == pytest.approx(1.0)


def test_phases_go_on_where_they_stopped(tmp_path: Path, fakes: Fakes) -> None:
    settings = config(tmp_path)
    fakes.fails = True
    with pytest.raises(UserError, match="runtime ended with exit status 1"):
        train_phases(settings)
    fakes.fails = False
    train_phases(settings)
    train_phases(settings)
    assert [name for name, _ in fakes.started] == ["runtime", "runtime", "memory"]


@pytest.mark.parametrize("order", [["memory", "runtime"], ["memory"], ["runtime"]])
def test_either_alone_and_either_order(tmp_path: Path, fakes: Fakes, order: list[str]) -> None:
    train_phases(config(tmp_path, "--phases", *order))
    assert [name for name, _ in fakes.started] == order


@pytest.mark.parametrize("order", [["memory"], ["memory", "runtime"]])
def test_naming_phases_keeps_their_blocks(tmp_path: Path, order: list[str]) -> None:
    settings = config(tmp_path, "--phases", *order)
    assert settings.phases == order
    assert settings.settings_of("memory").replay_share == 0.5


def test_evaluation_cuts_nothing_that_a_phase_left_whole(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text("memory:\n  max_target_tokens: 768\n  data: pie\nphases: [memory]\n")
    settings = parse(PhasesConfig, ["--config", str(path)])
    assert settings.longest("max_target_tokens") == 768
    assert settings.longest("max_prompt_tokens") == 512
    assert settings.evaluated_on() == ("pie", None)


def test_a_flag_beats_the_block_of_a_phase(tmp_path: Path) -> None:
    settings = config(tmp_path, "--max-steps", "3", "--learning-rate", "1e-5")
    for phase in ("runtime", "memory"):
        found = settings.settings_of(phase)
        assert (found.max_steps, found.epochs, found.learning_rate) == (3, None, 1e-5)
    assert settings.settings_of("memory").replay_share == 0.5


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "seed: 1\nmemory:\n  lerning_rate: 1\n",
            r"run\.yaml:2: memory must be settings of a warm",
        ),
        ("memory:\n  learning_rate: fast\n", r"run\.yaml:1: learning_rate must be a number"),
        ("memory:\n  data: resource_util\n", r"resource_util is an evaluation set"),
        ("memory: 3\n", r"run\.yaml:1: memory must be a block"),
        ("phases: [speed]\n", r"run\.yaml:1: phases must be one or more of runtime, memory"),
        ("phases: []\n", r"run\.yaml:1: phases must be one or more of runtime, memory"),
        ("objective: memory\n", r"run\.yaml:1: objective must be left out"),
        ("epochs: 1\nmax_steps: 3\n", r"run\.yaml:2: max_steps must be left out where epochs"),
        ("memory:\n  model: x\n", r"run\.yaml:1: memory must be a block without model"),
        ("memory:\n  data: pie\n", r"test_data must be given where phases train on different"),
        ("test_data: resource_util\n", r"run\.yaml:1: test_data must be a data set whose programs"),
    ],
)
def test_mistakes_name_file_and_line(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=expected):
        parse(PhasesConfig, ["--config", str(path)])


def test_no_common_problem_is_told(tmp_path: Path, fakes: Fakes) -> None:
    settings = config(tmp_path)
    listed, found = trained(settings, tmp_path)
    found[BASE] = replace(found[BASE], rows=[r for r in found[BASE].rows if r.problem_index == 0])
    with pytest.raises(UserError, match="no problem is left"):
        compare(listed, found, seed=0)
