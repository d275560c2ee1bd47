"""The connection to a Ray cluster. Needs the package ray, which nothing else here does."""

import logging
import os
import socket
import textwrap
from importlib import import_module
from typing import Any, Final

from rewards import machine
from rewards.errors import SandboxError

_CONNECT_TIMEOUT_S: Final = 5.0
_OBJECT_STORE_BYTES: Final = 200_000_000  # of a cluster that we start; jobs are small
_SHOWN_CHARACTERS: Final = 300


class ClusterError(SandboxError):
    """There is no such cluster, or a node of it is of no use."""


def import_ray() -> Any:
    """Import ray when it is needed, with its reports to its makers off.

    Raises:
        ModuleNotFoundError: Naming the extra that has it.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        return import_module("ray")
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            'ray is not installed: pip install "effirl[ray]"', name=error.name
        ) from error


def on_node(node_id: str) -> Any:
    """Ray's strategy that starts a task or an actor on a node, and nowhere else."""
    strategies = import_module("ray.util.scheduling_strategies")
    return strategies.NodeAffinitySchedulingStrategy(node_id, soft=False)


def connect(address: str | None = None) -> bool:
    """Connect this process to a cluster, unless it is connected.

    Args:
        address: HOST:PORT; `auto` for the one that runs on this machine, `local` for a new one;
            None for RAY_ADDRESS, else the one that runs here, else a new one.

    Returns:
        Whether it was not connected before, so that the caller ends the connection.

    Raises:
        ClusterError: If no cluster answers or it refuses us, or the address is none.
    """
    ray = import_ray()
    if ray.is_initialized():
        return False
    quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
    address = address or os.environ.get("RAY_ADDRESS")
    if address not in (None, "auto", "local"):
        _require_answer(str(address))
    if address != "local":
        try:
            ray.init(address or "auto", **quiet)
        except ConnectionError as error:
            if address is not None:
                raise ClusterError(
                    f"no Ray cluster answers at {address}; start one with: ray start --head"
                ) from error
        except RuntimeError as error:  # its message of versions that differ is of several lines
            raise ClusterError(
                f"the Ray cluster at {address or 'auto'} cannot be joined "
                f"({textwrap.shorten(str(error), _SHOWN_CHARACTERS)}); install its versions of Ray "
                "and Python here, or start a new one with the address local"
            ) from error
        else:
            return True
    ray.init(
        "local",
        num_cpus=len(machine.cores()),
        include_dashboard=False,
        object_store_memory=_OBJECT_STORE_BYTES,
        **quiet,
    )
    return True


def _require_answer(address: str) -> None:
    """Ask the port first: ray itself waits for minutes, and then ends the process."""
    host, _, port = address.rpartition(":")
    if not host or "/" in host or not port.isdigit():
        raise ClusterError(f"a Ray address must be auto, local or HOST:PORT, got {address!r}")
    try:
        socket.create_connection((host, int(port)), _CONNECT_TIMEOUT_S).close()
    except OSError as error:
        raise ClusterError(
            f"no Ray cluster answers at {address} ({error}); start one with: ray start --head"
        ) from error
