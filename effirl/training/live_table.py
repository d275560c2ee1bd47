"""The last steps of a training as a table that is drawn in place, for a person at a terminal."""

from collections import deque
from typing import Final

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from effirl.output import is_quiet, wants_json
from effirl.training.progress import Figures

NUM_ROWS: Final = 12
"""Steps shown; log.jsonl has them all."""


def has_terminal() -> bool:
    """Whether somebody watches: a terminal that can be drawn on, with progress not turned off."""
    console = Console()
    return console.is_terminal and not console.is_dumb_terminal and not (is_quiet() or wants_json())


class LiveTable:
    """A row a step, the newest last, with how far the training is.

    Args:
        console: Where to draw.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._live = Live(console=console or Console(), auto_refresh=False)
        self._rows: deque[Figures] = deque(maxlen=NUM_ROWS)

    def show(self, figures: Figures, step: int, total: int, clock: str) -> None:
        """Add a step, and draw.

        Args:
            figures: Of the step; their names are the columns.
            step: Its number.
            total: Of steps.
            clock: What is said of the time.
        """
        self._rows.append({"step": str(step), **figures})
        self._live.start()
        bar = ProgressBar(total=total, completed=step, width=40)  # ends no line
        self._live.update(Group(self._table(), bar, f" {step}/{total}  {clock}"), refresh=True)

    def close(self) -> None:
        """Leave the table as it is, and the terminal to what comes next."""
        self._live.stop()

    def _table(self) -> Table:
        # A validation has other columns than a step: their union, in the order of their appearance.
        names = list(dict.fromkeys(name for row in self._rows for name in row))
        table = Table(*names, box=None, pad_edge=False)
        for row in self._rows:
            table.add_row(*(row.get(name, "") for name in names))
        return table
