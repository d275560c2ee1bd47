"""The prompt's format. No other module knows it.

    Problem: Count the primes up to n.
    Initial Code:
    n = int(input())
    ...
    Performance Tag: runtime=1 memory=0

A tag of 1 asks for a significant gain and 0 for a minor one. An absent tag leaves the choice to the
policy; with both absent the line goes too. The completion is the improved program and nothing else.

A conditioned policy is told alpha by the same tags: the larger weight of the reward is 1, the other
one in proportion. The warm start knows alpha 1, 0.5 and 0 (1 0, 1 1 and 0 1) already, and 0.8 is

    Performance Tag: runtime=1 memory=0.4

That a policy is conditioned is written beside its weights; see `mark_conditioned`.
"""

import hashlib
import json
from pathlib import Path

from effirl.data.problems import Problem, Target
from effirl.files import write_whole

TAGS = ("runtime=0", "runtime=1", "memory=0", "memory=1")
"""Each as the prompt has it."""

PROMPT_FILE = "prompt.json"
"""Lies in the folder of a conditioned policy, and in that of its run."""


def build_prompt(problem: Problem, *, runtime_tag: float | None, memory_tag: float | None) -> str:
    """Return the text that the encoder reads.

    >>> problem = Problem("p", "Echo a number.", "print(int(input()))")
    >>> print(build_prompt(problem, runtime_tag=1, memory_tag=None))
    Problem: Echo a number.
    Initial Code:
    print(int(input()))
    Performance Tag: runtime=1
    """
    lines = [
        f"Problem: {' '.join(problem.description.split())}",
        "Initial Code:",
        problem.source_program.strip("\n"),
    ]
    tags = [
        f"{name}={tag:g}"
        for name, tag in (("runtime", runtime_tag), ("memory", memory_tag))
        if tag is not None
    ]
    if tags:
        lines.append(f"Performance Tag: {' '.join(tags)}")
    return "\n".join(lines)


def inference_prompt(problem: Problem, alpha: float | None = None) -> str:
    """Return the prompt of reinforcement and evaluation.

    Args:
        problem: What to improve.
        alpha: The balance that a conditioned policy is asked for; None for any other policy, whose
            prompt is the same whatever it was trained for.
    """
    runtime_tag, memory_tag = (1.0, 1.0) if alpha is None else alpha_tags(alpha)
    return build_prompt(problem, runtime_tag=runtime_tag, memory_tag=memory_tag)


def continuation_prompt(prompt: str) -> str:
    """Return the prompt from which a causal model goes on with the improved program."""
    return f"{prompt}\nImproved Code:\n"


def alpha_tags(alpha: float) -> tuple[float, float]:
    """Return the runtime and the memory tag that stand for a balance, to two decimals.

    >>> [alpha_tags(alpha) for alpha in (0, 0.25, 0.5, 0.8, 1)]
    [(0.0, 1.0), (0.5, 1.0), (1.0, 1.0), (1.0, 0.4), (1.0, 0.0)]
    """
    return min(1.0, round(2 * alpha, 2)), min(1.0, round(2 * (1 - alpha), 2))


def mark_conditioned(folder: Path) -> None:
    """Write down in a run folder that its policy must be told alpha."""
    write_whole(folder / PROMPT_FILE, json.dumps({"alpha": "conditioned"}) + "\n")


def is_conditioned(model: str | Path) -> bool:
    """Whether a model must be told alpha, as far as its folder or its run's says."""
    folder = Path(model)  # model/ and checkpoint-N/ are in a run
    return folder.is_dir() and any(
        (place / PROMPT_FILE).is_file() for place in (folder, folder.parent)
    )


def training_prompt(problem: Problem, target: Target, *, tag_dropout: float, seed: int) -> str:
    """Return the prompt of a training pair, with each tag left out at random.

    The draw depends on the pair and the seed only, never on the order of the data.
    """
    runtime_tag = target.runtime_tag if _draw(problem, target, seed, 0) >= tag_dropout else None
    memory_tag = target.memory_tag if _draw(problem, target, seed, 1) >= tag_dropout else None
    return build_prompt(problem, runtime_tag=runtime_tag, memory_tag=memory_tag)


def target_text(target: Target) -> str:
    """Return the text that the decoder learns to write."""
    return target.program.strip("\n")


def _draw(problem: Problem, target: Target, seed: int, which: int) -> float:
    """Return a number in [0, 1) that is stable across processes and Python versions."""
    parts = (problem.problem_id, problem.source_program, target.program, str(seed), str(which))
    digest = hashlib.sha256("\0".join(parts).encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
