"""The part that warm start and reinforcement share: train or continue, stop cleanly, save."""

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import (
    EarlyStoppingCallback,
    PrinterCallback,
    ProgressCallback,
    Trainer,
    TrainerState,
)

from effirl.data.overlap import RECORD_FILE
from effirl.data.prompts import PROMPT_FILE
from effirl.policy import Policy, add_lora
from effirl.runs import LOG_FILE, Run, drop_rows_after
from effirl.training.callbacks import InterruptCallback, StepCallback
from effirl.training.config import PpoConfig, SftConfig
from effirl.training.processes import Hardware, is_main, write_line
from effirl.training.progress import Figures

PROJECT = "effirl"
"""Under which the trackers file a run."""
ROLLOUTS_FILE = "rollouts.jsonl"
REACTIONS_FILE = "reactions.jsonl"


def run_to_end(
    trainer: Trainer,
    run: Run,
    describe: Callable[[Mapping[str, float]], Figures],
    *,
    cycle: int = 1,
) -> None:
    """Train from the run's checkpoint, or from the start, and save the policy in `model/`.

    Args:
        trainer: With checkpoints in the run's folder.
        run: Opened by this command.
        describe: Picks what is shown of a log.
        cycle: Optimizer steps that make one step of the user's.

    Raises:
        KeyboardInterrupt: After Ctrl-C, with a whole checkpoint saved.
    """
    interrupt = InterruptCallback(cycle=cycle)
    trainer.remove_callback(PrinterCallback)
    trainer.remove_callback(ProgressCallback)
    steps = StepCallback(run.path / LOG_FILE, describe, cycle=cycle)
    trainer.add_callback(interrupt)
    trainer.add_callback(steps)
    checkpoint = str(run.checkpoint) if run.checkpoint else None
    if is_main():
        for name in (LOG_FILE, ROLLOUTS_FILE, REACTIONS_FILE):
            drop_rows_after(run.path / name, checkpoint_step(run) // cycle)
    if checkpoint is not None and _is_over(_state_of(checkpoint)):
        _load_last(trainer, checkpoint)  # the trainer would make one more step
        _save(trainer, run, is_prepared=False)
        return
    with interrupt, steps:
        trainer.train(resume_from_checkpoint=checkpoint)
    if interrupt.is_requested and not _is_over(trainer.state):
        raise KeyboardInterrupt
    _save(trainer, run)


def shared_arguments(config: SftConfig | PpoConfig, hardware: Hardware, run: Run) -> dict[str, Any]:
    """Return the trainer arguments that both have, but for the steps and the precision."""
    # The trackers take these from the environment alone.
    os.environ["TENSORBOARD_LOGGING_DIR"] = str(run.path / "tensorboard")
    os.environ.setdefault("WANDB_PROJECT", PROJECT)
    return {
        "output_dir": str(run.path),
        "learning_rate": config.learning_rate,
        "warmup_steps": config.warmup_steps,
        "weight_decay": config.weight_decay,
        "max_grad_norm": config.max_grad_norm,
        "optim": "adamw_torch",
        "adam_beta1": 0.9,
        "adam_beta2": 0.999,
        "save_strategy": "steps",
        "save_total_limit": 2,
        "disable_tqdm": True,
        "log_level": "error",  # or the trainer turns warnings on again
        "log_level_replica": "error",
        "ddp_find_unused_parameters": False,
        "report_to": config.tracker,
        "run_name": run.path.name,
        "project": PROJECT,
        "trackio_space_id": None,  # on this machine
        "use_cpu": hardware.use_cpu,
        "fp16": False,
        "gradient_checkpointing": False,
        "dataloader_num_workers": 0,
        "dataloader_pin_memory": not hardware.use_cpu,
        "seed": config.seed,
    }


def prepare_adapter(policy: Policy, config: SftConfig | PpoConfig) -> None:
    """Add the adapter that is asked for; one that the policy has already is trained on."""
    if isinstance(policy.model, PeftModel):
        rank = getattr(policy.model.active_peft_config, "r", None)
        if not config.lora or rank != config.lora_rank:
            write_line(f"{policy.name} has an adapter of rank {rank}: it is trained on as it is")
    elif config.lora:
        torch.manual_seed(config.seed)  # the trainer sets it too late
        policy.model = add_lora(policy.model, config.lora_rank)


def announce(run: Run) -> None:
    """Say where the run is kept, and what it continues."""
    if run.is_finished:
        write_line(f"finished before: {run.model_path}")
    elif run.checkpoint is not None:
        write_line(f"continuing {run.path} from {run.checkpoint.name}")
    else:
        write_line(f"run folder {run.path}")


def checkpoint_step(run: Run) -> int:
    """Return the optimizer step that a run continues from, 0 for a fresh one."""
    if run.checkpoint is None:
        return 0
    return _state_of(str(run.checkpoint)).global_step


def _state_of(checkpoint: str) -> TrainerState:
    """Read where a checkpoint stands."""
    state: TrainerState = TrainerState.load_from_json(str(Path(checkpoint, "trainer_state.json")))
    return state


def _is_over(state: TrainerState) -> bool:
    """Whether a training has made its last step, or an evaluation has ended it early."""
    callbacks: Any = state.stateful_callbacks  # a dictionary, in spite of its annotation
    stopping = callbacks.get(EarlyStoppingCallback.__name__, {})
    waited = stopping.get("attributes", {}).get("early_stopping_patience_counter", 0)
    patience = stopping.get("args", {}).get("early_stopping_patience", waited + 1)
    return waited >= patience or state.global_step >= state.max_steps


def _load_last(trainer: Trainer, checkpoint: str) -> None:
    """Load what a run that was stopped after its last step was about to save."""
    trainer.state = _state_of(checkpoint)
    trainer._load_from_checkpoint(trainer.state.best_model_checkpoint or checkpoint)


def _save(trainer: Trainer, run: Run, *, is_prepared: bool = True) -> None:
    """Write `model/` in one move: a folder of that name is always whole.

    Args:
        trainer: Has the policy.
        run: Where to.
        is_prepared: Whether it has trained in this process, so that its weights may be divided.
    """
    partial = run.path / "model.partial"
    if is_main():
        shutil.rmtree(partial, ignore_errors=True)
    if is_prepared:
        trainer.save_model(str(partial))  # on every process: sharded weights are gathered
    elif is_main():
        trainer._save(str(partial))
    trainer.accelerator.wait_for_everyone()
    if is_main():
        (partial / "training_args.bin").unlink(missing_ok=True)  # a pickle; config.yaml says more
        for name in (RECORD_FILE, PROMPT_FILE):
            if (run.path / name).is_file():
                shutil.copyfile(run.path / name, partial / name)
        shutil.rmtree(partial / "ref", ignore_errors=True)  # TRL's adapter of the reference
        partial.rename(run.model_path)
