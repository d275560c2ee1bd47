"""The prompt's format. No other module knows it.

    Problem: Count the primes up to n.
    Initial Code:
    n = int(input())
    ...
    Performance Tag: runtime=1 memory=0

A tag of 1 asks for a significant gain and 0 for a minor one. An absent tag leaves the choice to the
policy; with both absent the line goes too. The completion is the improved program and nothing else.

A conditioned policy is told alpha by the same tags: each is twice the weight of its objective, at
most 1, in quarters. So alpha 1, 0.5 and 0 are 1 0, 1 1 and 0 1, and 0.8 is

    Performance Tag: runtime=1 memory=0.5

The warm start knows what is between, too: of a problem with several measured targets, at times the
tags of a pair say an alpha at which its target is the best one, and at times 1 1, both ends alike.

That a policy is conditioned is written beside its weights; see `mark_conditioned`.
"""

import hashlib
import json
from pathlib import Path
from typing import Final

from effirl.data.problems import Problem, Target
from effirl.files import write_whole

_TAG_LINE = "Performance Tag:"
_STEPS = 4
"""Values of a tag above 0."""
BALANCES: Final = tuple(step / (2 * _STEPS) for step in range(2 * _STEPS + 1))
"""Every alpha that a prompt can say; others become the nearest."""
TAGS: Final = tuple(
    f"{name}={step / _STEPS:g}" for name in ("runtime", "memory") for step in range(_STEPS + 1)
)
"""Each as the prompt has it."""
WISHES: Final = {"runtime": (1, 0), "memory": (0, 1)}
"""The (runtime, memory) tags that ask for one objective alone."""
_OPEN_SHARE = 0.15
"""Of the pairs whose target is the best at some balance: their tags are 1 1, whichever balance it
is. So the middle is known and left open, and reinforcement starts from there."""
_BETWEEN_SHARE = 0.25
"""Of those whose target is the best at a balance between an end and the middle: they say it."""

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
        lines.append(f"{_TAG_LINE} {' '.join(tags)}")
    return "\n".join(lines)


def tag_line(prompt: str) -> str:
    r"""Return the line with the tags, the break before it included; empty if there is none.

    >>> tag_line("Initial Code:\nprint(1)\nPerformance Tag: runtime=1")
    '\nPerformance Tag: runtime=1'
    """
    _, line_break, last = prompt.rpartition("\n")
    return line_break + last if last.startswith(_TAG_LINE) else ""


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
    """Return the runtime and the memory tag of a balance, the nearest of `BALANCES`.

    >>> [alpha_tags(alpha) for alpha in (0, 0.25, 0.5, 0.8, 1)]
    [(0.0, 1.0), (0.5, 1.0), (1.0, 1.0), (1.0, 0.5), (1.0, 0.0)]
    """
    runtime, memory = (round(2 * weight * _STEPS) / _STEPS for weight in (alpha, 1 - alpha))
    return min(1.0, runtime), min(1.0, memory)


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

    The draws depend on the pair and the seed only, never on the order of the data.
    """
    draws = [_draw(problem, target, seed, which) for which in range(4)]
    runtime_tag, memory_tag = _training_tags(target, *draws[2:])
    return build_prompt(
        problem,
        runtime_tag=runtime_tag if draws[0] >= tag_dropout else None,
        memory_tag=memory_tag if draws[1] >= tag_dropout else None,
    )


def _training_tags(target: Target, kind: float, which: float) -> tuple[float | None, float | None]:
    """Return the tags that the target earned, or those of a balance at which it is the best."""
    if target.balances and kind < _OPEN_SHARE:
        return alpha_tags(0.5)
    between = [alpha for alpha in target.balances if alpha not in (0, 0.5, 1)]
    if between and kind < _OPEN_SHARE + _BETWEEN_SHARE:
        return alpha_tags(between[int(which * len(between))])
    return target.runtime_tag, target.memory_tag


def target_text(target: Target) -> str:
    """Return the text that the decoder learns to write."""
    return target.program.strip("\n")


def _draw(problem: Problem, target: Target, seed: int, which: int) -> float:
    """Return a number in [0, 1) that is stable across processes and Python versions."""
    parts = (problem.problem_id, problem.source_program, target.program, str(seed), str(which))
    digest = hashlib.sha256("\0".join(parts).encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
