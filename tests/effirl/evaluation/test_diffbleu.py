"""DiffBLEU against values computed by hand, and the evaluation that reports it."""

import json
from math import exp
from pathlib import Path

import pytest

from effirl.data.problems import LoadedProblems, Problem, Target
from effirl.evaluation import run
from effirl.evaluation.config import EvaluateConfig
from effirl.evaluation.diffbleu import bleu, diff_bleu, without_comments
from effirl.evaluation.edits import write_edits
from tests.effirl.data.test_malformed_rows import RESOURCE_ROW


@pytest.mark.parametrize(
    ("reference", "candidate", "expected"),
    [
        ("a b c d", "a b c d", 1.0),
        ("a b c d e", "a b c d f", (4 / 5 * 3 / 4 * 2 / 3 * 1 / 2) ** 0.25),
        # Repetitions count as often as the reference has them, and orders without a match as 0.1.
        ("a b", "a a a a", (1 / 4 * 0.1 / 3 * 0.1 / 2 * 0.1 / 1) ** 0.25),
        # Half as long: the brevity penalty is exp(1 - 8 / 4).
        ("a b c d e f g h", "a b c d", exp(-1)),
        # Shorter than an order: there 0 of 1.
        ("a b", "a b", (1 * 1 * 0.1 * 0.1) ** 0.25),
        ("a b c d", "e f g h", 0.0),
        ("a b c d", "", 0.0),
        ("", "a", 0.0),
    ],
)
def test_bleu_by_hand(reference: str, candidate: str, expected: float) -> None:
    assert bleu(reference.split(), candidate.split()) == pytest.approx(expected)


SOURCE = "a = 1\nb = 2\nc = 3"


def test_an_edit_by_hand() -> None:
    # git prints the hunk's header, with the line before it as its context, and the two lines:
    #   @@ -2 +2 @@ a = 1
    #   -b = 2
    #   +b = 4
    # That is 17 words (@@ - 2 + 2 @@ a = 1 - b = 2 + b = 4), of which the program's last differs.
    expected = (16 / 17 * 15 / 16 * 14 / 15 * 13 / 14) ** 0.25
    found = diff_bleu(SOURCE, "a = 1\nb = 4\nc = 3", "a = 1\nb = 5\nc = 3", "python")
    assert found == pytest.approx(expected)


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("a = 1\nb = 4\nc = 3", 1.0),
        ("a = 1\n\n# why\nb =  4  # why\n\nc = 3\n", 1.0),  # comments and space do not count
        (SOURCE, 0.0),  # a copy
        ("", 0.0),
        ("# nothing\n", 0.0),
    ],
)
def test_whole_programs(program: str, expected: float) -> None:
    assert diff_bleu(SOURCE, "a = 1\nb = 4\nc = 3", program, "python") == pytest.approx(expected)


def test_another_route_scores_low_however_good() -> None:
    assert diff_bleu(SOURCE, "a = 1\nb = 4\nc = 3", "print(6)", "python") < 0.3


@pytest.mark.parametrize(
    ("program", "language", "expected"),
    [
        ('"""doc"""\nx = "# no"  # yes\n', "python", '\nx = "# no"  '.strip("\n")),
        ("def f():\n    '''two\n    lines'''\n    return 1\n", "python", "def f():\n    return 1"),
        ("x = ('a'\n 'b')\n", "python", "x = ('a'\n 'b')"),
        ("print 'x'; y = (  # one\n", "python", "print 'x'; y = (  "),  # no Python: by pattern
        ("a(); /* b\n c */ d(); // e", "kotlin", "a();  d(); "),
        ("mov ax, 1 ; one\n# two\n", "assembly", "mov ax, 1 "),
        ("a # b // c", "cobol", "a # b // c"),
    ],
)
def test_comments_go(program: str, language: str, expected: str) -> None:
    assert without_comments(program, language) == expected


def test_a_models_edits_are_reported(tmp_path: Path) -> None:
    problem = Problem("c1", "", "a();", targets=(Target("b();"),), language="java")
    loaded = LoadedProblems([problem, problem])
    loaded.dropped["in c"] = 3
    completions = [["b();", "a();"], ["```java\nb();\n```", "b();"]]
    text = write_edits(tmp_path, "m", loaded, completions, seed=0)
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["diffbleu@1"]["value"] == pytest.approx(0.75)
    assert metrics["diffbleu@2"]["value"] == pytest.approx(1.0)
    rows = [json.loads(line) for line in (tmp_path / "edits.jsonl").read_text().splitlines()]
    assert [row["diffbleu"] for row in rows] == [pytest.approx([1, 0]), pytest.approx([1, 1])]
    assert "left out: 3 (in c)" in text
    assert "nothing was run" in text


def test_the_controls_of_resource_util_read_one_and_zero(tmp_path: Path) -> None:
    data = tmp_path / "resource_util.jsonl"
    data.write_text(json.dumps(RESOURCE_ROW) + "\n")
    for model, expected in (("target", 1.0), ("source", 0.0)):
        folder = tmp_path / model
        config = EvaluateConfig(
            model=model, data="resource_util", data_path=data, output_dir=folder
        )
        assert "nothing was run" in run.evaluate(config)
        metrics = json.loads((folder / "metrics.json").read_text())
        assert metrics["diffbleu@1"]["value"] == pytest.approx(expected)
