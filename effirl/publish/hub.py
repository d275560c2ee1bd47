"""Upload a model folder to the Hugging Face hub."""

from pathlib import Path
from typing import Final

from huggingface_hub import HfApi, get_token
from huggingface_hub.errors import HTTPError  # type: ignore[attr-defined] # of its HTTP library

from effirl.errors import UserError

_STALE: Final = ["*.safetensors", "*.bin", "*.json"]
"""What an earlier upload may have left that this one has no more: an adapter, say."""


def check_login(name: str) -> None:
    """Refuse an upload that cannot succeed, before any work is done.

    Raises:
        UserError: If nobody is logged in.
    """
    if get_token() is None:
        raise UserError(
            f"to upload {name}, log in with: hf auth login (a token that may write), or set "
            f"HF_TOKEN; for a folder on this machine: --to ./{name}"
        )


def upload(folder: Path, name: str, *, private: bool) -> str:
    """Make or replace a model on the hub in one commit, and return its address.

    Raises:
        UserError: If the hub cannot be reached, or refuses; if it is to be private and is not.
    """
    api = HfApi(library_name="effirl")
    try:
        api.create_repo(name, private=private or None, exist_ok=True)
        if private:
            _require_private(api, name)
        api.upload_folder(
            repo_id=name,
            folder_path=folder,
            commit_message="Upload a model trained by effirl",
            delete_patterns=_STALE,
        )
    except UserError:
        raise
    except (OSError, ValueError, HTTPError) as error:
        cause = str(error).strip().split("\n")[0]
        raise UserError(
            f"{name} could not be uploaded to the hub ({cause}); try again where it can be "
            f"reached, or write a folder with: --to ./{name}"
        ) from error
    return f"{api.endpoint}/{name}"


def _require_private(api: HfApi, name: str) -> None:
    """Look at the repository: of one that was there, the hub ignores what it was told to be."""
    if not api.model_info(name).private:
        raise UserError(
            f"{name} is on the hub already, and public, so nothing was uploaded; make it private "
            f"at {api.endpoint}/{name}/settings, or name a new one with --to"
        )
