"""Stand-ins for what takes seconds or a sandbox: they read their answer from the program's text."""

import re
from collections.abc import Sequence
from math import log2
from types import SimpleNamespace

from effirl.evaluation.meter import Pair
from effirl.policy import Policy
from rewards.costs import ImportCosts, MemoryTimes
from rewards.efficiency import ScoreRequest
from rewards.extraction import extract_program, normalise
from rewards.imports import ImportCost
from rewards.measurement import Comparison
from rewards.records import Status
from rewards.scores import Score

DIRECTIVE = re.compile(r"^# (?P<pairs>(?:\w+=\S+ ?)+)$", re.MULTILINE)


class FakeReward:
    """Scores by `# runtime=0.2 memory=3e6 status=OK` in the programs, without running them.

    What a program leaves out is 0.1 s, 1e6 bytes and OK. Gains are log2 ratios over 3, clipped.
    """

    __name__ = "efficiency"

    def __init__(self) -> None:
        self.requests: list[ScoreRequest] = []
        """All that was ever asked, in order."""

    def score(self, requests: Sequence[ScoreRequest]) -> list[Score]:
        self.requests += requests
        return [fake_score(request) for request in requests]

    def validate(self, requests: Sequence[ScoreRequest]) -> list[str | None]:
        statuses = [directives(request.source_program).get("status", "OK") for request in requests]
        return [None if status == "OK" else f"ends with {status}" for status in statuses]


def fake_score(request: ScoreRequest) -> Score:
    program = extract_program(request.completion)
    if program is None:
        return Score(Status.NO_CODE, -1.0, 0.0, 0.0, False, 0.0, None, None)
    values = directives(program)
    status = Status(values.get("status", "OK"))
    is_copy = normalise(program) == normalise(request.source_program)
    if status is Status.SANDBOX_ERROR:
        return Score(status, None, 0.0, 0.0, is_copy, 0.0, None, program)
    if status is not Status.OK:
        return Score(status, -0.3, 0.0, 0.0, is_copy, 0.0, None, program)
    if is_copy:
        return Score(status, 1.0, 0.0, 0.0, True, 1.0, None, program)
    found = comparison(*cost(request.source_program), *cost(program))
    time_gain = max(-1.0, min(1.0, found.time_log2_ratio / 3))
    memory_gain = max(-1.0, min(1.0, found.memory_log2_ratio / 3))
    alpha = 0.5 if request.alpha is None else request.alpha
    reward = 1 + 0.6 * (alpha * time_gain + (1 - alpha) * memory_gain)
    return Score(status, reward, time_gain, memory_gain, is_copy, 1.0, found, program)


def directives(program: str) -> dict[str, str]:
    match = DIRECTIVE.search(program)
    if match is None:
        return {}
    return dict(pair.split("=", 1) for pair in match["pairs"].split())


def cost(program: str) -> tuple[float, int]:
    """Return the seconds and bytes that a program says it takes."""
    values = directives(program)
    return float(values.get("runtime", 0.1)), int(float(values.get("memory", 1e6)))


def comparison(
    source_runtime_s: float, source_bytes: int, runtime_s: float, num_bytes: int
) -> Comparison:
    """Make the comparison that two costs, known without noise, would give."""
    time_ratio, memory_ratio = log2(source_runtime_s / runtime_s), log2(source_bytes / num_bytes)
    return Comparison(
        time_log2_ratio=time_ratio,
        time_low=time_ratio,
        time_high=time_ratio,
        time_spread=0.0,
        memory_log2_ratio=memory_ratio,
        memory_low=memory_ratio,
        memory_high=memory_ratio,
        rounds=1,
        source_runtime_s=source_runtime_s,
        program_runtime_s=runtime_s,
        source_wall_s=source_runtime_s,
        program_wall_s=runtime_s,
        source_peak_bytes=source_bytes,
        program_peak_bytes=num_bytes,
    )


class FakeMeter:
    """Reads costs from the programs: memory times runtime is the integral.

    `import_s=0.05` is what a program's imports take, 0 where it says nothing.
    """

    def memory_times(self, pairs: Sequence[Pair]) -> list[MemoryTimes | None]:
        return [
            MemoryTimes(
                source=_integral(pair.problem.source_program), program=_integral(pair.program)
            )
            for pair in pairs
        ]

    def comparisons(self, pairs: Sequence[Pair]) -> list[Comparison | None]:
        return [
            comparison(*cost(pair.problem.source_program), *cost(pair.program)) for pair in pairs
        ]

    def imports(self, pairs: Sequence[Pair]) -> list[ImportCosts | None]:
        return [
            ImportCosts(_imports(pair.problem.source_program), _imports(pair.program))
            for pair in pairs
        ]


def _imports(program: str) -> ImportCost:
    return ImportCost(float(directives(program).get("import_s", 0)), 0)


def _integral(program: str) -> float:
    runtime_s, num_bytes = cost(program)
    return runtime_s * num_bytes / 1e6


def fake_policy(*, is_causal: bool = False) -> Policy:
    """A policy that knows its kind, and cannot write."""
    model = SimpleNamespace(config=SimpleNamespace(is_encoder_decoder=not is_causal))
    return Policy(model, None, "fake")  # type: ignore[arg-type]
