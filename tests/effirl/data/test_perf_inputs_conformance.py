"""What breaks a learnt constraint is told from what does not, whoever made it."""

import pytest

from effirl.data.perf_inputs.conformance import conforms
from effirl.data.perf_inputs.model import models
from effirl.data.perf_inputs.shape import read

RISING = ("3 9\n1 4 9\n", "4 9\n2 3 5 8\n")
FALLING = ("3 9\n9 4 4\n", "4 9\n8 5 5 2\n")
PERMUTATION = ("3\n2 3 1\n", "4\n2 4 1 3\n")
BY_TENS = ("2 5\n10 10\n", "3 8\n70 70 20\n")
COLUMNS = ("3\n11 50\n40 80\n11 20\n", "3\n90 91\n11 62\n40 80\n")


@pytest.mark.parametrize(
    ("examples", "kept", "broken"),
    [
        (RISING, "2 30\n7 30\n", "2 30\n7 7\n"),
        (RISING, "2 30\n7 30\n", "2 29\n7 30\n"),  # never above the second number
        (RISING, "2 30\n7 30\n", "2 1\n0 1\n"),  # nor is the first
        (FALLING, "3 9\n6 6 5\n", "3 9\n5 6 5\n"),
        (PERMUTATION, "2\n2 1\n", "2\n2 3\n"),
        (BY_TENS, "2 5\n30 30\n", "2 5\n30 35\n"),
        (COLUMNS, "2\n1 2\n5 7\n", "2\n1 2\n7 7\n"),
    ],
)
def test_one_broken_constraint_is_enough(examples: tuple[str, ...], kept: str, broken: str) -> None:
    model = next(models(examples))
    for text, is_kept in ((kept, True), (broken, False)):
        assert conforms(model.shape, model.constraints, read(model.shape, text)) is is_kept


@pytest.mark.parametrize(
    "examples", [RISING, FALLING, PERMUTATION, BY_TENS, COLUMNS, ("ab\n1.5\n", "c\n2.25\n")]
)
def test_examples_conform_to_what_is_learnt_from_them(examples: tuple[str, ...]) -> None:
    for model in models(examples):
        for values in model.examples:
            assert conforms(model.shape, model.constraints, values)


def test_a_count_that_was_changed_afterwards_is_seen() -> None:
    model = next(models(("2\n2 5 6\n1 7\n", "1\n3 1 2 3\n")))
    values = read(model.shape, "2\n2 5 6\n1 7\n")
    values[1][0] = [3]
    assert not conforms(model.shape, model.constraints, values)
