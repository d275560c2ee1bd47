"""The file of outcomes: shared by processes that are killed, corrupted, locked, removed."""

import logging
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rewards import database
from rewards.cache import FILE_NAME, MAX_SERVINGS, MeasurementCache
from rewards.jobs import Outcome
from rewards.records import Status

WRONG = Outcome(Status.WRONG_ANSWER, 0.5, 0.25)

WRITER = """
import sys
from pathlib import Path
from rewards.cache import MeasurementCache
from rewards.jobs import Outcome
from rewards.records import Status
cache, name = MeasurementCache(Path(sys.argv[1])), sys.argv[2]
print("ready", flush=True)
for i in range(int(sys.argv[3])):
    cache.store({f"{name}-{i}-{j}": Outcome(Status.OK, 1.0, float(i)) for j in range(5)})
print(sum(len(cache.serve(["shared"])) for _ in range(MAX)), flush=True)
""".replace("MAX", str(MAX_SERVINGS))


def start_writer(folder: Path, name: str, batches: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder), name, str(batches)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )


def test_processes_share_the_file_and_count_servings_together(tmp_path: Path) -> None:
    MeasurementCache(tmp_path).store({"shared": WRONG})
    writers = [start_writer(tmp_path, name, 20) for name in "abc"]
    answers = [writer.communicate(timeout=60)[0].split() for writer in writers]
    assert sum(int(served) for _, served in answers) == MAX_SERVINGS
    assert MeasurementCache(tmp_path).summary()["rows"] == 3 * 20 * 5 + 1


def test_a_writer_killed_at_any_moment_leaves_whole_batches(tmp_path: Path) -> None:
    for attempt in range(6):
        writer = start_writer(tmp_path, f"{attempt}", 1_000_000)
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        time.sleep(random.uniform(0.0, 0.1))
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
    shared = MeasurementCache(tmp_path)
    rows = shared.summary()["rows"]
    assert rows > 0
    assert rows % 5 == 0, "a batch is one transaction"
    shared.store({"next": WRONG})
    assert shared.serve(["next"]) == {"next": WRONG}
    assert not list(tmp_path.glob("*.corrupt"))


def overwrite(path: Path, how: str) -> None:
    content = path.read_bytes()
    path.write_bytes(
        {
            "no database": b"what is this? " * 500,
            "cut off": content[: len(content) // 2],
            "pages overwritten": content[:4096] + b"\xff" * (len(content) - 4096),
        }[how]
    )


@pytest.mark.parametrize(
    ("how", "is_open"),
    [
        ("no database", False),
        ("cut off", False),
        ("pages overwritten", False),
        ("no database", True),
        ("cut off", True),
    ],
)
def test_a_corrupt_file_is_set_aside(tmp_path: Path, caplog, how: str, is_open: bool) -> None:
    shared = MeasurementCache(tmp_path)
    shared.store({str(number): WRONG for number in range(100)})
    if not is_open:
        shared.close()
    overwrite(tmp_path / FILE_NAME, how)
    if not is_open:
        shared = MeasurementCache(tmp_path)
    assert shared.serve([str(number) for number in range(100)]) == {}
    shared.store({"a": WRONG})
    assert MeasurementCache(tmp_path).serve(["a"]) == {"a": WRONG}
    assert (tmp_path / "measurements.corrupt").exists()
    (warning,) = caplog.records
    assert "is corrupt" in warning.getMessage()


def test_two_processes_that_find_it_corrupt_set_it_aside_once(tmp_path: Path, caplog) -> None:
    first, second = MeasurementCache(tmp_path), MeasurementCache(tmp_path)
    first.store({str(number): WRONG for number in range(100)})
    overwrite(tmp_path / FILE_NAME, "no database")
    first.store({"a": WRONG})
    second.store({"b": WRONG})
    assert MeasurementCache(tmp_path).serve(["a", "b"]) == {"a": WRONG, "b": WRONG}
    assert len(caplog.records) == 1


def test_a_removed_file_is_begun_anew(tmp_path: Path, caplog) -> None:
    shared = MeasurementCache(tmp_path)
    shared.store({"a": WRONG})
    (tmp_path / FILE_NAME).unlink()
    shared.store({"b": WRONG})
    assert MeasurementCache(tmp_path).serve(["a", "b"]) == {"b": WRONG}
    assert not caplog.records


def test_a_folder_of_no_use_costs_a_warning(tmp_path: Path, caplog) -> None:
    (tmp_path / "file").write_text("")
    memory = MeasurementCache(tmp_path / "file")
    memory.store({"a": WRONG})
    assert memory.serve(["a"]) == {"a": WRONG}
    assert memory.path is None
    (warning,) = caplog.records
    assert warning.levelno == logging.WARNING
    assert str(tmp_path / "file") in warning.getMessage()


def test_a_file_locked_for_long_costs_a_warning(tmp_path: Path, caplog, monkeypatch) -> None:
    monkeypatch.setattr(database, "_BUSY_S", 0.05)
    memory = MeasurementCache(tmp_path)
    holder = sqlite3.connect(tmp_path / FILE_NAME)
    holder.execute("BEGIN EXCLUSIVE")
    memory.store({"a": WRONG})
    assert memory.serve(["a"]) == {"a": WRONG}
    assert "locked" in caplog.records[0].getMessage()
    assert len(caplog.records) == 1
    holder.close()


def test_only_its_user_may_read_or_write(tmp_path: Path) -> None:
    path = MeasurementCache(tmp_path / "new").path
    assert path is not None
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
