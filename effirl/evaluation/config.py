"""Settings of evaluation and of the sweep over alpha. Imports without torch."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from effirl.config import FieldError, check_range, check_types
from effirl.data.load import DATA_HELP, DATA_PATH_HELP, DATA_SETS
from effirl.data.perf_inputs.loading import PERFORMANCE_INPUTS_HELP
from effirl.data.perf_inputs.store import DEFAULT_FOLDER
from effirl.engines import ENGINE_HELP, RAY_ADDRESS_HELP, check_ray

CONTROLS = ("source", "target")
"""Stand-ins for a model: the source program unchanged, and the data set's own improved program."""
DEFAULT_MODEL = "codet5-nano"
DEFAULT_NUM_SAMPLES = 4
COMPLETIONS_SUFFIX = ".jsonl"
MEASUREMENTS_HELP: Final = (
    "folder in which evaluations share what they measure: a program that two policies write is "
    "measured once, and a difference is one of programs, not of two moments"
)


def is_completions_file(model: str) -> bool:
    """Whether a model is named by the completions that somebody had it write."""
    return model.endswith(COMPLETIONS_SUFFIX)


@dataclass
class EvaluateConfig:
    """Measure how correct, fast and lean the programs of a policy, or of a control, are."""

    model: str = field(
        default=DEFAULT_MODEL,
        metadata={
            "help": "model/ folder of a run, codet5-nano, or a hub name; or one of the controls "
            "source (every program unchanged) and target (the data's own improved programs)"
        },
    )
    completions: Path | None = field(
        default=None,
        metadata={
            "help": "evaluate these instead of a model's: a .jsonl file with the keys problem_id, "
            "completion (or completions, a list), and as needed sample and source_program"
        },
    )
    baseline: str | None = field(
        default=None,
        metadata={
            "help": "a second model, control or .jsonl file of completions, evaluated on the same "
            "problems and compared with"
        },
    )
    data: str = field(default="builtin", metadata={"help": DATA_HELP})
    data_path: Path | None = field(default=None, metadata={"help": DATA_PATH_HELP})
    performance_inputs: Path = field(
        default=DEFAULT_FOLDER, metadata={"help": PERFORMANCE_INPUTS_HELP}
    )
    split: str = field(default="test", metadata={"help": "which part of the data"})
    allow_overlap: bool = field(
        default=False,
        metadata={"help": "keep problems that the model was trained on, which else are left out"},
    )
    limit: int | None = field(default=None, metadata={"help": "evaluate so many problems"})
    num_samples: int | None = field(
        default=None,
        metadata={"help": "completions a problem; 4 unless temperature is 0, controls have 1"},
    )
    temperature: float = field(default=0.8, metadata={"help": "of the sampling; 0 is greedy"})
    runtime_tag: int = field(
        default=1, metadata={"help": "what the prompt asks for: 1 a significant speedup, 0 a minor"}
    )
    memory_tag: int = field(
        default=1, metadata={"help": "the same for memory; reinforced policies want both at 1"}
    )
    max_new_tokens: int = field(default=384, metadata={"help": "longest completion"})
    max_prompt_tokens: int = field(default=512, metadata={"help": "longest prompt"})
    batch_size: int = field(default=32, metadata={"help": "completions decoded together"})
    alpha: float = field(
        default=0.5,
        metadata={
            "help": "balance in the reported reward, and what a conditioned policy is told: "
            "1 runtime only, 0 memory only"
        },
    )
    known_programs: int = field(
        default=0,
        metadata={
            "help": "also say which share of a problem's known programs a completion beats, from "
            "so many of each problem, drawn at random; for data with several (pie, mercury)"
        },
    )
    output_dir: Path | None = field(
        default=None,
        metadata={"help": "folder of the results; continues what it holds of the same evaluation"},
    )
    measurements: Path | None = field(default=None, metadata={"help": MEASUREMENTS_HELP})
    rewards_engine: Literal["local", "ray"] = field(default="local", metadata={"help": ENGINE_HELP})
    ray_address: str | None = field(default=None, metadata={"help": RAY_ADDRESS_HELP})
    seed: int = field(default=0, metadata={"help": "of sampling and of the intervals"})

    def __post_init__(self) -> None:
        check_types(self)
        check_ray("rewards_engine", self.rewards_engine)
        if self.data not in DATA_SETS:
            raise FieldError("data", f"one of {', '.join(DATA_SETS)}", self.data)
        check_range(
            self,
            1,
            names=("limit", "num_samples", "max_new_tokens", "max_prompt_tokens", "batch_size"),
        )
        check_range(self, 0, names=("temperature", "known_programs", "seed"))
        check_range(self, 0, 1, names=("alpha", "runtime_tag", "memory_tag"))
        if self.completions is not None and not is_completions_file(str(self.completions)):
            raise FieldError("completions", f"a {COMPLETIONS_SUFFIX} file", str(self.completions))
        if self.completions is not None and self.model != DEFAULT_MODEL:
            raise FieldError("model", "left out where completions are given", self.model)
        if self.temperature == 0 and self.num_samples not in (None, 1):
            raise FieldError("num_samples", "1 at temperature 0 (greedy)", self.num_samples)

    @property
    def models(self) -> list[str]:
        """What is evaluated: a model, or what stands for it, and the baseline if there is one."""
        first = self.model if self.completions is None else str(self.completions)
        return [first] if self.baseline is None else [first, self.baseline]

    @property
    def sampling(self) -> dict[str, float]:
        """How a policy's programs are drawn: figures of other draws are not compared."""
        names = ("temperature", "max_new_tokens", "max_prompt_tokens")
        return {name: getattr(self, name) for name in names}

    @property
    def num_samples_of_a_policy(self) -> int:
        """Completions of each problem that a policy writes."""
        return self.num_samples or (1 if self.temperature == 0 else DEFAULT_NUM_SAMPLES)


@dataclass
class SweepConfig:
    """Reinforce one warm start at several balances, and draw the trade-off that results."""

    alphas: list[float] = field(
        default_factory=lambda: [0.0, 0.5, 1.0],
        metadata={"help": "balances to train at: 1 runtime only, 0 memory only"},
    )
    seeds: list[int] = field(
        default_factory=lambda: [0],
        metadata={"help": "of training: a run for each balance and each of these"},
    )
    model: str | None = field(
        default=None,
        metadata={"help": "what every run starts from; default: the newest warm start"},
    )
    ppo_config: Path | None = field(
        default=None, metadata={"help": "YAML for every reinforcement run; the sweep's flags win"}
    )
    max_steps: int | None = field(default=None, metadata={"help": "steps of every reinforcement"})
    data: str = field(default="builtin", metadata={"help": DATA_HELP})
    data_path: Path | None = field(default=None, metadata={"help": DATA_PATH_HELP})
    performance_inputs: Path = field(
        default=DEFAULT_FOLDER, metadata={"help": PERFORMANCE_INPUTS_HELP}
    )
    split: str = field(default="test", metadata={"help": "part of the data to evaluate on"})
    limit: int | None = field(default=None, metadata={"help": "evaluate on so many problems"})
    num_samples: int = field(
        default=DEFAULT_NUM_SAMPLES, metadata={"help": "completions a problem in evaluation"}
    )
    output_dir: Path | None = field(
        default=None, metadata={"help": "folder of the sweep; finished runs in it are kept"}
    )
    measurements: Path | None = field(
        default=None, metadata={"help": f"{MEASUREMENTS_HELP}; default: that of the sweep"}
    )
    engine: Literal["local", "ray"] = field(
        default="local",
        metadata={
            "help": "where reinforcement runs: local is here, one after the other; ray on all "
            "nodes of a Ray cluster, one on each, which need a folder that all of them see"
        },
    )
    ray_address: str | None = field(default=None, metadata={"help": RAY_ADDRESS_HELP})
    seed: int = field(default=0, metadata={"help": "of the evaluations' sampling and intervals"})

    def __post_init__(self) -> None:
        if isinstance(self.alphas, list):  # YAML's 0 and 1 are whole numbers
            self.alphas = [float(item) if type(item) is int else item for item in self.alphas]
        check_types(self)
        check_ray("engine", self.engine)
        if self.data not in DATA_SETS:
            raise FieldError("data", f"one of {', '.join(DATA_SETS)}", self.data)
        in_range = all(0 <= alpha <= 1 for alpha in self.alphas)
        if not self.alphas or not in_range or len(set(self.alphas)) < len(self.alphas):
            raise FieldError("alphas", "different numbers from 0 to 1", self.alphas)
        _check_seeds(self.seeds)
        check_range(self, 1, names=("max_steps", "limit", "num_samples"))
        check_range(self, 0, names=("seed",))


@dataclass
class StudyConfig:
    """Train and evaluate all that the report's questions are about, with several seeds."""

    seeds: list[int] = field(
        default_factory=lambda: [0],
        metadata={"help": "of training and sampling: everything is done once with each"},
    )
    sft_config: Path | None = field(default=None, metadata={"help": "YAML of the warm start"})
    phases_config: Path | None = field(default=None, metadata={"help": "YAML of the phases"})
    ppo_config: Path | None = field(
        default=None, metadata={"help": "YAML of every reinforcement run"}
    )
    test_limit: int = field(
        default=120, metadata={"help": "evaluate on so many problems of the test split"}
    )
    num_samples: int = field(default=4, metadata={"help": "completions a problem in evaluation"})
    output_dir: Path = field(
        default=Path("runs/study"),
        metadata={"help": "folder of the study; what is finished in it is kept"},
    )

    def __post_init__(self) -> None:
        check_types(self)
        _check_seeds(self.seeds)
        check_range(self, 1, names=("test_limit", "num_samples"))


def _check_seeds(seeds: list[int]) -> None:
    if not seeds or min(seeds) < 0 or len(set(seeds)) < len(seeds):
        raise FieldError("seeds", "different whole numbers from 0 on", seeds)
