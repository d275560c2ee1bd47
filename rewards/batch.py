"""Score a file of completions that others made, a row at a time; interrupted, it goes on."""

import json
import math
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final, NoReturn, TextIO

from rewards.efficiency import EfficiencyReward, ScoreRequest
from rewards.errors import ProblemError
from rewards.executor import Executor
from rewards.records import Status, TestCase
from rewards.scores import RewardConfig, Score

_TEXTS: Final = ("problem_id", "source_program", "completion")
_CASES: Final = ("tests", "performance_inputs")
_SCORED: Final = (
    "status", "reward", "time_gain", "memory_gain", "is_copy", "is_weakly_judged", "alpha",
)  # fmt: skip
_BATCH: Final = 32


def score_file(
    completions: Path, output: Path, config: RewardConfig, isolation_floor: int
) -> Iterator[dict[str, Any]]:
    """Score every row, append it to `output`, and yield it; rows already there are yielded as is.

    Args:
        completions: JSON lines with `problem_id, source_program, tests, performance_inputs,
            completion`; cases in any form that `TestCase.from_row` takes.
        output: The same rows with `status, reward, time_gain, memory_gain, is_copy,
            is_weakly_judged, alpha`, in place of what they had by these names.
        config: Prices.
        isolation_floor: Lowest isolation level to accept.

    Raises:
        ProblemError: Naming file and line of a malformed row, before anything is run; or a file
            that cannot be written.
    """
    rows = [_parse(line, completions, number) for number, line in _lines(completions)]
    done = _finished(output, rows, config)
    yield from done
    if len(done) == len(rows):
        return
    with _opened(output) as file, Executor(isolation_floor=isolation_floor) as executor:
        scorer = EfficiencyReward(config, executor)
        remaining = islice(rows, len(done), None)
        while chunk := list(islice(remaining, _BATCH)):
            requests = [_request(row) for row in chunk]
            for row, request, score in zip(chunk, requests, scorer.score(requests), strict=True):
                record = {**row, **_summary(request, score, config)}
                file.write(json.dumps(record) + "\n")
                file.flush()
                yield record


def _opened(output: Path) -> TextIO:
    try:
        return output.open("a", encoding="utf-8")
    except OSError as error:
        raise ProblemError(f"{output}: cannot be written: {error.strerror}") from error


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ProblemError(f"{path}: must be UTF-8, got {error.reason}") from error
    except OSError as error:
        raise ProblemError(f"{path}: cannot be read: {error.strerror}") from error


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(_text(path).split("\n"), start=1):
        if line.strip():
            yield number, line


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"{digits:.20} is too large")
    return number


def _parse(line: str, path: Path, number: int) -> dict[str, Any]:
    where = f"{path}:{number}"
    try:
        row = json.loads(line, parse_constant=_no_number, parse_float=_finite)
    except ValueError as error:
        raise ProblemError(f"{where}: must be one JSON object: {error}") from error
    if not isinstance(row, dict):
        raise ProblemError(f"{where}: must be one JSON object, got {type(row).__name__}")
    for name in _TEXTS:
        if not isinstance(row.get(name), str):
            raise ProblemError(f"{where}: {name} must be a string, got {row.get(name)!r:.60}")
    for name in _CASES:
        _cases(row, name, where)
    if not row["tests"]:
        raise ProblemError(f"{where}: tests must not be empty: nothing would be checked")
    return row


def _cases(row: dict[str, Any], name: str, where: str) -> tuple[TestCase, ...]:
    cases = row.get(name)
    if not isinstance(cases, list):
        raise ProblemError(f"{where}: {name} must be a list, got {cases!r:.60}")
    try:
        return tuple(TestCase.from_row(case) for case in cases)
    except ProblemError as error:
        raise ProblemError(f"{where}: {name}: {error}") from error


def _finished(
    output: Path, rows: list[dict[str, Any]], config: RewardConfig
) -> list[dict[str, Any]]:
    """The rows scored by an earlier run of the same command, up to the first where we failed.

    What follows, and a half-written last one, is cut off.
    """
    if not output.exists():
        return []
    done: list[dict[str, Any]] = []
    text = _text(output)
    whole = text[: text.rfind("\n") + 1]
    lines = whole.splitlines(keepends=True)
    for number, (line, row) in enumerate(zip(lines, rows, strict=False), start=1):
        record = _parse(line, output, number)
        if record.get("alpha") != config.alpha or _unscored(record) != _unscored(row):
            raise ProblemError(
                f"{output}:{number}: belongs to other completions or another alpha; "
                "name another --output or remove it"
            )
        if record.get("status") == Status.SANDBOX_ERROR:
            whole = "".join(lines[: len(done)])
            break
        done.append(record)
    if whole != text:
        output.write_text(whole, encoding="utf-8")
    return done


def _unscored(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in _SCORED}


def _request(row: dict[str, Any]) -> ScoreRequest:
    tests, inputs = (_cases(row, name, row["problem_id"]) for name in _CASES)
    return ScoreRequest(row["problem_id"], row["source_program"], tests, inputs, row["completion"])


def _summary(request: ScoreRequest, score: Score, config: RewardConfig) -> dict[str, Any]:
    cases = request.tests + request.performance_inputs
    return {
        "status": score.status,
        "reward": score.training_reward,
        "time_gain": score.time_gain,
        "memory_gain": score.memory_gain,
        "is_copy": score.is_copy,
        "is_weakly_judged": any(case.is_weakly_judged for case in cases),
        "alpha": config.alpha,
    }
