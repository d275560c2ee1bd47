"""What an executor could leave behind outside of the memory of the process that uses it."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from rewards.isolation import cgroups


def control_groups(pid: int) -> set[str]:
    """The folders of the control groups that a process made for its workers."""
    found: set[str] = set()
    for controller in ("memory", "pids"):
        with suppress(OSError):
            folders = cgroups._controller_root(controller).glob(f"effirl-{pid}-*")
            found |= {str(folder) for folder in folders}
    return found


def traces() -> dict[str, set[str]]:
    """Kind of trace -> what this process has of it now."""
    return {
        "descriptors": set(os.listdir("/proc/self/fd")),  # noqa: PTH208
        "mounts": set(Path("/proc/self/mountinfo").read_text().splitlines()),
        "control groups": control_groups(os.getpid()),
        "temporary files": {str(path) for path in Path(tempfile.gettempdir()).iterdir()},
    }
