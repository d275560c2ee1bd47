"""The warm start: its pairs, its training, its stopping."""

import gc
import json
import shutil
import signal
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoTokenizer, Seq2SeqTrainer

from effirl.data import overlap
from effirl.data.overlap import Footprint
from effirl.data.problems import LoadedProblems, Problem, Target
from effirl.data.prompts import target_text
from effirl.decoding import generate
from effirl.errors import UserError
from effirl.policy import load_policy
from effirl.runs import Run
from effirl.training import loop, pairs, processes, sft
from effirl.training.batches import ProblemSampler
from effirl.training.config import SftConfig
from effirl.training.examples import build_examples
from effirl.training.pairs import Pairs
from rewards.efficiency import ScoreRequest
from rewards.records import Status
from rewards.scores import Score
from tests.fakes import FakeReward

PROBLEMS = [
    Problem(f"p{i}", "Print.", f"print({i} + 0)", targets=(Target(f"print({i})", 1, 0),))
    for i in range(4)
]


@pytest.fixture(autouse=True)
def _problems(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(pairs, "load_problems", lambda *_, **__: LoadedProblems(list(PROBLEMS)))
    # A model this small cannot generalise: what it learns shows on its own pairs only.
    monkeypatch.setattr(pairs, "leave_out", lambda loaded, *_: loaded)
    monkeypatch.setattr(processes, "num_cores", lambda: 1)  # tiny models: threads only wait
    monkeypatch.chdir(tmp_path)


def config(model: Path, **overrides: Any) -> SftConfig:
    values: dict[str, Any] = {
        "model": str(model), "max_steps": 4, "batch_size": 4, "micro_batch_size": 2,
        "learning_rate": 1e-2, "warmup_steps": 0, "eval_steps": 2, "logging_steps": 1,
        "max_target_tokens": 32, "tag_dropout": 0.0, "data": "mercury",
        "validation_metric": "exact_match",
    }  # fmt: skip
    return SftConfig(**(values | overrides))


def test_examples_are_prompt_and_whole_target(tiny_policy_dir: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tiny_policy_dir)
    (example, *_), counts = build_examples(PROBLEMS, tokenizer, config(tiny_policy_dir))
    prompt = tokenizer.decode(example["input_ids"], skip_special_tokens=True)
    assert prompt.endswith("print(0 + 0)\nPerformance Tag: runtime=1 memory=0")
    assert tokenizer.decode(example["labels"], skip_special_tokens=True) == "print(0)"
    assert example["labels"][-1] == tokenizer.eos_token_id
    assert not counts


def test_long_targets_are_left_out_and_long_prompts_cut(tiny_policy_dir: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tiny_policy_dir)
    long = Problem("q", "Print.", "print(1)", targets=(Target("print(1)\n" * 40),))
    settings = config(tiny_policy_dir, max_prompt_tokens=8)
    examples, counts = build_examples([*PROBLEMS, long], tokenizer, settings)
    assert len(examples) == len(PROBLEMS)
    assert counts == {"targets too long, left out": 1, "prompts too long, cut": 4}
    assert all(len(e["input_ids"]) == 8 and e["input_ids"][-1] == 2 for e in examples)
    # An end is only ever learnt where the program ends.
    labels = [tokenizer.decode(e["labels"], skip_special_tokens=True) for e in examples]
    assert labels == [target_text(p.targets[0]) for p in PROBLEMS]
    assert all(e["labels"].count(2) == 1 and e["labels"][-1] == 2 for e in examples)


def test_a_run_learns_its_pairs(tiny_policy_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = sft.train(config(tiny_policy_dir, max_steps=60, eval_steps=30), None)
    rows = [json.loads(line) for line in (run.path / "log.jsonl").read_text().splitlines()]
    losses = [row["loss"] for row in rows if "loss" in row]
    assert len(losses) == 60
    assert losses[-1] < losses[0] / 2
    matches = [row["eval_exact_match"] for row in rows if "eval_exact_match" in row]
    assert len(matches) == 2
    policy = load_policy(run.model_path)
    assert generate(policy, ["Problem: Print."], num_samples=1, temperature=0, max_new_tokens=8)
    assert "{'" not in capsys.readouterr().out


def test_of_equal_checkpoints_the_one_with_the_lower_loss_is_kept(tiny_policy_dir: Path) -> None:
    settings = config(tiny_policy_dir, max_steps=8, eval_steps=2, early_stopping_patience=1)
    run = sft.train(settings, None)
    rows = [json.loads(line) for line in (run.path / "log.jsonl").read_text().splitlines()]
    evaluated = [row for row in rows if "eval_rank" in row]
    assert [row["eval_exact_match"] for row in evaluated] == [0, 0, 0, 0]
    losses = [row["eval_loss"] for row in evaluated]
    assert losses == sorted(losses, reverse=True)
    state = json.loads((run.path / "checkpoint-8" / "trainer_state.json").read_text())
    assert state["best_model_checkpoint"] == str(run.path / "checkpoint-8")


@pytest.mark.parametrize("micro_batch_size", [1, 4])
def test_the_loss_is_a_pairs_however_a_batch_is_cut_up(
    tiny_policy_dir: Path, micro_batch_size: int
) -> None:
    settings = config(tiny_policy_dir, micro_batch_size=micro_batch_size, learning_rate=1e-9)
    run = sft.train(settings, None)
    rows = [json.loads(line) for line in (run.path / "log.jsonl").read_text().splitlines()]
    (evaluated, *_) = [row["eval_loss"] for row in rows if "eval_loss" in row]
    for loss in (row["loss"] for row in rows if "loss" in row):
        assert loss == pytest.approx(evaluated, rel=0.2)  # of the same pairs, but for dropout


def test_batches_are_drawn_by_the_problems_and_lengths_of_the_examples(
    tiny_policy_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainers: list[Any] = []
    monkeypatch.setattr(sft, "run_to_end", lambda trainer, *_: trainers.append(trainer))
    sft.train(config(tiny_policy_dir), None)
    (trainer,) = trainers
    data = trainer.train_dataset
    sampler = trainer.get_train_dataloader().batch_sampler.sampler
    assert [*sampler] == [*ProblemSampler(data["problem"], data["length"], 2, seed=0)]


def test_what_is_replayed_of_a_problem_is_in_the_batch_of_its_own_pair(
    tiny_policy_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lean = [replace(p, targets=(Target(f"print({9 - i})", 0, 1),)) for i, p in enumerate(PROBLEMS)]
    both = Pairs(lean, PROBLEMS, Footprint.of(PROBLEMS), PROBLEMS[::-1], ["runtime"])
    trainers: list[Any] = []
    monkeypatch.setattr(sft, "load_pairs", lambda _: both)
    monkeypatch.setattr(sft, "run_to_end", lambda trainer, *_: trainers.append(trainer))
    sft.train(config(tiny_policy_dir, replay_share=0.5), None)
    (trainer,) = trainers
    drawn = [*trainer.get_train_dataloader().batch_sampler.sampler]
    shown = [trainer.train_dataset[index] for index in drawn]
    assert len(shown) == 8
    for one, other in zip(shown[::2], shown[1::2], strict=True):
        assert one["problem"] == other["problem"]
        assert one["labels"] != other["labels"]


def test_a_killed_run_continues_from_its_checkpoint(
    tiny_policy_dir: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    handler = signal.getsignal(signal.SIGINT)
    # Three steps an epoch: the checkpoint, of step 2, is within the first one.
    problems = [
        Problem(f"p{i}", "Print.", f"print({i} + 0)", targets=(Target(f"print({i})", 1, 0),))
        for i in range(12)
    ]
    monkeypatch.setattr(pairs, "load_problems", lambda *_, **__: LoadedProblems(list(problems)))
    straight = sft.train(config(tiny_policy_dir, output_dir=tmp_path / "straight"), None)
    settings = config(tiny_policy_dir, output_dir=tmp_path / "killed")
    handler = signal.getsignal(signal.SIGINT)
    kill_in_step_3(monkeypatch, settings, None)
    assert signal.getsignal(signal.SIGINT) is handler
    run = sft.train(settings, None)
    rows = [json.loads(line) for line in (run.path / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows if "loss" in row] == [1, 2, 3, 4]
    assert_same_weights(straight, run)


def kill_in_step_3(
    monkeypatch: pytest.MonkeyPatch, settings: SftConfig, scorer: FakeReward | None
) -> None:
    original = Seq2SeqTrainer.training_step

    def fail_in_step_3(self: Seq2SeqTrainer, *args: Any, **kwargs: Any) -> Any:
        if self.state.global_step == 3:
            raise RuntimeError("killed")
        return original(self, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(Seq2SeqTrainer, "training_step", fail_in_step_3)
        with pytest.raises(RuntimeError, match="killed"):
            sft.train(settings, scorer)
    gc.collect()  # the lock of the run that failed goes with its frame


def assert_same_weights(run: Run, other: Run) -> None:
    a, b = (load_policy(r.model_path).model.state_dict() for r in (run, other))
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_batches_that_do_not_divide_are_told(tiny_policy_dir: Path) -> None:
    with pytest.raises(UserError, match="batch_size = 3 must be a multiple"):
        sft.train(config(tiny_policy_dir, batch_size=3), None)


def test_no_pair_left_is_told(tiny_policy_dir: Path) -> None:
    with pytest.raises(UserError, match=r"no train pair .* --max-target-tokens"):
        sft.train(config(tiny_policy_dir, max_target_tokens=2), None)


def test_a_run_says_what_it_and_those_before_it_trained_on(tiny_policy_dir: Path) -> None:
    first = sft.train(config(tiny_policy_dir, max_steps=2, output_dir=Path("first")), None)
    seen = overlap.trained_on(str(first.model_path))
    assert seen.problem_ids == {"p0", "p1", "p2", "p3"}
    assert all(seen.overlap(problem) == "problem" for problem in PROBLEMS)
    record = json.loads((first.path / overlap.RECORD_FILE).read_text())
    record["problem_ids"] = ["earlier"]
    (first.model_path / overlap.RECORD_FILE).write_text(json.dumps(record))
    second = sft.train(config(first.model_path, max_steps=2, output_dir=Path("second")), None)
    assert overlap.trained_on(str(second.model_path)).problem_ids == {"earlier"} | seen.problem_ids


def test_validation_leaves_out_what_is_trained_on(
    tiny_policy_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    same_program = Problem("q", "Print.", "print(0  +  0)", targets=(Target("print(7)"),))
    splits = {"train": PROBLEMS[:3], "validation": [*PROBLEMS[2:], same_program]}
    monkeypatch.setattr(pairs, "leave_out", overlap.leave_out)
    monkeypatch.setattr(
        pairs, "load_problems", lambda *_, split, **__: LoadedProblems(list(splits[split]))
    )
    sft.train(config(tiny_policy_dir, max_steps=2), None)
    output = capsys.readouterr().out
    assert "1 same problem as in training; 1 same program as in training" in output
    assert "validation: 1 problems, 1 pairs" in output


class ScriptedReward(FakeReward):
    """Gives every completion the next runtime gain in a list, for each call one."""

    def __init__(self, *gains: float) -> None:
        super().__init__()
        self.gains = list(gains)

    def score(self, requests: Sequence[ScoreRequest]) -> list[Score]:
        gain = self.gains.pop(0)
        return [Score(Status.OK, 1 + gain, gain, 0, False, 1.0, None, "x") for _ in requests]


def test_a_run_stopped_before_its_model_was_written_makes_no_step_more(
    tiny_policy_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = config(tiny_policy_dir, max_steps=3, eval_steps=1)
    run = sft.train(settings, None)
    made = load_policy(run.model_path).model.state_dict()
    log = (run.path / "log.jsonl").read_text()
    assert run.lock is not None
    run.lock.close()
    shutil.rmtree(run.model_path)
    again = sft.train(settings, None)
    assert again.path == run.path
    assert (run.path / "log.jsonl").read_text() == log
    found = load_policy(run.model_path).model.state_dict()
    assert all(torch.equal(made[name], found[name]) for name in made)


def test_a_run_that_was_stopped_early_trains_no_further(
    tiny_policy_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between the evaluation that ended it and `model/`, or interrupted there."""
    settings = config(
        tiny_policy_dir, max_steps=9, eval_steps=1, early_stopping_patience=1, learning_rate=10.0
    )
    save = loop._save

    def killed(*_: object) -> None:
        raise RuntimeError("killed")

    monkeypatch.setattr(loop, "_save", killed)
    with pytest.raises(RuntimeError, match="killed"):
        sft.train(settings, None)
    gc.collect()
    (path,) = Path("runs").glob("sft-*")
    log = (path / "log.jsonl").read_text()
    assert len(list(path.glob("checkpoint-9"))) == 0, "it was not stopped early"
    monkeypatch.setattr(loop, "_save", save)
    run = sft.train(settings, None)
    assert run.is_finished
    assert (path / "log.jsonl").read_text() == log


def test_a_phase_with_replay_reacts_and_resumes_exactly(
    tiny_policy_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    first = sft.train(config(tiny_policy_dir, objective="runtime", output_dir=Path("first")), None)
    shared = {
        "validation_metric": "execution",
        "replay_from": [str(first.path)],
        "replay_share": 0.25,
    }
    straight = sft.train(
        config(first.model_path, output_dir=tmp_path / "straight", **shared),
        ScriptedReward(0.5, 0.1, 0.4),
    )
    output = capsys.readouterr().out
    assert "replay: 4 problems, 4 pairs" in output
    assert output.count("runtime gain fell by 0.400 (0.400 to 0.400)") == 1
    log = [json.loads(line) for line in (straight.path / "log.jsonl").read_text().splitlines()]
    assert [row["eval_replay_share"] for row in log if "eval_loss" in row] == [0.5, 0.625]
    rates = [row["learning_rate"] for row in log if "loss" in row]
    # Linear to 0; halved after step 2, from the next one that is not under way.
    assert [rate / rates[0] for rate in rates] == pytest.approx([1, 3 / 4, 2 / 4, 1 / 4 / 2])

    settings = config(first.model_path, output_dir=tmp_path / "killed", **shared)
    kill_in_step_3(monkeypatch, settings, ScriptedReward(0.5, 0.1))
    run = sft.train(settings, ScriptedReward(0.4))
    for name in ("reactions.jsonl", "start.json"):
        assert (run.path / name).read_text() == (straight.path / name).read_text()
    assert_same_weights(straight, run)


def test_sharding_and_muon_do_not_go_together(
    tiny_policy_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    monkeypatch.setenv("FSDP_STATE_DICT_TYPE", "FULL_STATE_DICT")
    with pytest.raises(UserError, match="use --optimizer adamw"):
        sft.train(config(tiny_policy_dir), None)


@pytest.mark.parametrize(
    ("version", "kind"), [("1", "SHARDED_STATE_DICT"), ("2", "FULL_STATE_DICT"), ("1", "")]
)
def test_shards_that_make_no_model_are_refused(
    tiny_policy_dir: Path, monkeypatch: pytest.MonkeyPatch, version: str, kind: str
) -> None:
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    monkeypatch.setenv("FSDP_VERSION", version)
    monkeypatch.setenv("FSDP_STATE_DICT_TYPE", kind)
    with pytest.raises(UserError, match="would save no whole model; set fsdp_version: 1"):
        sft.train(config(tiny_policy_dir, optimizer="adamw"), None)
