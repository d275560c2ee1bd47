"""The commands of `python -m rewards`: each prints its records and returns the exit status."""

import argparse
import json
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from rewards.batch import score_file
from rewards.cache import MeasurementCache, default_folder
from rewards.doctor import examine
from rewards.errors import ProblemError, SandboxError
from rewards.executor import Executor
from rewards.judging import run_test, verdict
from rewards.measurement import PRECISE, TimedRunError, compare
from rewards.records import MIB, ExecutionResult, Limits, Status, TestCase
from rewards.scores import RewardConfig
from rewards.whole_process import ProcessMeter
from rewards.worker import Worker


class UsageError(Exception):
    """A mistake of the caller's, in one line."""


_MEASURED = (
    "time_log2_ratio",
    "time_low",
    "time_high",
    "memory_log2_ratio",
    "memory_low",
    "memory_high",
    "rounds",
    "source_runtime_s",
    "program_runtime_s",
    "source_peak_bytes",
    "program_peak_bytes",
)


def run(arguments: argparse.Namespace) -> int:
    """Run programs on one input."""
    if arguments.tests is not None and arguments.expected is not None:
        raise UsageError("--expected is for --stdin: tests say what they expect")
    if arguments.tests is not None and arguments.whole_process:
        raise UsageError("--whole-process is for --stdin: write program and tests into one file")
    case = None if arguments.tests is None else _asserts(arguments.tests)
    stdin = b"" if arguments.stdin is None else _read(arguments.stdin)
    if arguments.whole_process:
        _utf8(stdin, arguments.stdin)
    expected = None if arguments.expected is None else _read(arguments.expected)
    programs = [(path, _read(path)) for path in arguments.programs]
    limits = Limits(wall_s=arguments.wall_limit, memory_bytes=int(arguments.memory_limit * MIB))

    def run_one(worker: Worker, item: tuple[str, bytes]) -> ExecutionResult:
        if case is not None:
            return run_test(worker, _text(item[1]), case, limits, is_measured=True)
        return worker.run(item[1], stdin, limits, is_measured=True)

    with Executor(isolation_floor=arguments.isolation_floor) as executor:
        tests = "" if case is None else case.code
        results = executor.map(run_one, programs, lambda item: [_text(item[1]), tests])
        level = executor.isolation.level
        costs = _process_costs(executor, programs, stdin, limits) if arguments.whole_process else {}
    judged = {} if case is None else {"is_weakly_judged": case.is_weakly_judged}
    for (path, _), result in zip(programs, results, strict=True):
        record = {"program": path, **_run_record(result, expected, level), **judged}
        _print(record | costs.get(path, {}))
    return 0


def _process_costs(
    executor: Executor, programs: list[tuple[str, bytes]], stdin: bytes, limits: Limits
) -> dict[str, dict[str, float | None]]:
    """Measure one after the other, so that other cores are free to sample; None for failed runs."""

    def measure_all(worker: Worker, _: None) -> dict[str, dict[str, float | None]]:
        meter = ProcessMeter(worker)
        runs = {path: meter.run(_text(text), _text(stdin), limits) for path, text in programs}
        return {
            path: {
                f"process_{name}": value if run.result.status is Status.OK else None
                for name, value in asdict(run.cost).items()
            }
            for path, run in runs.items()
        }

    texts = [_text(text) for _, text in programs]
    (found,) = executor.map(measure_all, [None], lambda _: texts)
    if isinstance(found, SandboxError):
        raise found
    return found


def measure(arguments: argparse.Namespace) -> int:
    """Compare a program's cost with its source program's."""
    source, program = map(_read_text, (arguments.source, arguments.program))
    asserts = {path: _asserts(path) for path in arguments.tests or ()}
    inputs = {path: _read_text(path) for path in arguments.stdin or ()}
    plan = replace(PRECISE, count_imports=arguments.count_imports)

    def measure_them(worker: Worker, _: None) -> dict[str, Any]:
        cases = list(asserts.values())
        results = {path: run_test(worker, source, asserts[path], Limits()) for path in asserts}
        for path, stdin in inputs.items():
            results[path] = worker.run(source, stdin, Limits())
            printed = _utf8(results[path].stdout, f"what {arguments.source} prints on {path}")
            cases.append(TestCase(stdin, printed))
        for path, result in results.items():
            if result.status is not Status.OK:
                raise UsageError(f"{arguments.source} ends with {result.status} on {path}")
        try:
            comparison = compare(worker, source, program, cases, Limits(), plan)
        except TimedRunError as failure:
            if failure.is_source:
                raise UsageError(f"{arguments.source} does not repeat its own output") from failure
            return {"correct": False, "status": failure.status, **dict.fromkeys(_MEASURED)}
        record = asdict(comparison)
        return {"correct": True, "status": Status.OK, **{name: record[name] for name in _MEASURED}}

    with Executor(num_workers=1, isolation_floor=arguments.isolation_floor) as executor:
        texts = source, program, *(case.code for case in asserts.values())
        (record,) = executor.map(measure_them, [None], lambda _: texts)
        if isinstance(record, SandboxError):
            raise record
    if asserts:
        record["is_weakly_judged"] = any(case.is_weakly_judged for case in asserts.values())
    _print(record)
    return 0


def isolation(arguments: argparse.Namespace) -> int:
    """Say what isolates programs here."""
    with Executor(num_workers=1, isolation_floor=arguments.isolation_floor) as executor:
        report = executor.isolation
    mechanisms = {
        name: {"on": mechanism.is_on, "why": mechanism.why}
        for name, mechanism in sorted(report.mechanisms.items())
    }
    _print({"level": report.level, "mechanisms": mechanisms})
    return 0


def doctor(arguments: argparse.Namespace) -> int:
    """Examine this machine; 1 if its isolation is below the floor."""
    diagnosis = examine(arguments.isolation_floor)
    if arguments.json:
        _print({**asdict(diagnosis), "is_usable": diagnosis.is_usable})
    else:
        sys.stdout.write(diagnosis.text())
    return 0 if diagnosis.is_usable else 1


def cache(arguments: argparse.Namespace) -> int:
    """Describe, or clear, the cache of measurements."""
    folder = Path(arguments.folder) if arguments.folder else default_folder()
    if folder is None:
        raise UsageError("the cache is off, EFFIRL_CACHE is empty; name a --folder")
    cache = MeasurementCache(folder)
    if arguments.clear:
        cache.clear()
    summary = cache.summary()
    cache.close()
    if cache.path is None:
        return 2  # a warning has said why
    _print(summary)
    return 0


def score(arguments: argparse.Namespace) -> int:
    """Add status, gains and reward to completions."""
    try:
        config = RewardConfig(alpha=arguments.alpha)
    except ValueError as error:
        raise UsageError(str(error)) from error
    path = Path(arguments.completions)
    if not path.is_file():
        raise UsageError(f"cannot read {path}: no such file")
    output = Path(arguments.output or path.with_suffix(".scored.jsonl"))
    for record in score_file(path, output, config, arguments.isolation_floor):
        _print(record)
    return 0


def _asserts(path: str) -> TestCase:
    try:
        return TestCase.from_row({"assert": _read_text(path)})
    except ProblemError as error:
        raise UsageError(f"{path}: {error}") from error


def _run_record(
    result: ExecutionResult | SandboxError, expected: bytes | None, level: int
) -> dict[str, Any]:
    if isinstance(result, SandboxError):
        sys.stderr.write(f"rewards: {result}\n")
        names = ("exit_code", "signal", "runtime_s", "wall_s", "peak_memory_bytes")
        nothing: dict[str, Any] = dict.fromkeys(names)
        return {"status": Status.SANDBOX_ERROR, "stdout": "", **nothing, "isolation_level": level}
    return {
        "status": result.status if expected is None else verdict(result, expected),
        "stdout": _text(result.stdout),
        "exit_code": result.exit_code,
        "signal": result.signal,
        "runtime_s": result.runtime_s,
        "wall_s": result.wall_s,
        "peak_memory_bytes": result.peak_memory_bytes,
        "isolation_level": result.isolation_level,
    }


def _text(content: bytes) -> str:
    return content.decode(errors="replace")


def _utf8(content: bytes, name: str) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise UsageError(f"{name} must be UTF-8: {error}") from error


def _read_text(path: str) -> str:
    return _utf8(_read(path), path)


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error


def _print(record: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(record, allow_nan=False) + "\n")
    sys.stdout.flush()
