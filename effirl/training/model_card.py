"""Measure a pre-trained model on unseen programs, and describe it beside its weights."""

import random
from collections.abc import Mapping
from pathlib import Path

import torch
import transformers

from effirl.data.corpus import CorpusText, held_out_corpus
from effirl.data.noise import denoising_example, reconstruction_example
from effirl.data.random_programs import random_program
from effirl.decoding import generate
from effirl.policy import Policy, load_policy
from effirl.training.pretrain_config import PretrainConfig

_NUM_TEXTS = 200
_SEED = 1_000_003  # no seed of a corpus: the random programs below must be new ones

_CARD = """# codet5-nano

A small encoder-decoder of CodeT5's architecture and kind of tokenizer, pre-trained from scratch by
effirl. It knows the language of small Python programs: it repairs, completes and copies them. It
has seen no program together with an improvement of it: a base to fine-tune, as CodeT5 is.

| | |
|---|---|
| parameters | {parameters:.2f} M, half precision |
| layers | {encoder_layers} that read, {decoder_layers} that write, of width {d_model} |
| vocabulary | {vocab_size} tokens, the performance tags among them |
| made by | `python scripts/pretrain.py --config configs/{config_name}` |
| started from | {start} |
| data | {num_programs} programs: the catalog's `train` split, and random ones |
| left out | every program of the catalog's `validation`, `test` and `transfer` splits |
| examples | at most {num_examples} ({num_rounds} rounds), seed {seed} |
| time | {minutes:.0f} minutes with torch threads = {num_threads}, {cpu_minutes:.0f} CPU minutes |
| made with | torch {torch}, transformers {transformers} |

Exact match of greedy outputs, on {num_texts} programs of the `validation` split and as many new
random ones:

| task | validation | random |
|---|---|---|
| hidden spans restored (all of a program's) | {denoising_validation:.2f} | {denoising_random:.2f} |
| program rebuilt, a tenth of it damaged | {rebuilding_validation:.2f} | {rebuilding_random:.2f} |
| program copied | {copying_validation:.2f} | {copying_random:.2f} |
"""


def evaluate_pretraining(folder: Path) -> dict[str, float]:
    """Return the exact match of greedy outputs, for three tasks on two sets of unseen programs."""
    policy = load_policy(folder)
    rng = random.Random(_SEED)
    validation = held_out_corpus()
    rng.shuffle(validation)
    sets = {
        "validation": validation[:_NUM_TEXTS],
        "random": [CorpusText(*random_program(rng)) for _ in range(_NUM_TEXTS)],
    }
    scores = {}
    for name, texts in sets.items():
        examples = {
            "denoising": [denoising_example(text, rng) for text in texts],
            "rebuilding": [reconstruction_example(text, rng, damage=0.1) for text in texts],
            "copying": [reconstruction_example(text, rng, damage=0.0) for text in texts],
        }
        for task, pairs in examples.items():
            scores[f"{task}_{name}"] = _exact_match(policy, pairs)
    return scores


def _exact_match(policy: Policy, pairs: list[tuple[str, str]]) -> float:
    outputs = generate(policy, [source for source, _ in pairs], temperature=0, max_new_tokens=400)
    plain = policy.tokenizer
    hits = 0
    for (_, target), completions in zip(pairs, outputs, strict=True):
        # Sentinels are special tokens, which completions come without.
        ids = plain(target)["input_ids"]
        hits += completions[0] == plain.decode(
            ids, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
    return hits / len(pairs)


def write_model_card(
    folder: Path,
    config: PretrainConfig,
    scores: Mapping[str, float],
    *,
    num_programs: int,
    seconds: float,
    cpu_seconds: float,
) -> None:
    """Write README.md beside the weights."""
    policy = load_policy(folder)
    model = policy.model
    card = _CARD.format(
        parameters=model.num_parameters() / 1e6,
        encoder_layers=model.config.num_layers,
        decoder_layers=model.config.num_decoder_layers,
        d_model=model.config.d_model,
        config_name="pretrain_more.yaml" if config.start_from else "pretrain.yaml",
        start=f"{config.start_from} as it was" if config.start_from else "random weights",
        vocab_size=len(policy.tokenizer),
        num_programs=num_programs,
        num_examples=config.num_rounds * config.round_examples,
        num_rounds=config.num_rounds,
        seed=config.seed,
        minutes=seconds / 60,
        cpu_minutes=cpu_seconds / 60,
        num_threads=config.num_threads,
        num_texts=_NUM_TEXTS,
        torch=torch.__version__,
        transformers=transformers.__version__,
        **scores,
    )
    (folder / "README.md").write_text(card, encoding="utf-8")
