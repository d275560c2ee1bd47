"""`--quiet` and `--json`."""

import os
from pathlib import Path

import pytest

from effirl import output


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    found = dict(os.environ)
    monkeypatch.setattr(output.os, "environ", found)
    return found


def test_both_flags_are_taken_out_and_handed_on(environment: dict[str, str]) -> None:
    assert output.take_flags(["a", "--json", "--limit", "3"]) == ["a", "--limit", "3"]
    assert (output.is_quiet(), output.wants_json()) == (False, True)
    assert output.take_flags(["--quiet"]) == []
    assert output.is_quiet()
    assert (environment["EFFIRL_JSON"], environment["EFFIRL_QUIET"]) == ("1", "1")


def test_progress_goes_where_no_answer_is(capsys: pytest.CaptureFixture[str]) -> None:
    output.write_progress("one")
    output.take_flags(["--json"])
    output.write_progress("two")
    output.take_flags(["--quiet"])
    output.write_progress("three")
    assert capsys.readouterr() == ("one\n", "two\n")


def test_an_answer_is_text_a_file_or_a_document(tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    path.write_text("[1]\n")
    assert output.rendered("text", path) == "text"
    output.take_flags(["--json"])
    assert output.rendered("text", path) == "[1]\n"
    assert output.rendered("text", {"a": 1}) == '{"a": 1}\n'
