"""Data sets from the Hugging Face hub. Asks it once, and without a network reads its cache."""

from collections.abc import Iterator
from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HFValidationError

from effirl.data.rows import Row
from effirl.errors import UserError


def hub_id(data_path: Path | None, default: str) -> str | None:
    """Return the hub id that `--data-path` stands for, None for a local file or folder.

    Args:
        data_path: What the user gave: nothing, a path that exists, or another copy's hub id.
        default: The data set's own id.

    Raises:
        UserError: If it is neither.
    """
    if data_path is None:
        return default
    if data_path.exists():
        return None
    if data_path.is_absolute() or len(data_path.parts) != 2 or data_path.parts[0] in (".", ".."):
        raise UserError(
            f"--data-path {data_path} is no file or folder here; name one, or a hub id (the data "
            f"set's own is {default})"
        )
    return str(data_path)


def hub_folder(name: str) -> Path:
    """Return the local snapshot of a data set on the hub.

    Raises:
        UserError: If it is neither in the cache nor to be had.
    """
    try:
        return Path(snapshot_download(name, repo_type="dataset"))
    except (OSError, HFValidationError) as error:
        cause = str(error).strip().split("\n")[0]
        raise UserError(
            f"{name} is no file or folder here, and no data set that can be had from the hub "
            f"({cause}); copy its files here and name them with --data-path"
        ) from error


def read_hub(name: str, split: str) -> Iterator[Row]:
    """Read a split of a data set on the hub.

    Raises:
        UserError: If the data set cannot be had, has no such split, or cannot be read.
    """
    import datasets  # slow to import, and needed for the hub alone

    folder = hub_folder(name)
    try:
        table = datasets.load_dataset(str(folder), split=split)
    except (ValueError, OSError, datasets.exceptions.DatasetsError) as error:
        cause = str(error).strip().split("\n")[0]
        raise UserError(
            f"split {split!r} of {name} on the hub cannot be read ({cause}); get the original "
            "files and name them with --data-path"
        ) from error
    for number, values in enumerate(table, start=1):
        yield Row(f"{name}, split {split}, row {number}", dict(values))
