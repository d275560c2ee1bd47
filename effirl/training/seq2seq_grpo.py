"""TRL's `GRPOTrainer` for encoder-decoder models: the one module that knows TRL's inside.

TRL keeps its causal layout everywhere, `[left-padded prompt | right-padded completion]`. Here the
prompt goes to the encoder and the completion to the decoder, for which two things must know
better: how to roll out, and how to score. A third makes an unscorable completion (reward None)
count in no term of the loss: TRL zeroes its advantage, and keeps its KL term.

The order of the data is made to survive a resumption. Everything else is inherited: groups,
advantages, clipping, KL, logging, checkpoints, accelerate. Rests on the private methods
`_get_per_token_logps_and_entropies`, `_calculate_rewards`, `_generate_and_score_completions` and
`_get_train_sampler`, whose contract tests/effirl/training/test_seq2seq_grpo.py holds.

Shapes: `B` completions, `P` prompt tokens, `T` completion tokens, `V` vocabulary. Masks are 1 on
real tokens.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from peft import PeftModel
from torch import Tensor, nn
from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase
from transformers.modeling_outputs import BaseModelOutput
from trl import GRPOConfig as GRPOConfig  # type: ignore[attr-defined]
from trl import GRPOTrainer  # type: ignore[attr-defined]
from trl.models import unwrap_model_for_generation  # type: ignore[attr-defined]

ROLLOUT_CHUNK = 256
"""Completions decoded together; bounds the memory of the key-value cache."""
ENTROPY_CHUNK = 16
"""Rows whose (T, V) softmax is alive at once: entropy is only a metric, so it may be slow."""

UNSUPPORTED = (
    "use_vllm",
    "use_transformers_continuous_batching",
    "use_liger_kernel",
    "cast_lm_head_to_fp32",
    "entropy_coef",  # the entropies below carry no gradient
    "use_adaptive_entropy",
)


class Seq2SeqGRPOTrainer(GRPOTrainer):
    """Clipped policy-gradient training of a T5-like model against a reward function."""

    def __init__(
        self,
        model: PreTrainedModel | PeftModel,
        *,
        tokenizer: PreTrainedTokenizerBase,
        reward: Callable[..., list[float | None]],
        args: GRPOConfig,
        train_dataset: Any,
        max_prompt_tokens: int,
    ) -> None:
        """Prepare a policy that was loaded from a folder: the reference is read from it again.

        Args:
            model: Left as it is but for dropout, which is turned off for good.
            tokenizer: Of the model.
            reward: In TRL's signature. None marks a completion that could not be scored.
            args: Settings of TRL's causal-only features must be off.
            train_dataset: `datasets.Dataset` with a text column `prompt`.
            max_prompt_tokens: Longer prompts are cut off at the end.

        Raises:
            ValueError: If the model is no encoder-decoder, or a setting needs a causal one.
        """
        for name in UNSUPPORTED:
            if getattr(args, name, False):
                raise ValueError(f"{name} must be off with an encoder-decoder model")
        base: Any = model.get_base_model() if isinstance(model, PeftModel) else model
        start = base.config.decoder_start_token_id
        if not base.config.is_encoder_decoder or start is None:
            raise ValueError(
                f"model must be an encoder-decoder with a decoder_start_token_id, got {type(base)}"
            )
        # `generate` fills whatever the trainer's settings leave open (num_beams, length penalties)
        # from the model's own: samples would then not come from the distribution that is scored.
        base.generation_config = GenerationConfig(  # type: ignore[no-untyped-call]
            pad_token_id=tokenizer.pad_token_id,
            eos_token_id=tokenizer.eos_token_id,
            bos_token_id=tokenizer.bos_token_id,
            decoder_start_token_id=start,
        )
        self.decoder_start_token_id: int = start
        self.max_prompt_tokens = max_prompt_tokens
        self.text_tokenizer = tokenizer
        self._unscorable = torch.zeros(0, dtype=torch.bool)
        super().__init__(
            model=model,
            args=args,
            reward_funcs=reward,
            train_dataset=train_dataset,
            processing_class=tokenizer,
            rollout_func=lambda prompts, _: self.roll_out(prompts),
        )
        disable_all_dropout(model)

    def roll_out(self, prompts: list[str]) -> dict[str, Any]:
        """Sample one completion for each prompt, in the form that TRL's `rollout_func` returns.

        A group's prompts are equal, so each distinct prompt is encoded once.
        """
        tokenizer = self.text_tokenizer
        prompt_ids: list[list[int]] = tokenizer(
            prompts, truncation=True, max_length=self.max_prompt_tokens
        )["input_ids"]
        completion_ids: list[list[int]] = []
        with (
            torch.no_grad(),
            self.accelerator.autocast(),
            unwrap_model_for_generation(self.model_wrapped, self.accelerator) as model,
        ):
            for start in range(0, len(prompt_ids), ROLLOUT_CHUNK):
                chunk = tokenizer.pad(
                    {"input_ids": prompt_ids[start : start + ROLLOUT_CHUNK]}, return_tensors="pt"
                ).to(self.accelerator.device)
                output = model.generate(
                    encoder_outputs=_encode_once(model, chunk.input_ids, chunk.attention_mask),
                    attention_mask=chunk.attention_mask,
                    generation_config=self.generation_config,
                )
                rows = output[:, 1:].tolist()  # the first is decoder_start_token_id
                completion_ids += [_cut_after_end(row, self.eos_token_ids) for row in rows]
        return {"prompt_ids": prompt_ids, "completion_ids": completion_ids, "logprobs": None}

    def _get_per_token_logps_and_entropies(
        self,
        model: nn.Module,
        input_ids: Tensor,
        attention_mask: Tensor,
        logits_to_keep: int,
        batch_size: int | None = None,
        compute_entropy: bool = False,
        **_: Any,
    ) -> tuple[Tensor, Tensor | None, None]:
        """Return the log-probability and the entropy of every completion token, 0 on padding.

        TRL calls it for the current, the sampling-time and the reference policy.

        Args:
            model: Policy or reference model, wrapped or not.
            input_ids: (B, P + T).
            attention_mask: (B, P + T).
            logits_to_keep: T.
            batch_size: Rows scored together; None means all.
            compute_entropy: Whether to return entropies.

        Returns:
            (B, T), (B, T) or None, None.
        """
        rows = batch_size or len(input_ids)
        logps, entropies = [], []
        for ids, mask in zip(
            torch.split(input_ids, rows), torch.split(attention_mask, rows), strict=True
        ):
            logp, entropy = self._score(model, ids, mask, logits_to_keep, compute_entropy)
            logps.append(logp)
            entropies.append(entropy)
        return torch.cat(logps), torch.cat(entropies) if compute_entropy else None, None

    def _score(
        self, model: nn.Module, ids: Tensor, mask: Tensor, width: int, compute_entropy: bool
    ) -> tuple[Tensor, Tensor]:
        """Teacher-force one chunk: (B, T) log-probabilities and entropies, 0 on padding."""
        keep = mask[:, -width:]
        # A chunk is as wide as the widest row of the whole batch: padding alone costs as much.
        num_tokens = max(1, int(keep.sum(1).max()))
        completion = ids[:, -width:][:, :num_tokens]
        prompt, prompt_mask = _trim_left(ids[:, :-width], mask[:, :-width])
        logits = self._decode(model, prompt, prompt_mask, completion)
        if self.temperature != 1.0:
            logits = logits / self.temperature
        # Not log_softmax: its (B, T, V) result would be kept for the backward pass.
        chosen = logits.gather(-1, completion.unsqueeze(-1)).squeeze(-1)
        logp = chosen - logits.logsumexp(-1)
        entropy = _entropy(logits.detach()) if compute_entropy else torch.zeros_like(logp)
        padding = (0, width - num_tokens)
        return (
            nn.functional.pad(logp, padding) * keep,
            nn.functional.pad(entropy, padding) * keep,
        )

    def _decode(
        self, model: nn.Module, prompt: Tensor, prompt_mask: Tensor, completion: Tensor
    ) -> Tensor:
        """Return the logits (B, T, V) of the completion given the prompt, in single precision."""
        start = torch.full_like(completion[:, :1], self.decoder_start_token_id)
        inputs: dict[str, Any] = {
            "attention_mask": prompt_mask,
            "decoder_input_ids": torch.cat([start, completion[:, :-1]], dim=1),
            "use_cache": False,
        }
        with self.accelerator.autocast():
            if model is self.accelerator.unwrap_model(model):
                inputs["encoder_outputs"] = _encode_once(model, prompt, prompt_mask)
            else:  # a wrapper such as DDP must see the whole forward pass
                inputs["input_ids"] = prompt
            logits: Tensor = model(**inputs).logits
        return logits.float()

    def _get_train_sampler(self, *args: Any) -> Any:
        """Shuffle by seed and epoch.

        TRL's order depends on how often this process has shuffled: a resumed run would see the
        first epoch's order again.
        """
        sampler: Any = super()._get_train_sampler(*args)
        sampler.set_epoch = lambda epoch: sampler.generator.manual_seed(self.args.seed + epoch)
        return sampler

    def _calculate_rewards(self, inputs: Any, prompts: Any, *args: Any) -> Tensor:
        """Remember which of this process's completions no reward function could score."""
        rewards: Tensor = super()._calculate_rewards(inputs, prompts, *args)
        first = self.accelerator.process_index * len(prompts)
        self._unscorable = rewards[first : first + len(prompts)].isnan().all(dim=1)
        return rewards

    def _generate_and_score_completions(self, inputs: Any) -> dict[str, Any]:
        """Take unscorable completions out of every loss term, and out of the token count."""
        batch: dict[str, Any] = super()._generate_and_score_completions(inputs)
        mask = batch["completion_mask"] * ~self._unscorable.unsqueeze(1)
        batch["completion_mask"] = mask
        batch["num_items_in_batch"] = self.accelerator.gather(mask.sum()).sum()
        return batch


def disable_all_dropout(model: nn.Module) -> None:
    """Set every dropout rate to 0; the config, and so a saved checkpoint, keeps its own.

    TRL samples and scores in training mode, where dropout would turn the probability ratio into
    noise. Its `disable_dropout` misses the rate that T5's attention holds as a plain float.
    """
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        elif isinstance(getattr(module, "dropout", None), float):
            module.dropout = 0.0  # type: ignore[assignment]


def _encode_once(model: Any, ids: Tensor, mask: Tensor) -> BaseModelOutput:
    """Encode each distinct prompt of a batch once, and repeat its states (B, P, D)."""
    both = torch.cat([ids, mask], dim=1)
    distinct, index = torch.unique(both, dim=0, return_inverse=True)
    distinct_ids, distinct_mask = distinct.chunk(2, dim=1)
    encoder = model.get_encoder()
    states = encoder(input_ids=distinct_ids, attention_mask=distinct_mask).last_hidden_state
    return BaseModelOutput(last_hidden_state=states[index])


def _trim_left(ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Drop the columns on the left that are padding in every row."""
    num_tokens = max(1, int(mask.sum(1).max()))
    return ids[:, -num_tokens:], mask[:, -num_tokens:]


def _entropy(logits: Tensor) -> Tensor:
    """Return the entropy (B, T) of logits (B, T, V)."""
    chunks = []
    for chunk in torch.split(logits, ENTROPY_CHUNK):
        logp = chunk.log_softmax(-1)
        chunks.append(-(logp.exp() * logp).sum(-1))
    return torch.cat(chunks)


def _cut_after_end(ids: list[int], end_ids: Sequence[int]) -> list[int]:
    """Keep what comes before the padding: up to the first end-of-sequence token, included."""
    for index, token in enumerate(ids):
        if token in end_ids:
            return ids[: index + 1]
    return ids
