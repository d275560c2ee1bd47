"""What the trainers report while they run, and how Ctrl-C stops them.

The trainer fixes the arguments of the events, used or not.
"""

import json
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import Any, Self

from accelerate.utils import gather_object  # type: ignore[import-untyped]
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from effirl.training.live_table import LiveTable, has_terminal
from effirl.training.processes import is_main, num_ranks, write_line
from effirl.training.progress import Figures, as_line


class StepCallback(TrainerCallback):
    """Shows each log of the trainer, and appends it to log.jsonl.

    On a terminal it is a row of a live table, elsewhere a line. Leaving the callback, which is a
    context, leaves the table.
    """

    def __init__(
        self, log_path: Path, describe: Callable[[Mapping[str, float]], Figures], *, cycle: int = 1
    ) -> None:
        """Say how a log becomes text.

        Args:
            log_path: The jsonl file, appended to.
            describe: Picks what is shown of a log; nothing skips the log.
            cycle: Optimizer steps that make one step of the user's.
        """
        self._log_path = log_path
        self._describe = describe
        self._cycle = cycle
        self._started_s = time.monotonic()
        self._first_step = 0
        self._table = LiveTable() if is_main() and has_terminal() else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._table is not None:
            self._table.close()

    def on_train_begin(
        self,
        args: TrainingArguments,  # noqa: ARG002
        state: TrainerState,
        control: TrainerControl,  # noqa: ARG002
        **_: Any,
    ) -> None:
        """Start the clock: a resumed run has done some steps already."""
        self._started_s = time.monotonic()
        self._first_step = state.global_step

    def on_log(
        self,
        args: TrainingArguments,  # noqa: ARG002
        state: TrainerState,
        control: TrainerControl,  # noqa: ARG002
        logs: dict[str, float] | None = None,
        **_: Any,
    ) -> None:
        """Show it and write the row."""
        if logs is None or not is_main():
            return
        figures = self._describe(logs)
        if not figures:
            return
        step, total = state.global_step // self._cycle, state.max_steps // self._cycle
        with self._log_path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({**logs, "step": step}) + "\n")
        if self._table is not None:
            self._table.show(figures, step, total, self._clock(state))
        else:
            number = f"{step:>{len(str(total))}}/{total}"
            write_line(f"{number}  {as_line(figures)}  {self._clock(state)}")

    def _clock(self, state: TrainerState) -> str:
        elapsed_s = time.monotonic() - self._started_s
        step_s = elapsed_s / max(1, state.global_step - self._first_step)
        left_s = step_s * (state.max_steps - state.global_step)
        return (
            f"{step_s * self._cycle:.1f} s/step  "
            f"elapsed {_minutes(elapsed_s)}  left {_minutes(left_s)}"
        )


class EpochCallback(TrainerCallback):
    """Tells a sampler which epoch begins, also where a run goes on in the middle of one.

    Behind accelerate's samplers transformers does not reach it then, and the run would see the
    first epoch's order again.
    """

    def __init__(self, set_epoch: Callable[[int], None]) -> None:
        """Say whom to tell."""
        self._set_epoch = set_epoch

    def on_epoch_begin(
        self,
        args: TrainingArguments,  # noqa: ARG002
        state: TrainerState,
        control: TrainerControl,  # noqa: ARG002
        **_: Any,
    ) -> None:
        """Tell it."""
        self._set_epoch(int(state.epoch or 0))


def shuffle_by_epoch(trainer: Trainer, sampler: Any) -> None:
    """Make the order of a sampler with a generator that of the seed and the epoch alone."""
    sampler.set_epoch = lambda epoch: sampler.generator.manual_seed(trainer.args.seed + epoch)
    trainer.add_callback(EpochCallback(sampler.set_epoch))


class InterruptCallback(TrainerCallback):
    """Makes Ctrl-C save a whole checkpoint at the next step's end, and stop there.

    A second Ctrl-C stops at once: the run then continues from its checkpoint before. SIGINT is its
    own while it is entered, and given back however the training ends.
    """

    def __init__(self, *, cycle: int = 1) -> None:
        """Say where to stop.

        Args:
            cycle: Optimizer steps between points from which a run can continue exactly.
        """
        self.is_requested = False
        self._cycle = cycle
        self._previous: Any = signal.SIG_DFL

    def __enter__(self) -> Self:
        self._previous = signal.signal(signal.SIGINT, self._request)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._previous)

    def on_step_end(
        self,
        args: TrainingArguments,  # noqa: ARG002
        state: TrainerState,
        control: TrainerControl,
        **_: Any,
    ) -> None:
        """Stop where every process agrees that one of them was asked to."""
        if state.global_step % self._cycle:
            return
        if num_ranks() > 1:
            self.is_requested = any(gather_object([self.is_requested]))
        if self.is_requested:
            control.should_save = True
            control.should_training_stop = True

    def _request(self, _signum: int, _frame: FrameType | None) -> None:
        self.is_requested = True
        signal.signal(signal.SIGINT, self._previous)
        write_line("stopping after this step, with a checkpoint (Ctrl-C again: at once)")


def _minutes(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole // 60}:{whole % 60:02d}"
