"""Sample completions from a policy.

Shapes: `B` completions, `P` prompt tokens, `D` width of the encoder.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from typing import Any

import torch
from peft import PeftModel
from torch import Tensor
from transformers import BatchEncoding, GenerationConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput

from effirl.policy import Policy, encode_prompts, plain_generation

_LOG = logging.getLogger(__name__)
SPELL = 48
"""Tokens after which completions that have ended are left out; what is left is read once more."""


def generate(  # noqa: PLR0913 - all but two are by keyword, and each is a sampler's setting
    policy: Policy,
    prompts: Sequence[str],
    *,
    num_samples: int = 1,
    temperature: float = 1.0,
    max_new_tokens: int = 256,
    max_prompt_tokens: int = 512,
    batch_size: int = 64,
    seed: int = 0,
) -> list[list[str]]:
    """Sample `num_samples` completions for each prompt, from the full distribution.

    The same arguments give the same completions on the same machine. The global random state and
    the model's training mode are left as they were.

    Args:
        policy: What to sample from, on any device.
        prompts: Encoder texts; see `encode_prompts` for longer ones.
        num_samples: Completions for each prompt.
        temperature: 0 is greedy decoding, and then `num_samples` must be 1.
        max_new_tokens: Longest completion.
        max_prompt_tokens: Longest prompt.
        batch_size: Completions that are decoded together.
        seed: Of the sampling.

    Returns:
        For each prompt, its completions without special tokens.
    """
    if temperature == 0 and num_samples != 1:
        raise ValueError(
            f"temperature 0 gives one completion a prompt, got num_samples={num_samples}"
        )
    sampler: dict[str, float | bool] = {"do_sample": temperature > 0}
    if temperature > 0:
        sampler |= {"temperature": temperature, "top_k": 0, "top_p": 1.0}
    model = _plain_model(policy.model)
    settings = plain_generation(model, max_new_tokens=max_new_tokens, use_cache=True, **sampler)
    # Prompts of like length share a batch, so that little of it is padding.
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    step = max(1, batch_size // num_samples)
    completions: list[list[str]] = [[] for _ in prompts]
    num_cut = 0
    with _sampling(model, settings, seed):
        for start in range(0, len(order), step):
            indices = order[start : start + step]
            encoded, num_cut_here = _encode(
                policy, [prompts[i] for i in indices], max_prompt_tokens
            )
            num_cut += num_cut_here
            output = _generate_batch(policy, model, encoded, num_samples)
            # Cleaning up would drop spaces before punctuation, which changes a program.
            texts = policy.tokenizer.batch_decode(
                output, skip_special_tokens=True, clean_up_tokenization_spaces=False
            )
            for position, index in enumerate(indices):
                completions[index] = texts[position * num_samples : (position + 1) * num_samples]
    if num_cut:
        _LOG.warning(
            "%d of %d prompts were cut: they are longer than %d tokens",
            num_cut, len(prompts), max_prompt_tokens,
        )  # fmt: skip
    return completions


def decode(
    model: Any, states: Tensor, mask: Tensor, settings: GenerationConfig, *, spell: int = SPELL
) -> list[list[int]]:
    """Write a completion for each row; they are distributed as those of a single `generate`.

    `generate` works on every row until the longest completion ends, which is twice as long as
    most.

    Args:
        model: An encoder-decoder, or an adapter around one.
        states: The encoder's (B, P, D).
        mask: (B, P).
        settings: `max_new_tokens` bounds a completion.
        spell: Tokens between two calls of `generate`.

    Returns:
        The token ids of each, up to its end-of-sequence token, without the decoder's start token.
    """
    longest: int = settings.max_new_tokens
    ends = torch.tensor(settings.eos_token_id, device=mask.device)
    completions: list[list[int]] = [[] for _ in mask]
    rows = torch.arange(len(mask), device=mask.device)
    ids = torch.full_like(rows, model.config.decoder_start_token_id).unsqueeze(1)
    while len(rows) and ids.size(1) <= longest:
        part = copy(settings)
        part.max_new_tokens = min(spell, longest + 1 - ids.size(1))
        ids = model.generate(
            encoder_outputs=BaseModelOutput(last_hidden_state=states[rows]),
            attention_mask=mask[rows],
            decoder_input_ids=ids,
            generation_config=part,
        )
        is_end = torch.isin(ids[:, 1:], ends)
        for row, tokens, end in zip(
            rows.tolist(), ids[:, 1:].tolist(), is_end.tolist(), strict=True
        ):
            completions[row] = tokens[: end.index(True) + 1] if any(end) else tokens
        goes_on = ~is_end.any(1)
        rows, ids = rows[goes_on], ids[goes_on]
    return completions


def _plain_model(model: PreTrainedModel | PeftModel) -> PreTrainedModel:
    """Return the transformer itself, into which an adapter's layers are already inserted."""
    inner = model.get_base_model() if isinstance(model, PeftModel) else model
    assert isinstance(inner, PreTrainedModel)
    return inner


@contextmanager
def _sampling(model: PreTrainedModel, settings: GenerationConfig, seed: int) -> Iterator[None]:
    """Give the model its settings, a seed and evaluation mode, and restore all three."""
    was_training, own_settings = model.training, model.generation_config
    devices = [model.device] if model.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices), torch.inference_mode():
        torch.manual_seed(seed)
        model.train(False)
        # `generate` fills what a passed config leaves unset from the model's own: so replace it.
        model.generation_config = settings
        try:
            yield
        finally:
            model.generation_config = own_settings
            model.train(was_training)


def _encode(policy: Policy, prompts: list[str], max_tokens: int) -> tuple[BatchEncoding, int]:
    """Return the padded token ids, and how many prompts were cut."""
    if policy.is_causal:  # what is cut of it is its beginning
        num_cut = sum(len(ids) > max_tokens for ids in policy.tokenizer(prompts)["input_ids"])
        ids = policy.tokenizer(prompts, truncation=True, max_length=max_tokens)["input_ids"]
    else:
        ids, num_cut = encode_prompts(policy.tokenizer, prompts, max_tokens)
    side = "left" if policy.is_causal else "right"
    padded = policy.tokenizer.pad({"input_ids": ids}, padding_side=side, return_tensors="pt")
    return padded.to(policy.model.device), num_cut


def _generate_batch(
    policy: Policy, model: PreTrainedModel, encoded: BatchEncoding, num_samples: int
) -> list[list[int]]:
    """Return the token ids of `num_samples` completions of each prompt, prompt by prompt."""
    ids, mask = encoded["input_ids"], encoded["attention_mask"]
    if policy.is_causal:
        settings = copy(model.generation_config)
        settings.num_return_sequences = num_samples
        output = model.generate(  # type: ignore[operator]
            input_ids=ids, attention_mask=mask, generation_config=settings
        )
        completions: list[list[int]] = output[:, ids.shape[1] :].tolist()
        return completions
    states = model.get_encoder()(input_ids=ids, attention_mask=mask).last_hidden_state
    return decode(
        model,
        states.repeat_interleave(num_samples, dim=0),
        mask.repeat_interleave(num_samples, dim=0),
        model.generation_config,
    )
