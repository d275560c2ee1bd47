"""Run untrusted Python programs in isolation, measure them, and score them.

Needs neither torch nor effirl. `EfficiencyReward` is a reward function for any TRL trainer.
Names are imported on first use, so that the sandbox's own processes stay small.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rewards.cache import MeasurementCache as MeasurementCache
    from rewards.efficiency import EfficiencyReward as EfficiencyReward
    from rewards.errors import IsolationError as IsolationError
    from rewards.errors import ProblemError as ProblemError
    from rewards.errors import SandboxError as SandboxError
    from rewards.executor import Executor as Executor
    from rewards.measurement import Comparison as Comparison
    from rewards.ray_pool import RayPool as RayPool
    from rewards.records import ExecutionResult as ExecutionResult
    from rewards.records import Limits as Limits
    from rewards.records import Status as Status
    from rewards.records import TestCase as TestCase
    from rewards.scores import RewardConfig as RewardConfig

_HOME = {
    "EfficiencyReward": "efficiency",
    "IsolationError": "errors",
    "ProblemError": "errors",
    "SandboxError": "errors",
    "Executor": "executor",
    "Comparison": "measurement",
    "ExecutionResult": "records",
    "Limits": "records",
    "MeasurementCache": "cache",
    "RayPool": "ray_pool",
    "Status": "records",
    "TestCase": "records",
    "RewardConfig": "scores",
}
__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'rewards' has no attribute {name!r}")
    return getattr(import_module(f"rewards.{_HOME[name]}"), name)
