"""Every YAML under configs/ is parsed by the class that its name or folder says."""

from pathlib import Path
from typing import Any

import pytest

from effirl.config import parse

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "configs").rglob("*.yaml"))


def config_class(path: Path) -> Any:
    from effirl.evaluation.config import EvaluateConfig, StudyConfig, SweepConfig
    from effirl.training.config import PpoConfig, SftConfig
    from effirl.training.phases_config import PhasesConfig
    from effirl.training.pretrain_config import PretrainConfig

    classes = {
        "evaluate": EvaluateConfig,
        "phases": PhasesConfig,
        "ppo": PpoConfig,
        "pretrain": PretrainConfig,
        "sft": SftConfig,
        "study": StudyConfig,
        "sweep": SweepConfig,
    }
    return classes[path.stem.split("_")[0]]


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_there_are_configs() -> None:
    some = {"sft", "ppo", "sft_codet5", "ppo_codet5", "cpu", "phases", "phases_origin", "zero2"}
    assert some <= {path.stem for path in FILES}


@pytest.mark.parametrize("path", FILES, ids=named)
def test_config_is_accepted(path: Path) -> None:
    if path.parent.name == "accelerate":
        from accelerate.commands.config.config_args import load_config_from_file

        assert load_config_from_file(str(path)).num_processes >= 1
    else:
        config = parse(config_class(path), ["--config", str(path)])
        assert isinstance(config, config_class(path))


@pytest.mark.parametrize("path", FILES, ids=named)
def test_header_says_purpose_hardware_command_and_override(path: Path) -> None:
    header = path.read_text(encoding="utf-8").splitlines()[:4]
    assert all(line.startswith("# ") for line in header)
    assert "wall time:" in header[1]
    assert named(path) in header[2]
    assert header[3].startswith("# Override: ")
    assert named(path) in header[3]
