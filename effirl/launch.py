"""Run a training script as a user would, as a process of its own.

A fresh process for each stage: its workers start from a small one, and its memory goes with it.
Through `accelerate launch` only where several processes are asked for: on Ctrl-C it leaves before
the script has saved its checkpoint, so that the last periodic one is gone on from.
"""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from effirl.config import EXIT_INTERRUPTED
from effirl.errors import UserError
from effirl.output import is_quiet, wants_json


def script_command(
    script: str, arguments: Sequence[str], accelerate_config: Path | None = None
) -> list[str]:
    """Build the command that runs `scripts/<script>`, on several processes if a config says so.

    By its module: an installed package has no scripts beside it.
    """
    launcher = []
    if accelerate_config is not None:
        launcher = ["-m", "accelerate.commands.launch", "--config_file", str(accelerate_config)]
    return [sys.executable, *launcher, "-m", "effirl.cli", Path(script).stem, *arguments]


def flags(options: Mapping[str, object]) -> list[str]:
    """Write settings as flags, without those that are None.

    >>> flags({"max-steps": 3, "data-path": None, "seeds": [0, 1]})
    ['--max-steps', '3', '--seeds', '0', '1']
    """
    found: list[str] = []
    for name, value in options.items():
        if value is not None:
            values = value if isinstance(value, list) else [value]
            found += [f"--{name}", *map(str, values)]
    return found


def run(command: Sequence[str], what: str) -> None:
    """Run a command to its end; its output goes to the terminal, as far as it is wanted there.

    Raises:
        UserError: If it fails.
        KeyboardInterrupt: If it was interrupted; it has then saved what it saves.
    """
    # What it answers is not this command's answer.
    stdout = subprocess.DEVNULL if is_quiet() else sys.stderr if wants_json() else None
    with subprocess.Popen(command, stdout=stdout) as process:
        try:
            exit_status = process.wait()
        except KeyboardInterrupt:  # the terminal told the script too: let it finish
            process.wait()
            raise
    if exit_status == EXIT_INTERRUPTED:
        raise KeyboardInterrupt
    if exit_status:
        raise UserError(
            f"{what} ended with exit status {exit_status} and its own message above; the same "
            "command continues from there"
        )
