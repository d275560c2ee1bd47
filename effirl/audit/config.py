"""Settings of the audit. Imports without torch."""

from dataclasses import dataclass, field
from pathlib import Path

from effirl.config import FieldError, check_range, check_types
from effirl.data.load import DATA_HELP, DATA_PATH_HELP, DATA_SETS, EDITS_SET
from effirl.data.perf_inputs.loading import PERFORMANCE_INPUTS_HELP
from effirl.data.perf_inputs.store import DEFAULT_FOLDER

WHOLE = "all"
"""The split that every data set has here."""


@dataclass(frozen=True, slots=True)
class DataName:
    """A data set and where its files are."""

    data: str
    data_path: Path | None

    @classmethod
    def parse(cls, text: str) -> "DataName":
        """Read `NAME` or `NAME:PATH`.

        Raises:
            FieldError: If there is no such data set.
        """
        data, _, path = text.partition(":")
        if data not in DATA_SETS:
            rule = f"NAME:PATH with a NAME of {', '.join(DATA_SETS)}"
            raise FieldError("against", rule, text)
        return cls(data, Path(path) if path else None)


@dataclass
class AuditConfig:
    """Measure every pair of a data set anew: is it correct, faster, leaner, and by what."""

    data: str = field(default="pie", metadata={"help": DATA_HELP})
    data_path: Path | None = field(default=None, metadata={"help": DATA_PATH_HELP})
    split: str = field(default=WHOLE, metadata={"help": "Which part of the data."})
    limit: int | None = field(default=None, metadata={"help": "Audit so many problems."})
    performance_inputs: Path = field(
        default=DEFAULT_FOLDER, metadata={"help": PERFORMANCE_INPUTS_HELP}
    )
    against: list[str] = field(
        default_factory=list,
        metadata={"help": "Data sets to look for the same problems in, each NAME or NAME:PATH."},
    )
    output_dir: Path | None = field(
        default=None,
        metadata={"help": "Folder of the results; continues what it holds of the same audit."},
    )

    def __post_init__(self) -> None:
        check_types(self)
        runnable = [name for name in DATA_SETS if name != EDITS_SET]
        if self.data not in runnable:
            raise FieldError("data", f"one of {', '.join(runnable)}, which have tests", self.data)
        check_range(self, 1, names=("limit",))
        self.others  # noqa: B018 - tells of a name that is wrong

    @property
    def others(self) -> list[DataName]:
        """The data sets to compare with."""
        return [DataName.parse(text) for text in self.against]
