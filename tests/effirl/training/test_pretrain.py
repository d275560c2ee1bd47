import logging
from pathlib import Path

import pytest
import torch

from effirl.data.corpus import CorpusText
from effirl.data.prompts import TAGS
from effirl.decoding import generate
from effirl.policy import load_policy
from effirl.training import pretrain as pretraining
from effirl.training.pretrain import pretrain
from effirl.training.pretrain_config import PretrainConfig


def tiny_config(folder: Path, **changes: object) -> PretrainConfig:
    settings = {
        "d_model": 32, "d_ff": 64, "num_encoder_layers": 1, "num_decoder_layers": 1,
        "vocab_size": 400, "instances_per_family": 1, "num_random_programs": 40,
        "num_rounds": 2, "round_examples": 24, "save_rounds": 1, "num_threads": 1,
        "output_dir": folder / "run", "export_dir": folder / "export",
    }  # fmt: skip
    return PretrainConfig(**(settings | changes))  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def few_evaluations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("effirl.training.model_card._NUM_TEXTS", 2)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_policy(folder).model.state_dict()


def test_it_writes_a_model_in_half_precision_with_its_card(tmp_path: Path) -> None:
    folder = pretrain(tiny_config(tmp_path))
    assert folder == tmp_path / "export"
    card = (folder / "README.md").read_text()
    assert "python scripts/pretrain.py --config configs/pretrain.yaml" in card
    policy = load_policy(folder)
    parameters = sum(parameter.numel() for parameter in policy.model.parameters())
    size = (folder / "model.safetensors").stat().st_size
    assert 2 * parameters < size < 2.2 * parameters + 10_000
    assert len(generate(policy, ["Problem: x"], max_new_tokens=3)[0]) == 1


def test_without_another_folder_the_model_stays_in_that_of_its_run(tmp_path: Path) -> None:
    folder = pretrain(tiny_config(tmp_path, export_dir=None))
    assert folder == tmp_path / "run" / "model"
    assert (folder / "model.safetensors").is_file()


def test_tags_are_tokens_of_their_own_and_nothing_else_changes(tmp_path: Path) -> None:
    made = load_policy(pretrain(tiny_config(tmp_path)))
    for policy in (made, load_policy("codet5-nano")):
        ids = policy.tokenizer.convert_tokens_to_ids(list(TAGS))
        num_tokens = policy.model.get_input_embeddings().num_embeddings
        assert sorted(ids) == list(range(num_tokens - len(TAGS), num_tokens))
        tokens = policy.tokenizer.tokenize("runtime=1 memory=0.25")
        assert tokens == ["runtime=1", "Ġ", "memory=0.25"]
        text = "runtime = 1\nmemory=0\n"
        assert policy.tokenizer.decode(policy.tokenizer(text)["input_ids"][1:-1]) == text


def test_it_goes_on_from_a_model_with_its_tokens(tmp_path: Path) -> None:
    first = pretrain(tiny_config(tmp_path / "first"))
    more = tiny_config(tmp_path / "more", start_from=str(first), d_model=64, num_copy_rounds=0)
    second = load_policy(pretrain(more))
    start = load_policy(first)
    assert second.model.config.d_model == 32
    assert second.tokenizer.get_vocab() == start.tokenizer.get_vocab()
    distance = (second.model.shared.weight - start.model.shared.weight).abs().mean()
    assert 0 < distance < start.model.shared.weight.std()
    card = (tmp_path / "more" / "export" / "README.md").read_text()
    assert f"| started from | {first} as it was |" in card


def test_an_interrupted_run_continues_to_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    straight = pretrain(tiny_config(tmp_path / "straight"))
    real_batches = pretraining.round_batches

    def interrupted(*arguments: object) -> object:
        if arguments[-1] == 1:
            raise KeyboardInterrupt
        return real_batches(*arguments)  # type: ignore[arg-type]

    config = tiny_config(tmp_path / "cut")
    with monkeypatch.context() as patch:
        patch.setattr(pretraining, "round_batches", interrupted)
        with pytest.raises(KeyboardInterrupt):
            pretrain(config)
    with caplog.at_level(logging.INFO):
        resumed = pretrain(config)
    assert "continuing after round 1" in caplog.text
    expected, found = weights(straight), weights(resumed)
    assert all(torch.equal(expected[name], found[name]) for name in expected)


def test_the_loss_falls(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    config = tiny_config(tmp_path, num_rounds=4, round_examples=48)
    with caplog.at_level(logging.INFO):
        pretrain(config)
    losses = [
        float(record.getMessage().split("loss ")[1].split()[0])
        for record in caplog.records
        if record.getMessage().startswith("round ")
    ]
    assert len(losses) == 4
    assert losses[-1] < losses[0] - 0.3


def test_batches_keep_to_their_budget_and_lose_nothing(tiny_policy_dir: Path) -> None:
    tokenizer = load_policy(tiny_policy_dir).tokenizer
    corpus = [CorpusText("Add up.", f"print({'+'.join(['1'] * n)})") for n in range(1, 30)]
    config = PretrainConfig(round_examples=40, batch_tokens=600, num_copy_rounds=0)
    batches = pretraining.round_batches(tokenizer, corpus, config, 0)
    assert sum(len(batch.labels) for batch in batches) == 40
    for batch in batches:
        lengths = (batch.input_ids != 0).sum(1) + (batch.labels != -100).sum(1)
        assert lengths.max() * len(lengths) <= 600 or len(lengths) == 1
    again = pretraining.round_batches(tokenizer, corpus, config, 0)
    assert all(torch.equal(a.labels, b.labels) for a, b in zip(batches, again, strict=True))


def test_the_first_rounds_copy_spans_of_growing_length(tiny_policy_dir: Path) -> None:
    tokenizer = load_policy(tiny_policy_dir).tokenizer
    corpus = [CorpusText("Add up.", f"print({'+'.join(['1'] * n)})") for n in range(1, 30)]
    config = PretrainConfig(round_examples=40, batch_tokens=600, num_copy_rounds=3, copy_steps=2)
    widths = []
    for number in range(3):
        batches = pretraining.round_batches(tokenizer, corpus, config, number)
        assert len(batches) == 2
        for batch in batches:
            targets = batch.labels.masked_fill(batch.labels == -100, pretraining.PAD)
            assert torch.equal(targets, batch.input_ids)
        widths.append(max(batch.input_ids.size(1) for batch in batches))
    assert widths == sorted(set(widths))
