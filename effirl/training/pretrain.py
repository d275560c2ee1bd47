"""Pre-train the built-in model, `codet5-nano`, from scratch on the corpus.

    python scripts/pretrain.py --config configs/pretrain.yaml

Rounds of fresh examples, cut into batches of like length. Interrupted, it continues from the last
checkpoint of its run folder. What it writes at the end is what the package ships.
"""

import json
import logging
import math
import random
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from transformers import PreTrainedTokenizerBase, T5Config, T5ForConditionalGeneration
from transformers.utils.logging import disable_progress_bar

from effirl.data.corpus import CorpusText, build_corpus
from effirl.data.noise import MASK, training_example
from effirl.errors import UserError
from effirl.policy import load_policy
from effirl.runs import Run, open_run
from effirl.training.model_card import evaluate_pretraining, write_model_card
from effirl.training.optimizer import RELATIVE_BIAS, MuonWithAdam
from effirl.training.pretrain_batches import PAD, Batch, round_batches
from effirl.training.pretrain_config import PretrainConfig
from effirl.training.processes import has_fast_bfloat16
from effirl.training.tokenizer import add_tag_tokens, train_tokenizer

_LOG = logging.getLogger(__name__)
_WARMUP_FRACTION = 0.03
_WEIGHT_DECAY = 0.01
_NUM_NEIGHBOURS = 3
_NEIGHBOUR_BIAS = 4.0
_MAX_GRADIENT_NORM = 1.0


@dataclass(frozen=True, slots=True)
class _Progress:
    """How far a run has come, over all processes that worked on it."""

    rounds: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    """Of all threads: on a busy machine the fairer measure of the cost."""


def pretrain(config: PretrainConfig) -> Path:
    """Train the model, measure it on held-out programs, and return the folder that has it."""
    torch.set_num_threads(config.num_threads)
    disable_progress_bar()  # type: ignore[no-untyped-call]
    run = open_run("pretrain", config, config.output_dir)
    if not run.is_finished:
        _make_model(config, run)
    if config.export_dir is not None:
        shutil.copytree(run.model_path, config.export_dir, dirs_exist_ok=True)
    where = config.export_dir or run.model_path
    _LOG.info("wrote %s", where)
    return where


def _make_model(config: PretrainConfig, run: Run) -> None:
    corpus = build_corpus(
        instances_per_family=config.instances_per_family,
        num_random=config.num_random_programs,
        seed=config.seed,
    )
    _LOG.info("corpus: %d programs", len(corpus))
    torch.manual_seed(config.seed)
    model, tokenizer = _load(config.start_from) if config.start_from else _new(corpus, config)
    _LOG.info("model: %.2f M parameters, %d tokens", model.num_parameters() / 1e6, len(tokenizer))
    spent = _train(model, tokenizer, corpus, config, run)
    add_tag_tokens(model, tokenizer, seed=config.seed)
    folder = run.path / "unfinished-model"
    model.half().save_pretrained(folder)  # type: ignore[no-untyped-call]
    tokenizer.save_pretrained(folder)
    scores = evaluate_pretraining(folder)
    _LOG.info("exact match: %s", json.dumps(scores))
    write_model_card(
        folder,
        config,
        scores,
        num_programs=len(corpus),
        seconds=spent.seconds,
        cpu_seconds=spent.cpu_seconds,
    )
    folder.rename(run.model_path)  # a run that has this is finished


def _load(name: str) -> tuple[T5ForConditionalGeneration, PreTrainedTokenizerBase]:
    policy = load_policy(name)
    if not isinstance(policy.model, T5ForConditionalGeneration):
        raise UserError(f"pre-training goes on from a plain T5, and {name} is none")
    return policy.model, policy.tokenizer


def _new(
    corpus: list[CorpusText], config: PretrainConfig
) -> tuple[T5ForConditionalGeneration, PreTrainedTokenizerBase]:
    tokenizer = _fit_tokenizer(corpus, config)
    model = T5ForConditionalGeneration(_architecture(config, len(tokenizer)))
    _look_back(model)
    return model, tokenizer


def _architecture(config: PretrainConfig, vocab_size: int) -> T5Config:
    """Return CodeT5's flavour of T5: ReLU, tied embeddings, its ids of the special tokens."""
    return T5Config(  # type: ignore[call-arg]
        vocab_size=vocab_size,
        d_model=config.d_model,
        d_kv=config.d_model // config.num_heads,
        d_ff=config.d_ff,
        num_heads=config.num_heads,
        num_layers=config.num_encoder_layers,
        num_decoder_layers=config.num_decoder_layers,
        dropout_rate=0.0,  # examples are never seen twice in the same form
        feed_forward_proj="relu",
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        decoder_start_token_id=0,
        n_positions=config.max_tokens,
    )


def _fit_tokenizer(corpus: list[CorpusText], config: PretrainConfig) -> PreTrainedTokenizerBase:
    rng = random.Random(config.seed)
    prompts = [training_example(text, rng)[0] for text in corpus]
    # The holes that training makes say nothing about the language.
    texts = [p for p in prompts if MASK not in p and "<extra_id_" not in p]
    texts += [text.program for text in corpus]
    return train_tokenizer(texts, vocab_size=config.vocab_size, max_length=config.max_tokens)


def _train(
    model: T5ForConditionalGeneration,
    tokenizer: PreTrainedTokenizerBase,
    corpus: list[CorpusText],
    config: PretrainConfig,
    run: Run,
) -> _Progress:
    """Train to the end, from the last checkpoint if there is one, and return what it took."""
    optimizer = MuonWithAdam(model, config.learning_rate, weight_decay=_WEIGHT_DECAY)
    peaks = [group["lr"] for group in optimizer.param_groups]
    before = progress = _resume(model, optimizer, run)
    model.train()
    started, cpu_started = time.monotonic(), time.process_time()
    for number in range(before.rounds, config.num_rounds):
        batches = round_batches(tokenizer, corpus, config, number)
        losses = []
        for index, batch in enumerate(batches):
            share = (number + index / len(batches)) / config.num_rounds
            for group, peak in zip(optimizer.param_groups, peaks, strict=True):
                group["lr"] = peak * _schedule(share)
            losses.append(_step(model, optimizer, batch))
        progress = _Progress(
            number + 1,
            before.seconds + time.monotonic() - started,
            before.cpu_seconds + time.process_time() - cpu_started,
        )
        _report(progress, before, config, sum(losses) / len(losses))
        if progress.rounds % config.save_rounds == 0:
            _save_checkpoint(model, optimizer, run, progress)
    return progress


def _look_back(model: T5ForConditionalGeneration) -> None:
    """Let the first heads of each stack start out on the one, two and three tokens before.

    To copy, a decoder must find where its last tokens stand in the input and take the next one.
    Knowing the neighbours is half of it and takes long to find from random weights; knowing one
    neighbour only, it jumps to wherever the last token recurs.
    """
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith(RELATIVE_BIAS):
                for distance in range(1, _NUM_NEIGHBOURS + 1):  # buckets of small distances
                    parameter[distance, distance - 1] += _NEIGHBOUR_BIAS


def _report(progress: _Progress, before: _Progress, config: PretrainConfig, loss: float) -> None:
    a_round = (progress.seconds - before.seconds) / (progress.rounds - before.rounds)
    _LOG.info(
        "round %d/%d  loss %.3f  %.0f s, %.0f CPU s  ETA %.0f s",
        *(progress.rounds, config.num_rounds, loss, progress.seconds, progress.cpu_seconds),
        a_round * (config.num_rounds - progress.rounds),
    )


def _schedule(progress: float) -> float:
    """Return the fraction of the peak learning rate: a linear rise, then a half cosine."""
    if progress < _WARMUP_FRACTION:
        return progress / _WARMUP_FRACTION
    return 0.5 * (1 + math.cos(math.pi * (progress - _WARMUP_FRACTION) / (1 - _WARMUP_FRACTION)))


def _step(model: T5ForConditionalGeneration, optimizer: MuonWithAdam, batch: Batch) -> float:
    optimizer.zero_grad(set_to_none=True)
    # Nearly twice as fast where the processor has it, and precise enough to learn a language by.
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=has_fast_bfloat16()):
        loss = model(
            input_ids=batch.input_ids,
            attention_mask=batch.input_ids.ne(PAD),
            labels=batch.labels,
        ).loss
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), _MAX_GRADIENT_NORM)
    optimizer.step()
    return float(loss.detach())


def _save_checkpoint(
    model: T5ForConditionalGeneration,
    optimizer: MuonWithAdam,
    run: Run,
    progress: _Progress,
) -> None:
    folder = run.path / f"checkpoint-{progress.rounds}"
    model.save_pretrained(folder)
    torch.save(optimizer.state_dict(), folder / "optimizer.pt")
    # Written last: `effirl.runs` takes a checkpoint without it for one that was cut short.
    (folder / "trainer_state.json").write_text(json.dumps(asdict(progress)), encoding="utf-8")
    for other in run.path.glob("checkpoint-*"):
        if other != folder:
            shutil.rmtree(other)


def _resume(model: T5ForConditionalGeneration, optimizer: MuonWithAdam, run: Run) -> _Progress:
    """Load the last checkpoint, if there is one, and return how far it had come."""
    if run.checkpoint is None:
        return _Progress()
    saved = T5ForConditionalGeneration.from_pretrained(run.checkpoint)
    model.load_state_dict(saved.state_dict())
    optimizer.load_state_dict(torch.load(run.checkpoint / "optimizer.pt", weights_only=True))
    state = json.loads((run.checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
    progress = _Progress(**state)
    _LOG.info("continuing after round %d of %s", progress.rounds, run.path)
    return progress
