"""Runs commands on the nodes of a Ray cluster, as `effirl.launch` runs one here."""

import logging
import signal
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from effirl.errors import UserError
from rewards.cluster import ClusterError, connect, import_ray, on_node
from rewards.isolation import kernel

_POLL_S: Final = 0.5
_SAVE_TIMEOUT_S: Final = 120.0
_MAX_TRIES: Final = 3

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """A command to run, this machine's Python first."""

    command: list[str]
    what: str
    """For messages."""
    folder: Path
    """That it makes."""

    @property
    def log(self) -> Path:
        """Where its output goes."""
        return self.folder.with_name(f"{self.folder.name}.log").resolve()


def run_on_cluster(jobs: Sequence[Job], address: str | None = None) -> None:
    """Run commands on the nodes of a Ray cluster, one on each at a time; output goes to their logs.

    All nodes must see the current folder and the jobs' folders at the same paths. A job whose
    node is lost goes on, from its last checkpoint, on another one. So does one whose process Ray
    loses on a node that lives, for want of memory say, but after `_MAX_TRIES` of these it has
    failed. One that fails stops no other.

    Args:
        jobs: In the order in which they start.
        address: Of the cluster, see `rewards.cluster.connect`.

    Raises:
        UserError: If there is no cluster, no node of it is left, or a job fails.
        KeyboardInterrupt: After Ctrl-C, when what runs has saved what it saves.
    """
    try:
        is_ours = connect(address)
    except ClusterError as error:
        raise UserError(str(error)) from error
    ray = import_ray()
    try:
        failures = _run_on_nodes(ray, jobs)
    finally:
        if is_ours:
            ray.shutdown()
    if failures:
        raise UserError("; ".join(failures) + "; the same command continues from there")


def _run_on_nodes(ray: Any, jobs: Sequence[Job]) -> list[str]:
    """Run all jobs; returns what is to be said of those that failed."""
    idle = deque(n for n in ray.nodes() if n["Alive"] and n["Resources"].get("CPU", 0) >= 1)
    waiting = deque(range(len(jobs)))
    running: dict[Any, tuple[int, dict[str, Any]]] = {}
    losses: Counter[int] = Counter()  # of each job, on nodes that lived on
    failures: list[str] = []
    try:
        while waiting or running:
            while waiting and idle:
                place, node = waiting.popleft(), idle.popleft()
                running[_start(ray, jobs[place], node)] = place, node
            if not running:
                raise UserError(
                    "; ".join(["no node of the Ray cluster is left to run on", *failures])
                )
            (reference,), _ = ray.wait(list(running), num_returns=1)
            place, node = running.pop(reference)
            try:
                failure = _failure(ray, reference, jobs[place], node)
            except ray.exceptions.RayError as error:
                # Ray hears of a node's end before it lists it as dead.
                is_dead = isinstance(error, ray.exceptions.NodeDiedError)
                is_alive = not is_dead and _is_alive(ray, node)
                loss = _loss(jobs[place], node, error, is_alive)
                logger.warning(loss)
                losses[place] += is_alive
                if losses[place] < _MAX_TRIES:
                    waiting.append(place)
                else:
                    failures.append(f"{loss} (try {_MAX_TRIES}, the last)")
                idle += [node] if is_alive else []
                continue
            idle.append(node)
            failures += [failure] if failure else []
    except KeyboardInterrupt:
        for reference in running:
            ray.cancel(reference)
        if running:
            ray.wait(list(running), num_returns=len(running), timeout=_SAVE_TIMEOUT_S)
        raise
    return failures


def _failure(ray: Any, reference: Any, job: Job, node: dict[str, Any]) -> str | None:
    """Say why a job that has ended is not done; a lost node is Ray's error."""
    host = node["NodeManagerHostname"]
    try:
        exit_status = ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        return (
            f"{job.what} did not start on {host}: {_last_line(error)}; all nodes must see "
            f"{Path.cwd()} and {job.log.parent}"
        )
    if exit_status:
        return f"{job.what} ended with exit status {exit_status}, see {job.log}"
    if not job.folder.is_dir():
        return (
            f"{job.what} ended on {host}, but {job.folder} is not seen here: --output-dir must be "
            "a folder that all nodes share"
        )
    return None


def _is_alive(ray: Any, node: dict[str, Any]) -> bool:
    return any(n["NodeID"] == node["NodeID"] and n["Alive"] for n in ray.nodes())


def _loss(job: Job, node: dict[str, Any], error: Exception, is_alive: bool) -> str:
    """Say what Ray lost: a node, or the process of a job on one that is alive."""
    host, cause = node["NodeManagerHostname"], str(error).strip().split("\n", 1)[0]
    if is_alive:
        return f"{job.what} was lost on {host}, which is alive: {cause}"
    return f"lost node {host} at {job.what}: {cause}"


def _last_line(error: Exception) -> str:
    return str(error).strip().rsplit("\n", 1)[-1]


def _start(ray: Any, job: Job, node: dict[str, Any]) -> Any:
    """Start a job on a node, and reserve all of it."""
    logger.info(f"{job.what} on {node['NodeManagerHostname']}: {job.log}")
    task = ray.remote(run_here).options(
        num_cpus=node["Resources"]["CPU"],
        num_gpus=node["Resources"].get("GPU", 0),
        max_retries=0,
        scheduling_strategy=on_node(node["NodeID"]),
    )
    return task.remote(job.command[1:], str(Path.cwd()), str(job.log))


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
            preexec_fn=_die_with_parent,
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


def _die_with_parent() -> None:
    """End the job if Ray kills our process: it would keep the run's lock from the next try."""
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
