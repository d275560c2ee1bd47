"""Reinforce a causal model on measured runtime and memory, with TRL's own trainer.

python examples/grpo.py Qwen/Qwen2.5-Coder-0.5B-Instruct examples/problems.jsonl runs/grpo
"""

import sys

from rewards import EfficiencyReward, RewardConfig

ASK = "Make this program faster and leaner. Answer with the program only.\n```python\n{}```"


def train(model: str, data: str, output_dir: str, **settings: object) -> None:
    reward = EfficiencyReward(RewardConfig(alpha=0.5))  # before torch: workers start small
    from datasets import load_dataset
    from trl import GRPOConfig, GRPOTrainer

    # The columns that the reward reads: problem_id, source_program, tests, performance_inputs.
    rows = load_dataset("json", data_files=data, split="train")
    rows = rows.map(
        lambda row: {"prompt": [{"role": "user", "content": ASK.format(row["source_program"])}]}
    )
    config = GRPOConfig(output_dir=output_dir, **settings)  # type: ignore[arg-type]
    trainer = GRPOTrainer(model=model, args=config, train_dataset=rows, reward_funcs=reward)
    trainer.train()
    trainer.save_model(output_dir)
    reward.close()


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit("usage: python examples/grpo.py MODEL DATA.jsonl OUTPUT_DIR")
    train(*sys.argv[1:])
