import csv
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from effirl.errors import UserError
from effirl.evaluation.evaluations import Evaluation
from effirl.evaluation.fronts import hypervolume, non_dominated
from effirl.evaluation.pareto import (
    Candidate,
    compare,
    hypervolume_share,
    trade_off,
    utility_difference,
)
from effirl.evaluation.trade_off_files import write_trade_off
from tests.effirl.evaluation.rows import correct, failed


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([], []),
        ([(0.0, 0.0)], [0]),
        ([(0.0, 0.0), (1.0, 1.0)], [1]),
        ([(0.0, 1.0), (0.0, 0.5), (1.0, 0.0)], [0, 2]),
        ([(1.0, 1.0), (1.0, 1.0)], [0, 1]),  # equal points do not dominate each other
    ],
)
def test_non_dominated(points: list[tuple[float, float]], expected: list[int]) -> None:
    assert non_dominated(points) == expected


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([], 0.0),
        ([(0.5, 0.4)], 0.2),
        ([(-0.5, 0.9), (0.9, -0.1)], 0.0),  # worse than doing nothing in one
        ([(0.2, 0.8), (0.8, 0.2)], 0.2 * 0.8 + 0.6 * 0.2),
        ([(0.2, 0.8), (0.8, 0.2), (0.1, 0.1), (0.2, 0.8)], 0.28),
        ([(1.0, 1.0)], 1.0),
    ],
)
def test_hypervolume_by_hand(points: list[tuple[float, float]], expected: float) -> None:
    assert hypervolume(points) == pytest.approx(expected)


def run(gains: Sequence[tuple[float, float]], model: str = "m") -> Evaluation:
    rows = [
        replace(correct(i, runtime_s=0.1), time_gain=time, memory_gain=memory)
        for i, (time, memory) in enumerate(gains)
    ]
    return Evaluation(model, 1, rows)


SPREAD = [i / 10 - 0.5 for i in range(11)]
"""Problems differ much, and alike for all policies: what pairing takes out."""


def candidate(label: str, *gains: tuple[float, float], is_control: bool = False) -> Candidate:
    runs = [
        run([(time + each, memory + each) for each in SPREAD], f"{label}-{i}")
        for i, (time, memory) in enumerate(gains)
    ]
    return Candidate(label, runs, is_control)


CANDIDATES = [
    candidate("warm", (0.1, 0.1), is_control=True),
    candidate("alpha 0", (0.0, 0.6)),
    candidate("alpha 0.5", (0.3, 0.3)),
    candidate("alpha 1", (0.6, 0.0)),
    candidate("worse", (0.25, 0.25)),
]


def test_standings_are_paired_by_problem() -> None:
    found = trade_off(CANDIDATES)
    by_label = {each.candidate.label: each for each in found.standings}
    assert {label: each.is_non_dominated for label, each in by_label.items()} == {
        "warm": False,  # a control has no part in the front
        "alpha 0": True,
        "alpha 0.5": True,
        "alpha 1": True,
        "worse": False,
    }
    assert by_label["worse"].dominated_by == ["alpha 0.5"]
    assert by_label["warm"].dominated_by == ["alpha 0.5", "worse"]
    # Alone, its interval is wide; beside another on the same problems, nothing is left of it.
    gain, versus = (
        figures["time_gain"]
        for figures in (by_label["alpha 0.5"].figures, by_label["alpha 0.5"].versus)
    )
    assert gain.low is not None
    assert gain.high is not None
    assert gain.high - gain.low > 0.2
    assert (versus.value, versus.low, versus.high) == pytest.approx((0.2, 0.2, 0.2))
    assert by_label["worse"].front_share == 0.0
    assert by_label["alpha 0.5"].front_share == 1.0
    assert found.hypervolume.value == pytest.approx(0.3 * 0.3)
    assert found.hypervolume.low is not None
    assert found.hypervolume.low < 0.09


def test_families_are_drawn_whole() -> None:
    """Problems of one family that all differ in the same way count once."""

    def of_families(num_families: int) -> Candidate:
        found = run([(0.5 if i % num_families else -0.5, 0.0) for i in range(40)])
        rows = [
            replace(row, problem_id=f"builtin/f{i % num_families}/test/{i:04}")
            for i, row in enumerate(found.rows)
        ]
        return Candidate("a", [replace(found, rows=rows)])

    found = trade_off([of_families(2)])
    gain = found.standings[0].figures["time_gain"]
    assert (gain.low, gain.high) == (-0.5, 0.5)  # either family may be all that is drawn
    assert (found.num_problems, found.num_families) == (40, 2)
    by_problem = trade_off([candidate("a", (0.3, 0.3))])
    assert by_problem.num_families == by_problem.num_problems


def test_solved_by_both_leaves_correctness_out() -> None:
    rows = [replace(correct(i, runtime_s=0.1), time_gain=0.5) for i in range(4)]
    whole = Candidate("a", [Evaluation("a", 1, rows)])
    half = [replace(row, time_gain=0.3) for row in rows[:2]] + [failed(2), failed(3)]
    other = Candidate("b", [Evaluation("b", 1, half)])
    assert compare(whole, other).differences["time_gain"].value == pytest.approx(0.5 - 0.15)
    solved = compare(whole, other, solved_by_both=True)
    assert solved.differences["time_gain"].value == pytest.approx(0.2)
    assert solved.differences["time_gain"].n == 2
    assert [found["time_gain"] for found in solved.by_seed] == pytest.approx([0.2])


def test_solved_by_both_counts_each_problem_once() -> None:
    """Two policies that gain alike, and differ in how often they are right."""

    def policy(label: str, rights: tuple[int, int]) -> Candidate:
        rows = [
            replace(correct(problem, runtime_s=0.1), time_gain=gain)
            if sample < right
            else failed(problem)
            for problem, (right, gain) in enumerate(zip(rights, (0.9, 0.1), strict=True))
            for sample in range(4)
        ]
        return Candidate(label, [Evaluation(label, 4, rows)])

    solved = compare(policy("a", (4, 1)), policy("b", (1, 4)), solved_by_both=True)
    assert solved.differences["time_gain"].value == pytest.approx(0.0)
    assert solved.figures["time_gain"].value == pytest.approx(0.5)


def test_runs_are_paired_by_the_seeds_that_made_them() -> None:
    """A policy whose second seed is not there yet, listed in another order than its start."""
    start = candidate("warm", (0.1, 0.1), (0.2, 0.1), (0.3, 0.1))
    tuned = candidate("alpha 1", (0.5, 0.1), (0.2, 0.1))
    start = replace(start, seeds=[(0,), (1,), (2,)])
    tuned = replace(tuned, seeds=[(2, 2), (0, 0)])
    for solved_by_both in (False, True):
        pair = compare(tuned, start, solved_by_both=solved_by_both)
        assert [run["time_gain"] for run in pair.by_seed] == pytest.approx([0.2, 0.1])
        assert pair.differences["time_gain"].value == pytest.approx(0.15)
        back = compare(start, tuned, solved_by_both=solved_by_both)
        assert back.differences["time_gain"].value == pytest.approx(-0.15)


def test_a_single_seed_is_paired_with_its_own_start() -> None:
    start = candidate("warm", (0.1, 0.1), (0.2, 0.1), (0.3, 0.1))
    tuned = replace(candidate("alpha 1", (0.5, 0.1)), seeds=[(1, 1)])
    pair = compare(tuned, replace(start, seeds=[(0,), (1,), (2,)]))
    assert [run["time_gain"] for run in pair.by_seed] == pytest.approx([0.3])


def test_one_warm_start_is_the_other_half_of_every_pair() -> None:
    pair = compare(candidate("alpha 1", (0.5, 0.1), (0.2, 0.1)), candidate("warm", (0.1, 0.1)))
    assert [run["time_gain"] for run in pair.by_seed] == pytest.approx([0.4, 0.1])


def test_hypervolume_share_by_hand() -> None:
    separate = CANDIDATES[1:4]
    share = hypervolume_share([candidate("c", (0.15, 0.3))], separate)
    # From the nadir (0, 0): the middle policy has 0.3 * 0.3, the other half of it.
    assert share.value == pytest.approx(0.5)
    assert hypervolume_share(separate, separate).value == pytest.approx(1.0)
    assert hypervolume_share(separate, separate[::2]).value is None


def test_utility_weighs_each_balance_by_its_own_alpha() -> None:
    ends = [candidate("lean", (0.0, 0.6)), candidate("fast", (0.6, 0.0))]
    other = [candidate("a", (0.5, 0.3)), candidate("b", (0.2, 0.9))]
    found = utility_difference(ends, other, [0, 1])
    assert found.value == pytest.approx(((0.6 - 0.3) + (0.6 - 0.2)) / 2)
    assert found.low is not None
    middle = utility_difference(ends[:1], other[:1], [0.25])
    assert middle.value == pytest.approx(0.25 * -0.5 + 0.75 * 0.3)


def test_seeds_are_pooled_and_widen_the_interval() -> None:
    one = trade_off([candidate("a", (0.3, 0.3))]).standings[0]
    two = trade_off([candidate("a", (0.0, 0.3), (0.6, 0.3))]).standings[0]
    assert one.runs == []
    assert [found["time_gain"].value for found in two.runs] == pytest.approx([0.0, 0.6])
    assert two.figures["time_gain"].value == pytest.approx(0.3)
    widths = [
        (found.high or 0) - (found.low or 0)
        for found in (one.figures["time_gain"], two.figures["time_gain"])
    ]
    assert widths[1] > 1.5 * widths[0]
    assert two.figures["memory_gain"].value == pytest.approx(0.3)


def test_problems_that_one_policy_lacks_are_left_out_and_counted() -> None:
    short = Candidate("short", [run([(0.5, 0.5)] * 9)])
    found = trade_off([*CANDIDATES, short])
    assert (found.num_problems, found.num_left_out) == (9, 2)
    mean = sum(SPREAD[:9]) / 9
    assert found.standings[1].figures["memory_gain"].value == pytest.approx(0.6 + mean)


def test_policies_on_different_problems_have_no_trade_off() -> None:
    elsewhere = Evaluation("m", 1, [correct(99, runtime_s=0.1)])
    with pytest.raises(UserError, match="no problem was measured for every policy"):
        trade_off([*CANDIDATES, Candidate("elsewhere", [elsewhere])])


def test_a_trade_off_is_written_for_people_and_tools(tmp_path: Path) -> None:
    found = trade_off([*CANDIDATES, candidate("two seeds", (0.0, 0.2), (0.1, 0.2))])
    text = write_trade_off(tmp_path, found)
    assert "hypervolume 0.090" in text
    assert "alpha 0.5; worse" in text
    assert (tmp_path / "front.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (tmp_path / "front.svg").read_text()
    document = json.loads((tmp_path / "sweep.json").read_text())
    assert document["hypervolume"]["reference"] == [0.0, 0.0]
    assert document["policies"]["alpha 0"]["is_non_dominated"] is True
    with (tmp_path / "sweep.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert [line["policy"] for line in lines[-3:]] == ["two seeds"] * 3
    assert [line["model"] for line in lines[-2:]] == ["two seeds-0", "two seeds-1"]
    assert float(lines[1]["memory_gain"]) == pytest.approx(0.6)
    assert float(lines[1]["memory_gain_minus_control_low"]) == pytest.approx(0.5)
