"""The command line of `effirl publish`. Imports without torch."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class PublishArguments:
    """What to publish, and where."""

    run: Path
    to: str
    """Folder, or `owner/name` of the hub."""
    evaluation: Path | None
    base: str | None
    """Name of the model that an adapter stands on, where the run knows only a folder of it."""
    license: str | None
    private: bool


def parse_arguments(argv: Sequence[str] | None) -> PublishArguments:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="effirl publish",
        description="Make a model folder with its card from a finished run, here or on the hub.",
    )
    parser.add_argument("run", type=Path, metavar="RUN_FOLDER", help="of sft or ppo, finished")
    parser.add_argument(
        "--to", required=True, metavar="NAME_OR_FOLDER",
        help="OWNER/NAME uploads to the hub; ./FOLDER, or one below a folder that exists, does not",
    )  # fmt: skip
    parser.add_argument(
        "--evaluation", type=Path, metavar="DIR",
        help="folder of the evaluation that the card quotes; the newest of these very weights in "
        "the run's folder or beside it",
    )  # fmt: skip
    parser.add_argument(
        "--base", metavar="NAME",
        help="what an adapter stands on, by the name under which others find it",
    )  # fmt: skip
    parser.add_argument(
        "--license", metavar="ID",
        help="apache-2.0 for what was made from codet5-nano and the built-in data alone",
    )  # fmt: skip
    parser.add_argument("--private", action="store_true", help="upload for yourself only")
    return PublishArguments(**vars(parser.parse_args(argv)))
