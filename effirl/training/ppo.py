"""Reinforcement: PPO's clipped objective with a KL anchor to the warm start.

A program is judged by the others of its problem, or with `--advantage gae` by a critic. Run
by `accelerate launch scripts/ppo.py --alpha 0.5`.
"""

import json
from collections.abc import Sequence
from dataclasses import replace

from datasets import Dataset

from effirl.data.load import load_problems
from effirl.data.overlap import Footprint, record_training
from effirl.data.perf_inputs import describe_inputs, with_performance_inputs
from effirl.data.problems import LoadedProblems, Problem
from effirl.data.prompts import mark_conditioned
from effirl.errors import UserError
from effirl.files import write_whole
from effirl.model_files import locate_model
from effirl.policy import Policy, encode_prompts, load_policy
from effirl.runs import Run, newest_warm_start, taken_otherwise
from effirl.scoring import find_unusable, policy_prompt
from effirl.training.config import PpoConfig
from effirl.training.critic import CriticSettings
from effirl.training.examples import describe_counts, problem_key
from effirl.training.grpo import CausalGRPOTrainer, GRPOConfig, Learning
from effirl.training.loop import (
    ROLLOUTS_FILE,
    announce,
    prepare_adapter,
    run_to_end,
    shared_arguments,
)
from effirl.training.optimizer import ADAM_EPSILON
from effirl.training.processes import (
    Hardware,
    check_sharding,
    from_main,
    is_fsdp,
    is_main,
    is_sharded,
    micro_batches,
    num_ranks,
    open_shared_run,
    prepare_process,
    write_line,
)
from effirl.training.progress import reinforcement_figures
from effirl.training.reward import LoggedReward, Scorer
from effirl.training.seq2seq_grpo import Seq2SeqGRPOTrainer

CHECKED_FILE = "problems.json"
"""Of each problem by its key: why it was left out, or null."""


def train(config: PpoConfig, scorer: Scorer) -> Run:
    """Train, or continue, a reinforcement run, and return its finished run.

    Args:
        config: Settings; without a model, the newest warm start is taken.
        scorer: A `rewards.EfficiencyReward` whose workers run already.

    Raises:
        UserError: If a setting, the data or the model is unusable.
        KeyboardInterrupt: After Ctrl-C, with a checkpoint saved.
    """
    config = resolve_model(config)
    assert config.model is not None
    hardware = prepare_process()
    check_sharding(config.optimizer)
    batch = "num_prompts * num_samples", config.num_completions, config.micro_batch_size
    micro_batch_size, accumulation = micro_batches(*batch)
    if config.num_prompts % num_ranks():
        raise UserError(
            f"num_prompts = {config.num_prompts} must be a multiple of the {num_ranks()} "
            "processes: the programs of a problem are compared in one of them"
        )
    policy = _load(config, config.model)
    loaded = load_problems(config.data, data_path=config.data_path, limit=config.limit)
    loaded.problems = with_performance_inputs(loaded.problems, config.performance_inputs)
    run = open_shared_run("ppo", config, config.output_dir)
    announce(run)
    if run.is_finished:
        return run
    if policy.is_causal:
        _leave_out_long(loaded, policy, config.max_prompt_tokens)
    problems = _usable(loaded.problems, scorer, run)
    write_line(f"{len(problems)} problems{describe_counts(loaded.dropped)}; model {config.model}")
    if line := describe_inputs(problems):
        write_line(line)
    if note := taken_otherwise(config.model, config):
        write_line(note)
    if is_main():
        record_training(run.path, Footprint.of(problems), str(locate_model(config.model)))
        if config.is_conditioned:
            mark_conditioned(run.path)
    reward = LoggedReward(scorer, problems, run.path / ROLLOUTS_FILE, cycle=config.num_iterations)
    args = _arguments(config, hardware, run, micro_batch_size, accumulation)
    trainer = build_trainer(config, policy, problems, reward, args)
    run_to_end(trainer, run, reinforcement_figures, cycle=config.num_iterations)
    return run


def resolve_model(config: PpoConfig) -> PpoConfig:
    """Fill in the newest warm start where no model is named.

    Raises:
        UserError: If there is none.
    """
    if config.model is not None:
        return config
    model = newest_warm_start()
    if model is None:
        raise UserError(
            "no warm start under runs/; make one with: accelerate launch scripts/sft.py "
            "(or name a model with --model)"
        )
    return replace(config, model=str(model))


def build_trainer(
    config: PpoConfig,
    policy: Policy,
    problems: Sequence[Problem],
    reward: LoggedReward,
    args: GRPOConfig,
) -> CausalGRPOTrainer:
    """Set up the trainer on the problems.

    Raises:
        UserError: If there are too few of them.
    """
    if len(problems) < config.num_prompts:
        raise UserError(
            f"a step needs num_prompts = {config.num_prompts} different problems, and "
            f"{config.data} has {len(problems)} usable ones; lower --num-prompts"
        )
    groups = _groups(config, policy, problems)
    learning = Learning(
        by_tree=config.advantage == "tree",
        critic=CriticSettings(config.gae_lambda, config.critic_learning_rate)
        if config.advantage == "gae"
        else None,
        imitation=config.imitation,
        with_muon=config.optimizer == "muon",
    )
    if policy.is_causal:
        return CausalGRPOTrainer(
            policy, reward=reward, args=args, train_dataset=groups, learning=learning
        )
    _, num_cut = encode_prompts(policy.tokenizer, groups["prompt"], config.max_prompt_tokens)
    if num_cut:
        write_line(f"{num_cut} of {len(groups)} prompts too long: their programs are cut")
    return Seq2SeqGRPOTrainer(
        policy,
        reward=reward,
        args=args,
        train_dataset=groups,
        learning=learning,
        max_prompt_tokens=config.max_prompt_tokens,
    )


def _load(config: PpoConfig, name: str) -> Policy:
    """Load the policy as it will be trained."""
    policy = load_policy(name, allow_causal=True)
    if policy.is_causal and config.optimizer == "muon":
        raise UserError(
            f"muon is for encoder-decoders, and {name} is a causal model; "
            "use --optimizer adamw --learning-rate 1e-6 (or what suits it)"
        )
    if policy.is_causal and not config.lora and config.learning_rate == PpoConfig.learning_rate:
        write_line(
            f"learning rate {config.learning_rate:g} is that of Muon and small models; all weights "
            "of a causal model take less: --learning-rate 1e-6"
        )
    if policy.is_causal and config.advantage == "gae":
        raise UserError(
            f"--advantage gae needs an encoder-decoder, and {name} is a causal model; "
            "use --advantage tree"
        )
    if not policy.is_causal and is_fsdp():
        raise UserError(
            f"{name} is an encoder-decoder, whose halves are called one by one, and FSDP gathers "
            "weights for a whole model's call alone; launch with configs/accelerate/multi_gpu.yaml "
            "or zero2.yaml"
        )
    if is_sharded() and config.advantage == "gae":
        raise UserError(
            "--advantage gae needs whole weights, which FSDP and DeepSpeed divide; "
            "use --advantage tree"
        )
    prepare_adapter(policy, config)
    policy.is_conditioned = config.is_conditioned  # whatever it was before
    return policy


def _groups(config: PpoConfig, policy: Policy, problems: Sequence[Problem]) -> Dataset:
    """Return a row for each group: the samples of a problem at a balance are compared."""
    rows = [
        {"prompt": policy_prompt(policy, problem, alpha), "problem_index": index, "alpha": alpha}
        for index, problem in enumerate(problems)
        for alpha in config.alphas
    ]
    return Dataset.from_list(rows)


def _leave_out_long(loaded: LoadedProblems, policy: Policy, max_tokens: int) -> None:
    """Leave out problems whose prompt does not fit: TRL itself cuts no causal prompt."""
    kept = []
    for problem in loaded.problems:
        prompt = policy_prompt(policy, problem, alpha=0.125)  # no other's is longer
        if len(policy.tokenizer(prompt)["input_ids"]) <= max_tokens:
            kept.append(problem)
    if num_long := len(loaded.problems) - len(kept):
        loaded.dropped["prompts too long"] += num_long
    loaded.problems[:] = kept


def _usable(problems: Sequence[Problem], scorer: Scorer, run: Run) -> list[Problem]:
    """Leave out problems whose source program cannot be the measure of another.

    One verdict for all processes, and for those that go on from a checkpoint: with a problem more
    or less they would go through the others in another order.
    """
    reasons = from_main(lambda: _check(problems, scorer, run))
    refused = [reason for reason in reasons if reason is not None]
    if refused:
        write_line(
            f"{len(refused)} of {len(problems)} problems refused: their source program fails "
            f"(first: {refused[0]})"
        )
    return [p for p, reason in zip(problems, reasons, strict=True) if reason is None]


def _check(problems: Sequence[Problem], scorer: Scorer, run: Run) -> list[str | None]:
    """Say of each problem why it is unusable, as was found before the checkpoint that there is."""
    path = run.path / CHECKED_FILE
    keys = [problem_key(problem) for problem in problems]
    if run.checkpoint is not None and path.is_file():
        known: dict[str, str | None] = json.loads(path.read_text(encoding="utf-8"))
        if known.keys() == set(keys):
            return [known[key] for key in keys]
    write_line(f"checking {len(problems)} source programs on their own tests")
    reasons = find_unusable(scorer, problems)
    write_whole(path, json.dumps(dict(zip(keys, reasons, strict=True))) + "\n")
    return reasons


def _arguments(
    config: PpoConfig, hardware: Hardware, run: Run, micro_batch_size: int, accumulation: int
) -> GRPOConfig:
    """Set every setting that matters: TRL's defaults change between releases."""
    return GRPOConfig(
        **shared_arguments(config, hardware, run),
        # One optimizer step sees all of a step's completions, and num_iterations of them are made.
        max_steps=config.max_steps * config.num_iterations,
        num_iterations=config.num_iterations,
        per_device_train_batch_size=micro_batch_size,
        gradient_accumulation_steps=accumulation,
        steps_per_generation=accumulation,
        num_generations=config.num_samples,
        max_completion_length=config.max_new_tokens,
        temperature=config.temperature,
        top_p=1.0,
        top_k=0,
        min_p=None,
        repetition_penalty=1.0,
        loss_type="dapo",  # the mean over all tokens of the step, however it is cut up
        epsilon=config.epsilon,
        epsilon_high=config.epsilon,
        delta=None,
        importance_sampling_level="token",
        beta=config.beta,
        use_bias_correction_kl=False,
        scale_rewards="none",  # dividing by the spread would blow timing noise up to unit size
        multi_objective_aggregation="sum_then_normalize",
        mask_truncated_completions=False,  # an endless program is wrong, and must learn so
        top_entropy_quantile=1.0,
        off_policy_mask_threshold=None,
        sync_ref_model=False,
        shuffle_dataset=True,
        use_vllm=False,
        lr_scheduler_type="linear",
        adam_epsilon=ADAM_EPSILON,
        # On whole cycles only: in the middle of one, the samples to continue with would be lost.
        save_steps=config.save_steps * config.num_iterations,
        logging_strategy="steps",
        logging_steps=config.num_iterations,
        log_completions=False,
        bf16=hardware.bf16,
        disable_dropout=False,  # the trainer does it, and does it whole
        remove_unused_columns=False,
    )
