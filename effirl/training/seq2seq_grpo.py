"""Reinforcement of encoder-decoder models on TRL. Knows TRL's inside.

TRL keeps its causal layout everywhere, `[left-padded prompt | right-padded completion]`. Here the
prompt goes to the encoder and the completion to the decoder, for which two things must know better:
how to roll out, and how to score. And a critic may judge tokens.

Rests on the private method `_get_per_token_logps_and_entropies`, besides those of
`effirl.training.grpo`, whose contract tests/effirl/training/test_seq2seq_grpo.py holds, and for the
critic's checkpoints on two of the Hugging Face trainer.

Shapes: `B` completions, `P` prompt tokens, `T` completion tokens, `V` vocabulary, `D` width of the
decoder. Masks are 1 on real tokens.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from torch import Tensor, nn
from transformers import GenerationConfig
from trl.models import unwrap_model_for_generation  # type: ignore[attr-defined]

from effirl.decoding import decode
from effirl.policy import Policy, encode_prompts
from effirl.training.critic import CRITIC_FILE, Critic, CriticSettings
from effirl.training.grpo import CausalGRPOTrainer, GRPOConfig, Learning
from effirl.training.teacher_forcing import (
    Chunk,
    chosen_logps,
    chunks,
    decoder_inputs,
    decoder_states,
    encode_once,
    entropy,
)

ROLLOUT_CHUNK = 256
"""Completions decoded together; bounds the memory of the key-value cache."""

UNSUPPORTED = (
    "use_vllm",
    "use_transformers_continuous_batching",
    "use_liger_kernel",
    "cast_lm_head_to_fp32",
    "entropy_coef",  # the entropies below carry no gradient
    "use_adaptive_entropy",
)


class Seq2SeqGRPOTrainer(CausalGRPOTrainer):
    """Clipped policy-gradient training of a T5-like model against a reward function."""

    def __init__(
        self,
        policy: Policy,
        *,
        args: GRPOConfig,
        learning: Learning,
        max_prompt_tokens: int,
        **kwargs: Any,
    ) -> None:
        """Prepare it as any policy, see there, for which its generation settings are replaced.

        Args:
            policy: An encoder-decoder.
            args: Settings of TRL's causal-only features must be off.
            learning: Here with a critic too.
            max_prompt_tokens: Of longer prompts the program is cut.
            **kwargs: For `CausalGRPOTrainer`.

        Raises:
            ValueError: If the model is no encoder-decoder, or a setting needs a causal one.
        """
        for name in UNSUPPORTED:
            if getattr(args, name, False):
                raise ValueError(f"{name} must be off with an encoder-decoder model")
        model, tokenizer = policy.model, policy.tokenizer
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
        super().__init__(
            policy,
            args=args,
            learning=learning,
            rollout_func=lambda prompts, _: self.roll_out(prompts),
            **kwargs,
        )
        critic = learning.critic
        self.critic = None if critic is None else self._make_critic(critic, base.config.d_model)

    def _make_critic(self, settings: CriticSettings, width: int) -> Critic:
        if self.is_deepspeed_enabled or self.is_fsdp_enabled:
            raise ValueError("a critic needs whole weights in every process, not sharded ones")
        return Critic(
            settings,
            width,
            seed=self.args.seed,
            device=self.accelerator.device,
            total=lambda values: self.accelerator.reduce(values, "sum"),
        )

    def roll_out(self, prompts: list[str]) -> dict[str, Any]:
        """Sample one completion for each prompt, in the form that TRL's `rollout_func` returns.

        A group's prompts are equal, so each distinct prompt is encoded once.
        """
        tokenizer = self.text_tokenizer
        prompt_ids, _ = encode_prompts(tokenizer, prompts, self.max_prompt_tokens)
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
                encoded = encode_once(model, chunk.input_ids, chunk.attention_mask)
                assert encoded.last_hidden_state is not None
                completion_ids += decode(
                    model,
                    encoded.last_hidden_state,
                    chunk.attention_mask,
                    self.generation_config,
                )
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
            batch_size: Rows scored together, at most; see `chunks`.
            compute_entropy: Whether to return entropies.

        Returns:
            (B, T), (B, T) or None, None.
        """
        logps, entropies = [], []
        parts, place = chunks(input_ids, attention_mask, logits_to_keep, batch_size)
        for chunk in parts:
            logits = self._decode(model, chunk)
            if self.temperature != 1.0:
                logits = logits / self.temperature
            logps.append(chunk.widen(chosen_logps(logits, chunk.completion)))
            if compute_entropy:
                entropies.append(chunk.widen(entropy(logits)))
        return (
            torch.cat(logps)[place],
            torch.cat(entropies)[place] if compute_entropy else None,
            None,
        )

    def _decode(self, model: nn.Module, chunk: Chunk) -> Tensor:
        """Return the logits (B, T, V) of the completions, in single precision."""
        inputs: dict[str, Any] = {
            "attention_mask": chunk.prompt_mask,
            "decoder_input_ids": decoder_inputs(chunk.completion, self.decoder_start_token_id),
            "use_cache": False,
        }
        with self.accelerator.autocast():
            if model is self.accelerator.unwrap_model(model):
                inputs["encoder_outputs"] = encode_once(model, chunk.prompt, chunk.prompt_mask)
            else:  # a wrapper such as DDP must see the whole forward pass
                inputs["input_ids"] = chunk.prompt
            logits: Tensor = model(**inputs).logits
        return logits.float()

    def _states(self, ids: Tensor, mask: Tensor, width: int) -> Tensor:
        """Return the decoder's last hidden states (B, T, D) of completions as they are scored."""
        model: Any = self.accelerator.unwrap_model(self.model)
        base = model.get_base_model() if isinstance(model, PeftModel) else model
        states = []
        parts, place = chunks(ids, mask, width, self.args.per_device_train_batch_size)
        with torch.no_grad(), self.accelerator.autocast():
            for chunk in parts:
                part = decoder_states(base, chunk, self.decoder_start_token_id).float()
                states.append(nn.functional.pad(part, (0, 0, 0, width - part.size(1))))
        return torch.cat(states)[place]

    def _judge(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Judge by the critic, if there is one, and have it learn."""
        if self.critic is None:
            return super()._judge(batch)
        mask = batch["completion_mask"]
        states = self._states(
            torch.cat([batch["prompt_ids"], batch["completion_ids"]], dim=1),
            torch.cat([batch["prompt_mask"], mask], dim=1),
            mask.size(1),
        )
        advantages, metrics = self.critic.advantages(states, mask, self._rewards)
        for name, value in metrics.items():
            self._metrics["train"][name].append(value)
        self.critic.learn(states, mask, self._rewards)
        return advantages

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        """Save the critic where the optimizer is: before the file that makes a checkpoint whole."""
        super()._save_optimizer_and_scheduler(output_dir)
        if self.critic is not None and self.args.should_save:
            torch.save(self.critic.state_dict(), Path(output_dir) / CRITIC_FILE)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        super()._load_optimizer_and_scheduler(checkpoint)  # type: ignore[no-untyped-call]
        if self.critic is not None and checkpoint is not None:
            path = Path(checkpoint) / CRITIC_FILE
            self.critic.load_state_dict(
                torch.load(path, map_location=self.accelerator.device, weights_only=True)
            )
