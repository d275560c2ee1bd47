"""The warm start's training pairs: problems become token ids."""

import hashlib
from collections import Counter
from collections.abc import Sequence

from datasets import Dataset
from transformers import PreTrainedTokenizerBase

from effirl.data.problems import Problem
from effirl.data.prompts import target_text, training_prompt
from effirl.policy import encode_prompts
from effirl.training.config import SftConfig

_LABEL_BUCKET = 16


def build_examples(
    problems: Sequence[Problem], tokenizer: PreTrainedTokenizerBase, config: SftConfig
) -> tuple[Dataset, Counter[str]]:
    """Tokenise every (problem, target) pair.

    A target that is too long is left out rather than cut: its pair would teach the policy either
    to stop in the middle of a program or not to stop at all.

    Returns:
        The pairs with `input_ids`, `attention_mask`, `labels`, `length`, which orders them so that
        neighbours need little padding, and `problem`, equal for those of one problem; and how
        many prompts were cut and targets left out.
    """
    pairs = [
        (number, target) for number, problem in enumerate(problems) for target in problem.targets
    ]
    if not pairs:
        return Dataset.from_list([]), Counter()
    encoded_targets = tokenizer(text_target=[target_text(target) for _, target in pairs])
    kept = [
        (number, target, labels)
        for (number, target), labels in zip(pairs, encoded_targets["input_ids"], strict=True)
        if len(labels) <= config.max_target_tokens
    ]
    prompts = [
        training_prompt(problems[number], target, tag_dropout=config.tag_dropout, seed=config.seed)
        for number, target, _ in kept
    ]
    encoded_prompts, num_cut = encode_prompts(tokenizer, prompts, config.max_prompt_tokens)
    examples = [
        {
            "input_ids": prompt_ids,
            "attention_mask": [1] * len(prompt_ids),
            "labels": labels,
            # By length of target, and among nearly equal ones by length of prompt.
            "length": len(labels) // _LABEL_BUCKET * config.max_prompt_tokens + len(prompt_ids),
            "problem": problem_key(problems[number]),
        }
        for prompt_ids, (number, _, labels) in zip(encoded_prompts, kept, strict=True)
    ]
    counts = {
        "targets too long, left out": len(pairs) - len(kept),
        "prompts too long, cut": num_cut,
    }
    return Dataset.from_list(examples), +Counter(counts)


def problem_key(problem: Problem) -> str:
    """Tell problems apart, in any list: a data set may have several source programs for one id."""
    text = f"{problem.problem_id}\n{problem.source_program}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def describe_counts(counts: Counter[str]) -> str:
    """Return `, 3 prompts too long, cut` for every reason, empty if there is none."""
    return "".join(f"; {count} {reason}" for reason, count in sorted(counts.items()))
