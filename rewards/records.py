"""The plain records that pass between the parts of `rewards`, and out of it."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import UnionType
from typing import Any, Final

from rewards import asserts
from rewards.errors import ProblemError
from rewards.scope import Unsplittable

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


class Match(StrEnum):
    """How a test case runs a program, and what makes its answer right."""

    WORDS = "words"
    """Standard input and output; equal word by word."""
    BYTES = "bytes"
    """Standard input and output; equal byte by byte."""
    NUMBERS = "numbers"
    """As WORDS, but where a number is expected one within the tolerances will do."""
    VALUES = "values"
    """Calls of functions, whose values are compared here: see `rewards.functions`."""
    ASSERTS = "asserts"
    """Asserts that run beside the program, and that it could forge: weakly judged."""


_STREAMS: Final = (Match.WORDS, Match.BYTES, Match.NUMBERS)


@dataclass(frozen=True, slots=True)
class TestCase:
    """What to give to a program, and what a correct one answers.

    Raises:
        ProblemError: If the fields contradict each other.
    """

    __test__ = False  # pytest: this is not a test class

    input: str
    """Standard input; for VALUES the calls, for ASSERTS the asserts."""
    output: str
    """Expected on standard output; for VALUES the checks, for ASSERTS empty."""
    match: Match = Match.WORDS
    also_accepted: tuple[str, ...] = ()
    """Other outputs that are as good; not for VALUES, whose checks name them all."""
    absolute_tolerance: float = 0.0
    """For NUMBERS: the larger of this ..."""
    relative_tolerance: float = 0.0
    """... and this share of the expected number is the most that an answer may be off."""

    def __post_init__(self) -> None:
        tolerances = (self.absolute_tolerance, self.relative_tolerance)
        if not all(0 <= tolerance < math.inf for tolerance in tolerances):
            raise ProblemError(f"a tolerance must be a finite number >= 0, got {max(tolerances)}")
        if any(tolerances) and self.match is not Match.NUMBERS:
            raise ProblemError(f'a tolerance needs match "numbers", got "{self.match}"')
        if self.also_accepted and self.match not in _STREAMS:
            raise ProblemError(f'also_accepted is for outputs, not for match "{self.match}"')

    @property
    def is_weakly_judged(self) -> bool:
        """Whether a program that was written for it could pass this test without an answer."""
        return self.match is Match.ASSERTS

    @property
    def code(self) -> str:
        """What of it is Python, and may import something; empty where it is standard input."""
        if self.match is Match.ASSERTS:
            return self.input
        return self.input.rpartition("\n")[0] if self.match is Match.VALUES else ""

    @classmethod
    def from_row(cls, row: "Mapping[str, Any] | TestCase") -> "TestCase":
        """Accept the forms that data sets carry; keys that are None count as absent.

        {"input": text, "output": text} and the other fields by name; {"assert": text}, any number
        of asserts; {"call": text, "output": value, "also_accepted": [value, ...]}.

        Raises:
            ProblemError: Naming the key that is missing, unknown or of a wrong type.
        """
        if isinstance(row, cls):
            return row
        if not isinstance(row, Mapping):
            raise ProblemError(f"a test must be an object, got {row!r:.60}")
        present = {name: value for name, value in row.items() if value is not None}
        try:
            if "call" in present:
                return cls._from_call(row)
            if "assert" in present:
                return cls._from_assert(present)
        except RecursionError as error:
            raise ProblemError("a test must be nested less deeply than this one") from error
        _check_keys(present, {"input", "output"}, set(_KINDS))
        for name, value in present.items():
            kind, wanted = _KINDS[name]
            if not isinstance(value, kind) or isinstance(value, bool):
                raise ProblemError(f"{name} of a test must be {wanted}, got {value!r:.60}")
        match = present.get("match", Match.WORDS)
        if match not in set(Match):
            raise ProblemError(f"match must be one of {', '.join(Match)}, got {match!r:.60}")
        also = tuple(present.get("also_accepted", ()))
        if not all(isinstance(text, str) for text in also):
            raise ProblemError(f"also_accepted of a test must be a list of texts, got {also!r:.60}")
        return cls(**(present | {"match": Match(match), "also_accepted": also}))

    @classmethod
    def _from_assert(cls, row: Mapping[str, Any]) -> "TestCase":
        _check_keys(row, {"assert"}, {"assert"})
        text = row["assert"]
        if not isinstance(text, str):
            raise ProblemError(f"assert of a test must be a text, got {text!r:.60}")
        try:
            split = asserts.split_asserts(text)
        except Unsplittable:
            return cls(asserts.whole_asserts(text), "", Match.ASSERTS)
        return cls(split.script, split.checks, Match.VALUES)

    @classmethod
    def _from_call(cls, row: Mapping[str, Any]) -> "TestCase":
        also = row.get("also_accepted") or ()
        present = {name for name, value in row.items() if value is not None}
        _check_keys(present | (row.keys() & {"output"}), {"call", "output"}, {"also_accepted"})
        if not isinstance(row["call"], str) or not isinstance(also, list | tuple):
            raise ProblemError("a test must hold call as a text and also_accepted as a list")
        split = asserts.split_call(row["call"], [row["output"], *also])
        return cls(split.script, split.checks, Match.VALUES)


_KINDS: Final[dict[str, tuple[type | UnionType, str]]] = {
    "input": (str, "a text"),
    "output": (str, "a text"),
    "match": (str, "a text"),
    "also_accepted": (list | tuple, "a list of texts"),
    "absolute_tolerance": (int | float, "a number"),
    "relative_tolerance": (int | float, "a number"),
}


def _check_keys(row: Iterable[str], required: set[str], optional: set[str]) -> None:
    keys = set(row)
    if missing := required - keys:
        raise ProblemError(f"a test must have {min(missing)}; it has {sorted(keys)}")
    if unknown := keys - required - optional:
        raise ProblemError(f"a test cannot have {min(unknown)!r}; known are "
                           f"{sorted(required | optional)}")  # fmt: skip


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
