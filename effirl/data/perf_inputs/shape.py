"""The structure of a problem's standard input: what is counted by what, and what stands where.

    3 2          two whole numbers
    5 1 4        a list, counted by the first
    1 3          a block of lines, as many as the second says
    2 2

A shape is a sequence of blocks. A block is some lines that come once or repeatedly; a line is some
fields; a field is a token or a list of them. Sizes are constants, or the value of an earlier field
plus a constant, which may stand in the same block (`k a_1 ... a_k` on each line).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

Token = int | float | str
Values = list[list[list[Token]]]
"""By field, then by repetition of its block, then by place on the line."""


class Kind(StrEnum):
    """What the tokens of a field are."""

    INTEGER = "integer"
    DECIMAL = "decimal"
    WORD = "word"


@dataclass(frozen=True, slots=True)
class Size:
    """A number of lines, tokens or characters: the value of a field plus a constant."""

    field: int | None
    """None for the constant alone."""
    plus: int = 0

    def of(self, values: Values, row: int) -> int:
        """Work the size out, at a repetition of the block that it is used in."""
        if self.field is None:
            return self.plus
        rows = values[self.field]
        return int(rows[row if row < len(rows) else 0][0]) + self.plus


ONE: Final = Size(None, 1)


@dataclass(frozen=True, slots=True)
class Field:
    """A token, or a list of tokens of one kind."""

    number: int
    """Its place among all fields."""
    kind: Kind
    count: Size | None = ONE
    """Tokens; None where nothing earlier counts them: the rest of the line."""
    length: Size | None = None
    """Characters of a word; None where they vary."""

    @property
    def is_scalar(self) -> bool:
        return self.count == ONE


@dataclass(frozen=True, slots=True)
class Block:
    """Lines that come a number of times."""

    count: Size | None
    """Repetitions; None for as many as there are."""
    lines: tuple[tuple[Field, ...], ...]

    @property
    def is_repeated(self) -> bool:
        return self.count != ONE

    @property
    def fields(self) -> tuple[Field, ...]:
        return tuple(field for line in self.lines for field in line)


@dataclass(frozen=True, slots=True)
class Shape:
    """All of an input."""

    blocks: tuple[Block, ...]

    @property
    def fields(self) -> tuple[Field, ...]:
        """By number."""
        return tuple(field for block in self.blocks for field in block.fields)

    @property
    def scalars(self) -> tuple[Field, ...]:
        """The whole numbers that stand alone and come once: what can count or bound the rest."""
        return tuple(
            field
            for block in self.blocks
            if not block.is_repeated
            for field in block.fields
            if field.is_scalar and field.kind is Kind.INTEGER
        )

    def sizes(self) -> Iterator[Size]:
        """Every size that is not a matter of chance."""
        for block in self.blocks:
            for size in (block.count, *(s for f in block.fields for s in (f.count, f.length))):
                if size is not None:
                    yield size


def split_lines(text: str) -> list[list[str]]:
    """Take an input apart; blank lines at its end do not count."""
    return [line.split() for line in text.rstrip().split("\n")]


def read(shape: Shape, text: str) -> Values:
    """Take an input apart by its shape.

    Raises:
        ValueError: If it has another shape.
    """
    lines = split_lines(text)
    values: Values = [[] for _ in shape.fields]
    at = 0
    for block in shape.blocks:
        rest = (len(lines) - at) // len(block.lines)
        for row in range(rest if block.count is None else block.count.of(values, 0)):
            for line in block.lines:
                if at == len(lines):
                    raise ValueError(f"line {at + 1} is missing")
                _read_line(line, lines[at], values, row)
                at += 1
    if at != len(lines):
        raise ValueError(f"line {at + 1} is one too many")
    return values


def _read_line(line: tuple[Field, ...], tokens: list[str], values: Values, row: int) -> None:
    at = 0
    for field in line:
        count = len(tokens) - at if field.count is None else field.count.of(values, row)
        found = tokens[at : at + count]
        values[field.number].append([_parse(field.kind, token) for token in found])
        at += count
        if len(found) != count:
            break
    if at != len(tokens):
        raise ValueError(f"{at} tokens expected, {len(tokens)} found")


def _parse(kind: Kind, token: str) -> Token:
    if kind is Kind.INTEGER:
        return int(token)
    return float(token) if kind is Kind.DECIMAL else token


def write(shape: Shape, values: Values) -> str:
    """Put an input together; the inverse of `read`, but for white space."""
    lines = []
    for block in shape.blocks:
        for row in range(len(values[block.fields[0].number])):
            for line in block.lines:
                tokens = [str(token) for field in line for token in values[field.number][row]]
                lines.append(" ".join(tokens))
    return "\n".join(lines) + "\n"
