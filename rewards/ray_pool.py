"""Workers on the nodes of a Ray cluster, to be used as an `Executor` is.

Theory of operation
    Each node runs one actor, which holds an `Executor` on the node's cores. A task and its item go
    whole to one actor, and there to one worker, so that every ratio is measured on one core. An
    actor has no more in hand than it has workers: the rest waits here. What a lost node had in hand
    is done again on another one; an item that loses `_MAX_TRIES` nodes is a `SandboxError`, as one
    that loses its workers is here. Whenever a batch begins, nodes that joined, or came back, are
    taken in.

    Figures of all nodes stand side by side, so every node must run the code that runs here, and
    reach the isolation floor; one that joins later must also be a machine like those at the start,
    and isolate as well.

Needs the package ray, here and on every node, and `rewards` there too.
"""

import contextlib
import logging
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final, Self, TypeVar

from rewards import machine
from rewards.cache import code_digest
from rewards.cluster import ClusterError, connect, import_ray, on_node
from rewards.errors import IsolationError, SandboxError
from rewards.isolation import IsolationReport
from rewards.measurer import Measurer, NodeReport
from rewards.worker import Worker

_MAX_TRIES: Final = 3
_START_TIMEOUT_S: Final = 120.0
_CLOSE_TIMEOUT_S: Final = 5.0

T = TypeVar("T")
R = TypeVar("R")

logger = logging.getLogger(__name__)


@dataclass(eq=False, slots=True)
class _Node:
    node_id: str
    name: str
    actor: Any
    num_workers: int
    started: Any
    """Reference to the report."""
    report: NodeReport | None = None


class RayPool:
    """Isolated workers on all nodes of a cluster that have CPUs: one for each CPU.

    Args:
        address: Of the cluster, see `connect`.
        isolation_floor: Lowest level (0-3) to accept of any node.
        share: (k, n) takes every n-th CPU of each node from the k-th on: n processes that train
            together take one share each.

    Raises:
        IsolationError: If a node proves less than the floor; it names the node.
        ClusterError: If no cluster answers, a node cannot start its workers, or there is none.
        ModuleNotFoundError: If ray is not installed.
    """

    def __init__(
        self,
        address: str | None = None,
        *,
        isolation_floor: int = 1,
        share: tuple[int, int] = (0, 1),
    ) -> None:
        self._ray = import_ray()
        self._actor_class = self._ray.remote(Measurer)
        self._floor = isolation_floor
        self._share = share
        self._nodes: dict[str, _Node] = {}
        self._started: list[_Node] = []  # all whose actor we have not ended, in use or not
        self._refused: set[str] = set()
        self._owns_connection = connect(address)
        try:
            for node in self._start_nodes():
                try:
                    self._nodes[node.node_id] = self._report(node)
                except ClusterError as error:
                    if self._is_alive(node):
                        raise
                    logger.warning("%s: not used", error)  # it died before Ray took note
            if not self._nodes:
                raise ClusterError("the Ray cluster has no node with a CPU for us")
        except BaseException:
            self.close()
            raise
        reports = [node.report for node in self._nodes.values() if node.report is not None]
        self._machines = [report.machine for report in reports]
        self.machine: Mapping[str, str] = machine.joint_fingerprint(self._machines)
        self.isolation: IsolationReport = min(
            (report.isolation for report in reports), key=attrgetter("level")
        )

    def describe(self) -> str:
        """Say where programs are run, in a line."""
        num_workers = sum(node.num_workers for node in self._nodes.values())
        differing = [name for name, value in self.machine.items() if " | " in value]
        alike = f"which differ in {', '.join(differing)}" if differing else "all alike"
        return (
            f"rewards are measured by {num_workers} workers on {len(self._nodes)} nodes, {alike}; "
            f"isolation level {self.isolation.level} or better"
        )

    def map(
        self,
        task: Callable[[Worker, T], R],
        items: Sequence[T],
        programs: Callable[[T], Sequence[str]] = lambda _: (),
    ) -> list[R | SandboxError]:
        """Do `task(worker, item)` for all items on all nodes, as `Executor.map` does here."""
        if not items:
            return []
        self._join()
        errors = self._ray.exceptions
        results: dict[int, R | SandboxError] = {}
        waiting = deque(range(len(items)))
        tries: Counter[int] = Counter()
        running: dict[Any, tuple[int, _Node]] = {}
        while waiting or running:
            if waiting and not self._nodes:
                self._join()
            for node in self._free(running)[: len(waiting)]:
                place = waiting.popleft()
                running[node.actor.do.remote(task, items[place], programs)] = (place, node)
            if not running:
                error = SandboxError("no node of the cluster is left")
                results.update(dict.fromkeys(waiting, error))
                break
            for reference in self._ray.wait(list(running), num_returns=1)[0]:
                place, node = running.pop(reference)
                try:
                    results[place] = self._ray.get(reference)
                except errors.RayTaskError:
                    raise  # of the task's own: not for us to handle
                except errors.RayError as loss:
                    self._lose(node, loss)
                    tries[place] += 1
                    if tries[place] < _MAX_TRIES:
                        waiting.append(place)
                    else:
                        results[place] = SandboxError(f"lost {_MAX_TRIES} nodes; last {node.name}")
        return [results[place] for place in range(len(items))]

    def _free(self, running: Mapping[Any, tuple[int, _Node]]) -> list[_Node]:
        """A node for each free worker, the emptiest first."""
        busy = Counter(node for _, node in running.values())
        rounds = max((node.num_workers for node in self._nodes.values()), default=0)
        return [
            node
            for occupied in range(rounds)
            for node in self._nodes.values()
            if busy[node] <= occupied < node.num_workers
        ]

    def _start_nodes(self) -> list[_Node]:
        """Start an actor on each node that is alive and has none."""
        ray, found = self._ray, []
        for values in ray.nodes():
            node_id = values["NodeID"]
            places = range(int(values["Resources"].get("CPU", 0)))[self._share[0] :: self._share[1]]
            known = node_id in self._nodes or node_id in self._refused
            if known or not places or not values["Alive"]:
                continue
            options = {
                "num_cpus": len(places),
                "max_concurrency": len(places) + 1,  # to be closed while all are at work
                "scheduling_strategy": on_node(node_id),
            }
            actor = self._actor_class.options(**options).remote()
            name = f"{values['NodeManagerHostname']} ({values['NodeManagerAddress']})"
            started = actor.start.remote(list(places), self._floor)
            found.append(_Node(node_id, name, actor, len(places), started))
            self._started.append(found[-1])
        return found

    def _report(self, node: _Node) -> _Node:
        """Wait for a node's workers.

        Raises:
            SandboxError: Naming the node, if they are of no use.
        """
        errors = self._ray.exceptions
        try:
            node.report = report = self._ray.get(node.started, timeout=_START_TIMEOUT_S)
        except errors.GetTimeoutError as error:
            raise ClusterError(
                f"node {node.name}: its workers did not start in {_START_TIMEOUT_S:.0f} s; are its "
                f"{node.num_workers} CPUs taken by another job?"
            ) from error
        except errors.RayTaskError as error:
            kind = IsolationError if isinstance(error.cause, IsolationError) else ClusterError
            raise kind(f"node {node.name}: {error.cause}") from error
        except errors.RayError as error:
            raise ClusterError(
                f"node {node.name}: no process could be started ({error}); are effirl and numpy "
                "installed on it?"
            ) from error
        if report.code != code_digest():
            raise ClusterError(
                f"node {node.name} has another version of rewards; install the same on all nodes"
            )
        return node

    def _is_alive(self, node: _Node) -> bool:
        alive = (values["NodeID"] for values in self._ray.nodes() if values["Alive"])
        return node.node_id in alive

    def _join(self) -> None:
        """Take in nodes that were not there before."""
        for node in self._start_nodes():
            try:
                self._report(node)
                self._require_alike(node)
            except SandboxError as error:
                logger.warning("%s: not used", error)
                self._refused.add(node.node_id)
                self._end(node)
            else:
                self._nodes[node.node_id] = node

    def _require_alike(self, node: _Node) -> None:
        """Keep what the pool said of itself at the start true."""
        assert node.report is not None
        if node.report.machine not in self._machines:
            raise ClusterError(f"node {node.name} is another machine than those before it")
        if node.report.isolation.level < self.isolation.level:
            raise ClusterError(f"node {node.name} isolates programs less than those before it")

    def _lose(self, node: _Node, error: Exception) -> None:
        if self._nodes.get(node.node_id) is node:
            del self._nodes[node.node_id]
            logger.warning("lost node %s: %s", node.name, str(error).split("\n", 1)[0])
            self._end(node)

    def _end(self, node: _Node) -> None:
        self._started.remove(node)
        with contextlib.suppress(self._ray.exceptions.RayError):
            self._ray.kill(node.actor)

    def close(self) -> None:
        """End all workers, and the connection if it is ours."""
        closing = [node.actor.close.remote() for node in self._nodes.values()]
        if closing:
            self._ray.wait(closing, num_returns=len(closing), timeout=_CLOSE_TIMEOUT_S)
        for node in self._started.copy():
            self._end(node)
        self._nodes = {}
        if self._owns_connection:
            self._owns_connection = False
            self._ray.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
