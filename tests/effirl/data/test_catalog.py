import ast
import itertools
import random
from collections import Counter

import pytest

from effirl.data import catalog
from effirl.data.catalog.family import Family, Instance
from effirl.data.catalog.loading import (
    DEFAULT_INSTANCES,
    instances,
    measured_gains,
    own_test,
)
from effirl.data.catalog.measuring import Measured, failed_claims
from effirl.data.catalog.writing import Programs, Writer
from effirl.errors import UserError

LONGEST_PROGRAM = 600
TRADE_OFFS = [family for family in catalog.FAMILIES if family.is_trade_off]


def draw(family: Family, number: int = 5) -> list[Instance]:
    return list(instances(family, "transfer" if family.is_transfer else "train", number))


def programs_of(instance: Instance) -> list[str]:
    return [instance.source_program, *instance.alternatives.values()]


@pytest.fixture(params=catalog.FAMILIES, ids=lambda family: family.name)
def family(request) -> Family:
    return request.param


def test_alternatives_print_what_the_source_program_prints(family):
    for instance in draw(family):
        for text in instance.checking_inputs:
            outputs = {own_test(program, text).output for program in programs_of(instance)}
            assert len(outputs) == 1, (instance.source_program, text)
            assert outputs != {""} or text == "0\n"


def test_programs_are_short_and_compile(family):
    for instance in draw(family):
        assert "\n" not in instance.description
        assert "$" not in instance.description
        for program in programs_of(instance):
            assert len(program) <= LONGEST_PROGRAM
            ast.parse(program)


def test_a_memorised_answer_is_wrong_for_another_instance(family):
    first, *others = draw(family, 8)
    for program in first.alternatives.values():
        accepting = sum(
            all(
                own_test(program, text) == own_test(other.source_program, text)
                for text in other.checking_inputs
            )
            for other in others
            if other.constants != first.constants
        )
        assert accepting == 0


def test_no_instance_has_one_answer_for_every_input(family):
    """Else a program that prints it would be as right as any, and faster than all."""
    for split, number in DEFAULT_INSTANCES.items():
        for instance in instances(family, split, number):
            texts = (*instance.checking_inputs, instance.performance_input("training"))
            answers = {own_test(instance.alternatives["fast"], text).output for text in texts}
            assert len(answers) > 1, (split, instance.constants)


def test_large_inputs_of_a_family_have_many_answers(family):
    """Else a program could give the usual one where an input is too large to be a check's."""
    split = "transfer" if family.is_transfer else "train"
    answers = [
        own_test(instance.alternatives["fast"], instance.performance_input("training")).output
        for instance in draw(family, 6)
    ]
    answers += [
        case.output
        for seed in range(6)
        for case in catalog.fresh_inputs(f"builtin/{family.name}/{split}/0000", seed)
    ]
    assert max(Counter(answers).values()) <= len(answers) / 2 + 1, answers[:3]


def test_the_length_of_a_cycle_is_not_that_of_the_modulus():
    factors = set()
    for seed in range(12):
        (case,) = catalog.fresh_inputs("builtin/cycle-length/train/0000", seed)
        modulus, length = int(case.input.split()[0]), int(case.output)
        factors.add(round((modulus - 1) / length, 9))
    assert len(factors) == 3


def test_an_instance_is_worded_in_many_ways(family):
    drawn = draw(family, 20)
    for variety in ("def main():", "sys.stdin.readline()"):
        using = sum(variety in instance.source_program for instance in drawn)
        assert using < len(drawn)
    assert len({instance.source_program for instance in drawn}) == len(drawn)


def test_performance_inputs_grow_for_evaluation(family):
    (instance,) = draw(family, 1)
    training, evaluation = map(instance.performance_input, ("training", "evaluation"))
    assert training != evaluation
    assert training == instance.performance_input("training")


def test_the_catalog_is_as_large_as_promised():
    trained = [family for family in catalog.FAMILIES if not family.is_transfer]
    assert len(trained) >= 24
    assert len(catalog.FAMILIES) - len(trained) >= 4
    assert sum(family.is_trade_off for family in trained) >= 10
    assert max(Counter(family.name for family in catalog.FAMILIES).values()) == 1


def test_splits_share_no_program():
    splits = {
        split: catalog.load(split, with_tests=False, instances_per_family=number).problems
        for split, number in (("train", 60), ("validation", 4), ("test", 8), ("transfer", 8))
    }
    sources = {
        name: {ast.dump(ast.parse(p.source_program)) for p in rows} for name, rows in splits.items()
    }
    targets = {name: {t.program for p in rows for t in p.targets} for name, rows in splits.items()}
    for one, other in itertools.combinations(splits, 2):
        assert not sources[one] & sources[other]
        assert not targets[one] & targets[other]
    assert len(sources["train"]) == len(splits["train"])


def test_transfer_families_are_in_no_other_split():
    unseen = {family.name for family in catalog.FAMILIES if family.is_transfer}
    for split in ("train", "validation", "test", "transfer"):
        rows = catalog.load(split, with_tests=False, instances_per_family=1).problems
        names = {row.problem_id.split("/")[1] for row in rows}
        assert names == unseen if split == "transfer" else not names & unseen


def test_loading_twice_gives_the_same():
    first, second = (catalog.load("test", instances_per_family=1).problems for _ in range(2))
    assert first == second
    assert first[0].problem_id == f"builtin/{catalog.FAMILIES[0].name}/test/0000"


def test_loaded_problems_have_tests_and_ordered_targets():
    for problem in catalog.load("validation", instances_per_family=1).problems:
        gains = measured_gains()[problem.problem_id.split("/")[1]]
        assert len(problem.tests) >= 3
        assert len(problem.performance_inputs) == 1
        balance = [sum(gains[target.name].values()) for target in problem.targets]
        assert balance == sorted(balance, reverse=True)
    assert not catalog.load("train", instances_per_family=1, with_tests=False).problems[0].tests


def test_an_unknown_split_is_named():
    with pytest.raises(UserError, match="no split 'dev'"):
        catalog.load("dev")


def test_measurements_cover_every_alternative(family):
    (instance,) = draw(family, 1)
    assert measured_gains()[family.name].keys() == instance.alternatives.keys()
    assert len(instance.alternatives) >= 2


def recorded(family: Family) -> list[Measured]:
    return [
        measured(family, name, **gains) for name, gains in measured_gains()[family.name].items()
    ]


def measured(family: Family, name: str, time_gain: float, memory_gain: float) -> Measured:
    return Measured(family, name, 0.01, 4e6, 0.01, 4e6, time_gain, memory_gain)


def test_recorded_measurements_bear_out_the_claims(family):
    assert failed_claims(recorded(family)) == []


@pytest.mark.parametrize(
    ("fast", "lean", "message"),
    [
        ((0.5, 0.2), (0.4, 0.6), "apart on runtime, are +0.10"),
        ((0.5, 0.5), (0.1, 0.6), "apart on memory, are +0.10"),
        ((0.96, 0.1), (0.1, 0.6), "the largest is +0.96"),
    ],
)
def test_a_trade_off_that_is_none_is_named(fast, lean, message):
    rows = [measured(TRADE_OFFS[0], "fast", *fast), measured(TRADE_OFFS[0], "lean", *lean)]
    (failure,) = failed_claims(rows)
    assert failure.startswith(TRADE_OFFS[0].name)
    assert failure.endswith(message)


def test_own_test_gives_standard_input_back_after_a_failure():
    with pytest.raises(EOFError):
        own_test("input()\ninput()", "only one\n")
    assert own_test("print(input())", "again\n").output == "again\n"


def test_a_writer_words_source_and_alternative_alike():
    programs = Programs(("$n = $int\nprint($n * $A)",), {"fast": "$n = $int\nprint($A * $n)"})
    for seed in range(20):
        writer = Writer(random.Random(seed), A=7)
        instance = writer.instance("Times $A.", programs, ("3",), lambda scale: scale)
        fast = instance.alternatives["fast"]
        assert instance.source_program.split("print")[0] == fast.split("print")[0]
        assert ("import sys" in fast) == ("sys." in fast)
        assert own_test(fast, "3\n").output == "21\n"
        assert instance.description == "Times 7."


def test_fresh_inputs_are_new_and_as_good_as_the_known_one(family):
    split = "transfer" if family.is_transfer else "train"
    instance = draw(family, 2)[1]
    problem_id = f"builtin/{family.name}/{split}/0001"
    scale = "evaluation" if family.is_transfer else "training"
    known = instance.performance_input(scale)
    if family.name in {"bit-reversals", "binary-as-base"}:  # their input is a size, and fixed
        assert catalog.fresh_inputs(problem_id, 1) == []
        return
    first, second = (catalog.fresh_inputs(problem_id, seed)[0] for seed in (1, 2))
    assert [first] == catalog.fresh_inputs(problem_id, 1)
    assert known not in (first.input, second.input)
    assert 0.5 < len(first.input) / len(known) < 2
    assert own_test(instance.source_program, first.input) == first


def test_there_are_no_fresh_inputs_for_another_data_sets_problem():
    assert catalog.fresh_inputs("p02597", 1) == []
