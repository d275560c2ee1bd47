from types import SimpleNamespace
from typing import Any

import pytest

from effirl import engines
from effirl.config import FieldError
from effirl.engines import start_pool
from effirl.errors import UserError
from effirl.evaluation.config import EvaluateConfig, SweepConfig
from effirl.runs import settings
from effirl.training.config import PpoConfig
from effirl.training.reward import start_reward
from rewards import machine, ray_pool
from rewards.cluster import ClusterError

CONFIGS = [
    (PpoConfig, "rewards_engine"),
    (EvaluateConfig, "rewards_engine"),
    (SweepConfig, "engine"),
]


@pytest.mark.parametrize(("config_class", "field"), CONFIGS)
def test_without_ray_the_extra_is_named(
    config_class: Any, field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "find_spec", lambda _: None)
    with pytest.raises(FieldError, match=rf'{field} must be local.*pip install "effirl\[ray\]"'):
        config_class(**{field: "ray"})
    config_class(**{field: "local"})


def test_a_run_may_go_on_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "find_spec", lambda _: True)
    there = EvaluateConfig(rewards_engine="ray", ray_address="h:1")
    assert settings(there) == settings(EvaluateConfig())
    assert settings(SweepConfig(engine="ray")) == settings(SweepConfig())


def test_here_a_process_takes_its_own_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[list[int]] = []
    monkeypatch.setattr(machine, "own_cores", lambda: [5, 7])
    monkeypatch.setattr(engines, "Executor", lambda cores, **_: taken.append(cores))
    start_pool(EvaluateConfig())
    assert taken == [[5, 7]]


def test_the_launcher_says_which_share_is_whose(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[dict[str, Any]] = []

    class Pool:
        def __init__(self, address: str | None, **settings: Any) -> None:
            started.append({"address": address, **settings})
            self.machine, self.isolation = {"cpu": "a"}, SimpleNamespace(level=1)

        def describe(self) -> str:
            return "described"

        def close(self) -> None:
            started.append({"closed": True})

    launcher = {"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"}
    for name, value in launcher.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(engines, "find_spec", lambda _: True)
    monkeypatch.setattr(ray_pool, "RayPool", Pool)
    config = PpoConfig(rewards_engine="ray", ray_address="h:1", isolation_floor=2)
    with start_reward(config) as reward:
        assert isinstance(reward.executor, Pool)
    wanted = {"address": "h:1", "isolation_floor": 2, "share": (3, 4)}
    assert started == [wanted, {"closed": True}]


def test_trouble_with_the_cluster_is_the_user_s_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def absent(*_: object, **__: object) -> None:
        raise ClusterError("no Ray cluster answers at h:1")

    monkeypatch.setattr(engines, "find_spec", lambda _: True)
    monkeypatch.setattr(ray_pool, "RayPool", absent)
    with pytest.raises(UserError, match="no Ray cluster answers at h:1"):
        start_pool(EvaluateConfig(rewards_engine="ray", ray_address="h:1"))
