"""The command: find the run and its evaluation, make the folder, keep it here or upload it."""

import json
import logging
import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

from effirl.errors import UserError
from effirl.files import write_whole
from effirl.model_files import builtin_name, is_folder_name
from effirl.publish.arguments import PublishArguments
from effirl.publish.card import CARD_FILE, Subject, choose_license, make_card
from effirl.publish.evaluation import Measured, find_evaluation, read_evaluation
from effirl.publish.hub import check_login, upload
from effirl.publish.lineage import find_run, lineage
from effirl.runs import MODEL_FOLDER

logger = logging.getLogger(__name__)

ADAPTER_FILE: Final = "adapter_config.json"
_BASE_KEY: Final = "base_model_name_or_path"


def publish(arguments: PublishArguments) -> str:
    """Make the folder of a published model.

    Returns:
        Where it is, and how to use it.

    Raises:
        UserError: If the run is not finished, its evaluation is of other weights, it could not be
            loaded elsewhere, or the place cannot be written.
    """
    to_hub = _is_hub_name(arguments.to)
    (check_login if to_hub else _check_place)(arguments.to)
    run = find_run(arguments.run)
    model = run / MODEL_FOLDER
    measured = _evaluation(arguments, run, model)
    adapter_base = _adapter_base(model, arguments.base)
    behind = lineage(run)
    card = make_card(
        Subject(
            Path(arguments.to).resolve().name,
            arguments.to,
            behind,
            measured,
            adapter_base,
            choose_license(behind, arguments.license),
        )
    )
    with tempfile.TemporaryDirectory(dir=_parent(arguments.to, to_hub), prefix=".publish-") as made:
        folder = Path(made) / MODEL_FOLDER
        _copy(model, folder)
        write_whole(folder / CARD_FILE, card)
        if adapter_base is not None:
            _name_base(folder / ADAPTER_FILE, adapter_base)
        if to_hub:
            logger.info(f"uploading to {arguments.to}")
            where = upload(folder, arguments.to, private=arguments.private)
        else:
            where = str(_keep(folder, Path(arguments.to)))
    return (
        f"published {run} to {where}\nuse it: python scripts/evaluate.py --model {arguments.to}\n"
    )


def _is_hub_name(to: str) -> bool:
    """Whether a place is on the hub: `owner/name`, where there is no folder `owner` here."""
    parts = Path(to).parts
    return len(parts) == 2 and not is_folder_name(to) and not Path(parts[0]).is_dir()


def _check_place(to: str) -> None:
    folder = Path(to)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder} is there already, and not empty; name a new folder with --to")


def _evaluation(arguments: PublishArguments, run: Path, model: Path) -> Measured | None:
    folder = arguments.evaluation or find_evaluation(run, model)
    if folder is None:
        logger.warning(
            f"no evaluation of {model} in {run} or beside it: the card will have no figures; make "
            f"one with: python scripts/evaluate.py --model {model}"
        )
        return None
    logger.info(f"figures of the card: {folder}")
    return read_evaluation(folder, model)


def _adapter_base(model: Path, given: str | None) -> str | None:
    """Return the name that an adapter's base has elsewhere too, None for a whole model."""
    if not (model / ADAPTER_FILE).is_file():
        return None
    values = json.loads((model / ADAPTER_FILE).read_text(encoding="utf-8"))
    base = given or str(values.get(_BASE_KEY))
    if (builtin := builtin_name(base)) is not None:
        return builtin
    if is_folder_name(base):
        raise UserError(
            f"{model} is an adapter of {base}, a folder that others do not have; publish that "
            "model first, and name it with --base OWNER/NAME"
        )
    return base


def _copy(model: Path, folder: Path) -> None:
    try:
        shutil.copytree(model, folder)
    except OSError as error:  # shutil.Error, which it gathers, has no strerror
        raise UserError(f"cannot copy {model}: {error.strerror or error}") from error


def _name_base(path: Path, base: str) -> None:
    values = json.loads(path.read_text(encoding="utf-8"))
    write_whole(path, json.dumps({**values, _BASE_KEY: base}, indent=2) + "\n")


def _parent(to: str, to_hub: bool) -> Path | None:
    """Return where the folder is made: beside its place, to be moved there in one step."""
    if to_hub:
        return None
    parent = Path(to).resolve().parent
    try:
        parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot make {parent}: {error.strerror}") from error
    if not os.access(parent, os.W_OK):
        raise UserError(f"cannot write to {parent}; name another place with --to")
    return parent


def _keep(folder: Path, place: Path) -> Path:
    try:
        folder.rename(place)  # replaces an empty folder
    except OSError as error:
        raise UserError(f"cannot write {place}: {error.strerror}") from error
    return place
