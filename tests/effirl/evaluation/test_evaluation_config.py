from pathlib import Path

import pytest

from effirl.config import parse
from effirl.errors import UserError
from effirl.evaluation.config import EvaluateConfig, SweepConfig


def test_samples_follow_from_what_is_evaluated() -> None:
    config = EvaluateConfig()
    assert config.samples_of("codet5-nano") == 4
    assert config.samples_of("source") == config.samples_of("target") == 1
    assert EvaluateConfig(temperature=0.0).samples_of("codet5-nano") == 1
    assert EvaluateConfig(num_samples=7).samples_of("codet5-nano") == 7


def test_flags_are_read() -> None:
    config = parse(EvaluateConfig, ["--model", "source", "--data-path", "x", "--limit", "3"])
    assert (config.model, config.data_path, config.limit) == ("source", Path("x"), 3)


def test_alphas_are_read_from_flags_and_from_yaml(tmp_path: Path) -> None:
    assert parse(SweepConfig, ["--alphas", "0", "0.25", "1"]).alphas == [0.0, 0.25, 1.0]
    path = tmp_path / "sweep.yaml"
    path.write_text("alphas: [0, 1]\n")
    assert parse(SweepConfig, ["--config", str(path)]).alphas == [0.0, 1.0]


@pytest.mark.parametrize(
    ("config_class", "argv", "message"),
    [
        (EvaluateConfig, ["--data", "apps"], "resource_util, effibench, mercury, got 'apps'"),
        (EvaluateConfig, ["--alpha", "1.5"], "alpha must be 0 to 1, got 1.5"),
        (EvaluateConfig, ["--temperature", "0", "--num-samples", "4"], "1 at temperature 0"),
        (EvaluateConfig, ["--limit", "0"], "limit must be at least 1, got 0"),
        (SweepConfig, ["--alphas", "0", "2"], "alphas must be different numbers from 0 to 1"),
        (SweepConfig, ["--alphas", "1", "1"], "alphas must be different numbers from 0 to 1"),
    ],
)
def test_mistakes_name_the_setting(config_class: type, argv: list[str], message: str) -> None:
    with pytest.raises(UserError) as caught:
        parse(config_class, argv)
    assert message in str(caught.value)
