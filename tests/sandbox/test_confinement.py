"""What the kernel itself says about a running program, in each way that workers start here."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from rewards.errors import SandboxError
from rewards.records import Limits
from rewards.worker import Worker, WorkerSettings
from tests.sandbox.environments import Environment

_NAMESPACES = ("mnt", "uts", "ipc", "pid", "net", "cgroup")
_SLEEP = "import time\ntime.sleep(0.5)"
_FIRST_UID = 1_000_000
_PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class Confined:
    """What /proc says about a program while it sleeps."""

    worker: Worker
    status: dict[str, str]
    limits: dict[str, str]
    """Soft and hard limit, by the kernel's name."""
    namespaces: tuple[str, ...]
    groups: str

    def is_on(self, mechanism: str) -> bool:
        return self.worker.report.mechanisms[mechanism].is_on


@pytest.fixture(scope="module", params=["auto", "user", "off"])
def confined(request: pytest.FixtureRequest) -> Iterator[Confined]:
    core = min(os.sched_getaffinity(0))
    try:
        worker = Worker(WorkerSettings(core, namespaces=request.param))
    except SandboxError as error:
        pytest.skip(f"NOT CHECKED: no worker with namespaces={request.param} here: {error}")
    with worker:
        worker.floor()  # so that the sleeper is the only program that runs below
        yield _look(worker)


def _look(worker: Worker) -> Confined:
    sleeper = threading.Thread(target=worker.run, args=(_SLEEP, "", Limits(wall_s=5)))
    sleeper.start()
    try:
        return _read(worker, _when_confined(worker))
    finally:
        sleeper.join()


def _when_confined(worker: Worker) -> str:
    """The process id of the program, once it has all its filters."""
    filters = int(_status("self")["Seccomp_filters"]) + 2  # the worker's and the program's
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        process = str(worker.program_pid())
        try:
            if int(_status(process)["Seccomp_filters"]) >= filters:
                return process
        except (FileNotFoundError, ProcessLookupError):
            time.sleep(0.001)  # not there yet
    raise AssertionError("no program was ever seen with all its filters")


def _read(worker: Worker, process: str) -> Confined:
    folder = Path("/proc", process)
    lines = (folder / "limits").read_text().splitlines()[1:]
    return Confined(
        worker,
        _status(process),
        {line[:26].strip(): " ".join(line[26:].split()[:2]) for line in lines},
        tuple(str((folder / "ns" / name).readlink()) for name in _NAMESPACES),
        (folder / "cgroup").read_text(),
    )


def _status(process: str) -> dict[str, str]:
    lines = Path("/proc", process, "status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


@pytest.mark.parametrize("name", ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"])
def test_no_capabilities_in_any_set(confined: Confined, name: str) -> None:
    if name == "CapBnd" and os.getuid() != 0 and not confined.is_on("namespaces"):
        pytest.skip("NOT CHECKED: only root may give up its bounding set; no_new_privs closes it")
    assert int(confined.status[name], 16) == 0


def test_no_new_privileges_and_both_filters(confined: Confined) -> None:
    assert confined.status["NoNewPrivs"] == "1"
    assert confined.status["Seccomp"] == "2"


def test_user(confined: Confined) -> None:
    uids = {int(uid) for uid in confined.status["Uid"].split()}
    if confined.is_on("own_uid"):
        assert len(uids) == 1
        assert min(uids) >= _FIRST_UID
        assert confined.status["Groups"] == ""
        assert set(confined.status["Gid"].split()) == {str(*uids)}
    elif confined.is_on("namespaces") or os.getuid() != 0:
        assert uids == {os.getuid()}
    else:
        real, *others = (int(uid) for uid in confined.status["Uid"].split())
        assert real >= _FIRST_UID  # so that its threads are counted
        assert set(others) == {0}  # so that it can read the interpreter


def test_limits(confined: Confined) -> None:
    for name in ("Max core file size", "Max locked memory", "Max msgqueue size"):
        assert confined.limits[name] == "0 0"
    assert confined.limits["Max pending signals"] == "64 64"
    assert confined.limits["Max open files"] == "20 20"
    size = 1 + Limits().output_bytes
    assert confined.limits["Max file size"] == f"{size} {size}"
    assert "unlimited" not in confined.limits["Max address space"]
    if confined.is_on("threads_limited"):
        assert int(confined.limits["Max processes"].split()[1]) <= Limits().num_threads + 2


def test_namespaces(confined: Confined) -> None:
    ours = [str(Path("/proc/self/ns", name).readlink()) for name in _NAMESPACES]
    same = [
        name for name, a, b in zip(_NAMESPACES, ours, confined.namespaces, strict=True) if a == b
    ]
    assert same == ([] if confined.is_on("namespaces") else list(_NAMESPACES))


def test_one_core_and_the_control_group(confined: Confined) -> None:
    assert confined.status["Cpus_allowed_list"] == str(confined.worker.settings.core)
    for controller in ("memory", "pids"):
        if confined.is_on(f"cgroup_{controller}"):
            assert f"/effirl-{os.getpid()}-" in confined.groups


def test_root_without_capabilities_still_has_level_1() -> None:
    with Environment("no_capabilities") as environment:
        report = environment.isolation
        assert report.level == 1
        assert not report.mechanisms["own_uid"].is_on
        assert not report.mechanisms["cgroup_memory"].is_on
        assert environment.usual.stdout


def test_what_is_missing_is_named_with_its_remedy(confined: Confined) -> None:
    report = confined.worker.report
    if report.level == 3:
        report.require(3)
        return
    with pytest.raises(SandboxError, match=r"missing: .*: run as root"):
        report.require(3)


def test_a_program_dies_with_its_worker_even_without_namespaces() -> None:
    with Worker(WorkerSettings(min(os.sched_getaffinity(0)), namespaces="off")) as worker:
        worker.floor()
        errors: list[SandboxError] = []
        runner = threading.Thread(target=_collect_error, args=(worker, errors))
        runner.start()
        process = _when_confined(worker)
        os.kill(int(_status(process)["PPid"]), signal.SIGKILL)
        runner.join()
        deadline = time.monotonic() + _PATIENCE_S / 10
        while (is_alive := _is_alive(process)) and time.monotonic() < deadline:
            time.sleep(0.01)
    assert errors
    assert not is_alive


def _is_alive(process: str) -> bool:
    try:
        return not _status(process)["State"].startswith("Z")  # whoever inherits it may reap it late
    except (FileNotFoundError, ProcessLookupError):
        return False


def _collect_error(worker: Worker, errors: list[SandboxError]) -> None:
    try:
        worker.run("while True: pass", "", Limits(wall_s=30))
    except SandboxError as error:
        errors.append(error)
