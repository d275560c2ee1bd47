"""Batches of the pre-training: copying first, then fresh damage each round.

A T5 from random weights learns to repair a program only once it can copy one, and copying is found
by chance: slowly on long inputs, within a hundred steps on short spans of random tokens, where
nothing but copying helps. So the first rounds copy spans of growing length.
"""

import random
from dataclasses import dataclass

import torch
from transformers import PreTrainedTokenizerBase

from effirl.data.corpus import CorpusText
from effirl.data.noise import training_example
from effirl.training.pretrain_config import PretrainConfig

PAD = 0
_IGNORED = -100
_BOS, _EOS = 1, 2
_COPY_LENGTHS = (8, 20, 60, 160)
"""Longest span in each quarter of the copying rounds."""
_RANDOM_SHARE = 0.5
"""Of the spans: drawn token by token rather than cut from a program."""


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
    if number < config.num_copy_rounds:
        longest = _COPY_LENGTHS[len(_COPY_LENGTHS) * number // config.num_copy_rounds]
        return _copying_batches(tokenizer, corpus, config, longest, rng)
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


def _copying_batches(
    tokenizer: PreTrainedTokenizerBase,
    corpus: list[CorpusText],
    config: PretrainConfig,
    longest: int,
    rng: random.Random,
) -> list[Batch]:
    """Return batches whose target is their input."""
    texts = [text.program for text in rng.sample(corpus, min(len(corpus), config.round_examples))]
    programs = tokenizer(texts, add_special_tokens=False)["input_ids"]
    ordinary = sorted(set(range(len(tokenizer))) - set(tokenizer.all_special_ids))
    batch_size = max(1, config.batch_tokens // (longest + 2))
    batches: list[Batch] = []
    for _ in range(config.copy_steps):
        spans: list[list[int]] = []
        for program in rng.choices(programs, k=batch_size):
            start = rng.randrange(len(program))
            span = program[start : start + rng.randint(3, longest)]
            if rng.random() < _RANDOM_SHARE:
                span = rng.choices(ordinary, k=len(span))
            spans.append([_BOS, *span, _EOS])
        batches.append(_pad([(span, span) for span in spans]))
    return batches


def _pad(pairs: list[tuple[list[int], list[int]]]) -> Batch:
    longest_input = max(len(source) for source, _ in pairs)
    longest_label = max(len(target) for _, target in pairs)
    inputs = [source + [PAD] * (longest_input - len(source)) for source, _ in pairs]
    labels = [target + [_IGNORED] * (longest_label - len(target)) for _, target in pairs]
    return Batch(torch.tensor(inputs), torch.tensor(labels))
