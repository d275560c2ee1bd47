"""Commands on a cluster, with a stand-in for Ray."""

import _thread
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from effirl import cluster_jobs
from effirl.cluster_jobs import Job, run_here, run_on_cluster
from effirl.errors import UserError


class TestNode:
    """`run_here`, which a cluster's node runs."""

    def test_output_goes_to_the_log_and_the_status_comes_back(self, tmp_path: Path) -> None:
        code = "import os; print(os.getcwd()); raise SystemExit(3)"
        log = tmp_path / "job.log"
        log.write_text("before\n")
        assert run_here(["-c", code], str(tmp_path), str(log)) == 3
        assert log.read_text() == f"before\n{tmp_path.resolve()}\n"

    def test_an_interrupt_reaches_the_job_where_signals_are_blocked(self, tmp_path: Path) -> None:
        code = (
            "import time\nfrom pathlib import Path\n"
            "try:\n    Path('begun').touch()\n    time.sleep(60)\n"
            "except KeyboardInterrupt:\n    print('saved')\n"
        )

        def interrupt() -> None:
            while not (tmp_path / "begun").exists():
                time.sleep(0.02)
            _thread.interrupt_main()  # as ray does it

        threading.Thread(target=interrupt).start()
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        log = tmp_path / "job.log"
        try:
            with pytest.raises(KeyboardInterrupt):
                run_here(["-c", code], str(tmp_path), str(log))
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        assert log.read_text() == "saved\n"

    def test_a_job_ends_with_the_process_that_started_it(self, tmp_path: Path) -> None:
        job = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
        log = tmp_path / "job.log"
        node = (
            "import sys; from effirl.cluster_jobs import run_here; "
            "run_here(['-c', *sys.argv[1:2]], *sys.argv[2:])"
        )
        with subprocess.Popen(
            [sys.executable, "-c", node, job, str(tmp_path), str(log)]
        ) as process:
            while not (log.exists() and log.read_text().endswith("\n")):
                assert process.poll() is None
                time.sleep(0.02)
            process.kill()
        stat = Path(f"/proc/{int(log.read_text())}/stat")
        deadline = time.monotonic() + 10
        while stat.exists() and stat.read_text().rsplit(")", 1)[1].split()[0] != "Z":
            assert time.monotonic() < deadline, "the job goes on"
            time.sleep(0.02)


class NodeDiedError(RuntimeError):
    """As Ray has it."""


class TaskError(RuntimeError):
    """Of a task that raised an error of its own."""


class PlayedRay:
    """Nodes whose jobs end in turns; a lost node is lost at its first job.

    Args:
        crashes: How often a node loses a job's process, and lives on.
    """

    exceptions = SimpleNamespace(
        RayError=RuntimeError, RayTaskError=TaskError, NodeDiedError=NodeDiedError
    )

    def __init__(
        self,
        cpus: dict[str, int],
        lost: tuple[str, ...] = (),
        status: int = 0,
        failing: tuple[str, ...] = (),
        crashes: dict[str, int] | None = None,
    ) -> None:
        self.cpus = cpus
        self.lost = lost
        self.failing = failing
        self.crashes = Counter(crashes)
        self.dead: set[str] = set()
        self.status = status
        self.done: list[tuple[str, str]] = []
        self.busy: Counter[str] = Counter()

    def nodes(self) -> list[dict[str, Any]]:
        return [
            {
                "NodeID": n, "NodeManagerHostname": n, "Alive": n not in self.dead,
                "Resources": {"CPU": float(c)},
            }
            for n, c in self.cpus.items()
        ]  # fmt: skip

    def remote(self, task: object) -> Any:
        assert task is run_here
        return SimpleNamespace(options=self._options)

    def _options(self, *, num_cpus: float, scheduling_strategy: str, **_: int) -> Any:
        def remote(arguments: list[str], folder: str, log: str) -> Any:
            self.busy[scheduling_strategy] += 1
            assert self.busy[scheduling_strategy] == 1, "one job on a node at a time"
            assert num_cpus == self.cpus[scheduling_strategy]
            return lambda: self._end(scheduling_strategy, arguments[0])

        return SimpleNamespace(remote=remote)

    def _end(self, node: str, name: str) -> int:
        self.busy[node] -= 1
        if node in self.lost:
            self.dead.add(node)
            raise RuntimeError("the node died\nits address")
        if self.crashes[node]:
            self.crashes[node] -= 1
            raise RuntimeError("out of memory\nset RAY_x")
        if node in self.failing:
            raise TaskError("traceback\nno such folder")
        self.done.append((node, name))
        return self.status

    def wait(self, references: list[Any], num_returns: int) -> tuple[list[Any], list[Any]]:
        return references[:num_returns], references[num_returns:]

    def get(self, reference: Any) -> int:
        return int(reference())

    def shutdown(self) -> None:
        self.done.append(("", "shutdown"))


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Callable[[PlayedRay], PlayedRay]:
    def use(ray: PlayedRay) -> PlayedRay:
        monkeypatch.setattr(cluster_jobs, "import_ray", lambda: ray)
        monkeypatch.setattr(cluster_jobs, "connect", lambda _: True)
        monkeypatch.setattr(cluster_jobs, "on_node", lambda node_id: node_id)
        return ray

    return use


def jobs(folder: Path, number: int) -> list[Job]:
    return [Job(["python", f"s{n}"], f"job {n}", folder) for n in range(number)]


Play = Callable[[PlayedRay], PlayedRay]


def test_a_cluster_runs_one_job_on_each_node(tmp_path: Path, play: Play) -> None:
    ray = play(PlayedRay({"head": 0, "one": 4, "two": 8}))
    run_on_cluster(jobs(tmp_path, 5))
    assert sorted(name for _, name in ray.done) == ["s0", "s1", "s2", "s3", "s4", "shutdown"]
    assert {node for node, _ in ray.done} == {"one", "two", ""}


def test_a_job_of_a_lost_node_runs_on_another(
    tmp_path: Path, play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    ray = play(PlayedRay({"one": 1, "two": 1}, lost=("one",)))
    run_on_cluster(jobs(tmp_path, 3))
    assert sorted(ray.done[:-1]) == [("two", "s0"), ("two", "s1"), ("two", "s2")]
    assert "lost node one at job 0: the node died" in caplog.text


def test_without_a_node_left_the_user_is_told(tmp_path: Path, play: Play) -> None:
    play(PlayedRay({"one": 1}, lost=("one",)))
    with pytest.raises(UserError, match="no node of the Ray cluster is left"):
        run_on_cluster(jobs(tmp_path, 2))


def test_a_node_that_lost_a_process_and_lives_is_used_again(
    tmp_path: Path, play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    ray = play(PlayedRay({"one": 1}, crashes={"one": 2}))
    run_on_cluster(jobs(tmp_path, 1))
    assert ray.done[:-1] == [("one", "s0")]
    assert "job 0 was lost on one, which is alive: out of memory" in caplog.text


def test_a_job_that_is_lost_three_times_has_failed_and_others_run(
    tmp_path: Path, play: Play
) -> None:
    ray = play(PlayedRay({"one": 1}, crashes={"one": 5}))  # by turns: s0, s1, s0, s1, s0
    with pytest.raises(UserError, match=r"^job 0 was lost on one.*: out of memory \(try 3, the la"):
        run_on_cluster(jobs(tmp_path, 2))
    assert ray.done[:-1] == [("one", "s1")]


def test_a_node_that_cannot_start_a_job_is_not_lost(tmp_path: Path, play: Play) -> None:
    play(PlayedRay({"one": 1}, failing=("one",)))
    told = r"job 0 did not start on one: no such folder; all nodes must see .*; job 1 did not start"
    with pytest.raises(UserError, match=told):
        run_on_cluster(jobs(tmp_path, 2))


def test_a_failed_job_is_told_when_the_others_have_ended(tmp_path: Path, play: Play) -> None:
    ray = play(PlayedRay({"one": 1}, status=2))
    with pytest.raises(UserError, match=r"job 0 ended with exit status 2, see .*\.log; job 1"):
        run_on_cluster(jobs(tmp_path, 2))
    assert len(ray.done) == 3


def test_a_folder_that_is_not_shared_is_told(tmp_path: Path, play: Play) -> None:
    play(PlayedRay({"one": 1}))
    with pytest.raises(UserError, match=r"absent is not seen here: --output-dir must be a folder"):
        run_on_cluster([Job(["python", "s"], "it", tmp_path / "absent")])
