"""What must hold, over a whole study: with seeds, phases, a conditioned policy and controls."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from effirl.evaluation.bootstrap import Estimate
from effirl.evaluation.pareto import Candidate, Pair, compare, trade_off
from effirl.report import checks as checks_module
from effirl.report import comparisons as comparisons_module
from effirl.report.answers import answer
from effirl.report.checks import Check, check
from effirl.report.command import report
from effirl.report.comparisons import Pairs, comparisons
from effirl.report.study import Study, read_study
from tests.effirl.report.folders import write_study
from tests.pages import assert_stands_alone

SHARE = "the conditioned policy has 95% of the separate policies' hypervolume, from their nadir"
UTILITY = (
    "asked for a balance, the conditioned policy has at most 0.02 of E(alpha) less than that "
    "balance's own policy, mean over balances"
)


def read(folder: Path, seeds: int = 2, **changed: tuple[float, float]) -> Study:
    write_study(folder, seeds, **changed)
    return read_study([folder])


def checks(study: Study) -> dict[str, Check]:
    found = trade_off([group.candidate for group in study.groups])
    return {each.what: each for each in check(study, found, Pairs())}


def failing(found: dict[str, Check]) -> list[str]:
    return [what for what, each in found.items() if each.verdict == "fails"]


def test_all_holds_where_alpha_does_what_it_says(tmp_path: Path) -> None:
    found = checks(read(tmp_path))
    assert [each.verdict for each in found.values()] == ["holds"] * 15
    gain = found["alpha 1 has more runtime gain than the warm start, over all completions"]
    assert gain.found is not None
    # Of twelve both are wrong in two and gain 0, and the warm start in a third one.
    assert gain.found.value == pytest.approx((0.4 * 9 + 0.64) / 12)
    assert gain.by_seed == pytest.approx([(0.4 * 9 + 0.64) / 12] * 2)
    solved = found["alpha 1 has more runtime gain than the warm start, over what both solve"]
    assert solved.found is not None
    assert solved.found.value == pytest.approx(0.4)
    share = found[SHARE]
    assert share.found is not None
    assert share.found.value == pytest.approx(1.0)
    assert share.words == "trained in 48 steps beside 144"
    assert found[UTILITY].words == "alpha 0, 0.5, 1"


def test_where_no_problem_differs_nothing_is_known(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(
        checks_module, "_difference", lambda *_, **__: (Estimate(0.0, 0.0, 0.0, 9), [0.0])
    )
    found = checks(read(tmp_path))
    kept = [each.verdict for what, each in found.items() if "of correctness" in what]
    assert kept == ["not answered"] * 3


def test_two_policies_are_compared_once(tmp_path: Path, monkeypatch) -> None:
    asked: list[tuple[str, str, bool]] = []

    def counting(one: Candidate, other: Candidate, *, solved_by_both: bool) -> Pair:
        asked.append((one.label, other.label, solved_by_both))
        return compare(one, other, solved_by_both=solved_by_both)

    monkeypatch.setattr(comparisons_module, "compare", counting)
    study, pairs = read(tmp_path), Pairs()
    answer(study, pairs)
    check(study, trade_off([group.candidate for group in study.groups]), pairs)
    assert len(asked) == len(set(asked))
    start = "warm start sft"
    assert {("alpha 1", start, False), ("alpha 1", start, True)} <= set(asked)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (
            {"alpha_1": (0.2, 0.1)},
            [
                "alpha 1 has more runtime gain than the warm start, over all completions",
                "alpha 1 has more runtime gain than the warm start, over what both solve",
            ],
        ),
        (
            {"conditioned_0_5": (0.35, 0.35)},
            [SHARE],
        ),
        (
            {"conditioned_1": (0.3, 0.1)},
            [UTILITY, "runtime gain of the conditioned policy never falls as alpha goes to 1"],
        ),
    ],
)
def test_what_does_not_hold_is_told(
    tmp_path: Path, changed: dict[str, tuple[float, float]], expected: list[str]
) -> None:
    assert failing(checks(read(tmp_path, **changed))) == expected


def test_a_seed_of_the_other_sign_fails(tmp_path: Path) -> None:
    study = read(tmp_path, 3)
    start, tuned = study.start, study.reinforced(1)
    assert start is not None
    assert tuned is not None
    rows = tuned.policies[2].evaluation.rows
    rows[:] = [replace(row, time_gain=0.0) for row in rows]
    found = checks(study)["alpha 1 has more runtime gain than the warm start, over all completions"]
    assert [value > 0 for value in found.by_seed] == [True, True, False]
    assert found.verdict == "fails"


def test_without_an_area_there_is_no_share(tmp_path: Path) -> None:
    share = checks(read(tmp_path, alpha_0_5=(0.1, 0.1)))[SHARE]
    assert share.verdict == "not answered"
    assert "three separate policies" in share.words


def test_phases_and_controls_are_compared_where_they_belong(tmp_path: Path) -> None:
    study = read(tmp_path)
    pairs = {
        name: [tuple(line[:2]) for line in comparisons(study, name, Pairs())[1:]]
        for name in ("H1", "H2", "H3", "H4")
    }
    assert pairs["H2"] == [
        ("warm start sft", "codet5-nano"),
        ("phase memory", "codet5-nano"),
        ("alpha 0", "warm start sft"),
        ("conditioned at 0", "warm start sft"),
        ("correctness only", "warm start sft"),
    ]
    assert pairs["H3"][:4] == [
        ("phase runtime then memory", "phase runtime"),
        ("phase memory then runtime", "phase memory"),
        ("phase runtime then memory, runtime=1 memory=0", "phase runtime"),
        ("phase memory then runtime, runtime=0 memory=1", "phase memory"),
    ]
    line = comparisons(study, "H3", Pairs())[1]
    assert line[2].startswith("-0.083 (")
    assert line[2].endswith(" --")
    assert [group.label for group in study.tuned] == [
        "alpha 0", "alpha 0.5", "alpha 1",
        "conditioned at 0", "conditioned at 0.5", "conditioned at 1",
    ]  # fmt: skip


def test_the_page_and_the_figures_of_a_study(tmp_path: Path) -> None:
    write_study(tmp_path / "runs")
    text = report([tmp_path / "runs"], tmp_path / "out")
    assert "must hold: 15 holds" in text
    page = (tmp_path / "out" / "index.html").read_text()
    assert_stands_alone(page)
    for expected in ("What must hold", "phase runtime then memory", "conditioned at 0.5"):
        assert expected in page
    found = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert len(found) == 15
    assert {each["verdict"] for each in found} == {"holds"}
    assert found[0]["found"]["low"] == pytest.approx(0.0)
