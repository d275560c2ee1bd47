"""Turns the catalog's families into problems, split by split, the same on every machine."""

import contextlib
import hashlib
import io
import itertools
import json
import random
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib.resources import files
from types import CodeType

from effirl.data.catalog import (
    digits,
    dynamic,
    numbers,
    residues,
    reuse,
    searching,
    sequences,
    streams,
    transfer,
)
from effirl.data.catalog.family import Family, Instance, Scale
from effirl.data.problems import LoadedProblems, Problem, Target
from effirl.errors import UserError
from rewards.records import TestCase

FAMILIES: tuple[Family, ...] = (
    *numbers.FAMILIES,
    *digits.FAMILIES,
    *residues.FAMILIES,
    *sequences.FAMILIES,
    *reuse.FAMILIES,
    *searching.FAMILIES,
    *streams.FAMILIES,
    *dynamic.FAMILIES,
    *transfer.FAMILIES,
)

DEFAULT_INSTANCES = {"train": 20, "validation": 4, "test": 8, "transfer": 8}
PROGRAMS_ONLY_INSTANCES = {**DEFAULT_INSTANCES, "train": 200}
"""A warm start learns from many instances; reinforcement runs each, and meets it several times."""

_MAX_DRAWS = 16


def load(
    split: str, *, instances_per_family: int | None = None, with_tests: bool = True
) -> LoadedProblems:
    """Load a split of the built-in catalog.

    Args:
        split: train, validation, test (unseen instances of the families of train) or transfer
            (unseen families).
        instances_per_family: None for the split's usual number.
        with_tests: False leaves out the tests and the performance inputs, whose expected outputs
            cost a run each: training on programs alone needs neither.

    Raises:
        UserError: If there is no such split.
    """
    if split not in DEFAULT_INSTANCES:
        known = ", ".join(DEFAULT_INSTANCES)
        raise UserError(f"the built-in catalog has no split {split!r}: choose one of {known}")
    usual = DEFAULT_INSTANCES if with_tests else PROGRAMS_ONLY_INSTANCES
    number = usual[split] if instances_per_family is None else instances_per_family
    scale = _scale(split)
    problems = []
    for family in FAMILIES:
        for index, instance in enumerate(instances(family, split, number)):
            problem_id = f"builtin/{family.name}/{split}/{index:04d}"
            problems.append(_problem(problem_id, family, instance, scale if with_tests else None))
    return LoadedProblems(problems, Counter())


def instances(family: Family, split: str, number: int) -> Iterator[Instance]:
    """Yield the first instances of a family in a split, no two with one source program."""
    return (instance for _, instance in _numbered(family, split, number))


def _numbered(family: Family, split: str, number: int) -> Iterator[tuple[int, Instance]]:
    """Yield instances with the numbers that they are drawn from."""
    if family.is_transfer != (split == "transfer"):
        return
    seen: set[str] = set()
    for index in itertools.count():
        if len(seen) == number:
            return
        rng = _rng(family, index)
        instance = family.build(rng, rng)
        if instance.source_program not in seen and _split_of(family, instance) == split:
            seen.add(instance.source_program)
            yield index, instance


def _rng(family: Family, index: int) -> random.Random:
    return random.Random(f"{family.name}/{index}")


def fresh_inputs(problem_id: str, seed: int) -> list[TestCase]:
    """Make performance inputs that no program has seen, for a gain that is too good.

    Args:
        problem_id: Of any data set.
        seed: The same one makes the same inputs.

    Returns:
        One input as large as the known one; nothing for a problem of another data set, and where
        the family has no other input of that size.
    """
    origin, *place = problem_id.split("/")
    if origin != "builtin":
        return []
    name, split, ordinal = place
    family = next(family for family in FAMILIES if family.name == name)
    *_, (index, instance) = _numbered(family, split, int(ordinal) + 1)
    scale = _scale(split)
    known = instance.performance_input(scale)
    for attempt in range(_MAX_DRAWS):
        inputs = random.Random(f"{problem_id}/{seed}/{attempt}")
        text = family.build(_rng(family, index), inputs).performance_input(scale)
        if text != known:  # where few inputs are as large, a draw can be the known one
            return [own_test(instance.alternatives["fast"], text)]
    return []


def _scale(split: str) -> Scale:
    return "training" if split in {"train", "validation"} else "evaluation"


def _split_of(family: Family, instance: Instance) -> str:
    """Split by the constants: no answer of one split, under other names, is known from another."""
    if family.is_transfer:
        return "transfer"
    digest = hashlib.sha256(f"{family.name} {instance.constants}".encode()).digest()
    return {0: "validation", 1: "test"}.get(digest[0] % 10, "train")


def _problem(problem_id: str, family: Family, instance: Instance, scale: Scale | None) -> Problem:
    gains = measured_gains()[family.name]
    names = sorted(instance.alternatives, key=lambda name: -sum(gains[name].values()))
    tests: tuple[TestCase, ...] = ()
    performance: tuple[TestCase, ...] = ()
    if scale is not None:
        program = instance.alternatives["fast"]
        tests = tuple(own_test(program, text) for text in instance.checking_inputs)
        performance = (own_test(program, instance.performance_input(scale)),)
    return Problem(
        problem_id,
        instance.description,
        instance.source_program,
        tests,
        performance,
        tuple(Target(instance.alternatives[name], name=name) for name in names),
    )


@cache
def measured_gains() -> dict[str, dict[str, dict[str, float]]]:
    """Return family -> alternative -> `time_gain` and `memory_gain`, as shipped."""
    text = files(__package__).joinpath("measured.json").read_text(encoding="utf-8")
    gains: dict[str, dict[str, dict[str, float]]] = json.loads(text)["families"]
    return gains


def own_test(program: str, stdin: str) -> TestCase:
    """Make a test case of what one of the catalog's own programs prints.

    Runs it in this process: never for a program of a model's.
    """
    printed = io.StringIO()
    before = sys.stdin
    sys.stdin = io.StringIO(stdin)
    try:
        with contextlib.redirect_stdout(printed):
            exec(_compiled(program), {"__name__": "__main__"})
    finally:
        sys.stdin = before
    return TestCase(stdin, printed.getvalue())


@lru_cache(maxsize=4)
def _compiled(program: str) -> CodeType:
    return compile(program, "<catalog>", "exec")
