"""Completion rows with costs that are known exactly."""

from effirl.scoring import CompletionRow
from rewards.imports import ImportCost
from rewards.records import Status
from tests.fakes import comparison


def correct(
    index: int,
    *,
    runtime_s: float,
    source_runtime_s: float = 0.4,
    num_bytes: int = 1_000_000,
    source_bytes: int = 4_000_000,
    sample: int = 0,
    problem_id: str | None = None,
) -> CompletionRow:
    return CompletionRow(
        problem_index=index,
        problem_id=problem_id or f"p{index}",
        sample=sample,
        completion="pass",
        program="pass",
        status=Status.OK,
        reward=1.2,
        time_gain=0.5,
        memory_gain=-0.25,
        is_copy=False,
        pass_rate=1.0,
        comparison=comparison(source_runtime_s, source_bytes, runtime_s, num_bytes),
        program_memory_time_mb_s=runtime_s * num_bytes / 1e6,
        source_memory_time_mb_s=source_runtime_s * source_bytes / 1e6,
        program_imports=ImportCost(0.0, 0),
        source_imports=ImportCost(0.0, 0),
    )


def failed(index: int, status: Status = Status.WRONG_ANSWER, *, sample: int = 0) -> CompletionRow:
    reward = None if status is Status.SANDBOX_ERROR else -0.3
    return CompletionRow(
        index, f"p{index}", sample, "x", "x", status, reward, 0.0, 0.0, False, 0.0, None
    )
