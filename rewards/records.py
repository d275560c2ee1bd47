"""The plain records that pass between the parts of `rewards`, and out of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

MIB = 1 << 20


class Status(StrEnum):
    """How a program's run ended. Trouble of our own is `SandboxError`, not a status of a result."""

    OK = "OK"
    WRONG_ANSWER = "WRONG_ANSWER"
    RUNTIME_ERROR = "RUNTIME_ERROR"
    SYNTAX_ERROR = "SYNTAX_ERROR"
    NO_CODE = "NO_CODE"
    TIME_LIMIT = "TIME_LIMIT"
    MEMORY_LIMIT = "MEMORY_LIMIT"
    OUTPUT_LIMIT = "OUTPUT_LIMIT"
    VIOLATION = "VIOLATION"
    SANDBOX_ERROR = "SANDBOX_ERROR"
    """Only in reports and logs, for a program that we could not run."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one run of a program may use."""

    wall_s: float = 10.0
    """Wall-clock seconds from the start of the program."""
    memory_bytes: int = 1024 * MIB
    """Address space above that of the empty program."""
    output_bytes: int = 16 * MIB
    """Bytes on each of standard output and standard error."""
    num_threads: int = 16
    """Threads alive at once, where the machine can hold the program to it."""


@dataclass(frozen=True, slots=True)
class TestCase:
    """A standard input and the output that a correct program prints for it."""

    __test__ = False  # pytest: this is not a test class

    input: str
    output: str

    @classmethod
    def from_row(cls, row: "Mapping[str, str] | TestCase") -> "TestCase":
        """Accept the {"input", "output"} form that data sets carry."""
        return row if isinstance(row, cls) else cls(row["input"], row["output"])  # type: ignore[index]


@dataclass(frozen=True, slots=True)
class ExecutionResult:
    """One run of one program on one input. Times and memory are net of the empty program's."""

    status: Status
    stdout: bytes
    stderr: bytes
    """At most the first 4 KiB, for messages only: never part of a verdict."""
    exit_code: int | None
    """None when a signal ended the program."""
    signal: int | None
    """None when the program ended by itself."""
    runtime_s: float
    """CPU seconds of the program's whole process tree, compilation excluded."""
    wall_s: float
    peak_memory_bytes: int
    isolation_level: int
    """0-3, see `rewards.isolation`."""
