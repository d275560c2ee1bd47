"""The settings of the warm start and of reinforcement. Imports without torch."""

from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar, Literal

from effirl.config import FieldError, check_range, check_types, parse_alpha
from effirl.data.load import DATA_HELP, DATA_PATH_HELP, DATA_SETS, EDITS_SET, refuse_evaluation_set
from effirl.data.perf_inputs.loading import PERFORMANCE_INPUTS_HELP
from effirl.data.perf_inputs.store import DEFAULT_FOLDER
from effirl.data.tags import SIGNIFICANT_GAIN, Objective
from effirl.engines import ENGINE_HELP, RAY_ADDRESS_HELP, check_ray

CONDITIONED_ALPHAS = (0.0, 0.25, 0.5, 0.75, 1.0)
"""What a conditioned policy is trained for. Few, so that each is met often in a run of minutes."""


@dataclass
class TrainingConfig:
    """What the warm start and reinforcement have in common."""

    data: str = field(default="builtin", metadata={"help": DATA_HELP})
    data_path: Path | None = field(default=None, metadata={"help": DATA_PATH_HELP})
    allow_evaluation_data: bool = field(
        default=False, metadata={"help": "Train on a set that was made for evaluation."}
    )
    limit: int | None = field(
        default=None, metadata={"help": "Use this many problems of the training split only."}
    )
    output_dir: Path | None = field(
        default=None, metadata={"help": "Run folder; default: a new one under runs/."}
    )
    lora: bool = field(default=False, metadata={"help": "Train a LoRA adapter only."})
    lora_rank: int = field(default=8, metadata={"help": "Rank of the adapter."})
    optimizer: Literal["muon", "adamw"] = field(
        default="muon",
        metadata={"help": "muon learns in half the steps; it is for whole encoder-decoders."},
    )
    max_grad_norm: float = field(default=1.0, metadata={"help": "Clip gradients to this norm."})
    max_prompt_tokens: int = field(default=512, metadata={"help": "Longer prompts are cut."})
    report_to: Literal["auto", "tensorboard", "trackio", "wandb", "none"] = field(
        default="auto",
        metadata={
            "help": "Where to log beside log.jsonl; auto is tensorboard where it is installed."
        },
    )
    seed: int = field(default=0, metadata={"help": "Seed of everything that is drawn."})

    def __post_init__(self) -> None:
        check_types(self)
        if self.report_to not in ("auto", "none") and find_spec(self.report_to) is None:
            rule = f'a package that is installed (pip install "effirl[{self.report_to}]")'
            raise FieldError("report_to", rule, self.report_to)
        if self.data not in DATA_SETS:
            raise FieldError("data", f"one of {', '.join(DATA_SETS)}", self.data)
        refuse_evaluation_set(self.data, self.allow_evaluation_data)
        check_range(self, 1, names=["limit", "lora_rank", "max_prompt_tokens"])
        check_range(self, 0, names=["max_grad_norm", "seed"])

    @property
    def tracker(self) -> str:
        """The package that logs beside log.jsonl, or none."""
        if self.report_to != "auto":
            return self.report_to
        return "tensorboard" if find_spec("tensorboard") else "none"


DEFAULT_STEPS = 600
SFT_PATHS = ("data_path", "measured_gains", "performance_inputs")
"""Settings of a warm start that are paths, which YAML has as texts."""
MAX_REPLAY_SHARE = 0.75
"""Beyond it, a phase would hardly train on what it is for."""


@dataclass
class SftConfig(TrainingConfig):
    """Settings of the warm start: supervised fine-tuning on slow -> better pairs."""

    ALTERNATIVES: ClassVar = (frozenset({"max_steps", "epochs"}),)

    model: str = field(
        default="codet5-nano",
        metadata={"help": "Built-in model, hub name or folder to start from."},
    )
    performance_inputs: Path = field(
        default=DEFAULT_FOLDER, metadata={"help": PERFORMANCE_INPUTS_HELP}
    )
    languages: str = field(
        default="all", metadata={"help": "Languages of resource_util to keep, with commas, or all."}
    )
    containing: str | None = field(
        default=None, metadata={"help": "Train on source programs with this text only: sort, say."}
    )
    objective: Objective = field(
        default="both", metadata={"help": "Train on every pair, or on those with this tag at 1."}
    )
    min_gain: float = field(
        default=SIGNIFICANT_GAIN,
        metadata={
            "help": "log2 of the measured gain from which a tag is 1: 0.6 is half as much again."
        },
    )
    measured_gains: Path | None = field(
        default=None,
        metadata={"help": "Table of measured pairs (parquet or jsonl) that decides the tags."},
    )
    max_steps: int | None = field(
        default=None, metadata={"help": f"Optimizer steps; {DEFAULT_STEPS} unless epochs is given."}
    )
    epochs: float | None = field(
        default=None, metadata={"help": "Passes over the pairs, in place of max_steps."}
    )
    replay_from: list[str] = field(
        default_factory=list,
        metadata={"help": "Run folders of earlier warm starts whose pairs are mixed in."},
    )
    replay_share: float = field(
        default=0.6,
        metadata={"help": "Share of pairs from --replay-from; rises where their gain falls."},
    )
    batch_size: int = field(
        default=8, metadata={"help": "Pairs a step, over all processes and accumulation."}
    )
    micro_batch_size: int = field(
        default=8, metadata={"help": "Pairs in memory at once on each process."}
    )
    learning_rate: float = field(default=9e-4, metadata={"help": "Peak, decaying linearly to 0."})
    warmup_steps: int = field(default=30, metadata={"help": "Steps of linear warm-up."})
    weight_decay: float = field(default=0.01, metadata={"help": "Decoupled weight decay."})
    tag_dropout: float = field(
        default=0.1, metadata={"help": "Probability of leaving each performance tag out."}
    )
    max_target_tokens: int = field(
        default=384, metadata={"help": "Pairs with a longer target are left out."}
    )
    eval_steps: int = field(
        default=300, metadata={"help": "Steps between evaluations, which also save a checkpoint."}
    )
    eval_limit: int = field(
        default=64, metadata={"help": "Validation problems that are completed at each evaluation."}
    )
    validation_metric: Literal["execution", "exact_match"] = field(
        default="execution",
        metadata={
            "help": "What stops early and picks the best checkpoint: the share of completions that "
            "are correct and better when run, or (without tests) that are one of the targets."
        },
    )
    early_stopping_patience: int = field(
        default=5, metadata={"help": "Stop after this many evaluations without a better one."}
    )
    logging_steps: int = field(default=20, metadata={"help": "Steps between progress lines."})

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.max_steps is not None and self.epochs is not None:
            raise FieldError("max_steps", "left out where epochs is given", self.max_steps)
        if self.epochs is None and self.max_steps is None:
            self.max_steps = DEFAULT_STEPS
        if self.data == EDITS_SET and self.validation_metric == "execution":
            rule = f"exact_match for {EDITS_SET}, which has no tests"
            raise FieldError("validation_metric", rule, self.validation_metric)
        check_range(
            self,
            1,
            names=[
                "max_steps", "batch_size", "micro_batch_size", "max_target_tokens", "eval_steps",
                "eval_limit", "logging_steps", "early_stopping_patience",
            ],
        )  # fmt: skip
        check_range(
            self,
            0,
            names=["learning_rate", "warmup_steps", "weight_decay", "min_gain"],
        )
        check_range(self, 0, 1, names=["tag_dropout"])
        check_range(self, 0.01, names=["epochs"])
        check_range(self, 0, MAX_REPLAY_SHARE, names=["replay_share"])


@dataclass
class PpoConfig(TrainingConfig):
    """Settings of reinforcement: PPO's clipped objective on measured runtime and peak memory."""

    alpha: str = field(
        default="0.5",
        metadata={
            "help": "Balance of the reward: 1 is runtime only, 0 is memory only; conditioned: one "
            "policy for all, told the balance in its prompt."
        },
    )
    model: str | None = field(
        default=None,
        metadata={"help": "Built-in model, hub name or folder; default: the newest warm start."},
    )
    performance_inputs: Path = field(
        default=DEFAULT_FOLDER, metadata={"help": PERFORMANCE_INPUTS_HELP}
    )
    max_steps: int = field(default=24, metadata={"help": "Steps; each samples fresh programs."})
    num_prompts: int = field(default=24, metadata={"help": "Problems a step."})
    num_samples: int = field(default=8, metadata={"help": "Programs sampled for each problem."})
    micro_batch_size: int = field(
        default=192,
        metadata={"help": "Programs in memory at once on each process; equal ones count once."},
    )
    num_iterations: int = field(
        default=1, metadata={"help": "Passes of the optimizer over each step's programs."}
    )
    learning_rate: float = field(default=4e-4, metadata={"help": "Peak, decaying linearly to 0."})
    warmup_steps: int = field(default=0, metadata={"help": "Optimizer steps of linear warm-up."})
    weight_decay: float = field(default=0.0, metadata={"help": "AdamW's weight decay."})
    beta: float = field(default=0.2, metadata={"help": "Weight of the KL to the warm start."})
    epsilon: float = field(default=0.2, metadata={"help": "Clip range of the probability ratio."})
    advantage: Literal["tree", "group", "gae"] = field(
        default="tree",
        metadata={
            "help": "Who is judged by what: each token by the samples that begin alike (tree), "
            "the whole program by its problem's others (group), each token by a critic (gae)."
        },
    )
    imitation: float = field(
        default=0.5,
        metadata={"help": "Added to the advantage of a problem's best programs, if others differ."},
    )
    gae_lambda: float = field(
        default=0.99, metadata={"help": "Of gae: 1 trusts rewards only, 0 the critic's values."}
    )
    critic_learning_rate: float = field(default=1e-3, metadata={"help": "Of gae's value head."})
    temperature: float = field(
        default=0.8, metadata={"help": "Of the sampling; that of evaluation, unless changed."}
    )
    efficiency_weight: float = field(
        default=0.6,
        metadata={"help": "Weight of efficiency in the reward; 0 rewards correctness alone."},
    )
    saturation: float = field(
        default=3.0, metadata={"help": "log2 of the speedup or reduction whose gain is 1."}
    )
    partial_credit: bool = field(
        default=False, metadata={"help": "Reward the share of tests that a wrong program passes."}
    )
    count_imports: bool = field(
        default=False, metadata={"help": "Measure the loading of imported modules too."}
    )
    max_new_tokens: int = field(default=192, metadata={"help": "Longest completion."})
    save_steps: int = field(default=20, metadata={"help": "Steps between checkpoints."})
    isolation_floor: Literal[0, 1, 2, 3] = field(
        default=1, metadata={"help": "Refuse to run programs below this isolation level."}
    )
    rewards_engine: Literal["local", "ray"] = field(default="local", metadata={"help": ENGINE_HELP})
    ray_address: str | None = field(default=None, metadata={"help": RAY_ADDRESS_HELP})

    def __post_init__(self) -> None:
        self.alpha = str(self.alpha)
        super().__post_init__()
        parse_alpha(self.alpha)
        check_ray("rewards_engine", self.rewards_engine)
        check_range(
            self,
            1,
            names=[
                "max_steps", "num_prompts", "micro_batch_size", "num_iterations",
                "max_new_tokens", "save_steps",
            ],
        )  # fmt: skip
        check_range(self, 2, names=["num_samples"])  # a group of one has no baseline
        check_range(
            self,
            0,
            names=[
                "learning_rate", "critic_learning_rate", "warmup_steps", "weight_decay", "beta",
                "imitation",
            ],
        )  # fmt: skip
        check_range(self, 0, 1, names=["epsilon", "gae_lambda"])
        check_range(self, 0.01, 10, names=["temperature", "saturation"])
        check_range(self, 0, 0.99, names=["efficiency_weight"])
        if self.num_completions % min(self.micro_batch_size, self.num_completions):
            rule = f"a divisor of num_prompts * num_samples = {self.num_completions}"
            raise FieldError("micro_batch_size", rule, self.micro_batch_size)

    @property
    def num_completions(self) -> int:
        """Programs a step."""
        return self.num_prompts * self.num_samples

    @property
    def is_conditioned(self) -> bool:
        """Whether each prompt carries a balance of its own."""
        return parse_alpha(self.alpha) is None

    @property
    def alphas(self) -> tuple[float, ...]:
        """The balances that are trained for: 1 is runtime only, 0 is memory only."""
        alpha = parse_alpha(self.alpha)
        return CONDITIONED_ALPHAS if alpha is None else (alpha,)
