import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from effirl.data.overlap import Footprint, record_training
from effirl.data.problems import LoadedProblems, Problem, Target
from effirl.data.prompts import inference_prompt
from effirl.errors import UserError
from effirl.evaluation import completers, run
from effirl.evaluation.bootstrap import Estimate
from effirl.evaluation.completers import make_completer
from effirl.evaluation.config import EvaluateConfig
from effirl.evaluation.efficiency_metrics import PERCENTILES
from effirl.evaluation.evaluations import Evaluation, Line, differences, estimates
from effirl.evaluation.metric_table import HEADLINE
from effirl.evaluation.report import write_report
from effirl.evaluation.results import append_rows
from effirl.scoring import Sampling
from rewards.records import Status, TestCase
from tests.effirl.evaluation.rows import correct, failed
from tests.fakes import FakeMeter, FakeReward, fake_policy

INPUTS = (TestCase("1\n", "1\n"),)


def problem(index: int, source: str = "# runtime=0.4 memory=4e6\npass\n") -> Problem:
    target = Target(f"# runtime=0.1 memory=2e6\nprint({index})\n")
    return Problem(f"p{index}", "", source, INPUTS, INPUTS, (target,))


PROBLEMS = [problem(index) for index in range(10)]


def run_model(model: str, folder: Path, scorer: FakeReward, problems: Sequence[Problem] = PROBLEMS):
    completer = make_completer(EvaluateConfig(), model, problems)
    return run.evaluate_model(completer, problems, folder, scorer, FakeMeter())


def test_the_source_control_reads_one(tmp_path: Path) -> None:
    found = estimates(run_model("source", tmp_path, FakeReward()))
    for name in (
        "pass@1",
        "pie_speedup@1",
        "speedup_geometric_raw",
        "memory_reduction_geometric_raw",
        "speedup_mean",
        "speedup_geometric",
        "memory_reduction_geometric",
        "NET_ratio_of_totals",
        "NET_mean_of_ratios",
        "NMU_ratio_of_totals",
        "NTMU_ratio_of_totals",
        "NTMU_mean_of_ratios",
        "copies",
    ):
        assert found[name].value == pytest.approx(1.0), name
    assert found["opt@1"].value == 0.0
    assert found["ET_s"].value == pytest.approx(0.4)


def test_the_target_control_is_measured_against_the_source(tmp_path: Path) -> None:
    found = estimates(run_model("target", tmp_path, FakeReward()))
    assert found["speedup_mean"].value == pytest.approx(0.401 / 0.101)
    assert found["NET_ratio_of_totals"].value == pytest.approx(0.25)
    assert found["NMU_ratio_of_totals"].value == pytest.approx(0.5)
    assert found["NTMU_ratio_of_totals"].value == pytest.approx(0.1 * 2 / (0.4 * 4))
    assert found["opt@1"].value == 1.0


def test_what_is_there_is_not_made_again(tmp_path: Path) -> None:
    whole = run_model("target", tmp_path, FakeReward())
    path = tmp_path / "results.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:3]) + lines[3][:40])  # as a kill leaves it
    scorer = FakeReward()
    assert run_model("target", tmp_path, scorer).rows == whole.rows
    assert [request.problem_id for request in scorer.requests] == [f"p{i}" for i in range(3, 10)]
    idle = FakeReward()
    assert run_model("target", tmp_path, idle).rows == whole.rows
    assert not idle.requests


def test_problems_whose_source_fails_are_refused_and_counted(tmp_path: Path) -> None:
    problems = [*PROBLEMS[:2], problem(2, "# status=RUNTIME_ERROR\npass\n")]
    evaluation = run_model("target", tmp_path, FakeReward(), problems)
    assert {row.problem_index for row in evaluation.rows} == {0, 1}
    assert evaluation.refused == {"ends with RUNTIME_ERROR": 1}


def test_a_policy_samples_each_block_with_a_seed_of_its_own_and_again_as_a_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[int, int]] = []

    def fake_sample(policy: object, problems: Sequence[Problem], sampling: Sampling, prompt):
        calls.append((len(problems), sampling.seed))
        assert prompt(problems[0]) == inference_prompt(problems[0])
        return [["pass"] * sampling.num_samples for _ in problems]

    monkeypatch.setattr(completers, "locate_model", Path)
    monkeypatch.setattr(completers, "load_policy", lambda name, **_: fake_policy())
    monkeypatch.setattr(completers.torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(completers, "sample_completions", fake_sample)
    many = [problem(index) for index in range(34)]
    evaluation = run_model("some/model", tmp_path, FakeReward(), many)
    assert len(evaluation.rows) == 34 * 4
    assert calls == [(32, 0), (2, 32)]
    path = tmp_path / "results.jsonl"
    kept = path.read_text().splitlines(keepends=True)[: 12 * 4]
    path.write_text("".join(kept))
    calls.clear()
    scorer = FakeReward()
    assert run_model("some/model", tmp_path, scorer, many).rows == evaluation.rows
    assert calls == [(32, 0), (2, 32)]
    assert {request.problem_id for request in scorer.requests} == {f"p{i}" for i in range(12, 34)}


def test_what_training_measured_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EFFIRL_CACHE", str(tmp_path))
    with pytest.raises(UserError, match="is where training keeps what it measured"):
        run.evaluate(EvaluateConfig(model="source", measurements=tmp_path / "x" / ".."))


def test_tags_reach_the_prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    prompts: list[str] = []

    def fake_sample(policy: object, problems: Sequence[Problem], sampling: Sampling, prompt):
        prompts.extend(map(prompt, problems))
        return [["pass"] for _ in problems]

    monkeypatch.setattr(completers, "locate_model", Path)
    monkeypatch.setattr(completers, "load_policy", lambda name, **_: fake_policy())
    monkeypatch.setattr(completers.torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(completers, "sample_completions", fake_sample)
    config = EvaluateConfig(runtime_tag=1, memory_tag=0)
    make_completer(config, "some/model", PROBLEMS).complete([3], 0)
    assert prompts[0].endswith("Performance Tag: runtime=1 memory=0")


def test_completions_of_others_are_scored_and_what_they_lack_is_said(tmp_path: Path) -> None:
    path = tmp_path / "theirs.jsonl"
    rows = [{"problem_id": f"p{i}", "completion": PROBLEMS[i].source_program} for i in range(9)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    evaluation = run_model(str(path), tmp_path / "out", FakeReward())
    assert [row.status for row in evaluation.rows] == [Status.OK] * 9 + [Status.NO_CODE]
    assert evaluation.notes == ["1 problems have no completion, and count as failed: p9"]
    assert estimates(evaluation)["pass@1"].value == pytest.approx(0.9)
    text = write_report(tmp_path, {"seed": 0}, LoadedProblems(PROBLEMS), [evaluation])
    assert "1 problems have no completion, and count as failed: p9" in text


# Model: solves 0 and 1. Other: solves 1 and 2, twice as slowly.
MODEL = Evaluation("model", 1, [correct(0, runtime_s=0.1), correct(1, runtime_s=0.2), failed(2)])
OTHER = Evaluation("other", 1, [failed(0), correct(1, runtime_s=0.4), correct(2, runtime_s=0.8)])


def test_differences_on_all_and_on_commonly_solved_problems() -> None:
    found = differences(MODEL, OTHER)
    assert found.num_common == 1
    assert found.on_all["ET_s"].value == pytest.approx(0.15 - 0.6)
    assert found.on_common["ET_s"].value == pytest.approx(0.2 - 0.4)
    assert found.on_all["pass@1"].value == pytest.approx(0.0)
    assert found.values["ET_s"].value == pytest.approx(0.6)


def test_a_problem_that_one_model_lacks_is_in_no_difference() -> None:
    longer = Evaluation("model", 1, [*MODEL.rows, correct(3, runtime_s=9.0)])
    found = differences(longer, OTHER)
    assert found.on_all["ET_s"] == differences(MODEL, OTHER).on_all["ET_s"]
    assert estimates(longer)["ET_s"].n == 3


def test_the_report_is_complete(tmp_path: Path) -> None:
    loaded = LoadedProblems(PROBLEMS[:3], Counter({"no tests": 4}))
    append_rows(tmp_path / "results.jsonl", MODEL.rows)
    (tmp_path / "baseline").mkdir()
    text = write_report(tmp_path, {"model": "model", "seed": 0}, loaded, [MODEL, OTHER])
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["ET_s"]["value"] == pytest.approx(0.15)
    assert metrics["ET_s"]["n"] == 2
    assert set(metrics["pass@1"]) == {"value", "low", "high", "n"}
    document = json.loads((tmp_path / "differences.json").read_text())
    assert document["commonly_solved"]["ET_s"]["value"] == pytest.approx(-0.2)
    report = (tmp_path / "report.md").read_text()
    for expected in ("# Evaluation of model compared with other", "4 (no tests)", "- cpu: "):
        assert expected in report
    first = [line.split("  ")[0] for line in text.splitlines()[:6]]
    assert first == ["look here first", *HEADLINE.values()]
    assert "WRONG_ANSWER 33.3%" in text
    assert "status/WRONG_ANSWER" in report
    assert "status/TIME_LIMIT" not in report  # nothing ended so
    assert f"status/{Status.OK}" in report
    rows = [line for line in report.splitlines() if line.startswith("|")]
    assert len(rows) > 40
    for metric in MODEL.metrics():
        is_shown = f"| {metric.name} | {metric.better} |" in report
        if metric in PERCENTILES:  # nobody asked for them
            assert not is_shown
        elif "status/" not in metric.name:
            assert is_shown


def test_time_outs_are_said_to_be_censored(tmp_path: Path) -> None:
    evaluation = Evaluation("m", 1, [correct(0, runtime_s=0.1), failed(1, Status.TIME_LIMIT)])
    text = write_report(tmp_path, {"seed": 0}, LoadedProblems(PROBLEMS[:2]), [evaluation])
    assert "1 completions were stopped at their time limit (censored)" in text


@pytest.mark.parametrize(
    ("name", "low", "high", "expected"),
    [
        ("pass@1", 0.1, 0.3, "better"),
        ("pass@1", -0.3, -0.1, "worse"),
        ("pass@1", -0.1, 0.3, "no difference seen"),
        ("ET_s", -0.3, -0.1, "better"),
        ("edit_distance", -0.3, -0.1, "different"),
    ],
)
def test_a_difference_in_a_word(name: str, low: float, high: float, expected: str) -> None:
    (metric,) = [metric for metric in MODEL.metrics() if metric.name == name]
    value = Estimate((low + high) / 2, low, high, 9)
    line = Line(metric, value, value, value, None)
    assert line.verdict == expected
    assert line.detectable == pytest.approx((high - low) / 2 / 1.959964 * (1.959964 + 0.841621))


def test_what_the_models_were_trained_on_is_left_out(tmp_path: Path) -> None:
    rows = [
        {
            "problem_id": f"p{i}", "submission_id_v0": f"s{i}", "pl": "python",
            "source_code": f"print({i} + 0)", "target_code": f"print({i})",
            "cpu_time_v0": "2", "cpu_time_v1": "1",
        }
        for i in range(4)
    ]  # fmt: skip
    tests = [
        {"problem_id": f"p{i}", "name": "", "tests": [{"input": "", "output": f"{i}\n"}]}
        for i in range(4)
    ]
    for name, lines in (("runtime_efficiency.jsonl", rows), ("public_tests.jsonl", tests)):
        (tmp_path / name).write_text("".join(json.dumps(line) + "\n" for line in lines))
    for name, seen in (("sft", "p1"), ("ppo", "p2")):
        (tmp_path / name / "model").mkdir(parents=True)
        (tmp_path / name / "model" / "config.json").write_text("{}")
        record_training(tmp_path / name, Footprint.of([Problem(seen, "", "pass")]), "codet5-nano")
    models = [str(tmp_path / "ppo" / "model"), str(tmp_path / "sft" / "model")]
    config = EvaluateConfig(data="nofuneval", data_path=tmp_path)
    loaded = run.load_unseen(config, models)
    assert [problem.problem_id for problem in loaded.problems] == ["p0", "p3"]
    assert loaded.dropped == {f"same problem as {model} was trained on": 1 for model in models}
    config.allow_overlap = True
    assert len(run.load_unseen(config, models).problems) == 4


def test_where_both_solve_each_problem_counts_once() -> None:
    """Two models that write the same programs differ in nothing but how often they are right."""

    def model(name: str, num_fast: int, num_slow: int) -> Evaluation:
        rows = [
            correct(index, runtime_s=runtime_s, sample=sample)
            if sample < num_right
            else failed(index, sample=sample)
            for index, runtime_s, num_right in ((0, 0.05, num_fast), (1, 0.4, num_slow))
            for sample in range(4)
        ]
        return Evaluation(name, 4, rows)

    found = differences(model("one", 4, 1), model("other", 1, 4))
    assert found.on_all["speedup_geometric"].value > 3
    for name in ("speedup_geometric", "time_gain", "ET_s", "opt@1", "reward"):
        assert found.on_common[name].value == pytest.approx(0, abs=1e-12), name
    assert not found.on_common.keys() & {"pass@1", "pass@4", "opt@4", "status/OK"}
