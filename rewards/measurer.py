"""What runs on a node of a cluster: an executor, and what the node says of itself."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from rewards import machine
from rewards.cache import code_digest
from rewards.errors import SandboxError
from rewards.executor import Executor
from rewards.isolation import IsolationReport
from rewards.worker import Worker

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class NodeReport:
    """What a node says of itself when its workers are up."""

    isolation: IsolationReport
    machine: Mapping[str, str]
    code: str
    """Digest of its `rewards`."""


class Measurer:
    """The actor: an executor on some of a node's cores."""

    def start(self, places: Sequence[int], isolation_floor: int) -> NodeReport:
        """Start workers.

        Args:
            places: Which of the cores that the actor may use, by their order.
            isolation_floor: Lowest level to accept.

        Raises:
            SandboxError: If no worker starts, or none that reaches the floor; if this machine has
                none of these cores.
        """
        cores = machine.cores()
        own = [cores[place] for place in places if place < len(cores)]
        if not own:
            raise SandboxError(
                f"this process was to measure on core {min(places)} (from 0 on) of a node that has "
                f"{len(cores)}; declare as many CPUs to Ray as there are, and start no more "
                "training processes"
            )
        self._executor = Executor(cores=own, isolation_floor=isolation_floor)
        return NodeReport(self._executor.isolation, self._executor.machine, code_digest())

    def do(
        self, task: Callable[[Worker, T], R], item: T, programs: Callable[[T], Sequence[str]]
    ) -> R | SandboxError:
        """Do one item on one worker."""
        return self._executor.map(task, [item], programs)[0]

    def close(self) -> None:
        """End the workers."""
        self._executor.close()
