"""Batches of the pre-training: fresh damage each round, and like lengths together."""

import random
from dataclasses import dataclass

import torch
from transformers import PreTrainedTokenizerBase

from effirl.data.corpus import CorpusText
from effirl.data.noise import training_example
from effirl.training.pretrain_config import PretrainConfig

PAD = 0
_IGNORED = -100


@dataclass(frozen=True, slots=True)
class Batch:
    """Padded token ids of examples of like length: (B, S) in, (B, T) out."""

    input_ids: torch.Tensor
    labels: torch.Tensor


def round_batches(
    tokenizer: PreTrainedTokenizerBase,
    corpus: list[CorpusText],
    config: PretrainConfig,
    number: int,
) -> list[Batch]:
    """Return the batches of one round, which depend on its number and the seed only."""
    rng = random.Random(f"{config.seed}/{number}")
    start = number * config.round_examples
    texts = [corpus[(start + i) % len(corpus)] for i in range(config.round_examples)]
    examples = [training_example(text, rng) for text in texts]
    inputs = tokenizer([source for source, _ in examples])["input_ids"]
    labels = tokenizer([target for _, target in examples])["input_ids"]
    pairs = [
        (source, target)
        for source, target in zip(inputs, labels, strict=True)
        if max(len(source), len(target)) <= config.max_tokens
    ]
    pairs.sort(key=lambda pair: (len(pair[1]) // 16, len(pair[0])))
    batches: list[Batch] = []
    current: list[tuple[list[int], list[int]]] = []
    for pair in pairs:
        longest = max(len(source) + len(target) for source, target in [*current, pair])
        if current and longest * (len(current) + 1) > config.batch_tokens:
            batches.append(_pad(current))
            current = []
        current.append(pair)
    if current:
        batches.append(_pad(current))
    rng.shuffle(batches)
    return batches


def _pad(pairs: list[tuple[list[int], list[int]]]) -> Batch:
    longest_input = max(len(source) for source, _ in pairs)
    longest_label = max(len(target) for _, target in pairs)
    inputs = [source + [PAD] * (longest_input - len(source)) for source, _ in pairs]
    labels = [target + [_IGNORED] * (longest_label - len(target)) for _, target in pairs]
    return Batch(torch.tensor(inputs), torch.tensor(labels))
