"""A worker whose programs cost what their first line says: `# runtime=0.2 memory=3e6`."""

import re
from collections.abc import Iterator
from itertools import cycle

from rewards.records import ExecutionResult, Limits, Status


class FakeWorker:
    """Answers `run` from the program's text; keeps the order of calls."""

    def __init__(self, noise: tuple[float, ...] | Iterator[float] = (1.0,)) -> None:
        self.calls: list[str] = []
        self._noise = cycle(noise) if isinstance(noise, tuple) else noise

    def run(self, program: str, stdin: str, limits: Limits, **_: bool) -> ExecutionResult:
        self.calls.append(program)
        facts = dict(re.findall(r"(\w+)=(\S+)", program.split("\n")[0]))
        runtime = float(facts.get("runtime", 0)) * next(self._noise)
        status = Status(facts.get("status", "OK"))
        if runtime > limits.wall_s:
            status = Status.TIME_LIMIT
        stdout = facts.get("prints", stdin).encode()
        return ExecutionResult(
            status, stdout, b"", 0, None, runtime, runtime, int(float(facts.get("memory", 0))), 3
        )
