import json
from dataclasses import replace
from pathlib import Path

import pytest

from effirl.data.problems import InputOrigin, Problem
from effirl.errors import UserError
from effirl.evaluation.results import append_rows, check_provenance, read_rows
from rewards.records import TestCase
from tests.effirl.evaluation.rows import correct, failed

ROWS = [
    correct(0, runtime_s=0.1),
    failed(0, sample=1),
    correct(1, runtime_s=0.2),
    correct(1, runtime_s=0.3, sample=1),
]
PROBLEMS = [Problem("p0", "", "pass"), Problem("p1", "", "pass")]


def test_rows_come_back_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    append_rows(path, ROWS[:2])
    append_rows(path, ROWS[2:])
    assert read_rows(path, num_samples=2) == ROWS


def test_no_file_is_no_rows(tmp_path: Path) -> None:
    assert read_rows(tmp_path / "results.jsonl", num_samples=2) == []


def test_a_half_written_line_and_its_problem_are_dropped(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    append_rows(path, ROWS)
    path.write_text(path.read_text()[:-30])
    assert read_rows(path, num_samples=2) == ROWS[:2]
    # The file was cut back too, so what is appended next begins on a line of its own.
    append_rows(path, ROWS[2:])
    assert read_rows(path, num_samples=2) == ROWS


def test_an_unreadable_line_before_the_last_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    append_rows(path, ROWS)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], '{"a": 1}', *lines[2:]]) + "\n")
    with pytest.raises(UserError, match=r"results\.jsonl:2: not a result of this version"):
        read_rows(path, num_samples=2)


def test_results_of_another_machine_are_refused(tmp_path: Path) -> None:
    check_provenance(tmp_path, PROBLEMS, ["source"], {"cpu": "A"})
    check_provenance(tmp_path, PROBLEMS, ["source"], {"cpu": "A"})
    with pytest.raises(UserError, match="made with another machine"):
        check_provenance(tmp_path, PROBLEMS, ["source"], {"cpu": "B"})


def test_results_on_other_problems_are_refused(tmp_path: Path) -> None:
    check_provenance(tmp_path, PROBLEMS, ["source"], {"cpu": "A"})
    with pytest.raises(UserError, match="made with another problems"):
        check_provenance(tmp_path, PROBLEMS[:1], ["source"], {"cpu": "A"})


def test_results_on_other_performance_inputs_are_refused(tmp_path: Path) -> None:
    check_provenance(tmp_path, PROBLEMS, ["source"], {"cpu": "A"})
    found = replace(
        PROBLEMS[0], performance_inputs=(TestCase("9", "9"),), input_origin=InputOrigin.FOUND
    )
    with pytest.raises(UserError, match=r"another performance_inputs .*'found': 1"):
        check_provenance(tmp_path, [found, PROBLEMS[1]], ["source"], {"cpu": "A"})


def test_results_of_a_model_that_was_trained_on_are_refused(tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (model / "model.safetensors").write_bytes(b"one")
    check_provenance(tmp_path, PROBLEMS, [str(model)], {})
    assert json.loads((tmp_path / "provenance.json").read_text())["weights"][str(model)]
    (model / "model.safetensors").write_bytes(b"two")
    with pytest.raises(UserError, match="made with another weights"):
        check_provenance(tmp_path, PROBLEMS, [str(model)], {})
