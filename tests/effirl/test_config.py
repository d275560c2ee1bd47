"""How settings are read, and how a mistake in them is told."""

import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from effirl.config import exit_on_user_error, parse
from effirl.errors import UserError
from effirl.evaluation.config import SweepConfig
from effirl.training.config import PpoConfig, SftConfig
from rewards.errors import IsolationError, ProblemError


def write(tmp_path: Path, text: str) -> str:
    path = tmp_path / "run.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_flags_beat_the_file_and_the_file_beats_defaults(tmp_path: Path) -> None:
    path = write(tmp_path, "alpha: 0.25\nlearning_rate: 3e-5\nbeta: 0\nmax_steps: 7\n")
    config = parse(PpoConfig, ["--config", path, "--max-steps", "9", "--output-dir", "x/y"])
    assert config.alphas == (0.25,)
    assert config.learning_rate == 3e-5
    assert config.beta == 0.0
    assert isinstance(config.beta, float)
    assert config.max_steps == 9
    assert config.output_dir == Path("x/y")
    assert config.num_samples == PpoConfig().num_samples


def test_a_config_that_a_file_names_is_found_from_above_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("configs/smoke", "elsewhere"):
        (tmp_path / name).mkdir(parents=True)
    path = write(tmp_path / "configs" / "smoke", "ppo_config: configs/ppo.yaml\n")
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert parse(SweepConfig, ["--config", path]).ppo_config == Path("configs/ppo.yaml")
    (tmp_path / "configs" / "ppo.yaml").touch()
    assert parse(SweepConfig, ["--config", path]).ppo_config == tmp_path / "configs" / "ppo.yaml"


def test_equals_sign_works_too(tmp_path: Path) -> None:
    path = write(tmp_path, "seed: 4\n")
    assert parse(SftConfig, [f"--config={path}"]).seed == 4


def test_empty_file_is_all_defaults(tmp_path: Path) -> None:
    assert parse(SftConfig, ["--config", write(tmp_path, "# nothing\n")]) == SftConfig()


@pytest.mark.parametrize(("text", "value"), [("0", 0.0), ("1", 1.0), ("0.30", 0.3)])
def test_alpha(text: str, value: float) -> None:
    assert parse(PpoConfig, ["--alpha", text]).alphas == (value,)


def test_conditioned_is_trained_at_several_alphas() -> None:
    config = parse(PpoConfig, ["--alpha", "conditioned"])
    assert config.is_conditioned
    assert config.alphas[0] == 0.0
    assert config.alphas[-1] == 1.0
    assert not parse(PpoConfig, ["--alpha", "1"]).is_conditioned


@pytest.mark.parametrize("alpha", ["2", "-0.1", "nan", "fast", ""])
def test_alpha_out_of_range_names_the_range(alpha: str) -> None:
    with pytest.raises(
        UserError, match=r"--alpha must be a number from 0 .* to 1 .*conditioned, got"
    ):
        parse(PpoConfig, [f"--alpha={alpha}"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("alpha: 0.5\nnum_promts: 3\n", r"run\.yaml:2: key num_promts .* num_prompts"),
        ("seed: 1\nnum_prompts: 2.5\n", r"run\.yaml:2: num_prompts .* whole number, got 2\.5"),
        ("seed: 1\n\nalpha: [0.5]\n", r"run\.yaml:3: alpha must be"),
        ("alpha: 2\n", r"run\.yaml:1: alpha must be"),
        ("learning_rate: fast\n", r"run\.yaml:1: learning_rate must be a number, got 'fast'"),
        ("lora: 3\n", r"run\.yaml:1: lora must be true or false, got 3"),
        ("beta: null\n", r"run\.yaml:1: beta must be a number, got None"),
        ("num_samples: 1\n", r"run\.yaml:1: num_samples must be at least 2, got 1"),
        ("isolation_floor: 7\n", r"run\.yaml:1: isolation_floor must be one of 0, 1, 2, 3"),
        ("data: nowhere\n", r"run\.yaml:1: data must be one of builtin, jsonl, pie"),
        ("nested:\n  seed: 1\n", r"run\.yaml:1: key nested is unknown"),
        ("a: [1\n", r"run\.yaml:2: not valid YAML"),
        ("- 1\n", r"run\.yaml:1: must hold 'key: value' lines, got list"),
    ],
)
def test_mistakes_in_a_file_name_file_and_line(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(UserError, match=expected):
        parse(PpoConfig, ["--config", write(tmp_path, text)])


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["--lerning-rate", "1"], "argument --lerning-rate is unknown; did you mean learning_rate"),
        (["--learning", "1"], "argument --learning is unknown"),  # no abbreviations
        (["extra"], "argument extra is unknown"),
        (["--seed", "x"], "--seed must be a whole number, got 'x'"),
        (["--seed"], "argument --seed: expected one argument"),
        (["--config"], "--config needs a file"),
        (["--config", "nowhere.yaml"], "cannot read config file nowhere.yaml"),
        (["--micro-batch-size", "60"], "--micro_batch_size must be a divisor"),
    ],
)
def test_mistakes_on_the_command_line(argv: Sequence[str], expected: str) -> None:
    with pytest.raises(UserError, match=expected):
        parse(PpoConfig, argv)


def test_a_flag_that_corrects_the_file_is_enough(tmp_path: Path) -> None:
    path = write(tmp_path, "alpha: 2\n")
    assert parse(PpoConfig, ["--config", path, "--alpha", "1"]).alphas == (1.0,)


def test_help_describes_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_info:
        parse(PpoConfig, ["--help"])
    assert exit_info.value.code == 0
    assert "0 is memory only" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("error", [UserError, ProblemError, IsolationError])
def test_user_errors_become_one_line(
    error: type[Exception], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_info, exit_on_user_error():
        raise error("what is wrong\n  and what to do")
    assert exit_info.value.code == 2
    assert capsys.readouterr().err == "error: what is wrong and what to do\n"


def test_interrupt_exits_with_130(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_info, exit_on_user_error():
        raise KeyboardInterrupt
    assert exit_info.value.code == 130
    assert capsys.readouterr().err.count("\n") == 1


def test_our_own_bugs_keep_their_traceback() -> None:
    with pytest.raises(ZeroDivisionError), exit_on_user_error():
        raise ZeroDivisionError


def test_parsing_does_not_import_torch() -> None:
    code = (
        "import sys; from effirl.config import parse; from effirl.training.config import PpoConfig;"
        "import effirl.training.reward; parse(PpoConfig, ['--alpha', '1']);"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_tracker_that_is_not_installed_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("effirl.training.config.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r'--report_to must be .*"effirl\[wandb\]".*got .wandb'):
        parse(PpoConfig, ["--report-to", "wandb"])
    assert parse(PpoConfig, []).tracker == "none"
    assert parse(SftConfig, ["--report-to", "none"]).tracker == "none"
    monkeypatch.setattr("effirl.training.config.find_spec", lambda name: name)
    assert parse(PpoConfig, []).tracker == "tensorboard"
    assert parse(PpoConfig, ["--report-to", "wandb"]).tracker == "wandb"


def test_every_tracker_has_an_extra() -> None:
    pyproject = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    trackers = get_args(get_type_hints(PpoConfig)["report_to"])
    extras = set(pyproject["project"]["optional-dependencies"])
    assert set(trackers) - {"auto", "none"} <= extras
