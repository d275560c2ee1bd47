"""A worker's processes, to strike them."""

import psutil

from rewards.worker import Worker


def processes_of(worker: Worker) -> dict[str, psutil.Process]:
    """The one that we started, and the one that answers; the same one without namespaces."""
    outer = psutil.Process(worker._process.pid)
    return {"outer": outer, "inner": (outer.children() or [outer])[0]}


def kill(worker: Worker) -> None:
    """Kill a worker, and wait: until it is dead, it may still answer."""
    inner = processes_of(worker)["inner"]
    inner.kill()
    inner.wait(timeout=10)
