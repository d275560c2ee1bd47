"""The cost of a program's own imports, in real interpreters."""

import pytest

from rewards import imports
from rewards.executor import Executor
from rewards.imports import ImportCost, import_cost, interpreter_cost
from rewards.records import MIB


def cost(executor: Executor, program: str) -> ImportCost:
    (found,) = executor.map(lambda worker, text: import_cost(worker, text), [program])
    assert isinstance(found, ImportCost), found
    return found


@pytest.mark.parametrize(
    "program",
    [
        "print(1)",
        "import sys",
        "def f(",
        "x = '\ud800'",
        "import of_its_own, sys",
        "from . import this",
        "import antigravity, json_, numpy_; from rewards import Executor",
        "import asyncio  # not preloaded, so its cost is in the runs",
    ],
)
def test_what_costs_nothing(executor: Executor, program: str) -> None:
    found = cost(executor, program)
    assert found.peak_memory_bytes < MIB


@pytest.mark.parametrize(
    "program",
    [
        "import decimal, json, inspect",
        "def f():\n    from inspect import signature\n    import json.decoder as d",
        "from inspect import no_such_name; from no_such_module import x",
    ],
)
def test_imports_cost_time_and_memory(executor: Executor, program: str) -> None:
    found = cost(executor, program)
    assert found.runtime_s > 0
    assert found.peak_memory_bytes > MIB


def test_numpy_costs_more_than_its_part_of_the_standard_library(executor: Executor) -> None:
    numpy, math = cost(executor, "import numpy as np"), cost(executor, "import math")
    assert numpy.runtime_s > math.runtime_s
    assert numpy.peak_memory_bytes > math.peak_memory_bytes + 8 * MIB


def test_the_size_of_this_process_changes_nothing(executor: Executor) -> None:
    small = cost(executor, "import decimal, queue")
    ballast = bytearray(200 * MIB)
    imports._cost.cache_clear()  # measured again, not remembered
    large = cost(executor, "import decimal, queue")
    assert abs(large.peak_memory_bytes - small.peak_memory_bytes) < MIB
    del ballast


def test_the_program_itself_does_not_run(executor: Executor) -> None:
    assert cost(executor, "import json\nwhile True: pass\nblock = bytearray(10**9)") == cost(
        executor, "import json"
    )


def test_a_bare_interpreter_costs_something_and_is_measured_once() -> None:
    found = interpreter_cost()
    assert found.runtime_s > 0
    assert MIB < found.peak_memory_bytes < 64 * MIB
    assert interpreter_cost() is found
