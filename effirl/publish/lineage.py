"""Where a model comes from: the training runs behind it, and what the first one started from."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from effirl.errors import UserError
from effirl.model_files import BUILTIN_FOLDERS, is_folder_name
from effirl.runs import (
    MODEL_FOLDER,
    TrainingKind,
    is_model_folder,
    read_settings,
    training_kind,
)

BUILTIN_DATA: Final = "builtin"


@dataclass(frozen=True, slots=True)
class Training:
    """A training run behind a model."""

    settings: dict[str, Any]

    @property
    def kind(self) -> TrainingKind:
        return training_kind(self.settings)

    def yaml(self) -> str:
        """Return its settings as a config file for `--config`."""
        shown = {name: shareable(value) for name, value in self.settings.items()}
        return yaml.safe_dump(shown, sort_keys=False)

    @property
    def title(self) -> str:
        return "warm start" if self.kind == "sft" else "reinforcement"

    @property
    def data(self) -> list[str]:
        """Its data set, and those of runs that it replayed: of one that is gone, the folder."""
        replayed = self.settings.get("replay_from") if self.settings.get("replay_share") else None
        earlier = [(read_settings(Path(run)) or {}).get("data", run) for run in replayed or ()]
        return [str(shareable(name)) for name in (self.settings.get("data"), *earlier)]


@dataclass(frozen=True, slots=True)
class Lineage:
    """The training runs behind a model, the first one first."""

    trainings: list[Training]
    base: str
    """What the first one started from: the built-in model, a hub name, or a folder."""

    @property
    def is_builtin(self) -> bool:
        return self.base in BUILTIN_FOLDERS

    @property
    def data(self) -> list[str]:
        """All that was trained on, each once."""
        return list(dict.fromkeys(name for training in self.trainings for name in training.data))

    @property
    def foreign(self) -> list[str]:
        """What it was made from that is not in the package: others' terms may bind it."""
        base = [] if self.is_builtin else [self.base]
        return base + [f"data {name}" for name in self.data if name != BUILTIN_DATA]

    @property
    def hub_base(self) -> str | None:
        """The base's name on the hub, None if it is not from there."""
        return None if self.is_builtin or is_folder_name(self.base) else self.base


def shareable(value: object) -> object:
    """Shorten an absolute path, of use to its author alone, to its last two parts.

    >>> shareable("/home/me/runs/sft-1/model"), shareable("builtin"), shareable(5)
    ('sft-1/model', 'builtin', 5)
    """
    if isinstance(value, list):
        return [shareable(item) for item in value]
    if isinstance(value, str) and Path(value).is_absolute():
        return "/".join(Path(value).parts[-2:])
    return value


def find_run(folder: Path) -> Path:
    """Return the run that the user named by its folder, or by `model/` in it.

    Raises:
        UserError: If it is no run, or not finished.
    """
    run = folder.parent if folder.name == MODEL_FOLDER and is_model_folder(folder) else folder
    if "model" not in (read_settings(run) or {}):
        raise UserError(f"{folder} is no run of sft or ppo; give its folder, such as runs/ppo-DATE")
    if not is_model_folder(run / MODEL_FOLDER):
        if inner := sorted(str(path.parent) for path in run.glob(f"*/{MODEL_FOLDER}")):
            raise UserError(f"{run} is a folder of several runs; give one: {', '.join(inner)}")
        raise UserError(
            f"{run} has no finished {MODEL_FOLDER}/; the command that began the run goes on with it"
        )
    return run


def lineage(run: Path) -> Lineage:
    """Follow a run back to what its training began with, as far as the folders are there."""
    trainings: list[Training] = []
    model = str(run / MODEL_FOLDER)
    while (
        (settings := read_settings(Path(model).parent)) is not None
        and Path(model).is_dir()
        and isinstance(settings.get("model"), str)  # a run of pre-training has none
    ):
        trainings.insert(0, Training(settings))
        model = str(settings["model"])
    return Lineage(trainings, model)
