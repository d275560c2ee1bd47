import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from effirl.data.problems import InputOrigin, Problem
from effirl.errors import UserError
from effirl.evaluation.results import (
    append_rows,
    check_comparable,
    check_provenance,
    conditions,
    load_evaluation,
    read_rows,
    weights_digest,
)
from effirl.model_files import BUILTIN_FOLDERS
from rewards.isolation import IsolationReport, Mechanism
from rewards.records import Status, TestCase
from tests.effirl.evaluation.rows import correct, failed

ROWS = [
    correct(0, runtime_s=0.1),
    failed(0, sample=1),
    correct(1, runtime_s=0.2),
    correct(1, runtime_s=0.3, sample=1),
]


def on(cpu: str) -> dict[str, object]:
    return {
        "machine": {"cpu": cpu, "python": "3.11"},
        "meter": {"plan": 1},
        "isolation": {},
        "sampling": {"temperature": 0.8},
    }


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


def test_what_we_failed_to_run_is_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    failed = replace(ROWS[0], status=Status.SANDBOX_ERROR, reward=None)
    append_rows(path, [failed, *ROWS[1:]])
    assert read_rows(path, num_samples=2) == ROWS[2:]


@pytest.mark.parametrize("missing", ["comparison", "program_memory_time_mb_s", "program_imports"])
def test_what_we_failed_to_measure_is_tried_again(tmp_path: Path, missing: str) -> None:
    path = tmp_path / "results.jsonl"
    half = replace(ROWS[2], **{missing: None})
    append_rows(path, [*ROWS[:2], half, ROWS[3]])
    assert half.is_half_measured
    assert read_rows(path, num_samples=2) == ROWS[:2]


def test_what_no_figure_is_made_of_is_not_missing(tmp_path: Path) -> None:
    nothing = replace(
        ROWS[0], comparison=None, program_memory_time_mb_s=None, program_imports=None
    )  # its problem has no performance inputs
    waits = replace(ROWS[0], comparison=None, refutation="waits again")
    assert not any(row.is_half_measured for row in (nothing, waits, ROWS[1]))
    path = tmp_path / "results.jsonl"
    append_rows(path, [nothing, *ROWS[1:]])
    assert read_rows(path, num_samples=2) == [nothing, *ROWS[1:]]
    assert read_rows(path, num_samples=2, timed={0, 1}) == ROWS[2:], "it has; so we failed"


def test_the_weights_behind_a_built_in_name_are_told_apart(tmp_path: Path) -> None:
    check_provenance(tmp_path, PROBLEMS, ["codet5-nano"], on("A"))
    weights = json.loads((tmp_path / "provenance.json").read_text())["weights"]
    assert weights == {"codet5-nano": weights_digest(BUILTIN_FOLDERS["codet5-nano"])}
    assert weights["codet5-nano"]


def test_an_unreadable_line_before_the_last_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    append_rows(path, ROWS)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], '{"a": 1}', *lines[2:]]) + "\n")
    with pytest.raises(UserError, match=r"results\.jsonl:2: not a result of this version"):
        read_rows(path, num_samples=2)


def test_results_of_another_machine_are_refused(tmp_path: Path) -> None:
    check_provenance(tmp_path, PROBLEMS, ["source"], on("A"))
    check_provenance(tmp_path, PROBLEMS, ["source"], on("A"))
    with pytest.raises(UserError, match=r"made with another machine \(cpu: 'A' and 'B'\)"):
        check_provenance(tmp_path, PROBLEMS, ["source"], on("B"))


def test_results_on_other_problems_are_refused(tmp_path: Path) -> None:
    check_provenance(tmp_path, PROBLEMS, ["source"], on("A"))
    with pytest.raises(UserError, match="made with another problems"):
        check_provenance(tmp_path, PROBLEMS[:1], ["source"], on("A"))


def test_results_on_other_performance_inputs_are_refused(tmp_path: Path) -> None:
    check_provenance(tmp_path, PROBLEMS, ["source"], on("A"))
    found = replace(
        PROBLEMS[0], performance_inputs=(TestCase("9", "9"),), input_origin=InputOrigin.FOUND
    )
    with pytest.raises(UserError, match=r"another performance_inputs .*found: None and 1"):
        check_provenance(tmp_path, [found, PROBLEMS[1]], ["source"], on("A"))


def test_results_of_a_model_that_was_trained_on_are_refused(tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (model / "model.safetensors").write_bytes(b"one")
    check_provenance(tmp_path, PROBLEMS, [str(model)], {})
    assert json.loads((tmp_path / "provenance.json").read_text())["weights"][str(model)]
    (model / "model.safetensors").write_bytes(b"two")
    with pytest.raises(UserError, match="made with another weights"):
        check_provenance(tmp_path, PROBLEMS, [str(model)], {})


def test_conditions_name_machine_meter_and_isolation(tmp_path: Path) -> None:
    report = IsolationReport(
        {"seccomp": Mechanism(True, "tried"), "landlock": Mechanism(False, "")}
    )
    pool = SimpleNamespace(isolation=report, machine={"cpu": "a | b"})
    found = conditions(pool)  # type: ignore[arg-type]
    assert found["machine"] == {"cpu": "a | b"}
    assert found["isolation"] == {"level": 0, "seccomp": True, "landlock": False}
    assert json.loads(json.dumps(found)) == found  # as it comes back from the file
    check_provenance(tmp_path, PROBLEMS, ["source"], found)
    check_provenance(tmp_path, PROBLEMS, ["source"], found)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (on("B"), r"differ in machine \(cpu: 'A' and 'B'\)"),
        (on("A") | {"meter": {"plan": 2}}, r"differ in meter \(plan: 1 and 2\)"),
        (on("A") | {"isolation": {"level": 1}}, r"differ in isolation \(level: None and 1\)"),
        (
            on("A") | {"sampling": {"temperature": 0.0}},
            r"differ in sampling \(temperature: 0.8 and 0.0\)",
        ),
    ],
)
def test_results_that_differ_are_not_put_together(
    changed: dict[str, object], message: str, tmp_path: Path
) -> None:
    folders = [tmp_path / name for name in ("one", "two", "three")]
    for folder, under in zip(folders, (on("A"), on("A"), changed), strict=True):
        folder.mkdir()
        check_provenance(folder, PROBLEMS, [folder.name], under)
    check_comparable(folders[:2])
    with pytest.raises(UserError, match=rf"one and .*three cannot be put together: they {message}"):
        check_comparable(folders)


def test_results_on_other_problems_are_not_put_together(tmp_path: Path) -> None:
    for name, problems in (("one", PROBLEMS), ("two", PROBLEMS[:1])):
        (tmp_path / name).mkdir()
        check_provenance(tmp_path / name, problems, [], on("A"))
    with pytest.raises(UserError, match="they differ in problems"):
        check_comparable([tmp_path / "one", tmp_path / "two"])


def test_results_of_before_the_meter_was_kept_say_so(tmp_path: Path) -> None:
    check_provenance(tmp_path, PROBLEMS, [], {"machine": {}})
    with pytest.raises(UserError, match="does not say its meter"):
        check_comparable([tmp_path])


def test_an_evaluation_is_loaded_from_its_folder(tmp_path: Path) -> None:
    append_rows(tmp_path / "results.jsonl", [ROWS[2], ROWS[3], ROWS[0], ROWS[1]])
    (tmp_path / "config.yaml").write_text("model: some/model\n")
    found = load_evaluation(tmp_path)
    assert (found.model, found.num_samples, found.rows) == ("some/model", 2, ROWS)
    with pytest.raises(UserError, match=r"holds no results\.jsonl"):
        load_evaluation(tmp_path / "nowhere")
