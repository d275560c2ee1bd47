"""What a training process must settle before it builds anything: its share, its folder, its noise.

`accelerate launch` and `torchrun` tell a process its place through the environment.
"""

import logging
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import TypeVar, cast

import datasets
import torch
import transformers
from accelerate import PartialState  # type: ignore[import-untyped]
from accelerate.utils import broadcast_object_list  # type: ignore[import-untyped]

from effirl.errors import UserError
from effirl.output import write_progress
from effirl.runs import Run, open_run

Result = TypeVar("Result")

_LONGEST_WAIT = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Hardware:
    """Where this process computes."""

    use_cpu: bool
    bf16: bool
    """Autocast to bfloat16: T5 overflows in float16, and TRL would turn it on for a CPU too."""


@cache
def has_fast_bfloat16() -> bool:
    """Whether this machine's processor computes in bfloat16, about twice as fast as in float32.

    Good for learning from examples. Reinforcement stays in float32 on a CPU: the probabilities
    that it compares must agree to the fifth digit.
    """
    flags = Path("/proc/cpuinfo").read_text(encoding="utf-8").split()
    return "avx512_bf16" in flags or "amx_bf16" in flags


def num_cores() -> int:
    """Return the cores that this process may use."""
    return len(os.sched_getaffinity(0))


def num_local_ranks() -> int:
    """Return the training processes on this machine."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", "1"))


def num_ranks() -> int:
    """Return the training processes on all machines."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def micro_batches(what: str, total: int, largest: int) -> tuple[int, int]:
    """Divide a step's batch among the processes.

    Args:
        what: The settings that make the batch, for the message.
        total: Rows of a step.
        largest: Rows in memory at once on a process, at most.

    Returns:
        Rows of a micro-batch, and micro-batches a step of each process.

    Raises:
        UserError: If the rows cannot be divided so.
    """
    size = min(largest, max(1, total // num_ranks()))
    number, rest = divmod(total, size * num_ranks())
    if rest:
        raise UserError(
            f"{what} = {total} must be a multiple of micro_batch_size * processes = "
            f"{size} * {num_ranks()}; change one of them"
        )
    return size, number


def is_sharded() -> bool:
    """Whether the launcher divides the model or the optimizer among the processes."""
    return is_fsdp() or os.environ.get("ACCELERATE_USE_DEEPSPEED") == "true"


def is_fsdp() -> bool:
    """Whether the launcher divides the model by FSDP."""
    return os.environ.get("ACCELERATE_USE_FSDP") == "true"


def check_sharding(optimizer: str) -> None:
    """Refuse a division of the model that leaves the optimizer, or who saves it, nothing whole.

    Raises:
        UserError: If the optimizer is Muon, or FSDP would save shards, of which no model is made.
    """
    if is_fsdp():
        saves = os.environ.get("FSDP_VERSION", "1"), os.environ.get("FSDP_STATE_DICT_TYPE", "")
        if saves != ("1", "FULL_STATE_DICT"):
            raise UserError(
                f"FSDP {saves[0]} with state dict type {saves[1] or 'not given'} would save no "
                "whole model; set fsdp_version: 1 and fsdp_state_dict_type: FULL_STATE_DICT, as "
                "in configs/accelerate/fsdp.yaml"
            )
    if optimizer == "muon" and is_sharded():
        raise UserError(
            "muon needs whole matrices, which FSDP and DeepSpeed divide; use --optimizer adamw "
            "with a --learning-rate that suits it"
        )


def is_main() -> bool:
    """Whether this process writes the run folder and the terminal."""
    return int(os.environ.get("RANK", "0")) == 0


def write_line(text: str) -> None:
    """Write one line of progress, from the main process only."""
    if is_main():
        write_progress(text)


def prepare_process() -> Hardware:
    """Divide the cores among the processes, quieten the libraries, and look for a GPU.

    Raises:
        UserError: If several GPUs are visible to a single process.
    """
    _quieten()
    # A bare `accelerate launch` sets OMP_NUM_THREADS=1, which would idle the other cores.
    num_threads = max(1, num_cores() // num_local_ranks())
    torch.set_num_threads(num_threads)
    has_gpu = _uses_gpu()
    if has_gpu and num_ranks() == 1 and torch.cuda.device_count() > 1:
        raise UserError(
            f"{torch.cuda.device_count()} GPUs are visible to one process; "
            "use accelerate launch --multi_gpu, or set CUDA_VISIBLE_DEVICES=0"
        )
    device = torch.cuda.get_device_name() if has_gpu else "CPU"
    processes = "1 process" if num_ranks() == 1 else f"{num_ranks()} processes"
    write_line(f"{device}, {processes}, {num_threads} torch threads each")
    return Hardware(use_cpu=not has_gpu, bf16=has_gpu and gpu_has_bfloat16())


def gpu_has_bfloat16() -> bool:
    """Whether the GPU itself computes in bfloat16: emulated, as on a T4, it saves no time."""
    supported: bool = torch.cuda.is_bf16_supported(including_emulation=False)
    return supported


def _uses_gpu() -> bool:
    """Whether there is a GPU, and the launcher was not told to leave it alone."""
    is_told = os.environ.get("ACCELERATE_USE_CPU", "").lower() in ("1", "true", "yes", "on")
    return torch.cuda.is_available() and not is_told


def open_shared_run(kind: str, config: object, output_dir: Path | None) -> Run:
    """Open the run folder in the main process, and tell the others which it is.

    Raises:
        UserError: As `effirl.runs.open_run`; in every process.
    """
    if num_ranks() == 1:
        return open_run(kind, config, output_dir)
    # The main process checks the source programs of a whole data set while the others wait for it.
    PartialState(cpu=not _uses_gpu(), timeout=_LONGEST_WAIT)
    shared: list[tuple[Path, Path | None] | str | None] = [None]
    run = None
    if is_main():
        try:
            run = open_run(kind, config, output_dir)
            shared = [(run.path, run.checkpoint)]
        except UserError as error:
            shared = [str(error)]
    broadcast_object_list(shared)
    if run is not None:
        return run
    if not isinstance(shared[0], tuple):
        raise UserError(str(shared[0]))
    return Run(*shared[0], lock=None)


def from_main(compute: Callable[[], Result]) -> Result:
    """Compute in the main process only, and give every process the result."""
    if num_ranks() == 1:
        return compute()
    shared = [compute() if is_main() else None]
    broadcast_object_list(shared)
    return cast(Result, shared[0])


def _quieten() -> None:
    """Leave the terminal to the progress lines: what the libraries say here has no next step."""
    for name in ("transformers", "trl", "accelerate", "datasets", "peft"):
        logging.getLogger(name).setLevel(logging.ERROR)
    transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    datasets.disable_progress_bars()
    warnings.filterwarnings("ignore", message=".*pin_memory.*")
    # transformers 5 renames gradient_checkpointing, which trl 1.16 still sets: drop with trl 1.17.
    warnings.filterwarnings("ignore", message=".*gradient_checkpointing.*", category=FutureWarning)
