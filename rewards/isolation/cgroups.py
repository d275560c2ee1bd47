"""One control group for each worker: a backstop on memory and processes, not the meter.

Version 1 and version 2, where this process may create groups. Never per run: a group costs
0.1-0.4 ms with tails of 5 ms, and peak memory is read from the kernel's accounting of the process.
"""

import contextlib
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_ROOT: Final = Path("/sys/fs/cgroup")
_MEMBERSHIP: Final = Path("/proc/self/cgroup")
_PREFIX: Final = "effirl"
_LEAVING_S: Final = (0.001, 0.01, 0.05, 0.2, 0.5)
"""How long to wait for the processes of a group to be gone, between tries."""
_MEMORY_FILES: Final = ("memory.max", "memory.limit_in_bytes")


@dataclass(frozen=True, slots=True)
class ControlGroup:
    """The folders that hold one worker, and what they could not do."""

    folders: dict[str, Path]
    """By controller; version 2 has one for both."""
    problems: dict[str, str]
    """Mechanism (`cgroup_memory`, `cgroup_pids`) -> why it is off."""

    def add(self, pid: int) -> None:
        """Move a process in; a refusal is one more problem."""
        for controller, folder in self.folders.items():
            try:
                (folder / "cgroup.procs").write_text(str(pid))
            except OSError as error:
                self.problems[f"cgroup_{controller}"] = f"{error.strerror}: {folder}"

    def limit_memory(self, num_bytes: int) -> None:
        """Set another limit, where the group has one.

        Raises:
            OSError: If the machine refuses.
        """
        if "cgroup_memory" not in self.problems:
            _limit(self.folders["memory"], "memory", num_bytes)

    def close(self) -> None:
        """End what is left in the group, and remove it; `remove_abandoned` gets what stays busy."""
        for folder in set(self.folders.values()):
            for wait_s in _LEAVING_S:
                try:
                    folder.rmdir()
                except FileNotFoundError:
                    break
                except OSError:  # busy while a process is still on its way out
                    _kill_members(folder)
                    time.sleep(wait_s)
                else:
                    break


def _kill_members(folder: Path) -> None:
    with contextlib.suppress(OSError):
        for pid in (folder / "cgroup.procs").read_text().split():
            os.kill(int(pid), signal.SIGKILL)


def create(name: str, memory_bytes: int, num_processes: int) -> ControlGroup:
    """Make a group for a worker, as far as this machine lets us."""
    group = ControlGroup({}, {})
    for controller, limit in (("memory", memory_bytes), ("pids", num_processes)):
        try:
            folder = _controller_root(controller) / f"{_PREFIX}-{os.getpid()}-{name}"
            folder.mkdir(exist_ok=True)
            group.folders[controller] = folder
            _limit(folder, controller, limit)
        except OSError as error:
            group.problems[f"cgroup_{controller}"] = f"{error.strerror}: {error.filename}"
    return group


def _controller_root(controller: str) -> Path:
    """Where groups can be made whose processes are bound by what binds us.

    Version 1: our own group. Version 2, where a group that holds processes has no groups with
    controllers below it: the nearest group above us that hands its controllers down.
    """
    for line in _MEMBERSHIP.read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            own = _ROOT / path.lstrip("/")
            for folder in (own, *own.parents):
                if folder.is_relative_to(_ROOT) and _hands_down(folder, controller):
                    return folder
        elif controller in controllers.split(","):
            hierarchy = _ROOT / controllers
            own = hierarchy / path.lstrip("/")
            return own if own.exists() else hierarchy  # a container sees its own group as the top
    raise FileNotFoundError(2, f"no {controller} controller here", str(_ROOT))


def _hands_down(folder: Path, controller: str) -> bool:
    enabled = folder / "cgroup.subtree_control"
    return enabled.exists() and controller in enabled.read_text().split()


def _limit(folder: Path, controller: str, limit: int) -> None:
    names = _MEMORY_FILES if controller == "memory" else ("pids.max",)
    present = [folder / name for name in names if (folder / name).exists()]
    if not present:
        raise FileNotFoundError(2, f"no {controller} limit", str(folder))
    present[0].write_text(str(limit))


def remove_abandoned() -> None:
    """Remove the groups of processes that are gone (a trainer that was killed leaves them)."""
    for controller in ("memory", "pids"):
        try:
            folders = list(_controller_root(controller).glob(f"{_PREFIX}-*-*"))
        except OSError:
            continue
        for folder in folders:
            if not Path("/proc", folder.name.split("-")[1]).exists():
                with contextlib.suppress(OSError):
                    folder.rmdir()
