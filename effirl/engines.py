"""Where untrusted programs are run and measured: on this machine, or on a Ray cluster.

Imports without torch, and without ray unless it is asked for.
"""

import logging
from importlib.util import find_spec
from typing import Final, Protocol

from effirl.config import FieldError
from effirl.errors import UserError
from rewards import machine
from rewards.executor import Executor, Pool

ENGINE_HELP: Final = (
    "Where programs are run: local is on this machine's cores, ray on all nodes of a Ray cluster."
)
RAY_ADDRESS_HELP: Final = (
    "HOST:PORT of the Ray cluster, auto for the one here, local for a new one; default: "
    "RAY_ADDRESS, else the one that runs here, else a new one."
)

logger = logging.getLogger(__name__)


class EngineSettings(Protocol):
    """The two settings of every command that can measure elsewhere."""

    @property
    def rewards_engine(self) -> str: ...

    @property
    def ray_address(self) -> str | None: ...


def check_ray(field: str, engine: str) -> None:
    """Refuse the engine ray where the package is not installed.

    Raises:
        FieldError: Naming the extra that has it.
    """
    if engine == "ray" and find_spec("ray") is None:
        raise FieldError(
            field, 'local, as ray is not installed (pip install "effirl[ray]")', engine
        )


def start_pool(
    settings: EngineSettings,
    *,
    isolation_floor: int = 1,
    cluster_share: tuple[int, int] = (0, 1),
) -> Pool:
    """Start the workers; the caller closes them.

    Args:
        settings: Say where.
        isolation_floor: Lowest level to accept, of every machine.
        cluster_share: This process is number k of n on all machines that measure at once.

    Raises:
        UserError: If there is no cluster, or a node of it is of no use.
        IsolationError: If a machine cannot isolate programs as well as the floor asks.
    """
    if settings.rewards_engine == "local":
        return Executor(cores=machine.own_cores(), isolation_floor=isolation_floor)
    from rewards.cluster import ClusterError
    from rewards.ray_pool import RayPool

    try:
        pool = RayPool(settings.ray_address, isolation_floor=isolation_floor, share=cluster_share)
    except ClusterError as error:
        raise UserError(str(error)) from error
    logger.info(pool.describe())
    return pool
