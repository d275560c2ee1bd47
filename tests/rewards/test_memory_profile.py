"""Memory over time: the integral exactly, on scripted samples; then once for real."""

import os

import pytest

from rewards import memory_profile
from rewards.errors import SandboxError
from rewards.executor import Executor
from rewards.memory_profile import MemoryTime, Trace, integrate, memory_time
from rewards.records import Limits
from rewards.worker import Worker

HOLD = """
import time
start = time.thread_time()
block = b"1" * ({megabytes} * 10**6)
end = start + {seconds}
while time.thread_time() < end: pass
"""


def test_trapezoid_above_the_base_and_the_last_sample_held_to_the_end() -> None:
    trace = Trace(1, 0.0, [(0.0, 10.0), (1.0, 20.0), (3.0, 20.0)], ended_at=3.2)
    assert integrate(trace, 10.0) == pytest.approx(5 + 20 + 1)
    assert integrate(trace, 30.0) == 0


@pytest.mark.parametrize(
    ("looked_at", "moments", "ended_at", "is_dense"),
    [
        (0.0, range(1, 100), 100.0, True),
        (-9.0, range(1, 100), 100.0, False),  # found late
        (0.0, range(1, 90), 100.0, False),  # lost early
        (0.0, [*range(1, 50), *range(60, 100)], 100.0, False),
    ],
)
def test_a_gap_makes_it_unreliable(
    looked_at: float, moments: list[int], ended_at: float, is_dense: bool
) -> None:
    samples = [(float(moment), 1.0) for moment in moments]
    assert Trace(1, looked_at, samples, ended_at).is_dense is is_dense


@pytest.fixture
def sampled(executor: Executor):
    def sample(program: str) -> MemoryTime:
        (found,) = executor.map(lambda w, _: memory_time(w, program, "", Limits()), [0])
        if isinstance(found, SandboxError):
            raise found
        return found

    return sample


def test_it_grows_with_what_is_held_and_with_how_long(sampled) -> None:
    """Loose bounds for a busy machine; figures are tests/benchmarks/fidelity.py's."""
    none, some, longer = (
        sampled(HOLD.format(megabytes=m, seconds=s)).mb_s
        for m, s in ((0, 0.2), (50, 0.2), (50, 0.4))
    )
    assert none < 1
    assert 0.7 * 10 < some < 1.6 * 10
    assert 0.7 * 20 < longer < 1.6 * 20


def test_a_short_run_is_said_to_be_unreliable(sampled) -> None:
    assert not sampled(HOLD.format(megabytes=8, seconds=0.01)).is_reliable


def test_a_failed_run_is_an_error_of_ours(sampled) -> None:
    with pytest.raises(SandboxError, match="RUNTIME_ERROR"):
        sampled("1/0")


def test_the_sampler_stays_off_the_programs_core_and_leaves_ours_alone(
    sampled, monkeypatch: pytest.MonkeyPatch
) -> None:
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("NOT CHECKED: this machine has one core")
    overlaps: list[bool] = []
    sample = memory_profile._sample

    def spied(worker: Worker, *rest) -> None:
        sample(worker, *rest)
        overlaps.append(worker.settings.core in os.sched_getaffinity(0))

    before = os.sched_getaffinity(0)
    monkeypatch.setattr(memory_profile, "_sample", spied)
    sampled("pass")
    assert overlaps
    assert not any(overlaps)
    assert os.sched_getaffinity(0) == before
