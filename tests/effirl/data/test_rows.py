"""Reading rows: arrays, pointers, and the hub."""

import json
from pathlib import Path

import pytest

from effirl.data import hub
from effirl.data.rows import Row, check_columns, read_rows
from effirl.errors import UserError


def read(path: Path, text: str) -> list[Row]:
    path.write_text(text)
    return list(read_rows(path))


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ('{"a": 1}\n{"a": 2}\n', [1, 2]),
        ('{"a": 1}\n\n  \n{"a": 2}', [1, 4]),
        ('[{"a": 1}, {"a": 2}]', [1, 1]),
        ('\n [\n {"a":\n 1},\n\n{"a": 2}\n]\n', [3, 6]),
        ("[]", []),
        ("", []),
    ],
)
def test_rows_know_their_lines(tmp_path: Path, text: str, lines: list[int]) -> None:
    path = tmp_path / "rows"
    rows = read(path, text)
    assert [row.where for row in rows] == [f"{path}:{line}" for line in lines]
    assert [row.values for row in rows] == [{"a": 1}, {"a": 2}][: len(lines)]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ('[\n{"a": 1},\n{"a": }]', 3, "not JSON"),
        ('[\n{"a": 1}\n{"a": 2}]', 2, "not JSON (a row must be followed by a comma"),
        ('[\n{"a": 1},\n', 3, "not JSON"),
        ('[\n{"a": 1},\n3]', 3, "a row must be a JSON object, got 3"),
        ("[\n" + "[" * 100_000, 2, "not JSON"),
        ('[{"a": 1}]\n[{"a": 2}]', 2, "text after the array's end"),
    ],
)
def test_a_bad_row_of_an_array_is_named(tmp_path: Path, text: str, line: int, message: str) -> None:
    with pytest.raises(UserError) as caught:
        read(tmp_path / "rows", text)
    assert str(caught.value).startswith(f"{tmp_path / 'rows'}:{line}: {message}")


def test_a_pointer_to_data_is_told_from_data(tmp_path: Path) -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:65be\nsize 87264854\n"
    with pytest.raises(UserError, match="is a Git LFS pointer, not the data; run git lfs pull"):
        read(tmp_path / "rows", pointer)


def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot read .*: No such file.*; check the path"):
        list(read_rows(tmp_path / "none"))


def test_more_columns_than_needed_are_welcome() -> None:
    check_columns(Row("here", {"a": "x", "b": None}), {"a": "text"})


@pytest.mark.parametrize(
    ("given", "found"), [(None, "own/id"), ("some/copy", "some/copy"), (".", None)]
)
def test_a_path_a_hub_id_or_the_default(given: str | None, found: str | None) -> None:
    assert hub.hub_id(Path(given) if given else None, "own/id") == found


@pytest.mark.parametrize("given", ["/no/such", "no", "a/b/c", "../b"])
def test_a_path_that_does_not_exist_is_told(given: str) -> None:
    with pytest.raises(UserError, match=r"is no file or folder here; name one, or a hub id \(the"):
        hub.hub_id(Path(given), "own/id")


def test_a_split_is_read_from_the_hubs_snapshot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{"problem_id": f"p{i}", "cpu_time_v0": 10 * i} for i in range(3)]
    (tmp_path / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    monkeypatch.setattr(hub, "hub_folder", lambda name: tmp_path)
    found = list(hub.read_hub("some/copy", "train"))
    assert [row.values for row in found] == rows
    assert found[2].where == "some/copy, split train, row 3"
    with pytest.raises(UserError, match="split 'val' of some/copy on the hub cannot be read"):
        list(hub.read_hub("some/copy", "val"))


def test_without_a_network_one_line_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> str:
        raise ConnectionError("no route\nto the host")

    monkeypatch.setattr(hub, "snapshot_download", refuse)
    with pytest.raises(UserError) as caught:
        list(hub.read_hub("some/copy", "train"))
    assert str(caught.value) == (
        "some/copy is no file or folder here, and no data set that can be had from the hub (no "
        "route); copy its files here and name them with --data-path"
    )
