"""Rows of a data set, from a file or the hub, each with the place that an error must name.

Every loader reads through here. A malformed row (no JSON, a column missing or of a wrong type) is a
`UserError` that names file and line; what is well formed and cannot be used is the loader's to
count.
"""

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple

from effirl.errors import UserError

Kind = Literal["text", "number", "text or number", "list"]
"""What a column holds. A number is finite and no boolean."""
Columns = Mapping[str, Kind]

_TYPES: Mapping[Kind, tuple[type, ...]] = {
    "text": (str,),
    "number": (int, float),
    "text or number": (str, int, float),
    "list": (list,),
}
_LFS_POINTER = b"version https://git-lfs"


class Row(NamedTuple):
    """One row and where it stands."""

    where: str
    values: dict[str, Any]


def read_rows(path: Path) -> Iterator[Row]:
    """Read a file of JSON lines, or a JSON array of objects; blank lines are skipped.

    Raises:
        UserError: If the file cannot be read, or when the iterator meets a malformed row.
    """
    try:
        with path.open("rb") as file:
            start = file.read(4096).lstrip()
            if start.startswith(_LFS_POINTER):
                raise UserError(
                    f"{path} is a Git LFS pointer, not the data; run git lfs pull in its checkout"
                )
            file.seek(0)
            yield from _array(path, file) if start.startswith(b"[") else _lines(path, file)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}; check the path") from error


def _lines(path: Path, file: IO[bytes]) -> Iterator[Row]:
    for number, line in enumerate(file, start=1):
        where = f"{path}:{number}"
        if not line.strip():
            continue
        try:
            values = json.loads(line)
        except (ValueError, RecursionError) as error:  # ValueError: also bytes that are not UTF-8
            raise UserError(f"{where}: not JSON ({error}); fix or remove the line") from error
        yield Row(where, _object(where, values))


def _array(path: Path, file: IO[bytes]) -> Iterator[Row]:
    try:
        text = file.read().decode("utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 ({error}); convert the file") from error
    decoder = json.JSONDecoder()
    position = _after_space(text, text.index("[") + 1)
    line, counted = 1, 0
    while text[position : position + 1] != "]":
        line += text.count("\n", counted, position)
        counted = position
        where = f"{path}:{line}"
        try:
            values, position = decoder.raw_decode(text, position)
            position = _after_space(text, position)
            if text[position : position + 1] not in (",", "]"):
                raise ValueError("a row must be followed by a comma or the array's end")
        except (ValueError, RecursionError) as error:
            raise UserError(f"{where}: not JSON ({error}); fix the row that starts here") from error
        if text[position] == ",":
            position = _after_space(text, position + 1)
        yield Row(where, _object(where, values))
    end = _after_space(text, position + 1)
    if end < len(text):
        raise UserError(
            f"{path}:{text.count(chr(10), 0, end) + 1}: text after the array's end; make one array "
            "of all rows, or put a row on each line"
        )


def _after_space(text: str, position: int) -> int:
    while text[position : position + 1] in (" ", "\t", "\n", "\r"):
        position += 1
    return position


def _object(where: str, values: object) -> dict[str, Any]:
    if not isinstance(values, dict):
        raise UserError(
            f"{where}: a row must be a JSON object, got {values!r:.60}; fix or remove the row"
        )
    return values


def check_columns(row: Row, columns: Columns, *, may_be_empty: tuple[str, ...] = ()) -> None:
    """Hold a row to the types of its columns.

    Args:
        row: May have other columns too.
        columns: What it must have.
        may_be_empty: Texts and lists that may hold nothing.

    Raises:
        UserError: Naming the place, the column and the value.
    """
    for name, kind in columns.items():
        if name not in row.values:
            raise UserError(
                f"{row.where}: key {name!r} is missing, got {', '.join(row.values) or 'no keys'}; "
                "the file must have the data set's original columns"
            )
        _check_value(row.where, name, row.values[name], kind)
        if name not in may_be_empty and _is_empty(row.values[name]):
            raise UserError(f"{row.where}: {name!r} must not be empty; fix or remove the row")


def _is_empty(value: object) -> bool:
    return value == [] or (isinstance(value, str) and not value.strip())


def optional_text(row: Row, name: str) -> str:
    """Return a text that a row may lack, then empty.

    Raises:
        UserError: If it is no text.
    """
    value = row.values.get(name)
    if value is None:
        return ""
    _check_value(row.where, name, value, "text")
    return str(value)


def check_texts(row: Row, name: str) -> None:
    """Hold the entries of a list to be texts, which may be empty.

    Raises:
        UserError: Naming the place, the column and the value.
    """
    for place, value in enumerate(row.values[name]):
        _check_value(row.where, f"{name}[{place}]", value, "text")


def _check_value(where: str, name: str, value: object, kind: Kind) -> None:
    is_right = isinstance(value, _TYPES[kind]) and not isinstance(value, bool)
    if not is_right or (isinstance(value, float) and not math.isfinite(value)):
        raise UserError(f"{where}: {name!r} must be a {kind}, got {value!r:.60}; fix the row")
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise UserError(f"{where}: {name!r} is no valid text ({error}); fix the row") from error
