"""From jobs to outcomes: remembered ones while they hold, measured ones otherwise."""

from collections.abc import Mapping, Sequence
from functools import partial
from operator import attrgetter

from rewards.cache import MeasurementCache, conditions
from rewards.errors import SandboxError
from rewards.executor import PACKAGES, Pool
from rewards.jobs import Job, Outcome, run_job
from rewards.measurement import MeasurementPlan
from rewards.monitor import Doubt, FreshInputs, Monitor, measure_again


class Outcomes:
    """Measures each distinct job once, and once more where its gain is doubted.

    Args:
        executor: Workers to use.
        cache: Where outcomes are remembered; None for a memory of this object.
        fresh_inputs: Makes inputs for doubted gains; None where nothing can.
        plan: How precisely to measure.
        saturation: log2 of the gain that counts in full.
        run_all: Run the tests after the first failed one too.
    """

    def __init__(
        self,
        executor: Pool,
        cache: MeasurementCache | None,
        fresh_inputs: FreshInputs | None,
        plan: MeasurementPlan,
        *,
        saturation: float,
        run_all: bool,
    ) -> None:
        self._executor = executor
        self._cache = MeasurementCache() if cache is None else cache
        self._monitor = Monitor(saturation, fresh_inputs)
        self._plan = plan
        self._saturation = saturation
        self._run_all = run_all
        self._conditions = conditions(
            executor.machine,
            executor.isolation.level,
            plan,
            saturation,
            run_all,
            fresh_inputs is not None,
            self._cache.max_servings,  # what training measured never answers an evaluation
            packages=PACKAGES,
        )

    def of(self, jobs: Sequence[Job | None]) -> list[Outcome | None]:
        """Give the outcome of each job; None where there is no job, and where we failed."""
        keys = [None if job is None else job.key(self._conditions) for job in jobs]
        distinct: dict[str, Job] = {}
        for key, job in zip(keys, jobs, strict=True):
            if key is not None and job is not None:
                distinct.setdefault(key, job)
        found = self._cache.serve(list(distinct))
        new = self._measure({key: job for key, job in distinct.items() if key not in found})
        settled = self._settle(distinct, found | new)
        self._cache.store({k: o for k, o in settled.items() if o is not found.get(k)})
        return [None if key is None else settled.get(key) for key in keys]

    def _measure(self, jobs: Mapping[str, Job]) -> dict[str, Outcome]:
        run = partial(run_job, plan=self._plan, run_all=self._run_all)
        results = self._executor.map(run, list(jobs.values()), attrgetter("texts"))
        pairs = zip(jobs, results, strict=True)
        return {key: result for key, result in pairs if not isinstance(result, SandboxError)}

    def _settle(self, jobs: Mapping[str, Job], outcomes: dict[str, Outcome]) -> dict[str, Outcome]:
        """Confirm or refute doubted gains; what we fail to measure again is left out."""
        doubts: dict[str, Doubt] = {}
        for key, outcome in outcomes.items():
            if doubt := self._monitor.doubt(jobs[key], outcome):
                doubts[key] = doubt
        run = partial(measure_again, plan=self._plan, saturation=self._saturation)
        results = self._executor.map(run, list(doubts.values()), attrgetter("job.texts"))
        settled = {key: outcome for key, outcome in outcomes.items() if key not in doubts}
        for (key, doubt), result in zip(doubts.items(), results, strict=True):
            if not isinstance(result, SandboxError):
                self._monitor.settle(doubt, result)
                settled[key] = result
        return settled
