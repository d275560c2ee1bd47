"""The pool's own logic, on a Ray that is played: nodes, actors and their losses."""

import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from rewards import cluster, ray_pool
from rewards.cache import code_digest
from rewards.cluster import ClusterError
from rewards.errors import IsolationError, SandboxError
from rewards.isolation import IsolationReport, Mechanism
from rewards.isolation.levels import _LEVEL_1
from rewards.measurer import NodeReport
from rewards.ray_pool import RayPool


class RayError(Exception):
    pass


class RayActorError(RayError):
    pass


class RayTaskError(RayError):
    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


ERRORS = SimpleNamespace(
    RayError=RayError,
    RayActorError=RayActorError,
    RayTaskError=RayTaskError,
    GetTimeoutError=type("GetTimeoutError", (RayError,), {}),
)


@dataclass
class Machine:
    """A node of the played cluster."""

    name: str
    cpus: int = 1
    cpu: str = "a"
    level: int = 1
    code: str = field(default_factory=code_digest)
    lives: int = 1_000
    """Items until it is lost."""
    alive: bool = True
    starts: bool = True
    most_at_once: int = 0
    done: list[Any] = field(default_factory=list)


class Actor:
    """Does at once what it is asked to; `wait` hands it out in turns."""

    def __init__(self, machine: Machine, places: int) -> None:
        self.machine = machine
        self.places: Any = None
        self.at_work = 0
        self.start = SimpleNamespace(remote=self._start)
        self.do = SimpleNamespace(remote=self._do)
        self.close = SimpleNamespace(remote=lambda: Reference(lambda: None, self))

    def _start(self, places: list[int], floor: int) -> "Reference":
        self.places = places
        names = _LEVEL_1 if self.machine.level else ()
        report = IsolationReport({name: Mechanism(True, "") for name in names})

        def started() -> NodeReport:
            if not self.machine.alive or not self.machine.starts:
                raise RayActorError("it never ran")
            try:
                report.require(floor)
            except IsolationError as error:
                raise RayTaskError(error) from error
            return NodeReport(report, {"cpu": self.machine.cpu}, self.machine.code)

        return Reference(started, self)

    def _do(self, task: Any, item: Any, programs: Any) -> "Reference":
        self.at_work += 1
        self.machine.most_at_once = max(self.machine.most_at_once, self.at_work)

        def result() -> Any:
            self.at_work -= 1
            self.machine.lives -= 1
            if self.machine.lives < 0:
                self.machine.alive = False
                raise RayActorError(f"{self.machine.name} is gone")
            self.machine.done.append(item)
            assert list(programs(item)) == []
            return task(None, item)

        return Reference(result, self)


@dataclass(eq=False)
class Reference:
    get: Callable[[], Any]
    actor: Actor


class PlayedRay:
    exceptions = ERRORS

    def __init__(self, machines: list[Machine]) -> None:
        self.machines = machines
        self.killed: list[str] = []

    def nodes(self) -> list[dict[str, Any]]:
        return [
            {
                "NodeID": m.name, "Alive": m.alive, "Resources": {"CPU": float(m.cpus)},
                "NodeManagerHostname": m.name, "NodeManagerAddress": "192.0.2.1",
            }
            for m in self.machines
        ]  # fmt: skip

    def remote(self, _: type) -> Any:
        def options(*, num_cpus: int, max_concurrency: int, scheduling_strategy: str) -> Any:
            machine = next(m for m in self.machines if m.name == scheduling_strategy)
            return SimpleNamespace(remote=lambda: Actor(machine, num_cpus))

        return SimpleNamespace(options=options)

    def get(self, reference: Reference, timeout: float | None = None) -> Any:
        return reference.get()

    def wait(
        self, references: list[Reference], num_returns: int, timeout: float | None = None
    ) -> tuple[list[Reference], list[Reference]]:
        return references[:num_returns], references[num_returns:]

    def kill(self, actor: Actor) -> None:
        self.killed.append(actor.machine.name)


Play = Callable[..., RayPool]


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Iterator[Play]:
    def start(*machines: Machine, **settings: Any) -> RayPool:
        ray = PlayedRay(list(machines))
        monkeypatch.setattr(ray_pool, "import_ray", lambda: ray)
        monkeypatch.setattr(ray_pool, "connect", lambda _: False)
        monkeypatch.setattr(ray_pool, "on_node", lambda node_id: node_id)
        pool = RayPool(**settings)
        play_pools.append(pool)
        return pool

    play_pools: list[RayPool] = []
    yield start
    for pool in play_pools:
        pool.close()


def double(worker: None, item: int) -> int:
    return 2 * item


def test_every_item_has_its_result_in_order_and_no_node_more_than_it_can_do(play: Play) -> None:
    one, two = Machine("one", cpus=1), Machine("two", cpus=3)
    pool = play(one, two)
    assert pool.map(double, range(20)) == [2 * n for n in range(20)]
    assert sorted(one.done + two.done) == list(range(20))
    assert (one.most_at_once, two.most_at_once) == (1, 3)


def test_what_a_lost_node_had_in_hand_is_done_on_another(play: Play) -> None:
    lost, kept = Machine("lost", cpus=2, lives=3), Machine("kept")
    pool = play(lost, kept)
    assert pool.map(double, range(12)) == [2 * n for n in range(12)]
    assert sorted(lost.done + kept.done) == list(range(12))
    assert len(lost.done) == 3


def test_an_item_that_loses_three_nodes_is_our_error_and_others_have_results(play: Play) -> None:
    machines = [Machine(name, cpus=1) for name in "abcde"]

    def fatal(worker: None, item: int) -> int:
        if item == 0:
            machine = next(m for m in machines if m.alive and 0 in m.done)
            machine.alive = False
            machine.done.remove(0)
            raise RayActorError("gone")
        return item

    results = play(*machines).map(fatal, range(6))
    assert isinstance(results[0], SandboxError)
    assert results[1:] == [1, 2, 3, 4, 5]
    assert sum(not m.alive for m in machines) == 3


def test_without_a_node_left_every_item_is_our_error(play: Play) -> None:
    pool = play(Machine("only", lives=2))
    results = pool.map(double, range(5))
    assert results[:2] == [0, 2]
    assert all(isinstance(result, SandboxError) for result in results[2:])


def test_an_error_of_ours_on_a_node_is_its_item_s_alone(play: Play) -> None:
    error = SandboxError("a worker died")
    assert play(Machine("one")).map(lambda _, n: error if n else 0, [0, 1]) == [0, error]


def test_an_error_of_the_task_itself_is_raised_and_no_node_is_lost(play: Play) -> None:
    def broken(worker: None, item: int) -> int:
        raise RayTaskError(KeyError("ours"))

    pool = play(Machine("one"))
    with pytest.raises(RayTaskError, match="ours"):
        pool.map(broken, [0])
    assert pool.map(double, [1]) == [2]


def test_a_node_below_the_floor_is_refused_by_name(play: Play) -> None:
    with pytest.raises(IsolationError, match=r"^node weak \(192\.0\.2\.1\): isolation level must"):
        play(Machine("strong"), Machine("weak", level=0))
    pool = play(Machine("strong"), Machine("weak", level=0), isolation_floor=0)
    assert pool.isolation.level == 0
    assert "isolation level 0 or better" in pool.describe()


def test_when_a_node_is_refused_nothing_stays_on_any(play: Play) -> None:
    with pytest.raises(IsolationError):
        play(Machine("strong"), Machine("weak", level=0), Machine("not asked yet"))
    assert ray_pool.import_ray().killed == ["strong", "weak", "not asked yet"]


def test_a_node_with_other_code_is_refused_by_name(play: Play) -> None:
    with pytest.raises(ClusterError, match=r"node old \(.*\) has another version of rewards"):
        play(Machine("new"), Machine("old", code="older"))


def test_a_node_that_dies_while_it_starts_is_left_out_and_one_that_cannot_start_is_told(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead = Machine("dead")
    start = Actor._start

    def die(actor: Actor, places: list[int], floor: int) -> Reference:
        dead.alive = False
        return start(actor, places, floor)

    monkeypatch.setattr(Actor, "_start", die)
    assert "1 workers on 1 nodes" in play(dead, Machine("kept")).describe()
    with pytest.raises(ClusterError, match=r"node bare .* no process could be started"):
        play(Machine("kept"), Machine("bare", starts=False))


def test_a_cluster_without_cpus_is_refused(play: Play) -> None:
    with pytest.raises(ClusterError, match="no node with a CPU"):
        play(Machine("head", cpus=0))


def test_nodes_that_differ_are_told(play: Play) -> None:
    assert play(Machine("one"), Machine("two")).machine == {"cpu": "a"}
    mixed = play(Machine("one"), Machine("two", cpu="b"))
    assert mixed.machine == {"cpu": "a | b"}
    assert "2 workers on 2 nodes, which differ in cpu" in mixed.describe()


def test_nodes_that_join_later_must_be_like_those_before(
    play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    first = Machine("first", lives=1)
    pool = play(first, isolation_floor=0)
    later = [Machine("like"), Machine("unlike", cpu="b"), Machine("weak", level=0)]
    pool._ray.machines += later
    assert pool.map(double, range(6)) == [2 * n for n in range(6)]
    assert later[0].done
    assert not later[1].done
    assert not later[2].done
    assert "node weak (192.0.2.1) isolates programs less" in caplog.text
    assert (
        "node unlike (192.0.2.1) is another machine than those before it: not used" in caplog.text
    )


def test_processes_that_train_together_share_each_node(play: Play) -> None:
    machines = [Machine("one", cpus=3), Machine("two", cpus=1)]
    pools = [play(*machines, share=(rank, 2)) for rank in range(2)]
    places = [{n.name[:3]: n.actor.places for n in pool._nodes.values()} for pool in pools]
    assert places == [{"one": [0, 2], "two": [0]}, {"one": [1]}]


class TestConnecting:
    ADDRESSES: ClassVar = ["nonsense", "host:port", "ray://host:10001"]

    @pytest.mark.parametrize("address", ADDRESSES)
    def test_a_malformed_address_is_named(
        self, address: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ray = SimpleNamespace(is_initialized=lambda: False)
        monkeypatch.setattr(cluster, "import_ray", lambda: ray)
        with pytest.raises(ClusterError, match=f"HOST:PORT, got '{address}'"):
            cluster.connect(address)

    def test_a_dead_address_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        ray = SimpleNamespace(is_initialized=lambda: False)
        monkeypatch.setattr(cluster, "import_ray", lambda: ray)
        with pytest.raises(ClusterError, match=r"no Ray cluster answers at 127\.0\.0\.1:9 \(.*"):
            cluster.connect("127.0.0.1:9")

    def test_a_cluster_is_started_only_where_none_was_named(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[str] = []

        def init(address: str, **_: object) -> None:
            asked.append(address)
            if address == "auto":
                raise ConnectionError

        ray = SimpleNamespace(is_initialized=lambda: False, init=init)
        monkeypatch.setattr(cluster, "import_ray", lambda: ray)
        monkeypatch.delenv("RAY_ADDRESS", raising=False)
        assert cluster.connect()
        assert asked == ["auto", "local"]
        with pytest.raises(ClusterError, match="ray start --head"):
            cluster.connect("auto")

    def test_a_cluster_of_other_versions_is_one_line(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def init(address: str, **_: object) -> None:
            raise RuntimeError(
                "Version mismatch: The cluster was started with:\n    Ray: 2.50.0\n"
                "This process on node 192.0.2.1 was started with:\n    Ray: 2.60.0\n"
            )

        ray = SimpleNamespace(is_initialized=lambda: False, init=init)
        monkeypatch.setattr(cluster, "import_ray", lambda: ray)
        told = r"^the Ray cluster at auto .*with: Ray: 2\.50\.0 This.*install its versions of Ray"
        with pytest.raises(ClusterError, match=told) as caught:
            cluster.connect("auto")
        assert "\n" not in str(caught.value)


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise ModuleNotFoundError(name=name)

    monkeypatch.setattr(cluster, "import_module", absent)
    with pytest.raises(ModuleNotFoundError, match=r'pip install "effirl\[ray\]"'):
        RayPool()


def test_what_goes_to_a_node_can_be_pickled() -> None:
    error = pickle.loads(pickle.dumps(IsolationError("level")))
    assert (type(error), str(error)) == (IsolationError, "level")
