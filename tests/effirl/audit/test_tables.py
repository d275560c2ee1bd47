from pathlib import Path

import pytest

from effirl.audit.config import DataName
from effirl.audit.plots import plot_claims, plot_gains
from effirl.audit.sharing import Shared, share
from effirl.audit.tables import Table, all_tables, geometric_mean
from effirl.data.overlap import Footprint
from effirl.data.problems import Problem
from rewards.records import MIB
from tests.effirl.audit.pairs import audited, wrong
from tests.effirl.data.test_pie import PAIR, TESTS, write

FOUND = [
    audited(0, source_s=0.4),
    audited(1, source_s=0.05, claim=0, target_bytes=32 * MIB),
    audited(2, source_s=0.001, target_s=0.001, is_import_dropped=True),
    audited(3, claim=None),
    wrong(4),
]


def table(title: str) -> dict[str, list[str]]:
    (found,) = (each for each in all_tables(FOUND, []) if each.title.startswith(title))
    return {line[0]: list(line[1:]) for line in found.lines}


def test_pairs_are_counted_by_group() -> None:
    lines = table("Pairs, by")
    assert lines["group"] == [
        "pairs", "both correct", "measurable", "faster", "by an import", "slower", "leaner",
        "by an import", "heavier",
    ]  # fmt: skip
    none, whole = "0 (0%)", "1 (100%)"
    assert lines["significant"] == ["1", whole, whole, whole, *[none] * 5]
    assert lines["minor"] == ["1", whole, whole, none, none, whole, none, none, whole]
    # The wrong program's import of numba is gone too.
    half = "1 (50%)"
    assert lines["drops an import"] == ["2", half, none, none, half, none, none, half, none]
    assert lines["no claim"] == ["1", whole, whole, *[none] * 6]
    assert lines["all"][:2] == ["5", "4 (80%)"]


def test_means_are_over_correct_pairs_with_the_figure() -> None:
    lines = table("Speedup")
    assert lines["significant"] == ["1", "2.20", "3.73", "3.97"]
    assert lines["no claim"] == ["1", "-", "1.00", "1.00"]
    assert lines["all"][0] == "4"
    assert "(" in lines["all"][3]  # of two problems: an interval
    assert table("Memory")["minor"] == ["1", "1.20", "0.41", "0.27"]


def test_a_mean_is_geometric() -> None:
    found = geometric_mean(FOUND[:2], lambda a: {0: 8.0, 1: 0.5}[a.row.index])
    assert found.value == pytest.approx(2)
    assert (found.low, found.n) == (None, 1)  # of one problem


def test_tags_are_set_beside_each_other() -> None:
    (found,) = (each for each in all_tables(FOUND, []) if each.title.startswith("Tags"))
    assert [list(line) for line in found.lines[1:]] == [
        ["runtime tag", "1", "2", "1 (50%)", "1 (50%)"],
        ["runtime tag", "0", "1", "0 (0%)", "1 (100%)"],
        ["memory tag", "1", "2", "0 (0%)", "2 (100%)"],
        ["memory tag", "0", "1", "0 (0%)", "1 (100%)"],
    ]


def test_failures_are_named_with_what_a_program_needs() -> None:
    assert table("Pairs with a program") == {
        "why": ["pairs"], "source program: RUNTIME_ERROR on the tests, needs numba": ["1"],
    }  # fmt: skip


def test_coverage_counts_problems_and_pairs() -> None:
    assert table("Coverage by input")["counted list"][:3] == ["3", "5", "4 (80%)"]
    assert table("Coverage by source")["up to 10 lines"][:2] == ["3", "5"]
    assert table("Coverage by hint")["other packages"][:2] == ["1", "1"]


def test_overlap_is_counted_both_ways() -> None:
    own = [Problem("p1", "", "print(1)", submission_ids=("s1",)), Problem("p2", "", "print(2)")]
    other = [Problem("p1", "", "print( 1 )\n"), Problem("p3", "", "print(3)")]
    shared = Shared("pie", Footprint.of(own), Footprint.of(other), 2, 1, 2, 1)
    *_, found = all_tables(FOUND, [shared])
    assert [list(line) for line in found.lines[1:]] == [
        ["pie: problem ids", "2", "2", "1"],
        ["pie: submission ids", "1", "0", "0"],
        ["pie: programs", "2", "2", "1"],
        ["pie: rows", "2", "2", ""],
        ["pie: rows with one of these", "1", "1", ""],
    ]


def test_whole_data_sets_are_compared(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("a", "b")]
    pairs = [PAIR, {**PAIR, "problem_id": "p2", "target": "print(0)"}]
    foreign = {**PAIR, "problem_id": "p9", "input": "print(9)", "target": "print(90)"}
    for submission in ("submission_id_v0", "submission_id_v1"):
        foreign[submission] += "9"
    for folder, rows in zip(folders, (pairs, [PAIR, foreign]), strict=True):
        folder.mkdir()
        write(folder, rows, [TESTS])  # p2 has no tests
    names = [DataName("pie", folder) for folder in folders]
    (found,) = share(names[0], names[1:])
    assert (found.num_own, found.num_own_shared) == (2, 2)  # one by its source program
    assert (found.num_other, found.num_other_shared) == (2, 1)


def test_a_table_reads_in_a_terminal_and_as_markdown() -> None:
    small = Table("Title", [["name", "n"], ["long name", "10"]], "Note.")
    assert small.text() == "Title\nname        n\nlong name  10\nNote.\n"
    assert small.markdown() == ("## Title\n\n| name | n |\n|---|---|\n| long name | 10 |\n\nNote.")


@pytest.mark.parametrize("found", [FOUND, [wrong(0)]])
def test_pictures_are_drawn_also_of_nothing(found: list[object], tmp_path: Path) -> None:
    for plot in (plot_claims, plot_gains):
        plot(found, tmp_path / "deep" / "picture.png")  # type: ignore[arg-type]
        assert (tmp_path / "deep" / "picture.png").read_bytes().startswith(b"\x89PNG")
