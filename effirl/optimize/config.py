"""Settings of `effirl optimize`. Imports without torch."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from effirl.config import FieldError, check_range, check_types, parse

_TAKE_FILES: Final = ("--program", "--tests", "--output-dir", "--model", "--description")
"""Flags after which a Python file would be their value."""


@dataclass
class OptimizeConfig:
    """Look for a faster, leaner program that does the same, and prove it."""

    program: Path | None = field(
        default=None,
        metadata={"help": "Python file to improve; also as first or last word: optimize slow.py"},
    )
    stdin_dir: Path | None = field(
        default=None,
        metadata={"help": "folder of inputs (*.in), with expected outputs beside them (*.out)"},
    )
    tests: Path | None = field(
        default=None, metadata={"help": "file of asserts, or of test functions with asserts"}
    )
    alpha: float = field(
        default=0.5, metadata={"help": "what to look for: 1 runtime only, 0 memory only"}
    )
    num_samples: int = field(
        default=16, metadata={"help": "candidates in each round", "aliases": ["-n"]}
    )
    rounds: int = field(
        default=2, metadata={"help": "rounds; each rewrites the best of the ones before"}
    )
    model: str | None = field(
        default=None,
        metadata={
            "help": "model/ folder of a run, or hub name; default: the newest under runs/, or ours"
        },
    )
    description: str | None = field(
        default=None,
        metadata={"help": "what the program does, for the prompt; default: its docstring"},
    )
    output_dir: Path | None = field(
        default=None, metadata={"help": "new folder for what is found; default: one under runs/"}
    )
    in_place: bool = field(
        default=False, metadata={"help": "overwrite the program with what is proved better"}
    )
    seed: int = field(default=0, metadata={"help": "of sampling and of made-up inputs"})

    def __post_init__(self) -> None:
        check_types(self)
        if self.program is None:
            raise FieldError("program", "a Python file: effirl optimize slow.py", self.program)
        if self.stdin_dir is not None and self.tests is not None:
            raise FieldError("tests", "left out where --stdin-dir is given", str(self.tests))
        check_range(self, 1, names=["num_samples", "rounds"])
        check_range(self, 0, names=["seed"])
        check_range(self, 0, 1, names=["alpha"])


def parse_arguments(argv: Sequence[str]) -> OptimizeConfig:
    """Read flags and YAML as every command does, with the program as a first or last word.

    Raises:
        UserError: If a flag is unknown or a value malformed.
    """
    arguments = list(argv)
    if arguments and not arguments[0].startswith("-"):
        arguments.insert(0, "--program")
    elif len(arguments) > 1 and arguments[-1].endswith(".py") and arguments[-2] not in _TAKE_FILES:
        arguments.insert(-1, "--program")
    return parse(OptimizeConfig, arguments)
