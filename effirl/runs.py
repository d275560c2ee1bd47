"""Run folders: where a command keeps what it makes, and how it finds what to continue.

    runs/ppo-20260131-142530/
        config.yaml         the resolved settings
        log.jsonl           one row of metrics a step
        checkpoint-20/      the trainer's own, to resume from
        model/              the finished policy; its presence means that the run is complete

Two commands never write one folder: a run holds an advisory lock for as long as its process lives.
"""

import fcntl
import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any, Literal

import yaml

from effirl.errors import UserError
from effirl.files import read_log, write_whole

logger = logging.getLogger(__name__)

RUNS = Path("runs")
CONFIG_FILE = "config.yaml"
LOG_FILE = "log.jsonl"
PROVENANCE_FILE = "provenance.json"
LOCK_FILE = ".lock"
MODEL_FOLDER = "model"
PLACES = ("output_dir", "engine", "rewards_engine", "ray_address")
"""Settings that say where a run works, not what it does: it may go on elsewhere."""
WEIGHT_FILES = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "adapter_model.safetensors",
)
OPTIMIZER_FILES = ("optimizer.pt", "optimizer.bin", "latest")
"""Of one process or DDP, of FSDP, and what DeepSpeed writes when its own folder is whole."""


TrainingKind = Literal["sft", "ppo"]
"""Of warm start and reinforcement: the names of their scripts."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run folder that this process may write."""

    path: Path
    checkpoint: Path | None
    """The newest whole checkpoint of an earlier process, None for a fresh start."""
    lock: IO[str] | None
    """Closing it, or the end of the process, lets others write the folder. None in a process that
    shares the folder of the one that holds it."""

    @property
    def model_path(self) -> Path:
        """Where the finished policy is, or will be."""
        return self.path / MODEL_FOLDER

    @property
    def is_finished(self) -> bool:
        """Whether the policy is already there."""
        return self.model_path.is_dir()


def new_run(kind: str, root: Path = RUNS) -> Path:
    """Make and return an empty `<root>/<kind>-<YYYYmmdd-HHMMSS>/`."""
    moment = datetime.now()
    while True:
        path = root / f"{kind}-{moment:%Y%m%d-%H%M%S}"
        try:
            path.mkdir(parents=True)
        except FileExistsError:  # another command started in the same second
            moment += timedelta(seconds=1)
        except OSError as error:
            raise UserError(f"cannot make run folder {path}: {error.strerror}") from error
        else:
            return path


def open_run(kind: str, config: object, output_dir: Path | None, root: Path = RUNS) -> Run:
    """Find the run that this command continues, or start a new one.

    With `output_dir` it is that folder. Without, it is the newest unfinished run of the kind whose
    settings are the same; of commands that leave no `model/`, also a finished one, which is then
    shown again. That another process is writing it is an error, not a reason for a second
    one: after Ctrl-C under `accelerate launch` the script goes on to the end of its step.

    Args:
        kind: sft, ppo, eval or sweep.
        config: The command's dataclass, with every default resolved.
        output_dir: As the user gave it.
        root: Folder of the runs.

    Raises:
        UserError: If `output_dir` holds a run with other settings, or the run is being written.
    """
    if output_dir is not None:
        return _open_named(output_dir, settings(config))
    for path in sorted(root.glob(f"{kind}-*"), reverse=True):
        if (path / MODEL_FOLDER).is_dir() or read_settings(path) != settings(config):
            continue
        return Run(path, last_checkpoint(path), _lock(path))
    return _open_named(new_run(kind, root), settings(config))


def newest_warm_start(root: Path = RUNS) -> Path | None:
    """Return the `model/` folder of the warm start that finished last, the demo's too, or None."""
    return _newest_model(root, "sft*", "demo/sft")


def newest_policy(root: Path = RUNS) -> Path | None:
    """Return the `model/` folder of the reinforcement that finished last, else of the warm start.

    The demo's count too.
    """
    return _newest_model(root, "ppo*", "demo/ppo") or newest_warm_start(root)


def _newest_model(root: Path, *patterns: str) -> Path | None:
    paths = [path for pattern in patterns for path in root.glob(f"{pattern}/{MODEL_FOLDER}")]
    found = [path for path in paths if is_model_folder(path)]
    return max(found, key=lambda path: path.stat().st_mtime, default=None)


def is_model_folder(path: Path) -> bool:
    """Whether a folder holds weights, or an adapter's."""
    return any((path / name).is_file() for name in WEIGHT_FILES)


def last_checkpoint(path: Path) -> Path | None:
    """Return the newest whole checkpoint of a run.

    The trainer writes `trainer_state.json` last: a checkpoint without a readable one was cut short.
    """
    numbered = []
    for folder in path.glob("checkpoint-*"):
        suffix = folder.name.removeprefix("checkpoint-")
        if suffix.isdecimal():
            numbered.append((int(suffix), folder))
    for _, folder in sorted(numbered, reverse=True):
        if _is_whole(folder):
            return folder
    return None


def settings(config: object) -> dict[str, Any]:
    """Return a config's values as YAML holds them, without those that say where it runs."""
    values = {field.name: getattr(config, field.name) for field in fields(config)}  # type: ignore[arg-type]
    kept = {name: value for name, value in values.items() if name not in PLACES}
    return {name: str(v) if isinstance(v, Path) else v for name, v in kept.items()}


def read_settings(path: Path) -> dict[str, Any] | None:
    """Return what `settings` gave when the run was started, None if the folder is no run."""
    try:
        values = yaml.safe_load((path / CONFIG_FILE).read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError):
        return None
    return values if isinstance(values, dict) else None


def refuse_other_settings(path: Path, wanted: Mapping[str, Any]) -> None:
    """Keep what is made with some settings apart from what was made with others.

    Args:
        path: Run folder, or any other, which is passed over.
        wanted: What `settings` gives for the command.

    Raises:
        UserError: If the run in the folder was started with other ones.
    """
    found = read_settings(path)
    if found is None or found == wanted:
        return
    name = next(n for n in {**wanted, **found} if wanted.get(n) != found.get(n))
    raise UserError(
        f"{path} holds a run with other settings ({name} was {found.get(name)!r}, now "
        f"{wanted.get(name)!r}); use another --output-dir"
    )


def taken_otherwise(model: str, config: object) -> str | None:
    """Say in a line what a command takes otherwise than the run that made its model did.

    The data, and, where the run had data of the user's, a length that cuts what it did not: nobody
    who leaves a flag out is told by an error.

    Args:
        model: A name or folder.
        config: The command's dataclass.
    """
    trained, now = read_settings(Path(model).parent), settings(config)
    if trained is None or not {"model", "learning_rate"} <= trained.keys():
        return None  # no training's: beside a file of completions are an evaluation's
    trained.setdefault("max_new_tokens", trained.get("max_target_tokens", 0))
    names = [name for name in ("data", "data_path") if trained.get(name) != now.get(name)]
    if trained.get("data") != "builtin":
        lengths = ("max_prompt_tokens", "max_new_tokens")
        names += [name for name in lengths if now[name] < trained.get(name, 0)]
    if not names:
        return None
    before, here = (
        " ".join(f"{name}={values.get(name)}" for name in names) for values in (trained, now)
    )
    return f"note: {model} was trained with {before}, and this takes {here}"


def training_kind(values: Mapping[str, Any]) -> TrainingKind:
    """Tell what a training run was by its settings: only reinforcement has a balance."""
    return "ppo" if "alpha" in values else "sft"


def refuse_other_provenance(path: Path, now: Mapping[str, object]) -> None:
    """Write down on what a folder's results stand, or refuse to add results that differ.

    Args:
        path: Run folder.
        now: Of JSON's types, by names that a message can use.

    Raises:
        UserError: If earlier results in it differ in one of them.
    """
    if not (path / PROVENANCE_FILE).is_file():
        write_whole(path / PROVENANCE_FILE, json.dumps(now, indent=2) + "\n")
        return
    before = read_provenance(path)
    for name, value in now.items():
        if before.get(name) != value:
            raise UserError(
                f"{path} holds results made with another {name} "
                f"({tell_apart(before.get(name), value)}): figures of the two cannot be put "
                "together; use another --output-dir"
            )


def read_provenance(path: Path) -> dict[str, Any]:
    """Return on what a folder's results stand.

    Raises:
        UserError: If it does not say.
    """
    file = path / PROVENANCE_FILE
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{file}: {error.strerror}; evaluate again") from error
    except ValueError as error:
        raise UserError(f"{file} is not JSON; use another --output-dir") from error
    return found if isinstance(found, dict) else {}


def tell_apart(before: object, now: object) -> str:
    """Say what differs between two values, of dictionaries only the entries that do."""
    if not isinstance(before, dict) or not isinstance(now, dict):
        return f"{before!r:.60} and {now!r:.60}"
    names = [name for name in before | now if before.get(name) != now.get(name)]
    return ", ".join(
        f"{name}: {before.get(name)!r:.60} and {now.get(name)!r:.60}" for name in names
    )


def drop_rows_after(path: Path, step: int) -> None:
    """Cut a jsonl log back to a checkpoint, so that a resumed run does not log a step twice.

    A last line that was cut short goes too.
    """
    if not path.is_file():
        return
    kept = [row for row in read_log(path) if row["step"] <= step]
    write_whole(path, "".join(json.dumps(row) + "\n" for row in kept))


def _open_named(path: Path, wanted: dict[str, Any]) -> Run:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot make run folder {path}: {error.strerror}") from error
    lock = _lock(path)
    if read_settings(path) is None:
        write_whole(path / CONFIG_FILE, yaml.safe_dump(wanted, sort_keys=False))
    refuse_other_settings(path, wanted)
    return Run(path, last_checkpoint(path), lock)


def _lock(path: Path) -> IO[str]:
    try:
        lock = (path / LOCK_FILE).open("a+", encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot write to run folder {path}: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.close()
        raise UserError(
            f"{path} is being written by another process; wait for its end, or "
            "use another --output-dir"
        ) from error
    except OSError as error:  # some network file systems have no locks
        logger.warning(
            f"{path} cannot be locked ({error.strerror}): see that one process writes it"
        )
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()
    return lock


def _is_whole(folder: Path) -> bool:
    try:
        json.loads((folder / "trainer_state.json").read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError):
        return False
    return is_model_folder(folder) and any((folder / name).is_file() for name in OPTIMIZER_FILES)
