"""Which pairs of a warm start are seen together: the targets of a problem, in like length."""

import random
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final

from torch.utils.data import Sampler

BLOCK_BATCHES: Final = 16
"""Drawn together and sorted by length: enough to need little padding, few enough that epochs differ
and that replay reacts soon."""


def shuffled_batches(
    groups: Iterable[Sequence[int]],
    lengths: Sequence[int],
    batch_size: int,
    generator: random.Random,
) -> tuple[list[int], list[int]]:
    """Cut groups into batches of like length, and put these in random order.

    Groups of several pairs come first before they are cut: they then begin where a batch does.

    Returns:
        The pairs of whole batches, and what is too few for one.
    """

    def place(group: Sequence[int]) -> tuple[int, int]:
        return -len(group), max(lengths[index] for index in group)

    pairs = [index for group in sorted(groups, key=place) for index in group]
    num_whole = len(pairs) // batch_size * batch_size
    batches = [pairs[i : i + batch_size] for i in range(0, num_whole, batch_size)]
    generator.shuffle(batches)
    return [index for batch in batches for index in batch], pairs[num_whole:]


class ProblemSampler(Sampler[int]):
    """Draws problems, and shows all targets of one in the same batch, where it does not end there.

    Their prompts differ in nothing but the tags, so what they share cancels out of the batch's
    gradient and what the tags decide is left: a policy is steered by its tags earlier.

    Args:
        problems: Of each pair, what names its problem; the pairs of a problem are neighbours.
        lengths: Of each pair.
        batch_size: Pairs of a micro batch.
        seed: Of the order.
    """

    def __init__(
        self, problems: Sequence[str], lengths: Sequence[int], batch_size: int, seed: int
    ) -> None:
        neighbours = groupby(range(len(problems)), key=problems.__getitem__)
        self._groups = [list(group) for _, group in neighbours]
        self._lengths = lengths
        self._batch_size = batch_size
        self._seed = seed
        self._epoch = 0

    def __len__(self) -> int:
        return len(self._lengths)

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch comes next: the trainer does, also when it continues a run."""
        self._epoch = epoch

    def __iter__(self) -> Iterator[int]:
        generator = random.Random(f"{self._seed}/{self._epoch}")
        groups = list(self._groups)
        generator.shuffle(groups)
        size = BLOCK_BATCHES * self._batch_size
        too_few: list[int] = []
        for start in range(0, len(groups), size):
            block = groups[start : start + size]
            batches, rest = shuffled_batches(block, self._lengths, self._batch_size, generator)
            yield from batches
            too_few += rest
        yield from too_few
