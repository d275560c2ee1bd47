"""The study, from folders as the commands write them to its page."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from effirl.errors import UserError
from effirl.evaluation.results import append_rows
from effirl.report.answers import Answer, answer
from effirl.report.command import report
from effirl.report.comparisons import Pairs
from effirl.report.study import read_study
from tests.effirl.report.folders import SOURCE, rows, write_evaluation, write_training
from tests.pages import assert_stands_alone

Evaluate = Callable[..., Path]


@pytest.fixture
def evaluate(tmp_path: Path) -> Evaluate:
    """Writes a run and its evaluation; returns the folder of the evaluation."""

    def write(
        name: str,
        gains: tuple[float, float],
        training: dict[str, object] | None = None,
        **settings: Any,
    ) -> Path:
        run = tmp_path / name
        model = "codet5-nano" if training is None else write_training(run, training)
        return write_evaluation(run / "eval", model, gains, **settings)

    return write


def answers(folder: Path) -> dict[str, Answer]:
    return {each.name: each for each in answer(read_study([folder]), Pairs())}


def test_all_four_questions_are_answered(tmp_path: Path, evaluate: Evaluate) -> None:
    evaluate("base", (0.0, 0.0))
    evaluate("sft", (0.1, 0.1), {"tag_dropout": 0.5})
    for alpha, gains in (("0", (0.1, 0.7)), ("0.5", (0.4, 0.4)), ("1", (0.7, 0.0))):
        evaluate(f"ppo-{alpha}", gains, {"alpha": alpha})
    found = answers(tmp_path)
    assert {name: each.verdict for name, each in found.items()} == dict.fromkeys(
        ("H1", "H2", "H3", "H4"), "yes"
    )
    assert found["H1"].words.startswith("Yes. Runtime gain of alpha 1 minus that of codet5-nano:")
    assert "alpha 0 minus" in found["H2"].words
    assert "From alpha 0 to alpha 1" in found["H3"].words
    assert found["H4"].words.startswith("alpha 0.5 beside codet5-nano: runtime improves")


def test_what_is_not_there_is_not_claimed(tmp_path: Path, evaluate: Evaluate) -> None:
    evaluate("sft", (0.3, 0.3), {"tag_dropout": 0.5})
    evaluate("ppo", (0.2, 0.1), {"alpha": "0.5"}, num_wrong=4)
    found = answers(tmp_path)
    assert found["H1"].verdict == "no"
    assert "share that is correct is not seen to differ" in found["H1"].words
    assert found["H2"].verdict == "no"
    assert found["H3"].verdict == "not answered"
    assert "two balances" in found["H3"].words
    assert found["H4"].verdict == "not seen"
    assert "Not shown: runtime improves; memory improves; correctness" in found["H4"].words


def test_no_difference_says_what_could_have_been_seen(tmp_path: Path, evaluate: Evaluate) -> None:
    evaluate("sft", (0.3, 0.3), {"tag_dropout": 0.5})
    noisy = evaluate("ppo", (0.3, 0.3), {"alpha": "1"})
    lines = (noisy / "results.jsonl").read_text().splitlines()
    changed = [
        json.loads(line) | {"time_gain": 0.3 + (0.2 if i % 2 else -0.2)}
        for i, line in enumerate(lines)
    ]
    (noisy / "results.jsonl").write_text("".join(json.dumps(row) + "\n" for row in changed))
    found = answers(tmp_path)
    assert found["H1"].verdict == "not seen"
    assert "or more would probably have been." in found["H1"].words
    assert found["H2"].verdict == "not answered"
    assert "memory (alpha 0.5 or less)" in found["H2"].words
    assert found["H4"].verdict == "not answered"
    assert "alpha 0.25 to 0.75" in found["H4"].words


def test_worse_code_is_not_quality_kept(tmp_path: Path, evaluate: Evaluate) -> None:
    evaluate("sft", (0.1, 0.1), {"tag_dropout": 0.5})
    tangled = "n = 1\n" + "".join(
        f"if n > {i} and n * {i} < {i} + n or n - {i}:\n    print(n * {i} + n % {i + 1})\n"
        for i in range(30)
    )
    evaluate("ppo", (0.4, 0.4), {"alpha": "0.5"}, program=tangled)
    found = answers(tmp_path)
    assert found["H4"].verdict == "partly"
    assert "Not shown: maintainability is kept (no loss above 5 points)" in found["H4"].words


def test_roles_controls_and_seeds(tmp_path: Path, evaluate: Evaluate) -> None:
    sft = evaluate("sft", (0.1, 0.1), {"tag_dropout": 0.5})
    model = yaml.safe_load((sft / "config.yaml").read_text())["model"]
    steered = evaluate("steered", (0.2, 0.0), runtime_tag=1, memory_tag=0)
    config = yaml.safe_load((steered / "config.yaml").read_text()) | {"model": model}
    (steered / "config.yaml").write_text(yaml.safe_dump(config))
    for seed in (0, 1):
        evaluate(f"ppo-{seed}", (0.3, 0.3), {"alpha": "0.5", "seed": seed})
    evaluate("anchor", (0.5, 0.5))
    anchor = tmp_path / "anchor" / "eval" / "config.yaml"
    anchor.write_text(anchor.read_text().replace("codet5-nano", "target"))
    study = read_study([tmp_path])
    assert [group.label for group in study.groups] == [
        "warm start sft",
        "warm start sft, runtime=1 memory=0",
        "target programs",
        "alpha 0.5",
    ]
    assert [group.label for group in study.tuned] == ["alpha 0.5"]
    assert len(study.tuned[0].candidate.runs) == 2
    assert len(study.trainings) == 3


def test_a_baseline_in_an_evaluation_is_a_policy_too(tmp_path: Path, evaluate: Evaluate) -> None:
    folder = evaluate("ppo", (0.3, 0.3), {"alpha": "0.5"}, baseline="source")
    (folder / "baseline").mkdir()
    append_rows(folder / "baseline" / "results.jsonl", rows(0.0, 0.0, 0, SOURCE))
    (folder / "baseline" / "metrics.json").write_text("{}")
    assert read_study([tmp_path]).reference.label == "source programs"


@pytest.mark.parametrize(
    ("runs", "message"),
    [
        ([], r"no evaluation in .*; make one with"),
        ([("ppo", {"alpha": "1"}, "A")], "alpha 1.* nothing to be compared with"),
        ([("base", None, "A")], r"none of these policies \(codet5-nano\) was tuned"),
        (
            [("base", None, "A"), ("ppo", {"alpha": "1"}, "B")],
            r"cannot be put together: they differ in machine \(cpu: 'A' and 'B'\)",
        ),
    ],
)
def test_what_makes_no_study_is_said(
    runs: list[tuple[str, dict[str, object] | None, str]],
    message: str,
    tmp_path: Path,
    evaluate: Evaluate,
) -> None:
    for name, training, machine in runs:
        evaluate(name, (0.1, 0.1), training, machine=machine)
    with pytest.raises(UserError, match=message):
        report([tmp_path], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_page_holds_it_all(tmp_path: Path, evaluate: Evaluate) -> None:
    evaluate("sft", (0.1, 0.1), {"tag_dropout": 0.5})
    evaluate("ppo", (0.3, 0.3), {"alpha": "0.5"}, program="print('<b>')\n")
    text = report([tmp_path], tmp_path / "out")
    assert "H1 Can tuning improve runtime? YES" in text
    page = (tmp_path / "out" / "index.html").read_text()
    run = tmp_path / "ppo"
    for expected in (
        "alpha 0.5 beside warm start sft",
        f"accelerate launch scripts/ppo.py --config {run / 'config.yaml'} --output-dir {run}",
        f"accelerate launch scripts/sft.py --config {tmp_path / 'sft' / 'config.yaml'}",
        f"python scripts/evaluate.py --config {run / 'eval' / 'config.yaml'}",
        "print(&#39;&lt;b&gt;&#39;)",
        "family1",
        "<dt>torch</dt>",
        "Measured in 1 interleaved rounds",
    ):
        assert expected in page, expected
    assert page.count("<svg") == 5  # front, spread, statuses, reward, the warm start's loss
    assert_stands_alone(page)
    assert json.loads((tmp_path / "out" / "answers.json").read_text())[0]["verdict"] == "yes"


def test_an_unfinished_evaluation_is_left_out(
    tmp_path: Path, evaluate: Evaluate, caplog: pytest.LogCaptureFixture
) -> None:
    evaluate("base", (0.0, 0.0))
    evaluate("sft", (0.1, 0.1), {"tag_dropout": 0.5})
    cut = evaluate("ppo", (0.3, 0.3), {"alpha": "0.5"})
    (cut / "metrics.json").unlink()
    assert "alpha 0.5" not in [group.label for group in read_study([tmp_path]).groups]
    assert f"{cut} is not finished" in caplog.text


def test_runs_of_other_settings_are_no_seeds_of_one_policy(
    tmp_path: Path, evaluate: Evaluate
) -> None:
    evaluate("base", (0.0, 0.0))
    for number, rate in enumerate((1e-4, 3e-4)):
        evaluate(f"ppo-{number}", (0.3, 0.3), {"alpha": "0.5", "learning_rate": rate})
    with pytest.raises(UserError, match=r"no seeds of one policy: learning_rate is 0.0001 and"):
        read_study([tmp_path])


def test_one_run_is_not_two_seeds(tmp_path: Path, evaluate: Evaluate) -> None:
    evaluate("base", (0.0, 0.0))
    evaluate("ppo", (0.3, 0.3), {"alpha": "0.5", "seed": 0})
    earlier = str(tmp_path / "ppo" / "checkpoint-12")
    write_evaluation(tmp_path / "ppo" / "eval-12", earlier, (0.2, 0.2))
    with pytest.raises(UserError, match=r"is not the only alpha 0\.5 with its seed"):
        read_study([tmp_path])


def test_policies_of_two_models_are_no_seeds_of_one(tmp_path: Path, evaluate: Evaluate) -> None:
    evaluate("base", (0.0, 0.0))
    for seed, base in enumerate(("codet5-nano", "Salesforce/codet5-base")):
        start = write_training(tmp_path / f"sft-{seed}", {"objective": "both", "model": base})
        evaluate(f"ppo-{seed}", (0.3, 0.3), {"alpha": "0.5", "seed": seed, "model": start})
    with pytest.raises(UserError, match="made from codet5-nano and Salesforce/codet5-base"):
        read_study([tmp_path])


def test_seeds_whose_warm_starts_are_gone_are_seeds(tmp_path: Path, evaluate: Evaluate) -> None:
    evaluate("base", (0.0, 0.0))
    for seed in (0, 1):
        start = str(tmp_path / f"gone-{seed}" / "model")
        evaluate(f"ppo-{seed}", (0.3, 0.3), {"alpha": "0.5", "seed": 0, "model": start})
    (group,) = read_study([tmp_path]).tuned
    assert len(group.policies) == 2


def test_completions_of_a_file_are_of_no_run(tmp_path: Path, evaluate: Evaluate) -> None:
    base = evaluate("base", (0.0, 0.0), alpha=0.5)
    evaluate("ppo", (0.3, 0.3), {"alpha": "0.5", "seed": 0})
    given = str(base / "results.jsonl")
    write_evaluation(tmp_path / "given", "codet5-nano", (0.1, 0.1), completions=given)
    found = read_study([tmp_path]).named("results.jsonl")
    assert found is not None
    assert (found.first.role, found.first.alpha) == ("base", None)


def test_phases_answer_for_what_they_were_trained_for(tmp_path: Path, evaluate: Evaluate) -> None:
    evaluate("base", (0.0, 0.0))
    evaluate("memory", (0.0, 0.4), {"objective": "memory"})
    evaluate("runtime", (0.4, 0.0), {"objective": "runtime"})
    found = answers(tmp_path)
    assert found["H1"].words.startswith("Yes. Runtime gain of phase runtime minus")
    assert found["H2"].words.startswith("Yes. Memory gain of phase memory minus")
    assert found["H4"].verdict == "not answered"


def test_a_phase_without_replay_is_told_apart(tmp_path: Path, evaluate: Evaluate) -> None:
    evaluate("base", (0.0, 0.0))
    evaluate("runtime", (0.4, 0.0), {"objective": "runtime"})
    first = str(tmp_path / "runtime" / "model")
    evaluate("control", (0.1, 0.4), {"objective": "memory", "model": first, "replay_from": []})
    evaluate("memory", (0.0, 0.4), {"objective": "memory", "model": "codet5-nano"})
    labels = [group.label for group in read_study([tmp_path]).tuned]
    assert sorted(labels) == [
        "phase memory",
        "phase runtime",
        "phase runtime then memory without replay",
    ]


def test_policies_are_compared_with_what_they_were_tuned_from(
    tmp_path: Path, evaluate: Evaluate
) -> None:
    write_evaluation(tmp_path / "a-other-base", "codet5-nano-tuned", (0.5, 0.5))
    evaluate("b-other-start", (0.4, 0.4), {"tag_dropout": 0.5})
    evaluate("base", (0.0, 0.0))
    evaluate("c-phase", (0.2, 0.2), {"objective": "runtime"})
    begun = str(tmp_path / "c-phase" / "model")
    evaluate("ppo", (0.3, 0.3), {"alpha": "0.5", "model": begun})
    study = read_study([tmp_path])
    assert study.reference.label == "codet5-nano"
    assert study.start is not None
    assert study.start.label == "phase runtime"
    assert "minus that of codet5-nano:" in answers(tmp_path)["H1"].words


def test_a_pre_trained_model_is_a_base(tmp_path: Path, evaluate: Evaluate) -> None:
    made = write_training(tmp_path / "pretrain-1", {"num_rounds": 4, "model": None})
    write_evaluation(tmp_path / "eval-1", made, (0.0, 0.0))
    evaluate("sft", (0.3, 0.3), {"tag_dropout": 0.5, "model": made})
    study = read_study([tmp_path])
    assert (study.reference.label, study.reference.first.role) == ("pretrain-1", "base")
    assert [group.label for group in study.tuned] == ["warm start sft"]


def test_a_policy_that_was_asked_for_one_objective_is_a_control(
    tmp_path: Path, evaluate: Evaluate
) -> None:
    evaluate("base", (0.0, 0.0))
    usual = evaluate("ppo", (0.3, 0.3), {"alpha": "0.5"})
    model = yaml.safe_load((usual / "config.yaml").read_text())["model"]
    write_evaluation(tmp_path / "a-first", model, (0.9, -0.5), runtime_tag=1, memory_tag=0)
    study = read_study([tmp_path])
    assert [group.label for group in study.tuned] == ["alpha 0.5"]
    assert study.reinforced(0.5) is study.tuned[0]
    assert study.tuned[0].first.folder == usual
    assert study.named("alpha 0.5, runtime=1 memory=0") is not None


def test_the_nearest_balance_answers_whoever_was_asked(tmp_path: Path, evaluate: Evaluate) -> None:
    evaluate("base", (0.0, 0.0))
    evaluate("middle", (0.3, 0.3), {"alpha": "0.5"})
    run = write_training(tmp_path / "all", {"alpha": "conditioned"})
    for alpha, gains in ((0.0, (0.1, 0.7)), (0.5, (0.3, 0.3)), (1.0, (0.7, 0.0))):
        write_evaluation(tmp_path / "all" / f"eval-{alpha:g}", run, gains, alpha=alpha)
    found = answers(tmp_path)
    assert "Runtime gain of conditioned at 1 minus" in found["H1"].words
    assert "Memory gain of conditioned at 0 minus" in found["H2"].words
    assert "From conditioned at 0 to conditioned at 1" in found["H3"].words
    assert found["H4"].words.startswith("alpha 0.5 beside")


def test_policies_of_two_pre_trainings_are_no_seeds_of_one(
    tmp_path: Path, evaluate: Evaluate
) -> None:
    evaluate("base", (0.0, 0.0))
    for number in (1, 2):
        made = write_training(tmp_path / f"pretrain-{number}", {"num_rounds": 4, "model": None})
        start = write_training(tmp_path / f"sft-{number}", {"model": made, "seed": number})
        evaluate(f"ppo-{number}", (0.3, 0.3), {"alpha": "0.5", "model": start, "seed": number})
    with pytest.raises(UserError, match="no seeds of one policy: they were made from"):
        read_study([tmp_path])


def test_no_other_warm_start_stands_in_for_one_that_was_not_evaluated(
    tmp_path: Path, evaluate: Evaluate
) -> None:
    evaluate("sft", (0.1, 0.1), {"tag_dropout": 0.5})
    evaluate("ppo", (0.3, 0.3), {"alpha": "0.5", "model": "codet5-nano-tuned"})
    assert read_study([tmp_path]).start is None
