"""The pool of workers: who runs what, and what happens when a worker of ours fails.

One worker a core and flavour (plain, or with the packages that a program imports), each used by
one thread at a time. A task that loses its worker is done again on a fresh one; a task that loses
two is a `SandboxError`, never a verdict.
"""

import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final, Protocol, Self, TypeVar

from rewards import machine
from rewards.errors import SandboxError
from rewards.isolation import IsolationReport
from rewards.isolation.cgroups import remove_abandoned
from rewards.records import ExecutionResult, Limits
from rewards.worker import Worker, WorkerDiedError, WorkerSettings

PACKAGES: Final = ("numpy",)
"""Third-party packages that programs may import; preloaded in workers of their own."""
_IMPORTS_PACKAGE: Final = re.compile(
    r"\b(?:from\s+|import\s+(?:[\w.]+(?:\s+as\s+\w+)?[\s\\]*,[\s\\]*)*)"
    rf"({'|'.join(PACKAGES)})\b"
)
_MAX_TRIES: Final = 2
_MAX_RUNS: Final = 20_000  # then a worker is replaced: nothing that grows unseen grows for ever

T = TypeVar("T")
R = TypeVar("R")


def packages_of(*programs: str) -> tuple[str, ...]:
    """The packages to preload for programs that are compared with each other."""
    found = {match for program in programs for match in _IMPORTS_PACKAGE.findall(program)}
    return tuple(sorted(found))


class Pool(Protocol):
    """Isolated workers: those of an `Executor` here, or of a `rewards.ray_pool.RayPool`."""

    isolation: IsolationReport
    """The least that any of the workers proved."""
    machine: Mapping[str, str]
    """Fingerprint of where they are."""

    def map(
        self,
        task: Callable[[Worker, T], R],
        items: Sequence[T],
        programs: Callable[[T], Sequence[str]] = ...,
    ) -> list[R | SandboxError]:
        """Do `task(worker, item)` for all items, each whole on one worker, as `Executor.map`.

        Workers may be in other processes: all three arguments and the results are pickled there.
        """

    def close(self) -> None:
        """End all workers."""


class Executor:
    """Runs untrusted programs on isolated workers, one worker pinned to each core.

    Start it before anything large is imported: its workers are forked from nothing of ours, but a
    small process starts others faster.

    Args:
        num_workers: At most one for each of the cores; None for all of them.
        cores: Those to use, None for all that this process may. Executors at work at the same time
            need different ones.
        isolation_floor: The lowest isolation level (0-3) to accept.

    Raises:
        IsolationError: If this machine proves less isolation than the floor.
        SandboxError: If no worker can be started.
        ValueError: If `num_workers` is out of range.
    """

    def __init__(
        self,
        *,
        num_workers: int | None = None,
        cores: Sequence[int] | None = None,
        isolation_floor: int = 1,
    ) -> None:
        machine.require_kernel()
        cores = machine.cores() if cores is None else cores
        count = len(cores) if num_workers is None else num_workers
        if not 1 <= count <= len(cores):
            raise ValueError(f"num_workers must be 1-{len(cores)} on this machine, got {count}")
        self._floor = isolation_floor
        self._namespaces = "auto"
        self._idle = list(cores[:count])
        self._is_closed = False
        self._changed = threading.Condition()
        self._workers: dict[tuple[int, tuple[str, ...]], Worker] = {}
        self._runs: dict[tuple[int, tuple[str, ...]], int] = {}
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="effirl-worker")
        self.num_workers = count
        self.machine: Mapping[str, str] = machine.fingerprint()
        remove_abandoned()
        with self._core() as core:
            self.isolation: IsolationReport = self._worker(core, ()).report
            """What the first worker proved; the others are held to the same floor."""

    def run(
        self, program: str, stdin: str | bytes = b"", limits: Limits | None = None
    ) -> ExecutionResult:
        """Run a program once on one input.

        Raises:
            SandboxError: If we failed twice.
        """
        limits = limits or Limits()

        def task(worker: Worker, text: str) -> ExecutionResult:
            return worker.run(text, stdin, limits, is_measured=True)

        return self._attempt(task, program, packages_of(program))

    def map(
        self,
        task: Callable[[Worker, T], R],
        items: Sequence[T],
        programs: Callable[[T], Sequence[str]] = lambda _: (),
    ) -> list[R | SandboxError]:
        """Do `task(worker, item)` for all items on all workers.

        Args:
            task: May be called again, on a fresh worker, when its worker dies.
            items: In any number.
            programs: Names the programs that an item runs, so that it gets a worker with their
                packages.

        Returns:
            One entry for each item, in order: the task's result, or the error that was ours.
        """

        def one(item: T) -> R | SandboxError:
            try:
                return self._attempt(task, item, packages_of(*programs(item)))
            except SandboxError as error:
                return error

        return list(self._threads.map(one, items))

    def _attempt(self, task: Callable[[Worker, T], R], item: T, packages: tuple[str, ...]) -> R:
        with self._core() as core:
            for attempt in range(_MAX_TRIES):
                try:
                    self._require_open()
                    worker = self._worker(core, packages)
                    self._require_open()  # `close` hangs up on all workers that it finds
                    return task(worker, item)
                except WorkerDiedError:
                    self._discard(core, packages)
                    if attempt + 1 == _MAX_TRIES:
                        raise
        raise AssertionError("unreachable")

    def _require_open(self) -> None:
        if self._is_closed:
            raise SandboxError("the executor is closed")

    @contextmanager
    def _core(self) -> Iterator[int]:
        """Reserve a core: two programs never share one."""
        with self._changed:
            self._changed.wait_for(lambda: self._idle)
            core = self._idle.pop()
        try:
            yield core
        finally:
            with self._changed:
                self._idle.append(core)
                self._changed.notify_all()

    def _worker(self, core: int, packages: tuple[str, ...]) -> Worker:
        key = (core, packages)
        self._runs[key] = self._runs.get(key, 0) + 1
        if self._runs[key] > _MAX_RUNS:
            self._discard(core, packages)
        if key not in self._workers:
            worker = Worker(WorkerSettings(core, packages, self._namespaces))
            try:
                worker.report.require(self._floor)
            except SandboxError:
                worker.close()
                raise
            self._workers[key] = worker
            self._runs[key] = 0
        return self._workers[key]

    def _discard(self, core: int, packages: tuple[str, ...]) -> None:
        worker = self._workers.pop((core, packages), None)
        if worker is not None:
            worker.close()

    def close(self) -> None:
        """End all workers. What still runs, or waits, becomes a `SandboxError`."""
        self._is_closed = True
        for worker in list(self._workers.values()):
            worker.hang_up()
        self._threads.shutdown()
        with self._changed:
            self._changed.wait_for(lambda: len(self._idle) == self.num_workers)
        for key in list(self._workers):
            self._discard(*key)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
