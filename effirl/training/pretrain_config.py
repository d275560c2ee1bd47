"""Settings of the pre-training of `codet5-nano`. Imports without torch."""

from dataclasses import dataclass, field
from pathlib import Path

from effirl.config import check_range, check_types


@dataclass
class PretrainConfig:
    """Pre-training of the built-in model: its size, its corpus, and how long."""

    start_from: str | None = field(
        default=None,
        metadata={"help": "Model of this kind to train on; its size holds, not that below."},
    )
    d_model: int = field(default=192, metadata={"help": "Width."})
    d_ff: int = field(default=768, metadata={"help": "Width of the feed-forward layers."})
    num_heads: int = field(default=6, metadata={"help": "Attention heads."})
    num_encoder_layers: int = field(default=3, metadata={"help": "Layers that read."})
    num_decoder_layers: int = field(
        default=2, metadata={"help": "Layers that write: sampling costs as much as they do."}
    )
    vocab_size: int = field(default=1000, metadata={"help": "Tokens, sentinels included."})
    max_tokens: int = field(default=512, metadata={"help": "Longer examples are left out."})
    instances_per_family: int = field(
        default=300, metadata={"help": "Train instances of each catalog family."}
    )
    num_random_programs: int = field(default=20_000, metadata={"help": "Random programs."})
    num_copy_rounds: int = field(
        default=8, metadata={"help": "Rounds that copy short spans, before the others."}
    )
    copy_steps: int = field(default=30, metadata={"help": "Batches of a copying round."})
    num_rounds: int = field(default=44, metadata={"help": "Rounds; the schedule ends with them."})
    round_examples: int = field(default=2048, metadata={"help": "Examples in a round."})
    batch_tokens: int = field(
        default=3072, metadata={"help": "Tokens in a batch, each example as long as its longest."}
    )
    learning_rate: float = field(default=2e-3, metadata={"help": "At its peak."})
    save_rounds: int = field(default=2, metadata={"help": "Rounds between checkpoints."})
    num_threads: int = field(default=2, metadata={"help": "Threads of torch."})
    seed: int = field(default=0, metadata={"help": "Of corpus, damage and weights."})
    output_dir: Path | None = field(
        default=None, metadata={"help": "Run folder; by default a new one, or the one cut short."}
    )
    export_dir: Path | None = field(
        default=None,
        metadata={"help": "Folder for a copy of the model; default: none but that of the run."},
    )

    def __post_init__(self) -> None:
        check_types(self)
        check_range(self, 0, names=("num_random_programs", "num_copy_rounds", "seed"))
        check_range(
            self,
            1,
            names=(
                *("d_model", "d_ff", "num_heads", "num_encoder_layers", "num_decoder_layers"),
                *(
                    "max_tokens",
                    "instances_per_family",
                    "num_rounds",
                    "round_examples",
                    "copy_steps",
                ),
                *("batch_tokens", "save_rounds", "num_threads"),
            ),
        )
        check_range(self, 300, names=("vocab_size",))
        check_range(self, 1e-6, 1.0, names=("learning_rate",))
