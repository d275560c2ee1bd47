"""The team's shared data and attack programs, which a machine may lack."""

import os
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("EFFIRL_SHARED", Path(__file__).parents[1] / ".." / "shared")).resolve()


def shared_path(*parts: str) -> Path:
    """A file or folder of the shared ones; skips the test, naming it, where it is absent."""
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"NOT CHECKED: {path} is absent; set EFFIRL_SHARED to the shared folder")
    return path
