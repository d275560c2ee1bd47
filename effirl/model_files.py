"""Find the files of a model: in the package, in a local folder, or on the hub."""

from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HFValidationError

from effirl.errors import UserError

BUILTIN_MODEL = "codet5-nano"
"""The base that ships with the package and needs no download."""
TUNED_MODEL = "codet5-nano-tuned"
"""The same after the study's warm start and conditioned reinforcement; ships too."""
BUILTIN_FOLDERS = {
    name: Path(__file__).parent / "assets" / name for name in (BUILTIN_MODEL, TUNED_MODEL)
}


def locate_model(name: str) -> Path:
    """Return the folder that holds the files of a model, downloading them if need be."""
    if name in BUILTIN_FOLDERS:
        folder = BUILTIN_FOLDERS[name]
        if not (folder / "model.safetensors").is_file():
            raise UserError(
                f"the weights of {name} are missing in {folder}: install effirl again, or get them "
                "back with: git checkout effirl/assets"
            )
        return folder
    folder = Path(name)
    if folder.is_dir():
        if not any((folder / f).is_file() for f in ("config.json", "adapter_config.json")):
            raise UserError(
                f"{folder} is not a model: it has neither config.json nor adapter_config.json; "
                "give the model/ or checkpoint-N/ folder of a run"
            )
        return folder
    if is_folder_name(name):
        raise UserError(f"no model folder {name}; give an existing one, or {BUILTIN_MODEL}")
    return _download(name)


def builtin_name(base: str) -> str | None:
    """Return which built-in model an adapter's base is, wherever the package was; None if none."""
    name = Path(base).name
    return name if name in BUILTIN_FOLDERS else None


def is_folder_name(name: str) -> bool:
    """Whether a model is named by a folder; else the name is the hub's, `name` or `owner/name`.

    >>> is_folder_name("Salesforce/codet5-small"), is_folder_name("./codet5"), is_folder_name("/a")
    (False, True, True)
    """
    path = Path(name)
    return path.is_absolute() or name.startswith((".", "~")) or len(path.parts) > 2 or path.is_dir()


def _download(name: str) -> Path:
    """Return the hub's snapshot of a model: from the cache where the hub cannot be reached.

    `from_pretrained` would ask the hub about each file and retry for a minute without a network;
    this asks once.
    """
    try:
        # Old checkpoints have only *.bin; those with both formats need only the first.
        folder = Path(snapshot_download(name, allow_patterns=["*.json", "*.txt", "*.safetensors"]))
        if not any(folder.glob("*.safetensors")):
            folder = Path(snapshot_download(name, allow_patterns=["*.json", "*.txt", "*.bin"]))
    except (OSError, HFValidationError) as error:
        cause = str(error).strip().split("\n")[0]
        raise UserError(
            f"model {name} is neither a folder nor can it be had from the hub ({cause}); "
            f"without a network use {BUILTIN_MODEL}"
        ) from error
    return folder
