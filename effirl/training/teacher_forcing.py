"""Scoring of given completions by an encoder-decoder: what is no sampling and knows no trainer.

Shapes: `B` completions, `P` prompt tokens, `T` completion tokens, `V` vocabulary, `D` width. Masks
are 1 on real tokens.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers.modeling_outputs import BaseModelOutput

CHUNK_ROWS = 32
"""Rows scored together: few enough to be of like length, so that little of a chunk is padding."""
ENTROPY_CHUNK = 16
"""Rows whose (T, V) softmax is alive at once: entropy is only a metric, so it may be slow."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows of a batch, without the columns that are padding in all of them."""

    prompt: Tensor
    """(B, P)."""
    prompt_mask: Tensor
    """(B, P)."""
    completion: Tensor
    """(B, T)."""
    mask: Tensor
    """(B, width), of the whole width of the batch."""

    def widen(self, values: Tensor) -> Tensor:
        """Bring (B, T) to the width of the batch, 0 on padding."""
        return nn.functional.pad(values, (0, self.mask.size(1) - values.size(1))) * self.mask


def chunks(
    ids: Tensor, mask: Tensor, width: int, num_rows: int | None = None
) -> tuple[list[Chunk], Tensor]:
    """Split `[left-padded prompt | right-padded completion]` by length, equal rows once.

    A sharp policy gives most samples of a group twice or more.

    Args:
        ids: (B, P + width).
        mask: (B, P + width).
        width: Of the completions, padding included.
        num_rows: Of a chunk, at most, where that is less than `CHUNK_ROWS`.

    Returns:
        The chunks, and for each row of the batch its place (B,) among the rows of all chunks.
    """
    distinct, place = torch.unique(torch.cat([ids, mask], dim=1), dim=0, return_inverse=True)
    order = distinct[:, -width:].sum(1).argsort()
    place = order.argsort()[place]
    ids, mask = distinct[order].chunk(2, dim=1)
    num_rows = min(num_rows or CHUNK_ROWS, CHUNK_ROWS)
    found = []
    for rows, keep in zip(torch.split(ids, num_rows), torch.split(mask, num_rows), strict=True):
        num_prompt = max(1, int(keep[:, :-width].sum(1).max()))
        num_tokens = max(1, int(keep[:, -width:].sum(1).max()))
        chunk = Chunk(
            rows[:, :-width][:, -num_prompt:],
            keep[:, :-width][:, -num_prompt:],
            rows[:, -width:][:, :num_tokens],
            keep[:, -width:],
        )
        found.append(chunk)
    return found, place


def decoder_inputs(completion: Tensor, start_id: int) -> Tensor:
    """Return what the decoder reads to predict each token of the completion: (B, T)."""
    start = torch.full_like(completion[:, :1], start_id)
    return torch.cat([start, completion[:, :-1]], dim=1)


def encode_once(model: Any, ids: Tensor, mask: Tensor) -> BaseModelOutput:
    """Encode each distinct prompt of a batch once, and repeat its states (B, P, D)."""
    both = torch.cat([ids, mask], dim=1)
    distinct, index = torch.unique(both, dim=0, return_inverse=True)
    distinct_ids, distinct_mask = distinct.chunk(2, dim=1)
    encoder = model.get_encoder()
    states = encoder(input_ids=distinct_ids, attention_mask=distinct_mask).last_hidden_state
    return BaseModelOutput(last_hidden_state=states[index])


def decoder_states(model: Any, chunk: Chunk, start_id: int) -> Tensor:
    """Return the decoder's last hidden states (B, T, D); at t, what token t is chosen from."""
    states: Tensor = model.get_decoder()(
        input_ids=decoder_inputs(chunk.completion, start_id),
        encoder_hidden_states=encode_once(model, chunk.prompt, chunk.prompt_mask).last_hidden_state,
        encoder_attention_mask=chunk.prompt_mask,
        use_cache=False,
    ).last_hidden_state
    return states


def chosen_logps(logits: Tensor, completion: Tensor) -> Tensor:
    """Return the log-probabilities (B, T) that logits (B, T, V) give to a completion."""
    # Not log_softmax: its (B, T, V) result would be kept for the backward pass.
    chosen = logits.gather(-1, completion.unsqueeze(-1)).squeeze(-1)
    return chosen - logits.logsumexp(-1)


def entropy(logits: Tensor) -> Tensor:
    """Return the entropy (B, T) of logits (B, T, V), without a gradient."""
    parts = []
    for part in torch.split(logits.detach(), ENTROPY_CHUNK):
        logp = part.log_softmax(-1)
        parts.append(-(logp.exp() * logp).sum(-1))
    return torch.cat(parts)


def disable_all_dropout(model: nn.Module) -> None:
    """Set every dropout rate to 0; the config, and so a saved checkpoint, keeps its own.

    TRL samples and scores in training mode, where dropout would turn the probability ratio into
    noise. Its `disable_dropout` misses the rates that attention and other modules hold as plain
    floats: `dropout` in T5, `attention_dropout` or `activation_dropout` in others.
    """
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        for name, value in vars(module).items():
            if name.endswith("dropout") and isinstance(value, float):
                setattr(module, name, 0.0)
