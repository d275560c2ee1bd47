"""The example runs: TRL's own trainer, a random causal model, programs really run."""

import json
import runpy
from pathlib import Path

import pytest
from transformers import AutoTokenizer, Qwen2Config, Qwen2ForCausalLM

from rewards import EfficiencyReward, Executor

EXAMPLES = Path(__file__).parents[2] / "examples"
TEMPLATE = "{% for message in messages %}{{ message['content'] }}\n{% endfor %}"


@pytest.fixture
def tiny_causal(tiny_policy_dir: Path, tmp_path: Path) -> Path:
    """A folder with a random Qwen2 of a few thousand parameters."""
    folder = tmp_path / "model"
    tokenizer = AutoTokenizer.from_pretrained(tiny_policy_dir)
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)
    config = Qwen2Config(
        vocab_size=len(tokenizer), hidden_size=16, intermediate_size=32, num_hidden_layers=1,
        num_attention_heads=2, num_key_value_heads=1, pad_token_id=0, bos_token_id=1,
        eos_token_id=2,
    )  # fmt: skip
    Qwen2ForCausalLM(config).save_pretrained(folder)
    return folder


def test_a_causal_model_is_trained_on_the_reward(tiny_causal: Path, tmp_path: Path) -> None:
    train = runpy.run_path(str(EXAMPLES / "grpo.py"))["train"]
    out = tmp_path / "out"
    train(
        str(tiny_causal), str(EXAMPLES / "problems.jsonl"), str(out),
        max_steps=2, per_device_train_batch_size=2, num_generations=2, max_completion_length=8,
        logging_steps=1, save_steps=2, report_to="none", use_cpu=True, bf16=False,
    )  # fmt: skip
    assert (out / "model.safetensors").is_file()
    state = json.loads((out / "checkpoint-2" / "trainer_state.json").read_text())
    means = [row["rewards/efficiency/mean"] for row in state["log_history"] if "reward" in row]
    assert len(means) == 2
    assert all(-1 <= mean <= -0.3 for mean in means)  # eight random tokens are no right program


def test_its_problems_can_be_scored() -> None:
    lines = (EXAMPLES / "problems.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    answers = [[{"role": "assistant", "content": f"```python\n{row['source_program']}```"}]
               for row in rows]  # fmt: skip
    with Executor(num_workers=1) as executor:
        rewards = EfficiencyReward(executor=executor)(answers, answers, **columns)
    assert rewards == [1.0] * len(rows)
