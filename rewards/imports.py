"""What a program's own imports cost in an interpreter that has nothing preloaded.

Runs on a worker find the usual modules loaded, so that "deleted an import" gains nothing. This is
the other half, for those who count it: seconds and bytes of loading the preloaded modules that the
program imports, in a fresh interpreter. Modules that are not preloaded are in its runs already.

Two steps. A confined child parses the program (a parser is no safer than a compiler) and prints the
modules that it imports. Then a process of our own imports those that workers preload and nothing
else, as other modules do more than load (`antigravity` opens a browser), and reads its own meters.
Counted are the imports anywhere in the text, in functions too: whether one is reached depends on
the input. Not seen are imports by `__import__` and `importlib`.
"""

import json
import math
import statistics
import subprocess
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from rewards import interpreter
from rewards.errors import SandboxError
from rewards.executor import PACKAGES
from rewards.records import Limits, Status
from rewards.worker import Worker
from rewards.zygote import PRELOADED

_REPEATS: Final = 5
_ERROR_OF_MEDIAN: Final = math.sqrt(math.pi / 2)  # of a mean's, where noise is normal
_TIMEOUT_S: Final = 60.0
_LIMITS: Final = Limits(output_bytes=1 << 16)
_LIST: Final = """\
import ast, json, sys
found = set()
for node in ast.walk(ast.parse(sys.stdin.buffer.read())):
    if isinstance(node, ast.Import):
        found |= {alias.name for alias in node.names}
    elif isinstance(node, ast.ImportFrom) and not node.level:
        found.add(node.module)
print(json.dumps(sorted(found)))
"""
# VmHWM, not ru_maxrss: that one starts at the peak of the process that started this one.
_MEASURE: Final = """\
import sys
sys.path += {folders!r}
for module in {modules!r}: __import__(module)
import time
status = open("/proc/self/status").read()
print(time.process_time_ns(), status.split("VmHWM:")[1].split()[0])
"""


@dataclass(frozen=True, slots=True)
class ImportCost:
    """Of the preloaded modules that a program imports, above an interpreter without any."""

    runtime_s: float
    """CPU seconds."""
    peak_memory_bytes: int
    error_s: float = 0.0
    """Standard error of `runtime_s`."""


def import_cost(worker: Worker, program: str) -> ImportCost:
    """Measure a program's imports, on any core.

    Args:
        worker: Parses the program.
        program: Untrusted source. One that cannot be parsed imports nothing.

    Raises:
        SandboxError: If we failed.
    """
    modules = preloaded_imports(worker, program)
    return _cost(modules) if modules else ImportCost(0.0, 0)


def preloaded_imports(worker: Worker, program: str) -> tuple[str, ...]:
    """List what a program imports of the modules that workers preload."""
    return _preloaded(_imported(worker, program))


@lru_cache(maxsize=1)
def interpreter_cost() -> ImportCost:
    """Measure an interpreter that does nothing: what every figure here is net of.

    Raises:
        SandboxError: If we failed.
    """
    cpu_ns, peak_kib = map(
        statistics.median_low, zip(*(_run(()) for _ in range(_REPEATS)), strict=True)
    )
    return ImportCost(cpu_ns / 1e9, peak_kib << 10)


def _imported(worker: Worker, program: str) -> list[object]:
    result = worker.run(_LIST, program.encode("utf-8", "surrogatepass"), _LIMITS)
    if result.status is not Status.OK:
        return []
    # Nothing of the program ran there, but what parses it is not proof against every text.
    try:
        found = json.loads(result.stdout)
    except ValueError:
        return []
    return found if isinstance(found, list) else []


def _preloaded(found: list[object]) -> tuple[str, ...]:
    """The modules themselves, or the packages that they are in; `sys` costs no program anything."""
    known = {*PRELOADED, *PACKAGES} - {"sys"}
    names = {str(name) for name in found}
    return tuple(sorted((names | {name.split(".")[0] for name in names}) & known))


@lru_cache(maxsize=1024)
def _cost(modules: tuple[str, ...]) -> ImportCost:
    """Interleaved with an interpreter that imports nothing; medians of both."""
    pairs = [(_run(modules), _run(())) for _ in range(_REPEATS)]
    loaded, empty = zip(*pairs, strict=True)
    cpu_ns, peak_kib = (
        max(0, statistics.median_low(a) - statistics.median_low(b))
        for a, b in zip(zip(*loaded, strict=True), zip(*empty, strict=True), strict=True)
    )
    errors_ns = [
        _ERROR_OF_MEDIAN * statistics.stdev(run[0] for run in runs) / math.sqrt(_REPEATS)
        for runs in (loaded, empty)
    ]
    return ImportCost(cpu_ns / 1e9, peak_kib << 10, math.hypot(*errors_ns) / 1e9)


def _run(modules: tuple[str, ...]) -> tuple[int, int]:
    """CPU nanoseconds and peak KiB of a fresh interpreter that imports them."""
    _, folders = interpreter.package_folders([name for name in modules if name in PACKAGES])
    program = _MEASURE.format(folders=folders, modules=modules)
    try:
        done = subprocess.run(
            [*interpreter.command(), "-c", program],
            env=interpreter.ENVIRONMENT,
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT_S,
            check=True,
        )
        cpu_ns, peak_kib = map(int, done.stdout.split())
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise SandboxError(f"imports of {modules} could not be measured: {error}") from error
    return cpu_ns, peak_kib
