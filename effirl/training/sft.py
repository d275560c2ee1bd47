"""The warm start: supervised fine-tuning of a policy on (source program, tags) -> target pairs.

Run by `accelerate launch scripts/sft.py`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from peft import PeftModel
from transformers import (
    DataCollatorForSeq2Seq,
    EarlyStoppingCallback,
    Seq2SeqTrainer,
    Seq2SeqTrainingArguments,
)

from effirl.data.load import load_problems
from effirl.data.overlap import Footprint, leave_out, record_training
from effirl.data.problems import LoadedProblems, Problem
from effirl.data.prompts import inference_prompt, target_text
from effirl.errors import UserError
from effirl.policy import Policy, add_lora, generate, load_policy
from effirl.runs import Run
from effirl.training.config import SftConfig
from effirl.training.examples import build_examples, describe_counts
from effirl.training.loop import announce, run_to_end, shared_arguments
from effirl.training.optimizer import MuonWithAdam
from effirl.training.processes import (
    Hardware,
    has_fast_bfloat16,
    is_main,
    num_ranks,
    open_shared_run,
    prepare_process,
    write_line,
)

BEST = "eval_exact_match"
"""Early stopping watches it, and the best checkpoint becomes `model/`: the loss keeps falling on
pairs whose program is no closer to running."""


class WarmStartTrainer(Seq2SeqTrainer):
    """Adds the share of validation problems whose greedy completion is one of their targets."""

    def __init__(
        self, policy: Policy, problems: Sequence[Problem], config: SftConfig, **kwargs: Any
    ) -> None:
        super().__init__(model=policy.model, processing_class=policy.tokenizer, **kwargs)
        self._policy = policy
        self._problems = problems
        self._config = config

    def create_optimizer(self, *args: Any, **kwargs: Any) -> torch.optim.Optimizer:
        """Make Muon, or what the arguments name."""
        if self._config.optimizer == "adamw":
            return super().create_optimizer(*args, **kwargs)
        rates = self._config.learning_rate, self._config.weight_decay
        self.optimizer = MuonWithAdam(self._policy.model, *rates)
        return self.optimizer

    def evaluation_loop(self, *args: Any, **kwargs: Any) -> Any:
        """Evaluate the loss as usual, then generate."""
        output = super().evaluation_loop(*args, **kwargs)
        assert output.metrics is not None
        output.metrics[BEST] = self._exact_match()
        return output

    def _exact_match(self) -> float:
        completions = generate(
            self._policy,
            [inference_prompt(problem) for problem in self._problems],
            num_samples=1,
            temperature=0,
            max_new_tokens=self._config.max_target_tokens,
            max_prompt_tokens=self._config.max_prompt_tokens,
            batch_size=self._config.eval_limit,
            seed=self._config.seed,
        )
        hits = [
            texts[0].strip("\n") in {target_text(target) for target in problem.targets}
            for texts, problem in zip(completions, self._problems, strict=True)
        ]
        return sum(hits) / len(hits)


def train(config: SftConfig) -> Run:
    """Train, or continue, a warm start, and return its finished run.

    Raises:
        UserError: If a setting, the data or the model is unusable.
        KeyboardInterrupt: After Ctrl-C, with a checkpoint saved.
    """
    hardware = prepare_process()
    problems = _load(config, "train", config.limit).problems
    validation = _load(config, "validation", config.eval_limit)
    footprint = Footprint.of(problems)
    validation = leave_out(validation, footprint, "as in training")
    if validation.dropped:
        write_line(f"validation: left out{describe_counts(validation.dropped)}")
    policy = load_policy(config.model)
    run = open_shared_run("sft", config, config.output_dir)
    announce(run)
    if run.is_finished:
        return run
    if config.lora and not isinstance(policy.model, PeftModel):  # else it has its adapter
        policy.model = add_lora(policy.model, config.lora_rank)
    if is_main():
        record_training(run.path, footprint, config.model)
    trainer = build_trainer(config, hardware, policy, problems, validation.problems, run)
    run_to_end(trainer, run, describe)
    return run


def describe(logs: Mapping[str, float]) -> str:
    """Return the middle of a progress line."""
    if BEST in logs:
        return f"validation  loss {logs['eval_loss']:.3f}  exact match {logs[BEST]:.2f}"
    if "loss" in logs:
        return f"loss {float(logs['loss']):.3f}  lr {float(logs['learning_rate']):.1e}"
    return ""  # the trainer's summary at the end


def build_trainer(
    config: SftConfig,
    hardware: Hardware,
    policy: Policy,
    problems: Sequence[Problem],
    validation: Sequence[Problem],
    run: Run,
) -> WarmStartTrainer:
    """Tokenise the pairs and set up the trainer.

    Raises:
        UserError: If no pair is left to train on or to validate on.
    """
    datasets = []
    for split, rows in (("train", problems), ("validation", validation)):
        examples, counts = build_examples(rows, policy.tokenizer, config)
        write_line(f"{split}: {len(rows)} problems, {len(examples)} pairs{describe_counts(counts)}")
        if not examples:
            raise UserError(
                f"no {split} pair of {config.data} has a target of at most "
                f"{config.max_target_tokens} tokens; raise --max-target-tokens"
            )
        datasets.append(examples)
    return WarmStartTrainer(
        policy,
        validation,
        config,
        args=_arguments(config, hardware, run),
        train_dataset=datasets[0],
        eval_dataset=datasets[1],
        data_collator=DataCollatorForSeq2Seq(policy.tokenizer, model=policy.model),
        callbacks=[EarlyStoppingCallback(config.early_stopping_patience)],
    )


def _arguments(config: SftConfig, hardware: Hardware, run: Run) -> Seq2SeqTrainingArguments:
    """Set every setting that matters, so that a release of transformers cannot change a run."""
    micro_batch_size = min(config.micro_batch_size, config.batch_size)
    accumulation, rest = divmod(config.batch_size, micro_batch_size * num_ranks())
    if rest or not accumulation:
        raise UserError(
            f"batch_size must be a multiple of micro_batch_size * processes = "
            f"{micro_batch_size * num_ranks()}, got {config.batch_size}"
        )
    return Seq2SeqTrainingArguments(
        **shared_arguments(config, hardware, run),
        max_steps=config.max_steps,
        per_device_train_batch_size=micro_batch_size,
        per_device_eval_batch_size=micro_batch_size,
        gradient_accumulation_steps=accumulation,
        lr_scheduler_type="linear",
        adam_epsilon=1e-8,
        label_smoothing_factor=0.0,
        train_sampling_strategy="group_by_length",
        length_column_name="length",
        predict_with_generate=False,
        eval_strategy="steps",
        eval_steps=config.eval_steps,
        save_steps=config.eval_steps,
        load_best_model_at_end=True,
        metric_for_best_model=BEST,
        greater_is_better=True,
        restore_callback_states_from_checkpoint=True,  # the patience of early stopping
        logging_steps=config.logging_steps,
        logging_first_step=False,
        bf16=hardware.bf16 or (hardware.use_cpu and has_fast_bfloat16()),
    )


def _load(config: SftConfig, split: str, limit: int | None) -> LoadedProblems:
    loaded = load_problems(
        config.data,
        data_path=config.data_path,
        split=split,
        limit=limit,
        require_tests=False,
        languages=config.languages,
    )
    if loaded.dropped and split == "train":
        write_line(f"train: left out{describe_counts(loaded.dropped)}")
    loaded.problems = [problem for problem in loaded.problems if problem.targets]
    return loaded
