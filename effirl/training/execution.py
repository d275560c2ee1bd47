"""The workers that a warm start's validation runs programs on. Imports without torch."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from effirl.data import catalog
from effirl.training.config import SftConfig
from rewards.cache import MeasurementCache, default_folder
from rewards.efficiency import EfficiencyReward
from rewards.executor import Executor


@contextmanager
def start_scorer(config: SftConfig) -> Iterator[EfficiencyReward | None]:
    """Start the workers, and stop them at the end.

    None where nothing is to be run: validation by exact match, and in every process but the main
    one, which runs the programs for all of them.

    Raises:
        IsolationError: If this machine cannot isolate programs.
    """
    is_main = int(os.environ.get("RANK", "0")) == 0
    if config.validation_metric != "execution" or not is_main:
        yield None
        return
    with Executor() as executor:
        cache = MeasurementCache(default_folder())
        reward = EfficiencyReward(executor=executor, cache=cache, fresh_inputs=catalog.fresh_inputs)
        try:
            yield reward
        finally:
            reward.close()
