"""The settings of training in phases. Imports without torch."""

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from effirl.config import FieldError, check_range
from effirl.data.load import DATA_SETS, EDITS_SET
from effirl.training.config import SFT_PATHS, SftConfig

PHASES = ("runtime", "memory")
_SET_BY_PHASES = ("objective", "replay_from")


@dataclass
class PhasesConfig(SftConfig):
    """Warm starts in a row, each from the last one's model, with one table of gains and losses.

    The settings of a warm start hold for every phase; the block of a phase, in a config file, has
    what differs in it. A flag holds for every phase, whatever the file says.
    """

    phases: list[str] = field(
        default_factory=lambda: list(PHASES),
        metadata={"help": "Which, in which order: runtime and memory, or one of them."},
    )
    runtime: dict[str, Any] = field(
        default_factory=dict,
        metadata={"help": "Settings of this phase alone; a block in a config file."},
    )
    memory: dict[str, Any] = field(default_factory=dict, metadata={"help": "The same."})
    replay_control: bool = field(
        default=False,
        metadata={"help": "Train later phases without replay too, to see what it is worth."},
    )
    accelerate_config: Path | None = field(
        default=None,
        metadata={"help": "Launcher config to train with; default: one process."},
    )
    test_data: str | None = field(
        default=None,
        metadata={"help": "Data set to evaluate on; default: that of the training."},
    )
    test_data_path: Path | None = field(
        default=None, metadata={"help": "Its files, where --test-data is given."}
    )
    test_split: str = field(default="test", metadata={"help": "Its split."})
    test_limit: int | None = field(
        default=None, metadata={"help": "Evaluate on so many problems; default: all."}
    )
    num_samples: int = field(default=4, metadata={"help": "Completions a problem in evaluation."})
    measurements: Path | None = field(
        default=None,
        metadata={
            "help": "Folder in which evaluations share what they measure; default: that of the "
            "phases."
        },
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if (
            not self.phases
            or set(self.phases) - set(PHASES)
            or len(set(self.phases)) < len(self.phases)
        ):
            raise FieldError(
                "phases", f"one or more of {', '.join(PHASES)}, each once", self.phases
            )
        for name in _SET_BY_PHASES:
            default = getattr(SftConfig(), name)
            if getattr(self, name) != default:
                raise FieldError(name, "left out: the phases set it", getattr(self, name))
        if self.test_data is not None and self.test_data not in DATA_SETS:
            raise FieldError("test_data", f"one of {', '.join(DATA_SETS)}", self.test_data)
        check_range(self, 1, names=["test_limit", "num_samples"])
        for phase in PHASES:
            self.settings_of(phase)
        for phase in self.phases[1:]:
            if "model" in getattr(self, phase):
                rule = "a block without model: it starts from the phase before"
                raise FieldError(phase, rule, getattr(self, phase)["model"])
        if self.evaluated_on()[0] == EDITS_SET:
            raise FieldError("test_data", "a data set whose programs can be run", EDITS_SET)

    def evaluated_on(self) -> tuple[str, Path | None]:
        """Return the data set that all policies are evaluated on, and its files.

        Raises:
            FieldError: If none is named where the phases train on different ones.
        """
        if self.test_data is not None:
            return self.test_data, self.test_data_path
        trained = [self.settings_of(phase) for phase in self.phases]
        found = {(settings.data, settings.data_path) for settings in trained}
        if len(found) > 1:
            raise FieldError("test_data", "given where phases train on different data", None)
        return found.pop()

    def longest(self, name: str) -> int:
        """Return the largest value of a setting over all phases."""
        values: list[int] = [getattr(self.settings_of(phase), name) for phase in self.phases]
        return max(values)

    def settings_of(self, phase: str) -> SftConfig:
        """Return a phase's warm start, but for its model, its folder and what it replays.

        Raises:
            FieldError: If its block has an unknown setting, or one of a wrong type or range.
        """
        known = [f.name for f in fields(SftConfig) if f.name not in (*_SET_BY_PHASES, "output_dir")]
        block: dict[str, Any] = dict(getattr(self, phase))
        if unknown := [name for name in block if name not in known]:
            raise FieldError(phase, "settings of a warm start", unknown[0])
        shared = {name: getattr(self, name) for name in known}
        for group in SftConfig.ALTERNATIVES:
            if group & set(block):
                shared |= dict.fromkeys(group)
        for name in SFT_PATHS:
            if block.get(name) is not None:
                block[name] = Path(block[name])
        try:
            return SftConfig(**(shared | block), objective=phase)  # type: ignore[arg-type]
        except FieldError as error:
            error.field = phase  # where the file has it
            raise
