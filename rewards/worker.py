"""Run programs on one worker, one at a time, and say what each run cost.

A run compiles the program in its own process, unless an earlier run here handed the compiled code
over: a repeat saves the compiler, a seventh of a short run. Where costs are compared, the program
is always loaded, never compiled, in the process that runs it (see `rewards.child` for why).
"""

import math
import os
import signal
import statistics
import time
from dataclasses import dataclass
from typing import Final, NamedTuple, Self

from rewards import child, zygote
from rewards.errors import LimitError
from rewards.isolation import IsolationReport
from rewards.memory_files import InputFiles, output_file, read_file, reopen
from rewards.records import ExecutionResult, Limits, Status
from rewards.worker_process import OUR_TROUBLE, WorkerProcess
from rewards.worker_process import WorkerDiedError as WorkerDiedError
from rewards.worker_process import WorkerSettings as WorkerSettings

_GRACE_S: Final = 5.0  # past a run's wall limit; then the worker itself is at fault
_LONGEST_WALL_MS: Final = 10**9  # more than the kernel's and Python's waits take
_COMPUTING_SHARE: Final = 0.8
_FLOOR_RUNS: Final = range(7)
_FLOOR_AGE_S: Final = 60.0
_MAX_STDERR: Final = 4096
_MAX_CODES: Final = 16


@dataclass(frozen=True, slots=True)
class Floor:
    """What an empty program costs on a worker."""

    runtime_s: float
    peak_bytes: int
    """Above what is resident when the program's process is forked."""
    resident_bytes: int
    """At its peak, all told."""


class _Run(NamedTuple):
    """One run as the worker and the kernel report it."""

    wait_status: int
    was_killed: bool
    has_started: bool
    runtime_s: float
    """CPU seconds since the program's start."""
    wall_s: float
    peak_bytes: int
    base_bytes: int
    """Resident when its process was forked."""
    stdout: bytes
    """One byte more than the limit where it was passed, on standard error too."""
    stderr: bytes
    stderr_bytes: int


class Worker:
    """One isolated interpreter, pinned to a core. Not for use by two threads at once.

    Raises:
        SandboxError: From the constructor, when no way to start works.
    """

    def __init__(self, settings: WorkerSettings) -> None:
        self.settings = settings
        self._process = WorkerProcess(settings)
        self._floors: dict[int, Floor] = {}
        self._floors_measured_at = -math.inf
        self._inputs = InputFiles()
        self._codes: dict[bytes, bytes] = {}

    @property
    def report(self) -> IsolationReport:
        """What the worker proved about its isolation."""
        return self._process.report

    @property
    def level(self) -> int:
        return self.report.level

    def run(
        self,
        program: str | bytes,
        stdin: str | bytes,
        limits: Limits,
        *,
        is_measured: bool = False,
    ) -> ExecutionResult:
        """Run a program once on one input.

        One that reached its time limit while it hardly computed is run again: it may sleep, or
        this machine may have stood still, for 0.4 s at a time beside busy neighbours. So is one
        that was killed: by itself, or by a kernel that had no memory left.

        Args:
            program: Untrusted source.
            stdin: All that it can read.
            limits: For this run, compilation included.
            is_measured: Its cost will be compared: see that the program was compiled before, in
                another process. Otherwise the peak of a first run includes the compiler's.

        Raises:
            WorkerDiedError: If the worker failed, whatever the reason. It is then of no use.
        """
        text, data = _to_bytes(program), _to_bytes(stdin)
        try:
            if is_measured and text not in self._codes:
                self._run_form(child.COMPILE, text, b"", limits)
            result = self._run_once(text, data, limits)
            if _may_be_our_fault(result):
                result = self._run_once(text, data, limits)
        except OUR_TROUBLE as error:
            raise WorkerDiedError(f"core {self.settings.core}: {error}") from error
        return result

    def _run_once(self, program: bytes, stdin: bytes, limits: Limits) -> ExecutionResult:
        code = self._codes.get(program)
        form = child.RUN_TEXT if code is None else child.RUN_CODE
        run = self._run_form(form, program if code is None else code, stdin, limits)
        floor = self.floor(form)
        exit_code = os.waitstatus_to_exitcode(run.wait_status)
        peak = max(0, run.peak_bytes - run.base_bytes - floor.peak_bytes)
        return ExecutionResult(
            status=_status(exit_code, run, limits),
            stdout=run.stdout[: limits.output_bytes],
            stderr=run.stderr,
            exit_code=exit_code if exit_code >= 0 else None,
            signal=-exit_code if exit_code < 0 else None,
            runtime_s=max(0.0, run.runtime_s - floor.runtime_s),
            wall_s=run.wall_s,
            peak_memory_bytes=peak + run.stderr_bytes,  # bytes kept there are memory too
            isolation_level=self.level,
        )

    def floor(self, form: int = child.RUN_CODE) -> Floor:
        """What an empty program costs here; measured anew when a minute old.

        Args:
            form: Of the runs that it is taken off: where a text is compiled, so is this.
        """
        if time.monotonic() - self._floors_measured_at > _FLOOR_AGE_S:
            texts = [self._run_form(child.RUN_TEXT, b"pass", b"", Limits()) for _ in _FLOOR_RUNS]
            code = self._codes[b"pass"]
            codes = [self._run_form(child.RUN_CODE, code, b"", Limits()) for _ in _FLOOR_RUNS]
            self._floors = {child.RUN_TEXT: _floor_of(texts), child.RUN_CODE: _floor_of(codes)}
            self._floors_measured_at = time.monotonic()
        return self._floors[form]

    def _run_form(self, form: int, program: bytes, stdin: bytes, limits: Limits) -> _Run:
        """Run text or code, and keep the code where it was compiled."""
        outputs: list[int] = []
        ends: list[int] = []
        try:
            for _ in range(2):
                outputs.append(output_file())
            for content in (program, stdin):
                ends.append(reopen(self._inputs.get(content), os.O_RDONLY))
            for file in outputs:
                ends.append(reopen(file, os.O_WRONLY))
            wall_ms = min(max(1, round(limits.wall_s * 1000)), _LONGEST_WALL_MS)
            request = zygote.REQUEST.pack(
                wall_ms,
                limits.memory_bytes,
                limits.output_bytes,
                limits.num_threads,
                form,
                len(program),
            )
            self._process.make_room(limits.memory_bytes)
            reply = self._process.exchange(request, ends, wall_ms / 1000 + _GRACE_S)
            run = _read(reply, outputs, limits)
        finally:
            for descriptor in (*outputs, *ends):
                os.close(descriptor)
        code = self._process.handed_over() if form != child.RUN_CODE else None
        if code is not None:
            self._codes[program] = code
            if len(self._codes) > _MAX_CODES:
                del self._codes[next(iter(self._codes))]
        return run

    def program_pid(self) -> int | None:
        """The running program's process id as this process sees it, for memory sampling."""
        return self._process.program_pid()

    def hang_up(self) -> None:
        """Make the worker end, and a run in progress fail. From any thread."""
        self._process.hang_up()

    def close(self) -> None:
        """End the worker and whatever runs in it."""
        self._process.close()
        self._inputs.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _may_be_our_fault(result: ExecutionResult) -> bool:
    if result.status is Status.TIME_LIMIT:
        return result.runtime_s < _COMPUTING_SHARE * result.wall_s
    return result.signal == signal.SIGKILL


def _floor_of(runs: list[_Run]) -> Floor:
    return Floor(
        statistics.median(run.runtime_s for run in runs),
        int(statistics.median(run.peak_bytes - run.base_bytes for run in runs)),
        int(statistics.median(run.peak_bytes for run in runs)),
    )


def _read(reply: tuple[int, ...], outputs: list[int], limits: Limits) -> _Run:
    """Put a reply and the output files together.

    Raises:
        WorkerDiedError: If the program could not be confined.
        LimitError: If it could not be given what it may use.
    """
    wait_status, was_killed, has_started, cpu_ns, wall_ns, start_ns, peak_kib, base_kib = reply
    stdout = read_file(outputs[0], limits.output_bytes + 1)
    stderr_bytes = os.fstat(outputs[1]).st_size
    stderr = read_file(outputs[1], _MAX_STDERR)
    if not has_started:
        exit_code = os.waitstatus_to_exitcode(wait_status)
        words = stderr.decode(errors="replace").strip()
        if exit_code == child.EXIT_CONFINEMENT_FAILED:
            raise WorkerDiedError(f"a program could not be confined: {words}")
        if exit_code == child.EXIT_LIMIT_TOO_LOW:
            raise LimitError(words)
    if stderr_bytes > limits.output_bytes:
        stdout = stdout.ljust(limits.output_bytes + 1)  # over the limit on either stream
    return _Run(
        wait_status,
        bool(was_killed),
        bool(has_started),
        (cpu_ns - start_ns) / 1e9,
        wall_ns / 1e9,
        peak_kib << 10,
        base_kib << 10,
        stdout,
        stderr,
        stderr_bytes,
    )


def _status(exit_code: int, run: _Run, limits: Limits) -> Status:
    """Name a run's end. Only the kernel's and the worker's word counts, but for MEMORY_LIMIT.

    Its text on standard error could be forged, to no gain: it costs the same as RUNTIME_ERROR.
    """
    if run.was_killed:
        return Status.TIME_LIMIT
    if exit_code == -signal.SIGSYS:
        return Status.VIOLATION
    if not run.has_started:
        return Status.SYNTAX_ERROR
    if len(run.stdout) > limits.output_bytes:
        return Status.OUTPUT_LIMIT
    if exit_code == 0:
        return Status.OK
    last_line = run.stderr.rstrip().rsplit(b"\n", 1)[-1]
    ran_out = last_line.startswith(b"MemoryError")
    return Status.MEMORY_LIMIT if ran_out else Status.RUNTIME_ERROR


def _to_bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
