"""What a program is tried on: some inputs to choose the best candidate on, others to prove it on.

The examples are run first, and the program must answer them. From inputs on standard input more
are made: some like the examples, to see whether a candidate does the same, and large ones, to
measure it. Their right output is the program's own, so they tell what it does, not what it should
do. Calls of functions are not made up: there the examples are shared out.
"""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from effirl.data.decimals import with_tolerance
from effirl.data.perf_inputs.agreement import Voter, agree
from effirl.data.perf_inputs.generation import InfeasibleError
from effirl.data.perf_inputs.model import models
from effirl.data.perf_inputs.search import MEASURABLE_S, NUM_INPUTS, find
from effirl.data.problems import Problem, Target
from effirl.errors import UserError
from effirl.optimize.examples import Assignment, Example
from rewards.errors import SandboxError
from rewards.executor import Executor
from rewards.judging import run_test
from rewards.records import ExecutionResult, Limits, Match, Status, TestCase
from rewards.worker import Worker

NUM_CHECKS: Final = 32
"""Made-up inputs like the examples, on each side."""
_CHECKS_BUDGET_S: Final = 20.0
_TRIES_A_CHECK: Final = 4
_PROOF_START: Final = 1.5
"""Sizes of inputs are doubled and halved on the way up: from here they are never those from 1."""
_ADVICE: Final = {
    Status.TIME_LIMIT: f"a run may take {Limits().wall_s:g} s: give smaller inputs, if it ends",
    Status.MEMORY_LIMIT: "a run may take 1 GiB: give smaller inputs",
    Status.WRONG_ANSWER: "that is not the expected output: mend one of the two",
}

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Inputs:
    """All that candidates are run on."""

    choosing: Problem
    """Its tests and performance inputs pick the best candidate."""
    proving: Problem
    """Its tests and performance inputs had no part in that, where `is_proof_separate`."""
    num_examples: int
    num_expected: int
    """Of the examples, those whose right output is the user's word."""
    num_checks: int
    """Made-up inputs like the examples among the tests of `proving`."""
    is_proof_separate: bool

    @property
    def is_weakly_judged(self) -> bool:
        """Whether some asserts run beside the candidate, which could forge them."""
        cases = self.choosing.tests + self.proving.tests
        return any(case.is_weakly_judged for case in cases)

    @property
    def are_lines_compared(self) -> bool:
        """Whether all checks of the proof tell spaces and line breaks apart."""
        checks = self.proving.tests[: self.num_checks]
        return bool(checks) and all(case.match is Match.BYTES for case in checks)


@dataclass(frozen=True, slots=True)
class _Known:
    """An example with its right output, and the program's net CPU seconds on it."""

    case: TestCase
    runtime_s: float


def prepare_inputs(executor: Executor, assignment: Assignment, seed: int) -> Inputs:
    """Run the program on its examples, and make more inputs of them.

    Raises:
        UserError: If the program fails on an example, prints nothing or does not repeat its own
            output, or the sandbox fails.
    """

    def settle(worker: Worker, example: Example) -> _Known:
        return _settle(worker, assignment, example)

    known = _in_sandbox(executor, assignment, settle, assignment.examples)
    if not assignment.is_function_style and not any(entry.case.output.split() for entry in known):
        raise UserError(
            f"{assignment.path} prints nothing on any of its examples, so nothing can be compared "
            "with it; have it print its answer, or test its functions with --tests FILE"
        )
    problem = Problem(assignment.path.name, assignment.description, assignment.program)
    given = replace(problem, tests=tuple(entry.case for entry in known))
    checks: list[TestCase] = []
    large: list[list[TestCase]] = [[], []]
    if not assignment.is_function_style:
        (checks,) = _in_sandbox(executor, assignment, _make_checks, [(given, seed)])
        halves = [(given, 2 * seed, 1.0), (given, 2 * seed + 1, _PROOF_START)]
        large = _in_sandbox(executor, assignment, _find_large, halves)
    choosing, proving = _share_out(known, large)
    half = (len(checks) + 1) // 2
    tests = [case for case in given.tests if case not in proving] or list(given.tests)
    return Inputs(
        replace(problem, tests=(*tests, *checks[:half]), performance_inputs=tuple(choosing)),
        replace(problem, tests=tuple(checks[half:] or proving), performance_inputs=tuple(proving)),
        num_examples=len(known),
        num_expected=sum(example.is_expected_known for example in assignment.examples),
        num_checks=len(checks[half:]),
        is_proof_separate=proving != choosing,
    )


def _in_sandbox(
    executor: Executor, assignment: Assignment, task: Callable[[Worker, T], R], items: Sequence[T]
) -> list[R]:
    results: list[R] = []
    texts = [assignment.program, *(example.case.code for example in assignment.examples)]
    for result in executor.map(task, items, lambda _: texts):
        if isinstance(result, SandboxError):
            raise UserError(f"the sandbox failed ({result}); see: effirl doctor") from result
        results.append(result)
    return results


def _settle(worker: Worker, assignment: Assignment, example: Example) -> _Known:
    """Run an example; where its output is not known, take the program's, and see it repeated."""
    case = example.case
    if not example.is_expected_known:
        result = worker.run(assignment.program, case.input, Limits())
        _require_ok(result, assignment, example)
        output = result.stdout.decode("utf-8", "replace")
        case = line_by_line(with_tolerance(replace(case, output=output)))
    result = run_test(worker, assignment.program, case, Limits())
    if result.status is Status.WRONG_ANSWER and not example.is_expected_known:
        raise UserError(
            f"{example.where}: {assignment.path} prints something else each time, so nothing can "
            "be compared with it; take time, chance and addresses out of its output"
        )
    _require_ok(result, assignment, example)
    return _Known(case, result.runtime_s)


def line_by_line(case: TestCase) -> TestCase:
    r"""Hold candidates to the spaces and line breaks of the program's own output.

    Nobody said that only its words matter: they may draw something. White space at the ends of all
    lines and empty lines at the end may be left out. Numbers that may differ stay compared word by
    word, as no kind of match does both.

    >>> line_by_line(TestCase("", " *\n***\n")).also_accepted
    (' *\n***',)
    """
    if case.match is not Match.WORDS:
        return case
    whole = case.output.rstrip("\n")
    bare = "\n".join(line.rstrip(" \t\r") for line in case.output.split("\n")).rstrip("\n")
    forms = dict.fromkeys([case.output, whole, whole + "\n", bare, bare + "\n"])
    return replace(case, match=Match.BYTES, also_accepted=tuple(forms)[1:])


def _require_ok(result: ExecutionResult, assignment: Assignment, example: Example) -> None:
    if result.status is Status.OK:
        return
    last_line = result.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
    exit_status = f"exit status {result.exit_code}" if result.exit_code else ""
    advice = _ADVICE.get(
        result.status,
        "mend the program or the input; programs run in isolation, with the standard library, "
        "numpy and standard input only",
    )
    detail = f" ({last_line or exit_status})" if last_line or exit_status else ""
    raise UserError(
        f"{example.where}: {assignment.path} ends with {result.status}{detail}; {advice}"
    )


def _make_checks(worker: Worker, item: tuple[Problem, int]) -> list[TestCase]:
    """Make inputs of the examples' kind, half to four times as large, in random order."""
    problem, seed = item
    voters = [Voter(problem.source_program, "")] * 2  # twice: it must repeat itself
    deadline = time.monotonic() + _CHECKS_BUDGET_S
    seen = {case.input for case in problem.tests}
    checks: list[TestCase] = []
    for text in _texts([case.input for case in problem.tests], random.Random(seed)):
        if text in seen:
            continue
        seen.add(text)
        if agreement := agree(worker, voters, text):
            checks.append(line_by_line(agreement.case))
        if len(checks) == 2 * NUM_CHECKS or time.monotonic() > deadline:
            break
    random.Random(seed).shuffle(checks)
    return checks


def _texts(examples: Sequence[str], rng: random.Random) -> Iterator[str]:
    for model in models(examples):
        strategies = model.strategies()
        for number in range(2 * NUM_CHECKS * _TRIES_A_CHECK if strategies else 0):
            try:
                factor = 2 ** rng.uniform(-1, 2)
                yield model.text(strategies[number % len(strategies)], factor, rng)
            except InfeasibleError:
                continue


def _find_large(worker: Worker, item: tuple[Problem, int, float]) -> list[TestCase]:
    """Make inputs on which the program is measurable."""
    problem, seed, start = item
    pair = replace(problem, targets=(Target(problem.source_program),))
    found = find(worker, [pair], seed, start=start)
    return [
        rung.case if rung.origin == "public" else line_by_line(rung.case)
        for rung in found.inputs.get(0, [])
    ]


def _share_out(
    known: Sequence[_Known], large: Sequence[Sequence[TestCase]]
) -> tuple[list[TestCase], list[TestCase]]:
    """Pick performance inputs to choose on, and to prove on: others, if there are any."""
    slowest = sorted(known, key=lambda entry: entry.runtime_s, reverse=True)
    measurable = [entry.case for entry in slowest if entry.runtime_s >= MEASURABLE_S]
    choosing = list(large[0]) or measurable[::2][:NUM_INPUTS] or [slowest[0].case]
    others = [[case for case in cases if case not in choosing] for cases in (large[1], measurable)]
    return choosing, others[0] or others[1][:NUM_INPUTS] or choosing
