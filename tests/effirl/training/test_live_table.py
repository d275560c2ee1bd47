"""The table that a person at a terminal sees."""

import io

import pytest
from rich.console import Console

from effirl.training.live_table import NUM_ROWS, LiveTable, has_terminal


def drawn(table: LiveTable, file: io.StringIO) -> list[str]:
    """Return what is on the screen: what was drawn last, without control sequences."""
    table.close()
    console = Console(file=io.StringIO(), width=100)
    console.print(table._live.renderable)
    assert isinstance(console.file, io.StringIO)
    assert file.getvalue()
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


@pytest.fixture
def file() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def table(file: io.StringIO) -> LiveTable:
    return LiveTable(Console(file=file, force_terminal=True, width=100))


def test_columns_are_what_the_steps_tell(table: LiveTable, file: io.StringIO) -> None:
    table.show({"loss": "0.5"}, 1, 4, "left 0:03")
    table.show({"loss": "0.4"}, 2, 4, "left 0:02")
    table.show({"validation loss": "0.3", "correct": "0.80"}, 2, 4, "left 0:02")
    header, first, second, third, bar = drawn(table, file)
    assert header.split("  ") == ["step", "loss", "validation loss", "correct"]
    assert first.split() == ["1", "0.5"]
    assert second.split() == ["2", "0.4"]
    assert third.split() == ["2", "0.3", "0.80"]
    assert bar.endswith("━ 2/4  left 0:02")


def test_the_last_steps_are_shown(table: LiveTable, file: io.StringIO) -> None:
    for step in range(1, NUM_ROWS + 6):
        table.show({"loss": f"{step}.5"}, step, 40, "")
    text = drawn(table, file)
    assert len(text) == NUM_ROWS + 2
    assert text[1].split() == ["6", "6.5"]


def test_it_is_for_those_who_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # which rich takes for a terminal
    monkeypatch.setenv("TERM", "xterm")
    assert has_terminal()
    monkeypatch.setenv("EFFIRL_QUIET", "1")
    assert not has_terminal()
    monkeypatch.delenv("EFFIRL_QUIET")
    monkeypatch.setenv("EFFIRL_JSON", "1")
    assert not has_terminal()
    monkeypatch.delenv("EFFIRL_JSON")
    monkeypatch.setenv("TERM", "dumb")
    assert not has_terminal()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("FORCE_COLOR")
    assert not has_terminal()  # pytest captures
