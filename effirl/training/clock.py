"""Where the time of a training step goes."""

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager


class Clock:
    """Adds up seconds by what they are spent on; an inner measure's count for it alone."""

    def __init__(self) -> None:
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._open: list[str] = []
        self._since_s = 0.0

    @contextmanager
    def measure(self, name: str) -> Iterator[None]:
        """Count the seconds until the end of the block."""
        self._turn()
        self._open.append(name)
        try:
            yield
        finally:
            self._turn()
            self._open.pop()

    def pop(self) -> dict[str, float]:
        """Return `seconds/<name>` since the last call."""
        found = {f"seconds/{name}": seconds for name, seconds in self._seconds.items()}
        self._seconds.clear()
        return found

    def _turn(self) -> None:
        now_s = time.monotonic()
        if self._open:
            self._seconds[self._open[-1]] += now_s - self._since_s
        self._since_s = now_s
