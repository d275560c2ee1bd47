"""Sampling: from the full distribution, each prompt's own, whatever shares a batch."""

import json
import random
import shutil
from pathlib import Path

import pytest
import torch
from transformers import GenerationConfig

from effirl.decoding import decode, generate
from effirl.policy import Policy, load_policy
from tests.effirl.sampling import PROMPTS, sample


def test_sampling_is_decided_by_its_seed(policy: Policy) -> None:
    first = sample(policy)
    assert [len(completions) for completions in first] == [3, 3, 3]
    assert sample(policy) == first
    assert sample(policy, seed=6) != first


def test_sampling_leaves_the_random_state_and_the_mode_alone(policy: Policy) -> None:
    policy.model.train()
    own_settings = policy.model.generation_config
    before = torch.get_rng_state()
    sample(policy)
    assert torch.equal(before, torch.get_rng_state())
    assert policy.model.training
    assert policy.model.generation_config is own_settings


def test_greedy_completions_do_not_depend_on_the_batch_or_the_seed(policy: Policy) -> None:
    together = sample(policy, num_samples=1, temperature=0)
    alone = sample(policy, num_samples=1, temperature=0, batch_size=1, seed=9)
    assert together == alone


def test_greedy_gives_one_completion_only(policy: Policy) -> None:
    with pytest.raises(ValueError, match="num_samples=3"):
        sample(policy, temperature=0)


def test_completions_follow_the_model_distribution(policy: Policy) -> None:
    """First tokens are drawn as often as the full softmax says, so nothing truncates it."""
    tokenizer, model = policy.tokenizer, policy.model.eval()
    encoded = tokenizer(["x"], return_tensors="pt")
    with torch.no_grad():
        logits = model(**encoded, decoder_input_ids=torch.tensor([[0]])).logits[0, -1]
    texts = generate(
        policy, ["x"], num_samples=2000, max_new_tokens=1, temperature=1.0, batch_size=2000
    )[0]
    ascii_ids = [i for i in range(len(tokenizer)) if tokenizer.decode([i]).isascii()]
    best = max(set(ascii_ids) - set(tokenizer.all_special_ids), key=lambda i: float(logits[i]))
    share = texts.count(tokenizer.decode([best])) / len(texts)
    assert share == pytest.approx(float(logits.softmax(-1)[best]), abs=0.02)
    assert len(set(texts)) > 50  # top_k=50 is the library's default


def test_generation_settings_of_a_checkpoint_do_not_leak(
    tiny_policy_dir: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "leaky"
    shutil.copytree(tiny_policy_dir, folder)
    settings = {"num_beams": 4, "no_repeat_ngram_size": 1, "max_length": 3, "do_sample": False}
    path = folder / "generation_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | settings))
    assert sample(load_policy(folder)) == sample(load_policy(tiny_policy_dir))


def test_prompts_are_cut_to_their_limit(policy: Policy, caplog: pytest.LogCaptureFixture) -> None:
    long, cut = "x " * 300, "x " * 301
    outputs = generate(policy, [long, cut], temperature=0, max_new_tokens=5, max_prompt_tokens=20)
    assert outputs[0] == outputs[1]
    assert "2 of 2 prompts were cut: they are longer than 20 tokens" in caplog.text


def test_a_causal_model_goes_on_from_each_prompt_alone(tiny_causal_dir: Path) -> None:
    policy = load_policy(tiny_causal_dir, allow_causal=True)
    assert policy.is_causal
    together = generate(policy, PROMPTS, temperature=0, max_new_tokens=8)
    for prompt, (completion,) in zip(PROMPTS, together, strict=True):
        ids = policy.tokenizer(prompt, return_tensors="pt")["input_ids"]
        for _ in range(8):
            with torch.no_grad():
                chosen = policy.model(input_ids=ids).logits[:, -1].argmax(-1, keepdim=True)
            ids = torch.cat([ids, chosen], dim=1)
        text = policy.tokenizer.decode(ids[0, -8:], skip_special_tokens=True)
        assert text.startswith(completion)
        assert completion


def test_prompts_of_any_order_get_their_own_completions(policy: Policy) -> None:
    shuffled = random.Random(0).sample(PROMPTS, len(PROMPTS))
    in_order = dict(zip(PROMPTS, generate(policy, PROMPTS, temperature=0), strict=True))
    other = dict(zip(shuffled, generate(policy, shuffled, temperature=0), strict=True))
    assert in_order == other


def decode_by(
    policy: Policy, prompts: list[str], spell: int, **settings: object
) -> list[list[int]]:
    model = policy.model.eval()
    encoded = policy.tokenizer(prompts, return_tensors="pt", padding=True)
    config = GenerationConfig(pad_token_id=0, decoder_start_token_id=0, **settings)
    with torch.no_grad():
        states = model.get_encoder()(**encoded).last_hidden_state
        return decode(model, states, encoded["attention_mask"], config, spell=spell)


def test_leaving_out_what_has_ended_changes_no_completion(policy: Policy) -> None:
    """With a third of the tokens ending a program, lengths differ from row to row."""
    prompts = [f"print({i} * {i + 7}){' ' * (i % 5)}" for i in range(20)]
    settings = {
        "do_sample": False,
        "max_new_tokens": 24,
        "eos_token_id": [2, *range(4, len(policy.tokenizer), 3)],
        "repetition_penalty": 2.0,  # or a random model repeats one token
    }
    whole = decode_by(policy, prompts, 24, **settings)
    assert len({len(ids) for ids in whole}) > 3
    ends = set(settings["eos_token_id"])
    assert all(not ends & set(ids[:-1]) for ids in whole)
    for spell in (1, 5):
        assert decode_by(policy, prompts, spell, **settings) == whole


def test_a_later_spell_goes_on_from_what_was_written(policy: Policy) -> None:
    sampler = {"do_sample": True, "temperature": 1.0, "top_k": 0, "eos_token_id": 2}
    torch.manual_seed(0)
    pairs = decode_by(policy, ["x"] * 3000, 1, max_new_tokens=2, **sampler)
    first = max({ids[0] for ids in pairs} - {2}, key=[ids[0] for ids in pairs].count)
    encoded = policy.tokenizer(["x"], return_tensors="pt")
    with torch.no_grad():
        logits = policy.model(**encoded, decoder_input_ids=torch.tensor([[0, first]])).logits[0, -1]
    second = [ids[1] for ids in pairs if ids[0] == first]
    assert len(second) > 20
    expected = logits.softmax(-1)[second].mean()
    # Sampled tokens are as likely as they should be: their mean probability is sum of p squared.
    wanted = logits.softmax(-1).square().sum()
    assert float(expected) == pytest.approx(float(wanted), rel=0.5)


def test_a_completion_that_does_not_end_is_cut_at_the_limit(policy: Policy) -> None:
    settings = {"do_sample": False, "max_new_tokens": 7, "eos_token_id": len(policy.tokenizer) + 9}
    assert [len(ids) for ids in decode_by(policy, PROMPTS, 3, **settings)] == [7, 7, 7]
