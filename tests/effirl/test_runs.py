"""Which folder a command writes, and what it continues."""

import errno
import json
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from effirl.errors import UserError
from effirl.runs import (
    drop_rows_after,
    last_checkpoint,
    new_run,
    newest_policy,
    newest_warm_start,
    open_run,
    read_settings,
    taken_otherwise,
)
from effirl.training.config import PpoConfig


@dataclass
class Config:
    alpha: float = 0.5
    data_path: Path | None = None
    output_dir: Path | None = None


def make_checkpoint(run: Path, step: int) -> Path:
    folder = run / f"checkpoint-{step}"
    folder.mkdir(parents=True)
    (folder / "model.safetensors").touch()
    (folder / "optimizer.pt").touch()
    (folder / "trainer_state.json").write_text(json.dumps({"global_step": step}))
    return folder


def make_model(run: Path, mtime: int) -> Path:
    model = run / "model"
    model.mkdir(parents=True)
    (model / "model.safetensors").touch()
    os.utime(model, (mtime, mtime))
    return model


def test_new_runs_never_share_a_folder(tmp_path: Path) -> None:
    paths = {new_run("sft", tmp_path) for _ in range(3)}
    assert len(paths) == 3
    assert all(len(path.name) == len("sft-20260131-142530") for path in paths)


def test_settings_are_kept_without_the_folder(tmp_path: Path) -> None:
    run = open_run("ppo", Config(0.25, Path("a/b"), Path("x")), None, tmp_path)
    assert read_settings(run.path) == {"alpha": 0.25, "data_path": "a/b"}
    assert run.checkpoint is None
    assert not run.is_finished


def test_same_command_continues_its_unfinished_run(tmp_path: Path) -> None:
    first = open_run("ppo", Config(), None, tmp_path)
    checkpoint = make_checkpoint(first.path, 20)
    assert first.lock is not None
    first.lock.close()
    other = open_run("ppo", Config(alpha=1.0), None, tmp_path)
    assert other.path != first.path
    again = open_run("ppo", Config(), None, tmp_path)
    assert again.path == first.path
    assert again.checkpoint == checkpoint


def test_a_finished_run_is_not_continued(tmp_path: Path) -> None:
    first = open_run("ppo", Config(), None, tmp_path)
    make_model(first.path, 1)
    assert first.lock is not None
    first.lock.close()
    assert open_run("ppo", Config(), None, tmp_path).path != first.path
    assert open_run("ppo", Config(), first.path, tmp_path).is_finished


def test_a_run_that_is_being_written_is_left_alone(tmp_path: Path) -> None:
    """Not even begun a second time: the script of an interrupted launcher may still be saving."""
    first = open_run("ppo", Config(), None, tmp_path)
    number = (first.path / ".lock").read_text()
    for folder in (None, first.path):
        with pytest.raises(UserError, match="being written by another process"):
            open_run("ppo", Config(), folder, tmp_path)
    assert (first.path / ".lock").read_text() == number == f"{os.getpid()}\n"
    assert [path.name for path in tmp_path.iterdir()] == [first.path.name]
    assert open_run("ppo", Config(alpha=1.0), None, tmp_path).path != first.path


def test_a_file_system_without_locks_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", refuse)
    run = open_run("ppo", Config(), tmp_path / "run")
    assert run.path == tmp_path / "run"
    assert "cannot be locked (No locks available)" in caplog.text


def test_named_folder_with_other_settings_is_refused(tmp_path: Path) -> None:
    run = open_run("ppo", Config(), tmp_path / "mine", tmp_path)
    assert run.lock is not None
    run.lock.close()
    with pytest.raises(UserError, match=r"alpha was 0\.5, now 1\.0.*--output-dir"):
        open_run("ppo", Config(alpha=1.0), tmp_path / "mine", tmp_path)


def test_a_file_in_the_way_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot make run folder"):
        open_run("ppo", Config(), tmp_path / "file", tmp_path)


def test_last_checkpoint_is_the_newest_whole_one(tmp_path: Path) -> None:
    assert last_checkpoint(tmp_path) is None
    make_checkpoint(tmp_path, 9)
    whole = make_checkpoint(tmp_path, 10)
    cut = make_checkpoint(tmp_path, 100)
    (cut / "trainer_state.json").write_text('{"global_')
    (make_checkpoint(tmp_path, 101) / "trainer_state.json").unlink()
    (make_checkpoint(tmp_path, 102) / "model.safetensors").unlink()
    (tmp_path / "checkpoint-best").mkdir()
    assert last_checkpoint(tmp_path) == whole


def test_newest_warm_start_is_the_one_that_finished_last(tmp_path: Path) -> None:
    assert newest_warm_start(tmp_path) is None
    newest = make_model(tmp_path / "sft-20260101-000000", 300)
    make_model(tmp_path / "sft-20260102-000000", 200)
    make_model(tmp_path / "ppo-20260103-000000", 400)
    make_checkpoint(tmp_path / "sft-20260104-000000", 5)
    (tmp_path / "sft-20260105-000000" / "model").mkdir(parents=True)
    assert newest_warm_start(tmp_path) == newest


def test_newest_policy_is_a_reinforced_one_if_there_is_any(tmp_path: Path) -> None:
    assert newest_policy(tmp_path) is None
    warm_start = make_model(tmp_path / "demo" / "sft", 400)
    assert newest_policy(tmp_path) == warm_start
    make_model(tmp_path / "ppo-20260101-000000", 200)
    reinforced = make_model(tmp_path / "demo" / "ppo", 300)
    assert newest_policy(tmp_path) == reinforced


def test_log_is_cut_back_to_the_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    drop_rows_after(path, 3)
    assert not path.exists()
    rows = [json.dumps({"step": step}) + "\n" for step in (1, 2, 3, 4)]
    path.write_text("".join(rows) + '{"step": 5, "lo')
    drop_rows_after(path, 3)
    assert path.read_text() == "".join(rows[:3])


@pytest.mark.parametrize(
    ("trained", "said"),
    [
        ({"data": "builtin", "data_path": None, "max_target_tokens": 384}, None),
        ({"data": "pie", "data_path": "p", "max_prompt_tokens": 512, "max_target_tokens": 512},
         "data=pie data_path=p max_new_tokens=512, and this takes data=builtin data_path=None "
         "max_new_tokens=192"),
    ],
)  # fmt: skip
def test_what_a_command_takes_otherwise_than_its_model_is_said(
    trained: dict[str, object], said: str | None, tmp_path: Path
) -> None:
    settings = trained | {"model": "codet5-nano", "learning_rate": 1e-3}
    (tmp_path / "config.yaml").write_text(json.dumps(settings))
    model = str(tmp_path / "model")
    assert taken_otherwise("codet5-nano", PpoConfig()) is None
    wanted = None if said is None else f"note: {model} was trained with {said}"
    assert taken_otherwise(model, PpoConfig()) == wanted
