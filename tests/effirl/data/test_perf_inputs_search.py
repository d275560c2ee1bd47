"""The search on real programs: what it accepts, what it refuses, and what becomes measurable."""

from collections.abc import Iterator

import pytest

from effirl.data.decimals import with_tolerance
from effirl.data.perf_inputs import search
from effirl.data.perf_inputs.agreement import Voter, agree
from effirl.data.perf_inputs.command import make_record
from effirl.data.perf_inputs.search import MEASURABLE_S, NUM_INPUTS, choose_voters, find
from effirl.data.perf_inputs.store import ProblemRecord
from effirl.data.problems import Problem, Target
from rewards import Executor, TestCase
from rewards.records import Match
from rewards.worker import Worker

SLOW = (
    "n = int(input())\na = list(map(int, input().split()))\n"
    "print(sum(max(a[:i]) for i in range(1, n + 1)))\n"
)
QUICK = (
    "from itertools import accumulate\nn = int(input())\n"
    "print(sum(accumulate(map(int, input().split()), max)))\n"
)
WRONG = (
    "n = int(input())\na = list(map(int, input().split()))\nprint(a[0] + a[1] + max(a) * (n - 2))\n"
)
TESTS = (
    TestCase("3\n1 2 3\n", "6\n"),
    TestCase("4\n2 1 5 5\n", "14\n"),
    TestCase("5\n7 1 2 3 4\n", "35\n"),
)


def pair(author: str, source: str = SLOW, target: str = QUICK) -> Problem:
    # Programs of different authors differ: equal ones are no second opinion.
    source, target = (f"{text}# {author}\n" for text in (source, target))
    return Problem("p1", "", source, TESTS, TESTS[:1], targets=(Target(target),), author=author)


PAIRS = (pair("u1"), pair("u2"))


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    """A worker of an executor that is ours alone for so long."""
    with Executor(num_workers=1) as executor:
        yield executor._workers[next(iter(executor._workers))]


@pytest.fixture(scope="module")
def record(worker: Worker) -> Iterator[ProblemRecord]:
    """Of two authors' pairs, with few strategies: more of them only take longer."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "_MIN_CLIMBS", 1)
        yield make_record(worker, PAIRS, seed=0)


def test_a_slow_program_becomes_measurable(record: ProblemRecord) -> None:
    assert not record.is_weakly_verified
    for one in record.pairs:
        assert one.failure is None
        assert len(one.cases) == NUM_INPUTS
        assert one.runtime_s >= NUM_INPUTS * MEASURABLE_S


def test_made_up_inputs_are_right(record: ProblemRecord) -> None:
    for case in record.cases:
        num, values = (line.split() for line in case.input.splitlines())
        assert [str(len(values))] == num
        assert case.output.split() == [str(_answer([int(value) for value in values]))]


def test_what_was_invisible_becomes_visible(record: ProblemRecord) -> None:
    for one in record.pairs:
        assert one.public is not None
        assert one.generated is not None
        assert one.same is not None
        assert one.generated.log2_ratio > 1  # a loop in a loop beside one loop
        assert one.public.log2_ratio < one.generated.log2_ratio
        assert abs(one.same.log2_ratio) < one.generated.log2_ratio / 2  # the control


def _answer(values: list[int]) -> int:
    return sum(max(values[: i + 1]) for i in range(len(values)))


def test_one_program_that_cannot_grow_does_not_hold_back_the_others(worker: Worker) -> None:
    small = SLOW.replace("print", "assert n < 10\nprint")
    pairs = [*(pair(f"u{number}") for number in range(1, 5)), pair("u5", source=small)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "_MIN_CLIMBS", 1)
        assert find(worker, pairs, seed=0).failures == {4: "not measurable"}
        failures = find(worker, [*pairs[:1], pairs[4]], seed=0).failures  # half of them crash
    assert failures == {0: "not measurable", 1: "not measurable"}


def test_pairs_that_fail_the_public_tests_are_left_out(worker: Worker) -> None:
    found = find(worker, [pair("u1", source=WRONG), pair("u2", target=WRONG)], seed=0)
    assert found.failures == {
        0: "source program fails a public test",
        1: "target fails a public test",
    }
    assert not found.inputs


def test_what_cannot_grow_is_not_measurable(worker: Worker) -> None:
    tests = (
        TestCase("CSS\nCSR\n", "2\n"),
        TestCase("RRR\nSSS\n", "0\n"),
        TestCase("SRS\nSRC\n", "2\n"),
    )
    program = "a, b = input(), input()\nprint(sum(x == y for x, y in zip(a, b)))\n"
    problems = [
        Problem("p", "", f"{program}#{u}", tests, targets=(Target(f"{program}#{u}t"),), author=u)
        for u in ("u1", "u2")
    ]
    failures = find(worker, problems, seed=0).failures
    assert failures == {0: "not measurable", 1: "not measurable"}
    assert make_record(worker, problems[:1], seed=0).is_weakly_verified


@pytest.mark.parametrize(
    ("programs", "is_agreed"),
    [
        (["print(int(input()) + 1)", "print(1 + int(input()))"], True),
        (["print(int(input()) + 1)", "print(2 + int(input()))"], False),
        (["print(int(input()) + 1)", "raise ValueError"], False),
        (["raise ValueError", "print(int(input()) + 1)"], False),
        (["print(int(input()) / 3)", "print('%.9f' % (int(input()) / 3))"], True),
        (["", ""], False),  # nothing is no answer
    ],
)
def test_authors_agree_or_the_input_is_dropped(
    worker: Worker, programs: list[str], is_agreed: bool
) -> None:
    voters = [Voter(program, f"u{place}") for place, program in enumerate(programs)]
    assert (agree(worker, voters, "4\n") is not None) is is_agreed


def test_one_author_is_enough_only_where_there_is_no_other(worker: Worker) -> None:
    good, other = "print(int(input()) + 1)", "print(1 + int(input()))"
    agreement = agree(worker, [Voter(good, "u1"), Voter(other, "u1")], "4\n")
    assert agreement is not None
    assert agreement.num_authors == 1


def test_voters_are_of_different_authors_and_targets_come_first() -> None:
    pairs = [pair("u1"), pair("u1", source=QUICK, target=SLOW), pair("u2")]
    voters = choose_voters(pairs)
    assert [voter.author for voter in voters] == ["u1", "u2"]
    assert voters[0].program == pairs[0].targets[0].program
    only = choose_voters(pairs[:1])
    assert [voter.program for voter in only] == [
        pairs[0].source_program,
        pairs[0].targets[0].program,
    ]


def test_without_names_a_shared_program_shows_the_author() -> None:
    first, second = (Problem("p", "", a, TESTS, targets=(Target(b),)) for a, b in ("xy", "yz"))
    assert len({voter.author for voter in choose_voters([first, second])}) == 1


def test_answers_with_a_point_are_compared_as_numbers() -> None:
    assert with_tolerance(TestCase("1", "0.5\n")).match is Match.NUMBERS
    assert with_tolerance(TestCase("1", "5 yes\n")).match is Match.WORDS


def test_where_an_input_is_one_number_another_start_makes_other_inputs(worker: Worker) -> None:
    source = "n = int(input())\nprint(sum(i * i % 7 for i in range(n)))\n"
    target = "n = int(input())\nprint(n // 7 * 14 + sum(i * i % 7 for i in range(n % 7)))\n"
    tests = (TestCase("3\n", "5\n"), TestCase("900\n", "1799\n"))
    problem = Problem("one", "", source, tests, targets=(Target(target),))
    made = [find(worker, [problem], 0, start=start) for start in (1.0, 1.5)]
    first, second = ({rung.case.input for rung in found.inputs[0]} for found in made)
    assert first
    assert second
    assert not first & second
