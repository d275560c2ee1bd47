import re
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from effirl.data.problems import LoadedProblems
from effirl.evaluation.evaluations import Evaluation, make_report
from effirl.evaluation.examples import examples
from effirl.evaluation.families import by_family
from effirl.evaluation.flat_rows import flat
from effirl.evaluation.page import page
from effirl.parquet import write_parquet
from effirl.scoring import CompletionRow
from rewards.records import Status
from tests.effirl.evaluation.rows import correct, failed
from tests.pages import assert_stands_alone


def written(row: CompletionRow, program: str = "print(1)\n") -> CompletionRow:
    family = "first" if row.problem_index < 2 else "second"
    name = f"builtin/{family}/test/000{row.problem_index}"
    return replace(row, problem_id=name, program=program, source_program="print( 1 + 0 )\n")


ROWS = [
    written(correct(0, runtime_s=0.1), "print('</pre><script>alert(1)</script>')\n"),
    written(correct(1, runtime_s=0.2), "print(2)\n"),
    written(correct(2, runtime_s=0.8), "print(3)\n"),
    written(failed(3), "print(4)\n"),
]
BASELINE = [written(failed(i, Status.TIME_LIMIT)) for i in range(4)]


def make_page(*models: list[CompletionRow]) -> str:
    found = [Evaluation(f"m{i}", 1, rows) for i, rows in enumerate(models)]
    return page(make_report({"seed": 0, "data": "builtin"}, LoadedProblems([]), found))


@pytest.mark.parametrize("models", [(ROWS,), (ROWS, BASELINE), (BASELINE,)])
def test_a_page_needs_nothing_from_outside(models: tuple[list[CompletionRow], ...]) -> None:
    assert_stands_alone(make_page(*models))


def test_programs_are_shown_and_cannot_act() -> None:
    text = make_page(ROWS, BASELINE)
    assert "print(&#39;&lt;/pre&gt;&lt;script&gt;alert(1)" in text
    assert "Best of all" in text
    assert "75.0%" in text  # correct
    assert text.count("<svg") == 2
    ids = re.findall(r' id="(\w+)"', text)
    defined = [name for name in ids if re.match(r"[pm][0-9a-f]{10}", name)]
    assert len(set(defined)) == len(defined)


def test_examples_are_chosen_by_their_figures() -> None:
    found = {example.title: example for example in examples(ROWS)}
    assert found["Best of all"].problem_id.endswith("0000")
    assert found["In the middle"].problem_id.endswith("0001")
    assert found["Worst that is correct"].problem_id.endswith("0002")
    assert "200.00 ms after" in found["In the middle"].proof
    assert found["Wrong answer"].proof.startswith("It ended with WRONG_ANSWER, at the first test")
    assert examples([replace(row, source_program="") for row in ROWS]) == []


def test_the_best_sample_of_a_problem_is_the_best_example() -> None:
    better = replace(written(correct(0, runtime_s=0.01), "print(0)\n"), sample=1)
    found = {example.title: example for example in examples([*ROWS, better])}
    assert found["Best of all"].program == "print(0)"


def test_families_are_told_apart() -> None:
    found = by_family(Evaluation("m", 1, ROWS))
    assert [*found] == ["first", "second"]
    assert found["first"]["pass@1"].value == 1.0
    assert found["second"]["pass@1"].value == 0.5
    assert by_family(Evaluation("m", 1, [failed(0)])) == {}


def test_parquet_has_a_column_a_value(tmp_path: Path) -> None:
    write_parquet(tmp_path / "results.parquet", [flat(row) for row in ROWS])
    table = pq.read_table(tmp_path / "results.parquet")
    assert table.num_rows == len(ROWS)
    columns = table.to_pydict()
    assert columns["comparison.program_runtime_s"] == [0.1, 0.2, 0.8, None]
    assert columns["status"] == ["OK", "OK", "OK", "WRONG_ANSWER"]
    assert columns["quality.num_lines"] == [1, 1, 1, None]
    assert columns["edit_distance"][3] is None
    assert "program_imports.runtime_s" in columns
