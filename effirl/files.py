"""Files that are written whole or not at all, and logs of JSON lines that a kill may cut short."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from effirl.errors import UserError

T = TypeVar("T")


def write_whole(path: Path, content: str | bytes) -> None:
    """Write or replace a file in one step, so that a crash leaves the old one, or none."""
    partial = path.with_name(f"{path.name}.partial")
    partial.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
    partial.replace(path)


def read_log(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a log, without a line that was cut short; none if there is no file."""
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return rows


def read_records(path: Path, parse: Callable[[Any], T], what: str) -> list[T]:
    """Read results to continue from, without a last line that was cut short.

    Args:
        path: JSON lines; none are read if it does not exist.
        parse: Makes a record of a line's value; raises ValueError or TypeError for another version.
        what: A record, for the message: "a result".

    Raises:
        UserError: If a line before the last is unreadable.
    """
    records: list[T] = []
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    for number, line in enumerate(lines, start=1):
        try:
            records.append(parse(json.loads(line)))
        except (ValueError, TypeError) as error:
            if number == len(lines):
                break
            raise UserError(
                f"{path}:{number}: not {what} of this version ({error}); remove the file to start "
                "again, or use another --output-dir"
            ) from error
    return records
