"""Policies in the making: each is trained by a command, then evaluated; what is finished is kept.

A fresh process for each training, as `scripts/NAME.py` would be by hand; evaluations follow in this
one. Interrupted, the same stages go on where they stopped.
"""

import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from effirl.config import parse
from effirl.evaluation.config import EvaluateConfig, SweepConfig
from effirl.evaluation.run import evaluate
from effirl.launch import run, script_command
from effirl.runs import refuse_other_settings, settings
from effirl.training.config import PpoConfig, SftConfig
from effirl.training.phases_config import PhasesConfig

logger = logging.getLogger(__name__)

_SETTINGS: Final[dict[str, Any]] = {
    "sft.py": SftConfig,
    "phases.py": PhasesConfig,
    "sweep.py": SweepConfig,
    "ppo.py": PpoConfig,
}


@dataclass(frozen=True, slots=True)
class Stage:
    """A policy, or several of one command: how to make it, and how to evaluate it."""

    name: str
    command: tuple[str, ...] | None
    """A script and its arguments, None for what is there from the start."""
    product: Path
    """Is there when, and only when, the command has finished."""
    evaluations: tuple[EvaluateConfig, ...] = ()

    def settings(self) -> Any:
        """Read the command's arguments as it will; None where there is no command.

        Raises:
            UserError: If one of them is wrong.
        """
        if self.command is None:
            return None
        script, *arguments = self.command
        return parse(_SETTINGS[script], arguments)


def run_stages(stages: Sequence[Stage], accelerate_config: Path | None = None) -> None:
    """Run in turn what is not finished yet.

    Args:
        stages: In order: a stage may start from the product of an earlier one.
        accelerate_config: Launcher config for the commands; None for one process.

    Raises:
        UserError: If a stage fails, or what is finished was made with other settings.
        KeyboardInterrupt: After Ctrl-C; the stage that was running has saved what it saves.
    """
    check_finished(stages)
    started = time.monotonic()
    for number, stage in enumerate(stages, start=1):
        minutes = (time.monotonic() - started) / 60
        logger.info(f"\n== {number}/{len(stages)} {stage.name}, after {minutes:.1f} minutes ==")
        if stage.command is not None:
            _make(stage, stage.command, accelerate_config)
        for evaluation in stage.evaluations:
            evaluate(evaluation)


def check_finished(stages: Iterable[Stage]) -> None:
    """See that what is there already was made as it would be now.

    Raises:
        UserError: If it was made with other settings.
    """
    for stage in stages:
        if stage.command is not None and stage.product.exists():
            refuse_other_settings(stage.product.parent, settings(stage.settings()))


def _make(stage: Stage, command: tuple[str, ...], accelerate_config: Path | None) -> None:
    if stage.product.exists():
        logger.info(f"already there: {stage.product}")
        return
    script, *arguments = command
    logger.info(f"python scripts/{script} {' '.join(arguments)}")
    run(script_command(script, arguments, accelerate_config), stage.name)
