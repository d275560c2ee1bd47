from pathlib import Path

import pytest

from effirl.config import parse
from effirl.errors import UserError
from effirl.evaluation.config import EvaluateConfig, SweepConfig


def test_samples_follow_from_what_is_evaluated() -> None:
    assert EvaluateConfig().num_samples_of_a_policy == 4
    assert EvaluateConfig(temperature=0.0).num_samples_of_a_policy == 1
    assert EvaluateConfig(num_samples=7).num_samples_of_a_policy == 7


def test_completions_stand_for_a_model() -> None:
    config = EvaluateConfig(completions=Path("theirs.jsonl"), baseline="source")
    assert config.models == ["theirs.jsonl", "source"]
    assert EvaluateConfig().models == ["codet5-nano"]


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
        (EvaluateConfig, ["--runtime-tag", "2"], "runtime_tag must be 0 to 1, got 2"),
        (EvaluateConfig, ["--completions", "a.csv"], "completions must be a .jsonl file"),
        (EvaluateConfig, ["--completions", "a.jsonl", "--model", "m"], "model must be left out"),
        (EvaluateConfig, ["--limit", "0"], "limit must be at least 1, got 0"),
        (SweepConfig, ["--alphas", "0", "2"], "alphas must be different numbers from 0 to 1"),
        (SweepConfig, ["--alphas", "1", "1"], "alphas must be different numbers from 0 to 1"),
    ],
)
def test_mistakes_name_the_setting(config_class: type, argv: list[str], message: str) -> None:
    with pytest.raises(UserError) as caught:
        parse(config_class, argv)
    assert message in str(caught.value)
