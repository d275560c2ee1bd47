"""Train a byte-level BPE tokenizer of CodeT5's kind: its special tokens at its ids, any text in."""

from collections.abc import Iterable

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from effirl.data.noise import NUM_SENTINELS, sentinel

SPECIAL_TOKENS = ("<pad>", "<s>", "</s>", "<unk>", "<mask>")
"""In the order of CodeT5's ids, 0 to 4."""
_START, _END = 1, 2

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
