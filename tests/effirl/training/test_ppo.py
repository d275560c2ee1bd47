"""Reinforcement end to end, in this process, with a scorer that runs nothing."""

import json
import os
import signal
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from effirl.data.problems import LoadedProblems, Problem
from effirl.data.prompts import inference_prompt
from effirl.errors import UserError
from effirl.policy import load_policy
from effirl.runs import Run
from effirl.training import ppo, processes
from effirl.training.config import PpoConfig
from effirl.training.critic import MINIBATCHES, PASSES
from effirl.training.seq2seq_grpo import Seq2SeqGRPOTrainer
from rewards.efficiency import ScoreRequest
from rewards.records import Status, TestCase
from rewards.scores import Score, efficiency

PROBLEMS = [
    Problem(f"p{i}", "Print.", f"print({i})", (TestCase("", f"{i}\n"),), (TestCase("", f"{i}\n"),))
    for i in range(6)
]


class FakeScorer:
    """Takes vowels for speed and waste; cannot score a completion that starts with a digit."""

    def __init__(self, interrupt_at: int | None = None) -> None:
        self.num_calls = 0
        self.interrupt_at = interrupt_at
        self.refused: set[str] = set()

    def score(self, requests: Sequence[ScoreRequest]) -> list[Score]:
        self.num_calls += 1
        if self.num_calls == self.interrupt_at:
            os.kill(os.getpid(), signal.SIGINT)
        return [self._score(request.completion, request.alpha) for request in requests]

    def _score(self, text: str, alpha: float | None) -> Score:
        assert alpha is not None
        if text[:1].isdigit():
            return Score(Status.SANDBOX_ERROR, None, 0, 0, False, 0, None, None)
        gain = sum(c in "aeiou" for c in text) / 10
        reward = 1 + 0.6 * efficiency(gain, -gain, alpha)
        return Score(Status.OK, reward, gain, -gain, False, 1.0, None, text)

    def validate(self, requests: Sequence[ScoreRequest]) -> list[str | None]:
        return ["it fails" if r.problem_id in self.refused else None for r in requests]


@pytest.fixture(autouse=True)
def _problems(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(ppo, "load_problems", lambda *_, **__: LoadedProblems(list(PROBLEMS)))
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setattr(processes, "num_cores", lambda: 1)  # tiny models: threads only wait
    monkeypatch.chdir(tmp_path)


def config(model: Path, **overrides: Any) -> PpoConfig:
    values: dict[str, Any] = {
        "model": str(model), "alpha": "1", "max_steps": 4, "num_prompts": 2, "num_samples": 4,
        "micro_batch_size": 4, "num_iterations": 2, "learning_rate": 1e-3, "beta": 0.05,
        "max_new_tokens": 8, "save_steps": 2,
    }  # fmt: skip
    return PpoConfig(**(values | overrides))


def rows(run: Run, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run.path / name).read_text().splitlines()]


def close(run: Run) -> None:
    assert run.lock is not None
    run.lock.close()


def test_a_run_leaves_policy_logs_and_rollouts(
    tiny_policy_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scorer = FakeScorer()
    scorer.refused = {"p3"}
    run = ppo.train(config(tiny_policy_dir), scorer)
    assert (run.model_path / "model.safetensors").is_file()
    assert (run.model_path / "tokenizer.json").is_file()
    log = rows(run, "log.jsonl")
    assert [row["step"] for row in log] == [1, 2, 3, 4]
    assert all(row["reward/correct"] == 1.0 and "kl" in row for row in log)
    spent = [row[f"seconds/{name}"] for row in log for name in ("generation", "reward", "update")]
    assert all(seconds > 0 for seconds in spent)
    assert sum(spent) < 1.1 * sum(row["step_time"] * 2 for row in log)  # two iterations a step
    assert log[-1]["kl"] > 0
    rollouts = rows(run, "rollouts.jsonl")
    assert [row["step"] for row in rollouts] == [s for s in (1, 2, 3, 4) for _ in range(8)]
    assert {row["problem_id"] for row in rollouts} <= {"p0", "p1", "p2", "p4", "p5"}
    out = capsys.readouterr().out
    assert "1 of 6 problems refused" in out
    rewards = [row["reward"] for row in rollouts if row["step"] == 4 and row["reward"] is not None]
    assert f"4/4  reward {sum(rewards) / len(rewards):.3f}  correct 1.000" in out
    assert "{'" not in out  # the trainer's own printing


@pytest.mark.parametrize("advantage", ["tree", "group", "gae"])
def test_interrupted_and_continued_equals_uninterrupted(
    tiny_policy_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], advantage: str
) -> None:
    # Two steps an epoch of 6 problems: step 3 ends within the second one.
    shared = {"advantage": advantage, "num_prompts": 3}
    whole = config(tiny_policy_dir, output_dir=tmp_path / "straight", **shared)
    straight = ppo.train(whole, FakeScorer())
    settings = config(tiny_policy_dir, save_steps=100, **shared)
    with pytest.raises(KeyboardInterrupt):
        ppo.train(settings, FakeScorer(interrupt_at=3))
    (path,) = Path("runs").glob("ppo-*")
    assert (path / "checkpoint-6").is_dir()  # the end of step 3, not its middle
    assert not (path / "model").exists()
    capsys.readouterr()
    continued = ppo.train(settings, FakeScorer())
    assert "from checkpoint-6" in capsys.readouterr().out
    assert continued.path == path
    assert rows(continued, "rollouts.jsonl") == rows(straight, "rollouts.jsonl")
    assert [row["step"] for row in rows(continued, "log.jsonl")] == [1, 2, 3, 4]
    expected = load_file(straight.model_path / "model.safetensors")
    for name, tensor in load_file(continued.model_path / "model.safetensors").items():
        assert torch.equal(tensor, expected[name]), name
    if advantage == "gae":
        assert not list(continued.model_path.glob("critic*"))
        critics = [
            torch.load(run.path / "checkpoint-8" / "critic.pt") for run in (straight, continued)
        ]
        steps = [critic["optimizer"]["state"][0]["step"] for critic in critics]
        # Of all four steps, but for mini-batches in which nothing was scored.
        assert 3 * PASSES * MINIBATCHES < steps[0] == steps[1] <= 4 * PASSES * MINIBATCHES
        for name, tensor in critics[0]["head"].items():
            assert torch.equal(tensor, critics[1]["head"][name]), name


def test_a_finished_run_is_not_trained_again(tiny_policy_dir: Path, tmp_path: Path) -> None:
    settings = config(tiny_policy_dir, max_steps=1, output_dir=tmp_path / "run")
    close(ppo.train(settings, FakeScorer()))
    scorer = FakeScorer()
    ppo.train(settings, scorer)
    assert scorer.num_calls == 0


def test_adapter_run_leaves_an_adapter_that_loads(tiny_policy_dir: Path) -> None:
    run = ppo.train(config(tiny_policy_dir, lora=True, max_steps=2), FakeScorer())
    assert (run.model_path / "adapter_model.safetensors").is_file()
    assert not (run.model_path / "model.safetensors").exists()
    assert not (run.model_path / "ref").exists()
    state = load_policy(run.model_path).model.state_dict()
    assert any(tensor.any() for name, tensor in state.items() if "lora_B" in name)


def test_no_warm_start_names_the_command() -> None:
    with pytest.raises(UserError, match=r"accelerate launch scripts/sft\.py"):
        ppo.train(PpoConfig(), FakeScorer())


def test_newest_warm_start_is_the_default(tiny_policy_dir: Path, tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "sft-20260101-000000"
    folder.mkdir(parents=True)
    (folder / "model").symlink_to(tiny_policy_dir)
    resolved = ppo.resolve_model(PpoConfig())
    assert resolved.model == "runs/sft-20260101-000000/model"


def test_too_few_problems_are_told(tiny_policy_dir: Path) -> None:
    with pytest.raises(UserError, match=r"num_prompts = 7 .* has 6 usable.*--num-prompts"):
        ppo.train(config(tiny_policy_dir, num_prompts=7, micro_batch_size=28), FakeScorer())


def test_a_conditioned_policy_is_told_the_alpha_that_prices_it(
    tiny_policy_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompts: list[str] = []
    roll_out = Seq2SeqGRPOTrainer.roll_out

    def spy(self: Any, texts: list[str]) -> dict[str, Any]:
        prompts.extend(texts)
        return roll_out(self, texts)

    monkeypatch.setattr(Seq2SeqGRPOTrainer, "roll_out", spy)
    run = ppo.train(config(tiny_policy_dir, alpha="conditioned", max_new_tokens=16), FakeScorer())
    rollouts = rows(run, "rollouts.jsonl")
    assert len({row["alpha"] for row in rollouts}) > 2
    for row, prompt in zip(rollouts, prompts, strict=True):
        assert prompt == inference_prompt(PROBLEMS[row["problem_index"]], row["alpha"])
        assert row["prompt"] == prompt
        if row["reward"] is not None:
            gain = efficiency(row["time_gain"], row["memory_gain"], row["alpha"])
            assert row["reward"] == pytest.approx(1 + 0.6 * gain)
    groups = Counter((r["step"], r["problem_index"], r["alpha"]) for r in rollouts)
    assert set(groups.values()) == {4}
    assert load_policy(run.model_path).is_conditioned
    assert load_policy(run.path / "checkpoint-4").is_conditioned
    close(run)
    again = ppo.train(config(run.model_path, max_steps=1), FakeScorer())  # now for one balance
    assert not load_policy(again.model_path).is_conditioned
    assert {row["alpha"] for row in rows(again, "rollouts.jsonl")} == {1.0}


def test_a_causal_model_trains_on_the_same_rewards(tiny_causal_dir: Path) -> None:
    run = ppo.train(config(tiny_causal_dir, max_steps=3, optimizer="adamw"), FakeScorer())
    assert [row["step"] for row in rows(run, "rollouts.jsonl")] == [1] * 8 + [2] * 8 + [3] * 8
    log = rows(run, "log.jsonl")
    assert log[-1]["kl"] > 0
    assert log[-1]["seconds/generation"] > 0
    before = load_policy(tiny_causal_dir, allow_causal=True).model.state_dict()
    after = load_policy(run.model_path, allow_causal=True).model.state_dict()
    assert before.keys() == after.keys()
    assert any(not torch.equal(before[name], after[name]) for name in before)


def test_a_critic_of_a_causal_model_is_refused(tiny_causal_dir: Path) -> None:
    with pytest.raises(UserError, match="--advantage gae needs an encoder-decoder"):
        ppo.train(config(tiny_causal_dir, advantage="gae", optimizer="adamw"), FakeScorer())


def test_muon_for_a_causal_model_is_refused(tiny_causal_dir: Path) -> None:
    with pytest.raises(UserError, match="use --optimizer adamw --learning-rate"):
        ppo.train(config(tiny_causal_dir), FakeScorer())


def test_sharding_and_muon_do_not_go_together(
    tiny_policy_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACCELERATE_USE_DEEPSPEED", "true")
    with pytest.raises(UserError, match="which FSDP and DeepSpeed divide; use --optimizer adamw"):
        ppo.train(config(tiny_policy_dir), FakeScorer())


def test_fsdp_of_an_encoder_decoder_is_refused(
    tiny_policy_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    monkeypatch.setenv("FSDP_STATE_DICT_TYPE", "FULL_STATE_DICT")
    with pytest.raises(UserError, match=r"is an encoder-decoder, .*multi_gpu.yaml or zero2.yaml"):
        ppo.train(config(tiny_policy_dir, optimizer="adamw"), FakeScorer())


def test_a_problem_of_several_processes_is_refused(
    tiny_policy_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "4")
    with pytest.raises(UserError, match="num_prompts = 2 must be a multiple of the 4 processes"):
        ppo.train(config(tiny_policy_dir, micro_batch_size=2), FakeScorer())


def test_prompts_that_a_causal_model_cannot_read_whole_are_left_out(
    tiny_causal_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    long = Problem("long", "Print.", "print(1)\n" * 200, *[(TestCase("", "1\n"),)] * 2)
    loaded = LoadedProblems([*PROBLEMS, long])
    monkeypatch.setattr(ppo, "load_problems", lambda *_, **__: loaded)
    ppo.train(config(tiny_causal_dir, max_steps=1, optimizer="adamw"), FakeScorer())
    assert "6 problems; 1 prompts too long" in capsys.readouterr().out


def test_a_batch_that_cannot_be_divided_is_told_before_any_work(
    tiny_policy_dir: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = config(tiny_policy_dir)
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(UserError, match=r"micro_batch_size \* processes = 2 \* 3"):
        ppo.train(settings, FakeScorer())
    assert not (tmp_path / "runs").exists()


def test_a_run_that_goes_on_from_a_checkpoint_keeps_its_problems(tmp_path: Path) -> None:
    scorer = FakeScorer()
    begun = Run(tmp_path, None, None)
    all_usable = ppo._check(PROBLEMS, scorer, begun)
    scorer.refused = {"p1"}  # by a machine that is busy now
    going_on = Run(tmp_path, tmp_path / "checkpoint-2", None)
    assert ppo._check(PROBLEMS, scorer, going_on) == all_usable
    assert any(ppo._check(PROBLEMS, scorer, begun)), "without one they are checked again"
