"""Control groups of both versions, on a copy of the kernel's folders; one worker's real ones."""

import os
from pathlib import Path

import pytest

from rewards.isolation import cgroups
from rewards.records import Limits
from rewards.worker import Worker, WorkerSettings

_LIMIT_BYTES = 1 << 30
_V1_FILES = {"memory": "memory.limit_in_bytes", "pids": "pids.max"}


class Machine:
    """A folder in the shape of /sys/fs/cgroup, and this process's place in it."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root / "cgroup"
        self.root.mkdir()
        self._membership = root / "membership"
        self._made = Path.mkdir
        monkeypatch.setattr(cgroups, "_ROOT", self.root)
        monkeypatch.setattr(cgroups, "_MEMBERSHIP", self._membership)
        monkeypatch.setattr(Path, "mkdir", lambda *a, **k: self._make_group(*a, **k))

    def _make_group(self, folder: Path, mode: int = 0o777, **options: bool) -> None:
        """As the kernel does, fill a new group with its files."""
        if folder.exists():
            return
        self._made(folder, mode, **options)
        parent = folder.parent / "cgroup.subtree_control"
        handed = parent.read_text().split() if parent.exists() else []
        files = ["memory.max"] * ("memory" in handed) + ["pids.max"] * ("pids" in handed)
        for controller, name in _V1_FILES.items():
            files += [name] * folder.is_relative_to(self.root / controller)
        for name in [*files, "cgroup.procs"]:
            (folder / name).write_text("")

    def put(self, membership: str, **handed_down: str) -> None:
        self._membership.write_text(membership)
        for folder, controllers in handed_down.items():
            path = self.root / folder.replace("_", "/")
            self._made(path, parents=True, exist_ok=True)
            (path / "cgroup.subtree_control").write_text(controllers)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


def _create() -> cgroups.ControlGroup:
    return cgroups.create("7", _LIMIT_BYTES, 100)


def test_version_1_below_our_own_group(machine: Machine) -> None:
    machine.put("4:memory:/job\n8:pids:/\n0::/\n", memory_job="", pids="")
    group = _create()
    assert not group.problems
    assert group.folders["memory"].parent == machine.root / "memory/job"
    assert (group.folders["memory"] / "memory.limit_in_bytes").read_text() == str(_LIMIT_BYTES)
    assert (group.folders["pids"] / "pids.max").read_text() == "100"
    group.limit_memory(2 * _LIMIT_BYTES)
    limit = (group.folders["memory"] / "memory.limit_in_bytes").read_text()
    assert limit == str(2 * _LIMIT_BYTES)
    group.add(42)
    assert (group.folders["pids"] / "cgroup.procs").read_text() == "42"


def test_version_1_in_a_container_that_sees_its_group_as_the_top(machine: Machine) -> None:
    machine.put("4:memory:/docker/abc\n8:pids:/docker/abc\n", memory="", pids="")
    assert _create().folders["memory"].parent == machine.root / "memory"


def test_version_2_below_the_nearest_group_that_hands_controllers_down(machine: Machine) -> None:
    machine.put("0::/user/session\n", user="memory pids cpu", user_session="")
    group = _create()
    assert not group.problems
    assert set(group.folders.values()) == {group.folders["memory"]}
    assert group.folders["memory"].parent == machine.root / "user"
    assert (group.folders["memory"] / "memory.max").read_text() == str(_LIMIT_BYTES)
    assert (group.folders["pids"] / "pids.max").read_text() == "100"


def test_version_2_without_controllers_is_said(machine: Machine) -> None:
    machine.put("0::/\n")
    group = _create()
    assert not group.folders
    assert set(group.problems) == {"cgroup_memory", "cgroup_pids"}
    group.limit_memory(_LIMIT_BYTES)  # there is none to change
    assert "no memory controller here" in group.problems["cgroup_memory"]


def test_a_refused_move_is_said(machine: Machine) -> None:
    machine.put("0::/\n", **{"": "memory pids"})
    group = _create()
    (group.folders["memory"] / "cgroup.procs").unlink()
    (group.folders["memory"] / "cgroup.procs").mkdir()  # no file to write to
    group.add(42)
    assert "cgroup_memory" in group.problems


def test_a_worker_lives_in_its_groups() -> None:
    with Worker(WorkerSettings(min(os.sched_getaffinity(0)))) as worker:
        if not worker.report.mechanisms["cgroup_memory"].is_on:
            pytest.skip("NOT CHECKED: no control groups can be made here")
        folders = list(cgroups._controller_root("memory").glob("effirl-*"))
        members = {pid for f in folders for pid in (f / "cgroup.procs").read_text().split()}
        assert str(worker._process.pid) in members
        limits = Limits(memory_bytes=4 << 30)
        worker.run("pass", "", limits)
        files = [f / name for f in folders for name in cgroups._MEMORY_FILES if (f / name).exists()]
        assert max(int(file.read_text()) for file in files) > limits.memory_bytes
    assert not [f for f in folders if f.exists() and not (f / "cgroup.procs").read_text()]
