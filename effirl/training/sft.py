"""The warm start: supervised fine-tuning of a policy on (source program, tags) -> target pairs.

Run by `accelerate launch scripts/sft.py`. A phase is a warm start too: one that starts from another
one's model and may replay its pairs; `effirl.phases` strings them together.
"""

import json
from collections.abc import Sequence

from accelerate import PartialState  # type: ignore[import-untyped]
from datasets import Dataset, concatenate_datasets
from transformers import (
    DataCollatorForSeq2Seq,
    EarlyStoppingCallback,
    Seq2SeqTrainingArguments,
)

from effirl.data.overlap import record_training
from effirl.data.problems import Problem
from effirl.errors import UserError
from effirl.files import write_whole
from effirl.model_files import locate_model
from effirl.policy import Policy, load_policy
from effirl.runs import Run
from effirl.scoring import Scorer
from effirl.training.config import SftConfig
from effirl.training.examples import build_examples, describe_counts
from effirl.training.loop import (
    REACTIONS_FILE,
    announce,
    checkpoint_step,
    prepare_adapter,
    run_to_end,
    shared_arguments,
)
from effirl.training.pairs import Pairs, load_pairs
from effirl.training.processes import (
    Hardware,
    check_sharding,
    from_main,
    has_fast_bfloat16,
    is_main,
    micro_batches,
    open_shared_run,
    prepare_process,
    write_line,
)
from effirl.training.progress import warm_start_figures
from effirl.training.replay import Replay
from effirl.training.validation import Gains, Validation, check_usable
from effirl.training.warm_start_trainer import RANK, WarmStartTrainer

START_FILE = "start.json"
"""Gains on the validation problems when a phase with replay began."""


def train(config: SftConfig, scorer: Scorer | None) -> Run:
    """Train, or continue, a warm start, and return its finished run.

    Args:
        config: Settings.
        scorer: From `start_scorer`.

    Raises:
        UserError: If a setting, the data or the model is unusable.
        KeyboardInterrupt: After Ctrl-C, with a checkpoint saved.
    """
    hardware = prepare_process()
    check_sharding(config.optimizer)
    pairs = load_pairs(config)
    policy = load_policy(config.model)
    run = open_shared_run("sft", config, config.output_dir)
    announce(run)
    if run.is_finished:
        return run
    prepare_adapter(policy, config)
    if is_main():
        record_training(run.path, pairs.footprint, str(locate_model(config.model)))
    check_usable(pairs.validation, scorer)
    trainer = build_trainer(config, hardware, policy, pairs, scorer, run)
    run_to_end(trainer, run, warm_start_figures)
    return run


def build_trainer(
    config: SftConfig,
    hardware: Hardware,
    policy: Policy,
    pairs: Pairs,
    scorer: Scorer | None,
    run: Run,
) -> WarmStartTrainer:
    """Tokenise the pairs and set up the trainer.

    Raises:
        UserError: If no pair is left to train on or to validate on.
    """
    own = _examples("train", pairs.train, policy, config)
    objectives = list(dict.fromkeys([config.objective, *pairs.earlier]))
    validation = Validation(policy, pairs.validation, config, scorer, objectives)
    examples, replay = own, None
    if pairs.replayed:
        examples = concatenate_datasets([own, _examples("replay", pairs.replayed, policy, config)])
        start = _gains_at_start(run, policy, validation, hardware)
        path, step = run.path / REACTIONS_FILE, checkpoint_step(run)
        replay = Replay(path, config.replay_share, step, pairs.earlier, start)
    return WarmStartTrainer(
        policy,
        validation,
        config,
        replay,
        len(own),
        args=_arguments(config, hardware, run),
        train_dataset=examples,
        eval_dataset=_examples("validation", pairs.validation, policy, config),
        data_collator=DataCollatorForSeq2Seq(policy.tokenizer, model=policy.model),
        callbacks=[EarlyStoppingCallback(config.early_stopping_patience)],
    )


def _examples(what: str, problems: Sequence[Problem], policy: Policy, config: SftConfig) -> Dataset:
    examples, counts = build_examples(problems, policy.tokenizer, config)
    write_line(f"{what}: {len(problems)} problems, {len(examples)} pairs{describe_counts(counts)}")
    if not examples:
        raise UserError(
            f"no {what} pair of {config.data} has a target of at most "
            f"{config.max_target_tokens} tokens; raise --max-target-tokens"
        )
    return examples


def _gains_at_start(run: Run, policy: Policy, validation: Validation, hardware: Hardware) -> Gains:
    """Return the gains when the phase began: measured now, or by the process that began it.

    Empty where validation runs nothing: then there is no telling what a phase forgets.
    """
    if not validation.runs_programs:
        write_line("replay: exact_match runs nothing, so the share stays as it is")
        return {}
    path = run.path / START_FILE
    found: Gains | None = from_main(
        lambda: json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
    )
    if found is not None:
        return found
    # The trainer is yet to come, and would do it.
    policy.model.to(PartialState(cpu=hardware.use_cpu).device)
    gains = validation().gains
    if is_main():
        write_whole(path, json.dumps(gains) + "\n")
    return gains


def _arguments(config: SftConfig, hardware: Hardware, run: Run) -> Seq2SeqTrainingArguments:
    """Set every setting that matters, so that a release of transformers cannot change a run."""
    batch = "batch_size", config.batch_size, config.micro_batch_size
    micro_batch_size, accumulation = micro_batches(*batch)
    return Seq2SeqTrainingArguments(
        **shared_arguments(config, hardware, run),
        max_steps=config.max_steps or -1,
        num_train_epochs=config.epochs or 1,
        per_device_train_batch_size=micro_batch_size,
        per_device_eval_batch_size=micro_batch_size,
        gradient_accumulation_steps=accumulation,
        lr_scheduler_type="linear",
        adam_epsilon=1e-8,
        label_smoothing_factor=0.0,
        predict_with_generate=False,
        eval_strategy="steps",
        eval_steps=config.eval_steps,
        save_steps=config.eval_steps,
        load_best_model_at_end=True,
        metric_for_best_model=RANK,  # the loss alone keeps falling on programs that do not run
        greater_is_better=True,
        restore_callback_states_from_checkpoint=True,  # the patience of early stopping
        logging_steps=config.logging_steps,
        logging_first_step=False,
        bf16=hardware.bf16 or (hardware.use_cpu and has_fast_bfloat16()),
    )
