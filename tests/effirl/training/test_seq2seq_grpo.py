"""The contract with TRL: every number it asks of us, against plain T5."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from torch import Tensor
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer
from trl import GRPOConfig

from effirl.policy import add_lora, load_policy
from effirl.training.critic import CriticSettings
from effirl.training.grpo import Learning
from effirl.training.optimizer import MuonWithAdam
from effirl.training.seq2seq_grpo import Seq2SeqGRPOTrainer
from effirl.training.teacher_forcing import disable_all_dropout
from rewards.errors import SandboxError

PROMPTS = [
    "Problem: add",
    "Problem: a much longer one\nInitial Code:\nprint(1)",
    "n = int(input())",
    "print(sum(values))",
]


def count_digits(*, completions: list[str], **_: Any) -> list[float | None]:
    return [sum(c.isdigit() for c in text) / 4 for text in completions]


def settings(folder: Path, **overrides: Any) -> GRPOConfig:
    values = dict(  # noqa: C408
        output_dir=str(folder), max_steps=1, num_iterations=1, per_device_train_batch_size=16,
        gradient_accumulation_steps=1, num_generations=4, max_completion_length=10,
        temperature=1.0, top_p=1.0, top_k=0, loss_type="dapo", beta=0.0, scale_rewards="none",
        learning_rate=1e-3, lr_scheduler_type="constant", save_strategy="no", logging_steps=1,
        disable_tqdm=True, report_to="none", use_cpu=True, bf16=False,
        gradient_checkpointing=False, disable_dropout=False, remove_unused_columns=False, seed=0,
    ) | overrides  # fmt: skip
    return GRPOConfig(**values)


class Probe(Seq2SeqGRPOTrainer):
    """Keeps what passes between TRL and the overrides."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.batches: list[dict[str, Any]] = []
        self.scored: list[Tensor] = []

    def _generate_and_score_completions(self, inputs: Any) -> dict[str, Any]:
        batch = super()._generate_and_score_completions(inputs)
        batch["row"] = torch.arange(len(inputs))  # survives TRL's shuffle
        self.batches.append({k: v.clone() for k, v in batch.items() if torch.is_tensor(v)})
        return batch

    def _get_per_token_logps_and_entropies(self, *args: Any, **kwargs: Any) -> Any:
        result = super()._get_per_token_logps_and_entropies(*args, **kwargs)
        self.scored.append(result[0].detach().clone())
        return result


@pytest.fixture
def make(tiny_policy_dir: Path, tmp_path: Path) -> Callable[..., Probe]:
    def build(
        reward: Any = count_digits,
        *,
        lora: bool = False,
        model: Path = tiny_policy_dir,
        advantage: str = "group",
        imitation: float = 0.0,
        with_muon: bool = False,
        **kw: Any,
    ) -> Probe:
        torch.set_num_threads(1)
        critic = CriticSettings(0.99, 1e-2) if advantage == "gae" else None
        policy = load_policy(model)
        if lora:
            policy.model = add_lora(policy.model)
        return Probe(
            policy,
            reward=reward,
            args=settings(tmp_path / "run", **kw),
            train_dataset=Dataset.from_list([{"prompt": prompt} for prompt in PROMPTS]),
            learning=Learning(advantage == "tree", critic, imitation, with_muon),
            max_prompt_tokens=64,
        )

    return build


def score(trainer: Probe, batch: dict[str, Any], **kwargs: Any) -> tuple[Tensor, Tensor]:
    ids = torch.cat([batch["prompt_ids"], batch["completion_ids"]], 1)
    mask = torch.cat([batch["prompt_mask"], batch["completion_mask"]], 1)
    with torch.no_grad():
        logps, entropies, _ = trainer._get_per_token_logps_and_entropies(
            trainer.model, ids, mask, batch["completion_ids"].size(1), **kwargs
        )
    return logps, entropies


@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_logps_equal_plain_teacher_forcing(
    make: Callable[..., Probe], tiny_policy_dir: Path, temperature: float
) -> None:
    trainer = make(temperature=temperature, learning_rate=0.0)
    trainer.train()
    batch = trainer.batches[0]
    for i, mask in enumerate(batch["completion_mask"]):
        mask[1 + i % 10 :] = 0  # a random policy hardly ever ends a completion itself
    batch["completion_ids"] *= batch["completion_mask"]
    logps, entropies = score(trainer, batch, compute_entropy=True)
    chunked, _ = score(trainer, batch, batch_size=3)
    plain = AutoModelForSeq2SeqLM.from_pretrained(tiny_policy_dir).eval()
    lengths = batch["completion_mask"].sum(1).tolist()
    assert len(set(batch["prompt_mask"].sum(1).tolist())) > 1  # padding is at work
    for i, length in enumerate(lengths):
        prompt = batch["prompt_ids"][i][batch["prompt_mask"][i].bool()]
        completion = batch["completion_ids"][i, :length]
        with torch.no_grad():
            logits = plain(input_ids=prompt[None], labels=completion[None]).logits[0]
        expected = (logits / temperature).log_softmax(-1)
        chosen = expected.gather(-1, completion[:, None])[:, 0]
        assert (logps[i, :length] - chosen).abs().max() < 1e-5
        entropy = -(expected.exp() * expected).sum(-1)
        assert (entropies[i, :length] - entropy).abs().max() < 1e-5
        assert not logps[i, length:].any()
        assert not entropies[i, length:].any()
    assert (logps - chunked).abs().max() < 1e-5


def test_equal_rows_are_scored_once_and_gradients_add_up(
    make: Callable[..., Probe], tiny_policy_dir: Path
) -> None:
    """Every row's gradient counts as often as the row is there, as if each were scored alone."""
    trainer = make(learning_rate=0.0)
    trainer.train()
    batch = trainer.batches[0]
    for i, mask in enumerate(batch["completion_mask"]):
        mask[1 + i % 3 :] = 0
    for name in ("prompt_ids", "prompt_mask", "completion_ids", "completion_mask"):
        batch[name][8:12] = batch[name][4].clone()  # a group of equal samples
    ids = torch.cat([batch["prompt_ids"], batch["completion_ids"]], 1)
    mask = torch.cat([batch["prompt_mask"], batch["completion_mask"]], 1)
    width = batch["completion_ids"].size(1)
    weights = torch.linspace(-1, 1, 16).unsqueeze(1)
    num_rows = []
    decoder = trainer.model.get_decoder()
    hook = decoder.register_forward_pre_hook(
        lambda _, args, kwargs: num_rows.append(len(kwargs["input_ids"])), with_kwargs=True
    )
    found = []
    for rows in ([range(16)], [[i] for i in range(16)]):
        trainer.model.zero_grad()
        for part in rows:
            score = trainer._get_per_token_logps_and_entropies
            logps, _, _ = score(trainer.model, ids[part], mask[part], width)
            (logps * weights[part]).sum().backward()
        found.append([p.grad.clone() for p in trainer.model.parameters() if p.grad is not None])
    hook.remove()
    assert sum(num_rows[:-16]) <= 12
    assert num_rows[-16:] == [1] * 16
    for together, alone in zip(*found, strict=True):
        assert torch.allclose(together, alone, atol=1e-5)


def test_ratio_is_one_on_the_first_pass_and_moves_on_the_second(
    make: Callable[..., Probe], tiny_policy_dir: Path
) -> None:
    assert AutoModelForSeq2SeqLM.from_pretrained(tiny_policy_dir).config.dropout_rate > 0
    trainer = make(num_iterations=2, max_steps=2, learning_rate=1e-2)
    trainer.train()
    old, first, second = trainer.scored
    # TRL shuffles the rows between: compare them as sets of row sums.
    assert (old.sum(1).sort().values - first.sum(1).sort().values).abs().max() < 1e-4
    assert (old.sum(1).sort().values - second.sum(1).sort().values).abs().max() > 1e-2


def test_dropout_left_on_would_be_noticed(make: Callable[..., Probe]) -> None:
    trainer = make(learning_rate=0.0)
    trainer.train()
    batch = trainer.batches[0]
    trainer.model.train()
    still, _ = score(trainer, batch)
    again, _ = score(trainer, batch)
    assert torch.equal(still, again)
    for module in trainer.model.modules():
        if isinstance(getattr(module, "dropout", None), float):
            module.dropout = 0.1  # the rate that TRL's disable_dropout overlooks
    noisy, _ = score(trainer, batch)
    assert (noisy - still).abs().max() > 1e-3
    disable_all_dropout(trainer.model)
    quiet, _ = score(trainer, batch)
    assert torch.equal(still, quiet)


def test_samples_come_from_the_scored_distribution(
    make: Callable[..., Probe], tiny_policy_dir: Path, tmp_path: Path
) -> None:
    import shutil

    from transformers import GenerationConfig

    spoilt = tmp_path / "spoilt"
    shutil.copytree(tiny_policy_dir, spoilt)
    GenerationConfig(
        num_beams=4, no_repeat_ngram_size=1, max_length=3, pad_token_id=0, eos_token_id=2
    ).save_pretrained(spoilt)
    rollouts = []
    for folder in (tiny_policy_dir, spoilt):
        trainer = make(model=folder)
        torch.manual_seed(1)
        rollouts.append(trainer.roll_out(PROMPTS * 2))
    assert rollouts[0] == rollouts[1]
    lengths = {len(ids) for ids in rollouts[0]["completion_ids"]}
    assert max(lengths) == 10
    assert all(2 not in ids[:-1] for ids in rollouts[0]["completion_ids"])


def test_long_prompts_are_cut(make: Callable[..., Probe]) -> None:
    trainer = make()
    rollout = trainer.roll_out(["n = 1\n" * 200])
    assert len(rollout["prompt_ids"][0]) == trainer.max_prompt_tokens


def test_equal_groups_of_prompts_are_sampled_independently(make: Callable[..., Probe]) -> None:
    rollout = make().roll_out([PROMPTS[0]] * 4)
    assert len({tuple(ids) for ids in rollout["completion_ids"]}) > 1


def gradients(trainer: Probe, batch: dict[str, Any]) -> dict[str, Tensor]:
    trainer.model.zero_grad()
    trainer.current_gradient_accumulation_steps = 1
    trainer._compute_loss(trainer.model, batch).backward()
    return {n: p.grad.clone() for n, p in trainer.model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize(
    ("advantage", "imitation"), [("group", 0.0), ("gae", 0.0), ("tree", 0.0), ("tree", 0.5)]
)
def test_unscorable_samples_touch_no_loss_term(
    make: Callable[..., Probe], advantage: str, imitation: float
) -> None:
    """Gradients are those of the same batch without the rows whose reward is None."""
    missing = {1, 6, 7}

    def reward(*, completions: list[str], **_: Any) -> list[float | None]:
        return [None if i in missing else float(i % 4) for i in range(len(completions))]

    trainer = make(reward, beta=0.1, learning_rate=0, advantage=advantage, imitation=imitation)
    trainer.train()
    batch = trainer.batches[0]
    # A reference that differs, so that the KL term has a gradient.
    batch["ref_per_token_logps"] = batch["ref_per_token_logps"] - 0.3
    with_missing = gradients(trainer, batch)
    kept = [i for i in range(16) if i not in missing]
    without = {k: v[kept] if v.dim() else v for k, v in batch.items()}
    expected = gradients(trainer, without)
    assert any(g.abs().max() > 1e-4 for g in expected.values())
    for name, gradient in expected.items():
        assert torch.allclose(gradient, with_missing[name], atol=1e-7), name
    assert batch["num_items_in_batch"] == batch["completion_mask"].sum()
    if advantage == "gae":
        assert batch["advantages"].shape == batch["completion_mask"].shape
        assert not batch["advantages"][list(missing)].any()
        assert all(batch["advantages"][kept].any(1))
        return
    # Baseline of the first group: the mean of what is left, 0, 2 and 3.
    expected_advantages = torch.tensor([0.0, 0.0, 2.0, 3.0]) - 5 / 3
    expected_advantages[1] = 0.0
    advantages = batch["advantages"][:4]
    if advantage == "tree":
        lengths = batch["completion_mask"][:4].sum(1)
        advantages = advantages.sum(1) - imitation * lengths * torch.tensor([0, 0, 0, 1])
        assert torch.allclose(advantages, expected_advantages, atol=1e-6)
        return
    assert torch.allclose(advantages, expected_advantages)


def test_a_step_of_which_nothing_could_be_scored_ends_the_run(make: Callable[..., Probe]) -> None:
    trainer = make(lambda completions, **_: [None] * len(completions), advantage="tree")
    with pytest.raises(SandboxError, match="no program of this step could be scored"):
        trainer.train()


def test_every_rate_of_dropout_is_found() -> None:
    class Attention(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention_dropout = self.dropout = 0.1
            self.layer = torch.nn.Dropout(0.1)

    module = Attention()
    disable_all_dropout(module)
    assert (module.attention_dropout, module.dropout, module.layer.p) == (0.0, 0.0, 0.0)


def test_equal_rewards_give_no_gradient(make: Callable[..., Probe]) -> None:
    trainer = make(lambda completions, **_: [1.0] * len(completions), learning_rate=0.0)
    trainer.train()
    batch = trainer.batches[0]
    assert all(not g.any() for g in gradients(trainer, batch).values())


def test_muon_makes_no_steps_of_rounding_noise(make: Callable[..., Probe]) -> None:
    trainer = make(
        lambda completions, **_: [-0.6] * len(completions),
        advantage="tree", imitation=0.5, with_muon=True, beta=0.05, max_steps=3,
    )  # fmt: skip
    before = [p.detach().clone() for p in trainer.model.parameters()]
    trainer.train()
    after = trainer.model.parameters()
    moved = [(p - q).abs().max() for p, q in zip(after, before, strict=True)]
    assert max(moved) < 1e-4, max(moved)  # a step for what is to be learnt is 1e-3


@pytest.mark.parametrize("advantage", ["group", "tree"])
def test_timing_noise_is_not_blown_up(make: Callable[..., Probe], advantage: str) -> None:
    def reward(*, completions: list[str], **_: Any) -> list[float | None]:
        return [1.0 + 0.001 * (i % 2) for i in range(len(completions))]

    trainer = make(reward, learning_rate=0.0, advantage=advantage, imitation=0.5)
    trainer.train()
    assert 0 < trainer.batches[0]["advantages"].abs().max() < 0.001


def test_checkpoint_is_a_plain_t5_folder(make: Callable[..., Probe], tmp_path: Path) -> None:
    trainer = make(learning_rate=1e-2)
    trainer.train()
    trainer.save_model(str(tmp_path / "model"))
    loaded, report = AutoModelForSeq2SeqLM.from_pretrained(
        tmp_path / "model", output_loading_info=True
    )
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    assert loaded.config.dropout_rate == 0.1
    for name, tensor in trainer.model.state_dict().items():
        assert torch.equal(tensor, loaded.state_dict()[name]), name
    assert AutoTokenizer.from_pretrained(tmp_path / "model").pad_token_id == 0


def test_adapter_trains_and_its_reference_is_the_base(make: Callable[..., Probe]) -> None:
    trainer = make(lora=True, beta=0.1, learning_rate=1e-2, max_steps=3)
    trainer.train()
    kl = [row["kl"] for row in trainer.state.log_history if "kl" in row]
    assert kl[0] == pytest.approx(0.0, abs=1e-6)
    assert kl[-1] > 1e-6
    moved = [n for n, p in trainer.model.named_parameters() if p.requires_grad]
    assert moved
    assert all("lora" in name for name in moved)


@pytest.mark.parametrize("name", ["use_transformers_continuous_batching", "cast_lm_head_to_fp32"])
def test_causal_settings_are_refused(make: Callable[..., Probe], name: str) -> None:
    with pytest.raises(ValueError, match=name):
        make(**{name: True})


@pytest.mark.parametrize(
    ("advantage", "imitation", "with_muon"),
    # The tree alone says next to nothing of a random policy, whose samples part at once.
    [("group", 0.0, False), ("gae", 0.0, False), ("tree", 0.5, False), ("tree", 0.5, True)],
)
def test_it_learns(
    make: Callable[..., Probe], advantage: str, imitation: float, with_muon: bool
) -> None:
    """Reward for digits: 25 steps multiply their share."""

    def reward(*, completions: list[str], **_: Any) -> list[float | None]:
        return [sum(c.isdigit() for c in text) / max(1, len(text)) for text in completions]

    settings = {"advantage": advantage, "imitation": imitation, "with_muon": with_muon}
    trainer = make(reward, max_steps=25, learning_rate=1e-2, beta=0.01, **settings)
    trainer.train()
    assert isinstance(trainer.optimizer.optimizer, MuonWithAdam) == with_muon
    assert all(row["entropy"] > 0 and "kl" in row for row in trainer.state.log_history[:-1])
    rewards = [row["reward"] for row in trainer.state.log_history if "reward" in row]
    assert sum(rewards[-3:]) / 3 > 3 * sum(rewards[:3]) / 3
