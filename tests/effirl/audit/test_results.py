from pathlib import Path

import datasets
import pytest

from effirl.audit.results import PairLog, write_pairs
from effirl.errors import UserError
from tests.effirl.audit.pairs import audited, wrong

FOUND = [audited(0, source_s=0.4), wrong(1), audited(2, is_import_dropped=True)]


def test_pairs_are_kept_as_they_are_found(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    log = PairLog(path)
    for found in FOUND:
        log.add(found.row)
    assert PairLog(path).rows == log.rows == {found.row.index: found.row for found in FOUND}


def test_a_line_that_was_cut_short_is_measured_again(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    log = PairLog(path)
    log.add(FOUND[0].row)
    log.add(FOUND[1].row)
    path.write_text(path.read_text()[:-30])
    log = PairLog(path)
    assert list(log.rows) == [0]
    log.add(FOUND[1].row)  # on a line of its own: the half one is gone
    assert list(PairLog(path).rows) == [0, 1]


def test_an_unreadable_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    PairLog(path).add(FOUND[0].row)
    path.write_text('{"index": 9}\n' + path.read_text())
    with pytest.raises(UserError, match=r"pairs\.jsonl:1: not a pair of this version"):
        PairLog(path)


def test_the_parquet_has_a_row_a_pair(tmp_path: Path) -> None:
    write_pairs(tmp_path / "pairs.parquet", FOUND)
    assert [path.name for path in tmp_path.iterdir()] == ["pairs.parquet"]
    rows = datasets.Dataset.from_parquet(str(tmp_path / "pairs.parquet"), cache_dir=str(tmp_path))
    assert rows["problem_id"] == ["p0", "p0", "p1"]
    assert rows["runtime_tag"] == [1, None, 0]
    assert rows["time_cause"] == ["better program", None, "dropped import"]
    assert rows["memory_cause"] == ["no significant gain", None, "dropped import"]
    assert rows["source_status"] == ["OK", "RUNTIME_ERROR", "OK"]
    assert rows["drops_import"] == [False, True, True]
    assert rows["source_runtime_s"] == [0.4, None, 0.1]
    assert rows["input_type"] == ["counted list"] * 3


def test_columns_keep_their_types_where_nothing_was_measured(tmp_path: Path) -> None:
    for name, found in (("all", FOUND), ("none", [wrong(0)])):
        write_pairs(tmp_path / name, found)
    types = [
        datasets.Dataset.from_parquet(str(tmp_path / name), cache_dir=str(tmp_path)).features
        for name in ("all", "none")
    ]
    assert types[0] == types[1]
