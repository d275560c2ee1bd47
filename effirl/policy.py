"""Load a policy (an encoder-decoder, or a causal model, with its tokenizer) and encode its prompts.

Does not train anything and does not know the prompt's format: see `effirl.data.prompts`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from peft import LoraConfig, PeftConfig, PeftModel, TaskType, get_peft_model
from safetensors import SafetensorError
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    GenerationConfig,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils.logging import disable_progress_bar

from effirl.data.prompts import is_conditioned, tag_line
from effirl.errors import UserError
from effirl.model_files import BUILTIN_MODEL, builtin_name, locate_model


@dataclass(slots=True)
class Policy:
    """A model that rewrites programs, with the tokenizer that it was trained with."""

    model: PreTrainedModel | PeftModel
    tokenizer: PreTrainedTokenizerBase
    name: str
    """As the user gave it: the built-in name, a hub name, or a folder."""
    is_conditioned: bool = False
    """Whether its prompts must carry alpha."""

    @property
    def is_causal(self) -> bool:
        """Whether it goes on from its prompt, where an encoder-decoder answers to it."""
        return not self.model.config.is_encoder_decoder


def load_policy(name_or_path: str | Path, *, allow_causal: bool = False) -> Policy:
    """Load a model of the package, of a local folder or of the hub, in single precision.

    A folder that holds a LoRA adapter is loaded on the base model that it names.

    Args:
        name_or_path: As the user gave it.
        allow_causal: Whether a decoder-only model will do.

    Raises:
        UserError: If the folder is missing or is not a model, if the hub cannot be reached, or if
            the model is not an encoder-decoder, nor a causal one that will do.
    """
    name = str(name_or_path)
    folder = locate_model(name)
    conditioned = is_conditioned(folder)
    if (folder / "adapter_config.json").is_file():
        return Policy(*_load_adapter(folder, allow_causal), name, conditioned)
    return Policy(*_load_plain(folder, name, allow_causal), name, conditioned)


def add_lora(model: PreTrainedModel, r: int = 8) -> PeftModel:
    """Freeze the model and add a trainable adapter of rank `r` to every attention projection.

    The adapter starts as the identity: outputs do not change until it is trained.

    Raises:
        UserError: If the model's attention projections are not called as expected.
    """
    is_causal = not model.config.is_encoder_decoder
    targets = ["q_proj", "k_proj", "v_proj", "o_proj"] if is_causal else ["q", "k", "v", "o"]
    config = LoraConfig(
        task_type=TaskType.CAUSAL_LM if is_causal else TaskType.SEQ_2_SEQ_LM,
        r=r,
        lora_alpha=2 * r,
        lora_dropout=0.0,  # reinforcement compares log-probabilities: they must not be random
        target_modules=targets,
    )
    try:
        adapted = get_peft_model(model, config)
    except ValueError as error:
        raise UserError(
            f"LoRA trains the modules {', '.join(targets)}, and a {model.config.model_type} model "
            "has none of these names; train it without --lora"
        ) from error
    assert isinstance(adapted, PeftModel)
    return adapted


def _load_plain(
    folder: Path, name: str, allow_causal: bool
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    disable_progress_bar()  # type: ignore[no-untyped-call] # loading takes a second, and its bar would part our own lines
    try:
        config = AutoConfig.from_pretrained(folder)
        if not (config.is_encoder_decoder or (allow_causal and _is_causal(config))):
            wanted = "or causal model" if allow_causal else "such as CodeT5"
            raise UserError(
                f"{name} is a {config.model_type} model, and here a policy must be an "
                f"encoder-decoder {wanted}; use {BUILTIN_MODEL} or Salesforce/codet5-small"
            )
        auto = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
        model = auto.from_pretrained(folder, dtype=torch.float32)
        tokenizer = AutoTokenizer.from_pretrained(folder)
    except UserError:
        raise
    except (OSError, KeyError, ValueError, SafetensorError) as error:
        cause = str(error).strip().split("\n")[0]
        raise UserError(f"{name} could not be loaded as a model ({cause})") from error
    if not config.is_encoder_decoder:
        _pad_left(model, tokenizer)
    _check_vocabulary(model, tokenizer, name)
    # Settings such as num_beams or no_repeat_ngram_size would make every sampler biased.
    model.generation_config = plain_generation(model)
    return model, tokenizer


def _is_causal(config: PretrainedConfig) -> bool:
    kinds = ("ForCausalLM", "LMHeadModel")
    return any(name.endswith(kinds) for name in config.architectures or ())


def _pad_left(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    """Make a causal model go on from the end of its prompts, which is also what is kept of them."""
    tokenizer.padding_side = tokenizer.truncation_side = "left"
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    model.config.pad_token_id = tokenizer.pad_token_id


def _load_adapter(folder: Path, allow_causal: bool) -> tuple[PeftModel, PreTrainedTokenizerBase]:
    base_name = PeftConfig.from_pretrained(str(folder)).base_model_name_or_path
    if base_name is None:
        raise UserError(f"{folder}/adapter_config.json names no base model")
    if not Path(base_name).is_dir():  # the package was elsewhere then
        base_name = builtin_name(base_name) or base_name
    base, tokenizer = _load_plain(locate_model(base_name), base_name, allow_causal)
    return PeftModel.from_pretrained(base, folder, is_trainable=True), tokenizer


def _check_vocabulary(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, name: str
) -> None:
    if len(tokenizer) > model.config.vocab_size:
        raise UserError(
            f"the tokenizer of {name} has {len(tokenizer)} tokens, but its model only "
            f"{model.config.vocab_size}; take both from the same folder"
        )
    for what, config_id, token_id in (
        ("pad_token_id", model.config.pad_token_id, tokenizer.pad_token_id),
        ("eos_token_id", model.config.eos_token_id, tokenizer.eos_token_id),
    ):
        if config_id is None or config_id != token_id:
            raise UserError(
                f"{what} of {name} is {config_id} in config.json, but {token_id} in its tokenizer"
            )
    if model.config.is_encoder_decoder and model.config.decoder_start_token_id is None:
        raise UserError(f"config.json of {name} lacks decoder_start_token_id")


def plain_generation(model: PreTrainedModel, **settings: float | bool) -> GenerationConfig:
    """Return generation settings that owe nothing to the checkpoint's own but the token ids."""
    config = model.config
    return GenerationConfig(  # type: ignore[no-untyped-call]
        pad_token_id=config.pad_token_id,
        eos_token_id=config.eos_token_id,
        bos_token_id=config.bos_token_id,
        decoder_start_token_id=getattr(config, "decoder_start_token_id", None),
        **settings,
    )


def encode_prompts(
    tokenizer: PreTrainedTokenizerBase, prompts: Sequence[str], max_tokens: int
) -> tuple[list[list[int]], int]:
    """Tokenise an encoder's prompts; of one that is too long, the program is cut and the tags stay.

    Returns:
        The token ids of each, and how many were cut.
    """
    encoded: list[list[int]] = tokenizer(list(prompts))["input_ids"] if prompts else []
    num_cut = 0
    for index, (ids, prompt) in enumerate(zip(encoded, prompts, strict=True)):
        if len(ids) > max_tokens:
            tail = [*tokenizer(tag_line(prompt), add_special_tokens=False)["input_ids"], ids[-1]]
            encoded[index] = [*ids[: max(0, max_tokens - len(tail))], *tail][-max_tokens:]
            num_cut += 1
    return encoded, num_cut
