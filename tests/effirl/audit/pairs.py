"""Audited pairs without a run: comparisons of costs that are known without noise."""

from dataclasses import replace

from effirl.audit.measuring import Audited, Pair, PairRow
from effirl.data.problems import InputOrigin, Problem, Target
from rewards.imports import ImportCost
from rewards.measurement import with_imports
from rewards.records import MIB, Status, TestCase
from tests.fakes import comparison

TESTS = (TestCase("3\n1 2 3\n", "6\n"), TestCase("2\n5 5\n", "10\n"))
NUMPY = ImportCost(0.07, 16 * MIB)
INTERPRETER = ImportCost(0.01, 9 * MIB)


def audited(
    index: int,
    *,
    source_s: float = 0.1,
    target_s: float = 0.1,
    source_bytes: int = 8 * MIB,
    target_bytes: int = 8 * MIB,
    is_import_dropped: bool = False,
    claim: int | None = 1,
) -> Audited:
    """A pair of such costs."""
    pair = make_pair(index, is_import_dropped=is_import_dropped, claim=claim)
    found = comparison(source_s, source_bytes, target_s, target_bytes)
    source_import = NUMPY if is_import_dropped else ImportCost(0.0, 0)
    row = PairRow(
        index,
        pair.problem.problem_id,
        InputOrigin.FOUND,
        Status.OK,
        Status.OK,
        comparison=found,
        with_imports=with_imports(found, source_import, ImportCost(0.0, 0)),
        interpreter=INTERPRETER,
    )
    return Audited(pair, row)


def wrong(index: int) -> Audited:
    """A pair whose source program fails."""
    pair = make_pair(index)
    problem = replace(pair.problem, source_program="import numba\n")
    row = PairRow(
        index, problem.problem_id, InputOrigin.PUBLIC, Status.RUNTIME_ERROR, Status.OK, "tests"
    )
    return Audited(replace(pair, problem=problem), row)


def make_pair(index: int, *, is_import_dropped: bool = False, claim: int | None = 1) -> Pair:
    source = f"{'import numpy' if is_import_dropped else ''}\nprint({index})\n"
    speedup = None if claim is None else 1.2 + claim
    target = Target(f"print({index} + 0)\n", claim, claim, "target", speedup, speedup)
    problem = Problem(f"p{index // 2}", "Sum", source, TESTS, TESTS, (target,))
    return Pair(index, problem, target)
