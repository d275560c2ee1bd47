"""Run a training script as a user would, as a process of its own, here or on a cluster's nodes.

A fresh process for each stage: its workers start from a small one, and its memory goes with it.
Through `accelerate launch` only where several processes are asked for: on Ctrl-C it leaves before
the script has saved its checkpoint, so that the last periodic one is gone on from.
"""

import logging
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from effirl.config import EXIT_INTERRUPTED
from effirl.errors import UserError
from rewards.cluster import ClusterError, connect, import_ray

_POLL_S: Final = 0.5
_SAVE_TIMEOUT_S: Final = 120.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Stage:
    """A command to run."""

    command: list[str]
    what: str
    """For messages."""
    folder: Path
    """That it makes."""

    @property
    def log(self) -> Path:
        """Where its output goes on a cluster."""
        return self.folder.with_name(f"{self.folder.name}.log").resolve()


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


def run(command: Sequence[str], what: str) -> None:
    """Run a command to its end; its output goes to the terminal.

    Raises:
        UserError: If it fails.
        KeyboardInterrupt: If it was interrupted; it has then saved what it saves.
    """
    with subprocess.Popen(command) as process:
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


def run_on_cluster(stages: Sequence[Stage], address: str | None = None) -> None:
    """Run commands on the nodes of a Ray cluster, one on each at a time; output goes to their logs.

    All nodes must see the current folder and the stages' folders at the same paths. A stage whose
    node is lost goes on, from its last checkpoint, on another one. One that fails stops no other.

    Args:
        stages: In the order in which they start.
        address: Of the cluster, see `rewards.cluster.connect`.

    Raises:
        UserError: If there is no cluster, no node of it is left, or a stage fails.
        KeyboardInterrupt: After Ctrl-C, when what runs has saved what it saves.
    """
    try:
        is_ours = connect(address)
    except ClusterError as error:
        raise UserError(str(error)) from error
    ray = import_ray()
    try:
        failures = _run_on_nodes(ray, stages)
    finally:
        if is_ours:
            ray.shutdown()
    if failures:
        raise UserError("; ".join(failures) + "; the same command continues from there")


def _run_on_nodes(ray: Any, stages: Sequence[Stage]) -> list[str]:
    """Run all stages; returns what is to be said of those that failed."""
    idle = deque(n for n in ray.nodes() if n["Alive"] and n["Resources"].get("CPU", 0) >= 1)
    waiting = deque(stages)
    running: dict[Any, tuple[Stage, dict[str, Any]]] = {}
    failures: list[str] = []
    try:
        while waiting or running:
            while waiting and idle:
                stage, node = waiting.popleft(), idle.popleft()
                logger.info(f"{stage.what} on {node['NodeManagerHostname']}: {stage.log}")
                running[_start(ray, stage, node)] = stage, node
            if not running:
                raise UserError("no node of the Ray cluster is left to run on")
            (reference,), _ = ray.wait(list(running), num_returns=1)
            stage, node = running.pop(reference)
            try:
                exit_status = ray.get(reference)
            except ray.exceptions.RayError as error:
                reason = str(error).strip().rsplit("\n", 1)[-1]
                logger.warning(f"lost node {node['NodeManagerHostname']} at {stage.what}: {reason}")
                waiting.append(stage)
                continue
            idle.append(node)
            if exit_status:
                failures.append(
                    f"{stage.what} ended with exit status {exit_status}, see {stage.log}"
                )
            elif not stage.folder.is_dir():
                failures.append(
                    f"{stage.what} ended on {node['NodeManagerHostname']}, but {stage.folder} is "
                    "not seen here: --output-dir must be a folder that all nodes share"
                )
    except KeyboardInterrupt:
        for reference in running:
            ray.cancel(reference)
        if running:
            ray.wait(list(running), num_returns=len(running), timeout=_SAVE_TIMEOUT_S)
        raise
    return failures


def _start(ray: Any, stage: Stage, node: dict[str, Any]) -> Any:
    """Start a stage on a node, and reserve all of it."""
    affinity = import_module("ray.util.scheduling_strategies").NodeAffinitySchedulingStrategy
    task = ray.remote(run_here).options(
        num_cpus=node["Resources"]["CPU"],
        num_gpus=node["Resources"].get("GPU", 0),
        max_retries=0,
        scheduling_strategy=affinity(node["NodeID"], soft=False),
    )
    return task.remote(stage.command[1:], str(Path.cwd()), str(stage.log))


def run_here(arguments: Sequence[str], folder: str, log: str) -> int:
    """Run this machine's Python in a folder; returns the exit status.

    Raises:
        KeyboardInterrupt: If it was interrupted; the command has then saved what it saves.
    """
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # ray's processes block it
    with (
        Path(log).open("ab") as output,
        subprocess.Popen(
            [sys.executable, *arguments],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            while process.poll() is None:  # not `wait`, which ray's interrupt does not end
                time.sleep(_POLL_S)
        except KeyboardInterrupt:
            process.send_signal(signal.SIGINT)
            process.wait()
            raise
    return process.returncode
