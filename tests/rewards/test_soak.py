"""A thousand programs of every kind leave nothing; `python -m tests.benchmarks.soak` runs more."""

import tempfile
from pathlib import Path

import pytest

from tests.benchmarks.soak import soak


def test_nothing_grows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    found = soak(1000)
    assert not found.wrong_rows
    assert not found.grown(1000), found.readings
