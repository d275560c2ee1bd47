"""Train a byte-level BPE tokenizer of CodeT5's kind: its special tokens at its ids, any text in."""

from collections.abc import Iterable

import torch
from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import (
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
    T5ForConditionalGeneration,
)

from effirl.data.noise import NUM_SENTINELS, sentinel
from effirl.data.prompts import TAGS

SPECIAL_TOKENS = ("<pad>", "<s>", "</s>", "<unk>", "<mask>")
"""In the order of CodeT5's ids, 0 to 4."""
_START, _END = 1, 2
_TAG_SCALE = 2.0

# Names, single digits, and whatever is between them, line ends and indentation included. Names are
# thus the same token wherever they stand, and numbers are copied digit by digit, also unseen ones.
_PIECES = r"[A-Za-z_]+|[0-9]|[^A-Za-z_0-9]+"


def train_tokenizer(
    texts: Iterable[str], *, vocab_size: int, max_length: int
) -> PreTrainedTokenizerFast:
    """Learn merges from the texts; sentinels take the last ids, the first one the very last."""
    tokenizer = Tokenizer(models.BPE(unk_token=SPECIAL_TOKENS[3]))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_PIECES), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size - NUM_SENTINELS,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_special_tokens([sentinel(i) for i in reversed(range(NUM_SENTINELS))])
    tokenizer.post_processor = processors.RobertaProcessing(
        ("</s>", _END), ("<s>", _START), trim_offsets=False, add_prefix_space=False
    )
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer,
        bos_token="<s>",
        cls_token="<s>",
        eos_token="</s>",
        sep_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        mask_token="<mask>",
        additional_special_tokens=[sentinel(i) for i in range(NUM_SENTINELS)],
        clean_up_tokenization_spaces=False,
        model_max_length=max_length,
    )


def add_tag_tokens(
    model: T5ForConditionalGeneration, tokenizer: PreTrainedTokenizerBase, *, seed: int
) -> None:
    """Make each performance tag one token, new to a model that is pre-trained.

    As a digit among digits, at the far end of the prompt, a tag was never noticed by so small a
    model: after 700 steps of warm start it wrote the same programs whatever the tags were. A value
    between 0 and 1 begins between them. Where there are such tokens already, they are made new.
    """
    tokenizer.add_tokens([AddedToken(tag, normalized=False) for tag in TAGS])
    model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    vocabulary = tokenizer.get_vocab()
    ids = [vocabulary[tag] for tag in TAGS]
    weight = model.shared.weight
    spread = _TAG_SCALE * weight.detach()[: min(ids)].std()
    rng = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for least in (0, len(ids) // 2):  # of runtime, of memory
            low, high = spread * torch.randn(2, weight.shape[1], generator=rng)
            for step in range(len(ids) // 2):
                share = step / (len(ids) // 2 - 1)
                weight[ids[least + step]] = low.lerp(high, share)
