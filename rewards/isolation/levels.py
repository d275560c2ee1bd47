"""What a worker proved about its isolation, and what that amounts to.

Level 0: own session, limits, clean environment. Level 1: + no_new_privs, no capabilities, seccomp,
no new processes, Landlock. Level 2: + namespaces and a read-only root. Level 3: + as root without a
user namespace: a uid of its own for each worker, and a control group. Kernel bugs and side channels
remain at every level: what a program reads stays in the page cache, and at level 1, where it may
ask for the size and times of any file, also in those times.
"""

from dataclasses import dataclass
from typing import Final

from rewards.errors import IsolationError

_LEVEL_1: Final = (
    "no_new_privs",
    "no_capabilities",
    "seccomp",
    "no_new_processes",
    "no_network",
    "no_signals_outside",
    "files_read_only",
    "host_files_hidden",
    "memory_counter_sealed",
    "memory_in_sight",
    "limits_of_others",
)
_LEVEL_2: Final = ("namespaces", "processes_hidden")
_LEVEL_3: Final = ("own_uid", "cgroup_memory", "cgroup_pids")

_SECCOMP: Final = "use an x86-64 kernel with CONFIG_SECCOMP_FILTER"
_FILES: Final = (
    "use Linux 5.13 or later with landlock among its security modules (lsm=), or see namespaces"
)
_NAMESPACES: Final = (
    "run as root, or allow user namespaces: user.max_user_namespaces above 0, "
    "kernel.apparmor_restrict_unprivileged_userns=0; in a container lift its refusal of unshare"
)
_CGROUPS: Final = (
    "run as root where /sys/fs/cgroup is writable, or in a delegated group: "
    "systemd-run --scope -p Delegate=yes"
)
_REMEDIES: Final = {
    "no_capabilities": "start this without SECBIT_NO_SETUID_FIXUP among its secure bits",
    "files_read_only": _FILES,
    "host_files_hidden": _FILES,
    "memory_counter_sealed": _FILES,
    "landlock": _FILES,
    "namespaces": _NAMESPACES,
    "processes_hidden": _NAMESPACES,
    "own_uid": "run as root, with an interpreter that other users may read",
    "threads_limited": "run as root, or see namespaces",
    "interpreter_sealed": "use Linux 6.10 or later, which has mseal",
    "cgroup_memory": _CGROUPS,
    "cgroup_pids": _CGROUPS,
}


def remedy(mechanism: str) -> str:
    """What to do on a machine where this mechanism is off."""
    return _REMEDIES.get(mechanism, _SECCOMP)


@dataclass(frozen=True, slots=True)
class Mechanism:
    """One means of isolation, as proved by trying what it forbids."""

    is_on: bool
    why: str
    """What was tried and seen, or the reason that it is off."""


@dataclass(frozen=True, slots=True)
class IsolationReport:
    """All mechanisms of one worker by name, and their level."""

    mechanisms: dict[str, Mechanism]

    @property
    def level(self) -> int:
        """0-3, the highest whose mechanisms, and those of all below, are on."""
        level = 0
        for names in (_LEVEL_1, _LEVEL_2, _LEVEL_3):
            if not all(self._is_on(name) for name in names):
                break
            level += 1
        return level

    def _is_on(self, name: str) -> bool:
        return name in self.mechanisms and self.mechanisms[name].is_on

    def require(self, floor: int) -> None:
        """Refuse a level below `floor`.

        Raises:
            IsolationError: Naming what is missing.
        """
        if self.level >= floor:
            return
        needed = [name for names in (_LEVEL_1, _LEVEL_2, _LEVEL_3)[:floor] for name in names]
        missing = [
            f"{name} ({self.mechanisms[name].why if name in self.mechanisms else 'absent'}: "
            f"{remedy(name)})"
            for name in needed
            if not self._is_on(name)
        ]
        raise IsolationError(
            f"isolation level must be at least {floor}, got {self.level}; missing: "
            f"{', '.join(missing)}; lower the floor by name (isolation_floor) only for programs "
            "that you trust"
        )
