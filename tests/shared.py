"""The team's shared data and attack programs, which a machine may lack."""

import os
from pathlib import Path

import pytest

_BESIDE_THE_REPOSITORY = Path(__file__).parents[2] / "shared"
SHARED = Path(os.environ.get("EFFIRL_SHARED", _BESIDE_THE_REPOSITORY)).resolve()


def shared_path(*parts: str) -> Path:
    """A file or folder of the shared ones; skips the test, naming it, where it is absent."""
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"NOT CHECKED: {path} is absent; set EFFIRL_SHARED to the shared folder")
    return path
