"""The warm start's training pairs: problems become token ids."""

from collections import Counter
from collections.abc import Sequence

from datasets import Dataset
from transformers import PreTrainedTokenizerBase

from effirl.data.problems import Problem
from effirl.data.prompts import target_text, training_prompt
from effirl.training.config import SftConfig

_LABEL_BUCKET = 16


def build_examples(
    problems: Sequence[Problem], tokenizer: PreTrainedTokenizerBase, config: SftConfig
) -> tuple[Dataset, Counter[str]]:
    """Tokenise every (problem, target) pair.

    A target that is too long is left out rather than cut: its pair would teach the policy either
    to stop in the middle of a program or not to stop at all.

    Returns:
        The pairs with `input_ids`, `attention_mask`, `labels` and `length`, which orders them so
        that neighbours need little padding; and how many prompts were cut and targets left out.
    """
    pairs = [(problem, target) for problem in problems for target in problem.targets]
    if not pairs:
        return Dataset.from_list([]), Counter()
    prompts = [
        training_prompt(problem, target, tag_dropout=config.tag_dropout, seed=config.seed)
        for problem, target in pairs
    ]
    targets = [target_text(target) for _, target in pairs]
    encoded_prompts = tokenizer(prompts)["input_ids"]
    encoded_targets = tokenizer(text_target=targets)["input_ids"]
    examples: list[dict[str, list[int] | int]] = []
    counts: Counter[str] = Counter()
    for prompt_ids, labels in zip(encoded_prompts, encoded_targets, strict=True):
        if len(labels) > config.max_target_tokens:
            counts["targets too long, left out"] += 1
            continue
        if len(prompt_ids) > config.max_prompt_tokens:
            counts["prompts too long, cut"] += 1
            prompt_ids = [*prompt_ids[: config.max_prompt_tokens - 1], prompt_ids[-1]]
        # By length of target, and among nearly equal ones by length of prompt.
        length = len(labels) // _LABEL_BUCKET * config.max_prompt_tokens + len(prompt_ids)
        examples.append(
            {
                "input_ids": prompt_ids,
                "attention_mask": [1] * len(prompt_ids),
                "labels": labels,
                "length": length,
            }
        )
    return Dataset.from_list(examples), counts


def describe_counts(counts: Counter[str]) -> str:
    """Return `, 3 prompts too long, cut` for every reason, empty if there is none."""
    return "".join(f"; {count} {reason}" for reason, count in sorted(counts.items()))
