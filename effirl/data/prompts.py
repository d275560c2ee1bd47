"""The prompt's format. No other module knows it.

    Problem: Count the primes up to n.
    Initial Code:
    n = int(input())
    ...
    Performance Tag: runtime=1 memory=0

A tag of 1 asks for a significant gain and 0 for a minor one. An absent tag leaves the choice to the
policy; with both absent the line goes too. The completion is the improved program and nothing else.
"""

import hashlib

from effirl.data.problems import Problem, Target


def build_prompt(problem: Problem, *, runtime_tag: int | None, memory_tag: int | None) -> str:
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
        f"{name}={tag}"
        for name, tag in (("runtime", runtime_tag), ("memory", memory_tag))
        if tag is not None
    ]
    if tags:
        lines.append(f"Performance Tag: {' '.join(tags)}")
    return "\n".join(lines)


def inference_prompt(problem: Problem) -> str:
    """Return the prompt of reinforcement and evaluation, which is the same at every alpha."""
    return build_prompt(problem, runtime_tag=1, memory_tag=1)


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
