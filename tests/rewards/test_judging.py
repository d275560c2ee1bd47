"""Judge options, and the rows that name them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewards.errors import ProblemError
from rewards.executor import Executor
from rewards.judging import judge, numbers_match, run_test
from rewards.records import Limits, Match, Status, TestCase


@pytest.mark.parametrize(
    ("stdout", "expected", "is_near"),
    [
        (b"1.0", "1", True),
        (b"+1", "1", True),
        (b"1e0", "1.", True),
        (b".5 x", "0.5 x", True),
        (b"1.0009", "1", True),
        (b"1.002", "1", False),
        (b"1.0", "one", False),
        (b"nan", "1", False),
        (b"nan", "nan", True),
        (b"NaN", "nan", False),
        (b"inf", "1e308", False),
        (b"1e999", "1e998", False),
        (b"1e999", "1", False),
        (b"1", "1e999", False),
        (b"1_0", "10", False),
        (b"0x10", "16", False),
        ("١".encode(), "1", False),
        ("１".encode(), "1", False),
        (b"1j", "1", False),
        (b"1 2", "1", False),
        (b"1", "1 2", False),
        (b"1.0 yes", "1 no", False),
        (b"--1", "1", False),
        (b"1" + b"0" * 400, "1" + "0" * 400 + ".0", False),
        (b"9" * 5000, "8" * 5000, False),
    ],
)
def test_numbers(stdout: bytes, expected: str, is_near: bool) -> None:
    assert numbers_match(stdout, expected, 1e-3, 0.0) is is_near


def test_whole_numbers_are_not_rounded() -> None:
    assert not numbers_match(b"9007199254740993", "9007199254740992", 0.5, 0.0)
    assert numbers_match(b"9007199254740993", "9007199254740992", 1.0, 0.0)
    assert numbers_match(b"1001", "1000", 0.0, 1e-3)
    assert not numbers_match(b"1002", "1000", 0.0, 1e-3)
    assert not numbers_match(b"5", "1e999", 0.0, 0.1), "a share of infinity is no tolerance"


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(0, 1e3))
def test_a_number_is_near_itself(number: float, tolerance: float) -> None:
    assert numbers_match(repr(number).encode(), repr(number), tolerance, tolerance)


CASES = [
    (TestCase("", "a b"), "print('a\\n b')", True),
    (TestCase("", "a b\n", Match.BYTES), "print('a b')", True),
    (TestCase("", "a b", Match.BYTES), "print('a b')", False),
    (TestCase("", "a b\n", Match.BYTES), "print('a  b')", False),
    (TestCase("", "é", Match.BYTES), "print('é', end='')", True),
    (TestCase("", "0.5", Match.NUMBERS, (), 0.1), "print(0.55)", True),
    (TestCase("", "0.5", Match.NUMBERS, (), 0.1), "print(0.65)", False),
    (TestCase("", "100", Match.NUMBERS, (), 0.0, 0.1), "print(109.5)", True),
    (TestCase("", "0.5"), "print(0.50)", True),
    (TestCase("", "0.50"), "print(0.5)", False),
    (TestCase("", "1 2", also_accepted=("2 1", "3")), "print(2, 1)", True),
    (TestCase("", "1 2", also_accepted=("2 1", "3")), "print(3)", True),
    (TestCase("", "1 2", also_accepted=("2 1", "3")), "print(1)", False),
    (TestCase("", "1 2", also_accepted=("2 1", "3")), "print(1, 2, 3)", False),
]


@pytest.mark.parametrize(("test", "program", "is_right"), CASES)
def test_options(executor: Executor, test: TestCase, program: str, is_right: bool) -> None:
    (result,) = executor.map(lambda worker, t: run_test(worker, program, t, Limits()), [test])
    assert result.status is (Status.OK if is_right else Status.WRONG_ANSWER)


def test_a_crash_is_no_wrong_answer(executor: Executor) -> None:
    case = TestCase("", "1", also_accepted=("2",))
    (judgement,) = executor.map(
        lambda worker, t: judge(worker, "print(2); 1/0", [t], Limits(), run_all=False), [case]
    )
    assert (judgement.status, judgement.num_passed) == (Status.RUNTIME_ERROR, 0)


def test_rows() -> None:
    row = {"input": "1", "output": "2", "match": "numbers", "also_accepted": ["3"],
           "absolute_tolerance": 1, "relative_tolerance": None}  # fmt: skip
    case = TestCase.from_row(row)
    assert case == TestCase("1", "2", Match.NUMBERS, ("3",), 1)
    assert hash(case) == hash(TestCase.from_row(row))
    assert TestCase.from_row(case) is case
    assert TestCase.from_row({"input": "", "output": ""}) == TestCase("", "")


@pytest.mark.parametrize(
    ("row", "names"),
    [
        ("x", "must be an object"),
        ({"input": "1"}, "must have output"),
        ({"input": 1, "output": "1"}, "input of a test must be a text"),
        ({"input": "1", "output": "1", "tolerances": 1}, "cannot have 'tolerances'"),
        ({"input": "1", "output": "1", "match": "prefix"}, "match must be one of words"),
        ({"input": "1", "output": "1", "match": 3}, "match of a test must be a text"),
        ({"input": "1", "output": "1", "absolute_tolerance": 0.1}, 'needs match "numbers"'),
        ({"input": "1", "output": "1", "match": "numbers", "absolute_tolerance": -1}, ">= 0"),
        ({"input": "", "output": "", "match": "numbers", "relative_tolerance": float("nan")},
         ">= 0"),
        ({"input": "", "output": "", "match": "numbers", "relative_tolerance": True}, "a number"),
        ({"input": "", "output": "", "also_accepted": "ab"}, "also_accepted of a test must be"),
        ({"input": "", "output": "", "also_accepted": [1]}, "also_accepted of a test must be"),
        ({"assert": 1}, "assert of a test must be a text"),
        ({"assert": "x = 1"}, "must assert something"),
        ({"assert": "assert f("}, "must be Python"),
        ({"assert": "assert f(1) == 1", "output": "1"}, "cannot have 'output'"),
        ({"call": "f(1)"}, "must have output"),
        ({"call": "f", "output": 1}, "must be one call"),
        ({"call": "f(1); g(2)", "output": 1}, "must be one call"),
        ({"call": "f(1)", "output": 1, "also_accepted": 2}, "also_accepted as a list"),
    ],
)  # fmt: skip
def test_malformed_rows_are_named(row: object, names: str) -> None:
    with pytest.raises(ProblemError, match=names):
        TestCase.from_row(row)  # type: ignore[arg-type]
