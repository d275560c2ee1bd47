"""Damage to repair: the objectives of pre-training, on the text of a program.

A program is cut into pieces (names, numbers, spaces, signs), and runs of pieces are hidden. The
model reads the damaged program in the prompt's own form.
"""

import keyword
import random
import re

from effirl.data.corpus import CorpusText
from effirl.data.problems import Problem
from effirl.data.prompts import build_prompt

NUM_SENTINELS = 20
MASK = "<mask>"
_PIECE = re.compile(r"[A-Za-z_]\w*|\d+|\n *| +|.")
_NAME = re.compile(r"[A-Za-z_]\w*")
_MEAN_SPAN = 3


def sentinel(index: int) -> str:
    """Return the token that stands for the hidden span `index`."""
    return f"<extra_id_{index}>"


def denoising_example(text: CorpusText, rng: random.Random) -> tuple[str, str]:
    """Hide spans behind sentinels; the target lists what they hide (T5's objective)."""
    pieces = _PIECE.findall(text.program)
    spans = _spans(len(pieces), rng.uniform(0.1, 0.3), rng)
    damaged, target = [], []
    position = 0
    for index, (start, end) in enumerate(spans):
        damaged += [*pieces[position:start], sentinel(index)]
        target += [sentinel(index), *pieces[start:end]]
        position = end
    damaged += pieces[position:]
    return _prompt(text, "".join(damaged)), "".join(target)


def identifier_example(text: CorpusText, rng: random.Random) -> tuple[str, str]:
    """Hide every use of some names, each behind its own sentinel (CodeT5's objective)."""
    names = {n for n in _NAME.findall(text.program) if not keyword.iskeyword(n)}
    chosen = rng.sample(sorted(names), min(len(names), rng.randint(1, 4)))
    # In order of first use, as a reader meets them.
    chosen.sort(key=lambda name: re.search(rf"\b{name}\b", text.program).start())  # type: ignore[union-attr]
    hidden = {name: sentinel(index) for index, name in enumerate(chosen)}
    damaged = _NAME.sub(lambda match: hidden.get(match[0], match[0]), text.program)
    return _prompt(text, damaged), "".join(hidden[name] + name for name in chosen)


def reconstruction_example(
    text: CorpusText, rng: random.Random, *, damage: float
) -> tuple[str, str]:
    """Hide or drop spans without saying which is which; the target is the whole program.

    Args:
        text: What to damage.
        rng: Source of chance.
        damage: Fraction of the pieces that are damaged; 0 asks for a copy.
    """
    pieces = _PIECE.findall(text.program)
    for start, end in reversed(_spans(len(pieces), damage, rng) if damage else []):
        pieces[start:end] = [MASK] if rng.random() < 0.8 else []
    return _prompt(text, "".join(pieces)), text.program


def outline_example(text: CorpusText, rng: random.Random) -> tuple[str, str]:
    """Hide most lines, runs of them behind one mask; the target is the whole program.

    What is hidden follows from the description and from names and constants in the other lines.
    """
    share = rng.uniform(0.5, 0.9)
    shown: list[str] = []
    for line in text.program.split("\n"):
        if rng.random() >= share:
            shown.append(line)
        elif shown[-1:] != [MASK]:
            shown.append(MASK)
    return _prompt(text, "\n".join(shown)), text.program


def training_example(text: CorpusText, rng: random.Random) -> tuple[str, str]:
    """Return one of the four objectives: what the encoder reads and what the decoder writes."""
    draw = rng.random()
    if draw < 0.15:
        return denoising_example(text, rng)
    if draw < 0.25:
        return identifier_example(text, rng)
    if draw < 0.65:
        return outline_example(text, rng)
    return reconstruction_example(text, rng, damage=rng.choice((0.0, 0.05, 0.1, 0.2)))


def _spans(num_pieces: int, fraction: float, rng: random.Random) -> list[tuple[int, int]]:
    """Draw spans that do not touch, in order, which cover about `fraction` of the pieces."""
    wanted = max(1, min(round(num_pieces * fraction / _MEAN_SPAN), NUM_SENTINELS))
    spans: list[tuple[int, int]] = []
    for start in sorted(rng.sample(range(num_pieces), min(wanted, num_pieces))):
        if spans and start <= spans[-1][1]:
            continue
        spans.append((start, min(num_pieces, start + rng.randint(1, 2 * _MEAN_SPAN - 1))))
    return spans


def _prompt(text: CorpusText, damaged: str) -> str:
    """Return the damaged program in a prompt without tags: what they mean comes later."""
    problem = Problem("corpus", text.description, damaged if damaged.strip() else MASK)
    return build_prompt(problem, runtime_tag=None, memory_tag=None)
