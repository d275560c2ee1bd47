"""Real programs for the speed benchmark: PIE's, each with the last public input of its problem."""

import ast
import json
import sys
import warnings
from collections import defaultdict
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

from rewards.judging import outputs_match
from tests.benchmarks.contestants import PlainProcess, Program

LONGEST_S = 2.0


def select(data: Path, folder: Path, plain: PlainProcess, number: int) -> list[Program]:
    """The first `number` programs that a plain process gets right, spread over the problems.

    Args:
        data: Folder with PIE's pairs and public tests.
        folder: Where to write the programs.
        plain: Runs them.
        number: How many at most.
    """
    chosen: list[Program] = []
    for source, stdin, expected in _candidates(data):
        path = folder / f"program_{len(chosen):03}.py"
        path.write_bytes(source)
        program = Program(path, source, stdin, expected)
        outcome = plain.run(program)
        is_right = outcome.has_succeeded and outputs_match(outcome.stdout, expected)
        if is_right and outcome.seconds < LONGEST_S:
            chosen.append(program)
        if len(chosen) == number:
            break
    return chosen


def _candidates(data: Path) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Distinct programs on the standard library alone: one of each problem, then the next."""
    tests = {row["problem_id"]: row["tests"] for row in _rows(data / "public_tests.jsonl")}
    by_problem: dict[str, dict[str, None]] = defaultdict(dict)
    for row in _rows(data / "python_pairs.jsonl"):
        if tests.get(row["problem_id"]):
            by_problem[row["problem_id"]].update({row["input"]: None, row["target"]: None})
    problems = sorted(by_problem)
    for turn in zip_longest(*(by_problem[problem] for problem in problems)):
        for problem, source in zip(problems, turn, strict=True):
            if source is not None and _imports_only_the_standard_library(source):
                last = tests[problem][-1]
                yield source.encode(), last["input"].encode(), last["output"].encode()


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def _imports_only_the_standard_library(source: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes in others' programs
            tree = ast.parse(source)
    except SyntaxError:
        return False
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").split(".")[0])
    return names <= sys.stdlib_module_names
