"""Measuring on a real Ray cluster of several nodes on this machine, one of them killed at work."""

import os
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from rewards import EfficiencyReward, RewardConfig, SandboxError, Status, TestCase
from rewards.efficiency import ScoreRequest
from rewards.machine import fingerprint, fingerprint_key
from rewards.records import Limits
from rewards.worker import Worker

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
ray = pytest.importorskip(
    "ray", reason='NOT CHECKED: ray is not installed; pip install -c constraints.txt -e ".[ray]"'
)

from rewards.ray_pool import RayPool  # noqa: E402 - after the skip

SMALL: dict[str, Any] = {"object_store_memory": 80_000_000}
SLOW = "n = int(input())\ns = 0\nfor i in range(n): s += i\nprint(s)\n"
FAST = "n = int(input())\nprint(n * (n - 1) // 2)\n"
WRONG = "print(1)\n"
N = 200_000


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head that has no CPU for us; nodes are added by the tests."""
    from ray.cluster_utils import Cluster

    found = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False, **SMALL}
    )
    ray.init(found.address, log_to_driver=False, configure_logging=False)
    yield found
    ray.shutdown()
    found.shutdown()


def spin(worker: Worker, number: int) -> bytes:
    """A fifth of a second of work, and which item it was."""
    program = (
        "import time\nend = time.process_time() + 0.2\n"
        "while time.process_time() < end: pass\nprint(input())\n"
    )
    return worker.run(program, str(number), Limits()).stdout


def test_a_node_killed_in_mid_batch_loses_nothing(cluster: Any) -> None:
    nodes = [cluster.add_node(num_cpus=1, **SMALL) for _ in range(2)]
    results: list[bytes | SandboxError] = []
    with RayPool() as pool:
        batch = threading.Thread(target=lambda: results.extend(pool.map(spin, range(30))))
        batch.start()
        time.sleep(1.0)
        assert batch.is_alive(), "killed too late to tell anything"
        cluster.remove_node(nodes[0], allow_graceful=False)
        batch.join()
        assert "on 1 nodes" in pool.describe()
    cluster.remove_node(nodes[1], allow_graceful=False)
    assert results == [f"{number}\n".encode() for number in range(30)]


def test_scores_and_records_are_those_of_this_machine(cluster: Any) -> None:
    node = cluster.add_node(num_cpus=1, **SMALL)
    case = (TestCase(f"{N}\n", f"{N * (N - 1) // 2}\n"),)
    requests = [ScoreRequest("sum", SLOW, case, case, text) for text in (FAST, WRONG, SLOW)]
    with RayPool() as pool:
        scores = EfficiencyReward(RewardConfig(alpha=1.0), pool).score(requests)
        assert pool.machine == fingerprint()
        assert pool.isolation.level >= 1
    cluster.remove_node(node, allow_graceful=False)
    assert [score.status for score in scores] == [Status.OK, Status.WRONG_ANSWER, Status.OK]
    assert scores[0].reward is not None
    assert scores[0].reward > 1.0
    assert [score.reward for score in scores[1:]] == [-0.3, 1.0]
    assert scores[0].comparison is not None
    assert scores[0].comparison.machine == fingerprint_key()
