"""How a command speaks: `--quiet` leaves its progress out, `--json` makes its answer JSON.

Both are kept in the environment, where the processes that a command starts find them.
"""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

QUIET_FLAG: Final = "--quiet"
JSON_FLAG: Final = "--json"
_VARIABLES: Final = {QUIET_FLAG: "EFFIRL_QUIET", JSON_FLAG: "EFFIRL_JSON"}
FLAGS_HELP: Final = (
    f"{QUIET_FLAG}: no progress, the answer only. {JSON_FLAG}: the answer as JSON on standard "
    "output, progress on standard error."
)


def take_flags(argv: Sequence[str]) -> list[str]:
    """Take both flags out of a command's arguments, and remember them for this process."""
    for flag, variable in _VARIABLES.items():
        if flag in argv:
            os.environ[variable] = "1"
    return [argument for argument in argv if argument not in _VARIABLES]


def is_quiet() -> bool:
    """Whether progress is left out."""
    return _VARIABLES[QUIET_FLAG] in os.environ


def wants_json() -> bool:
    """Whether answers are JSON."""
    return _VARIABLES[JSON_FLAG] in os.environ


def write_progress(line: str) -> None:
    """Write a line that is no answer."""
    if is_quiet():
        return
    stream = sys.stderr if wants_json() else sys.stdout
    stream.write(line + "\n")
    stream.flush()


def rendered(text: str, document: object) -> str:
    """Return what a command says at its end: the text, or the same figures as JSON.

    Args:
        text: For a terminal.
        document: A JSON file that was written, or what `json` can write.
    """
    if not wants_json():
        return text
    if isinstance(document, Path):
        return document.read_text(encoding="utf-8")
    return json.dumps(document) + "\n"
