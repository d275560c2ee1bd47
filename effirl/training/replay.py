"""Replay of earlier phases against forgetting, and how a phase reacts when it forgets all the same.

The pairs of a phase and of those before it are drawn in blocks of batches, a share of each block
from the earlier ones: first those that differ from the phase's own in nothing but tags and target,
which come in the same batch. After each evaluation the gains of the earlier phases' objectives are
compared with what they were when the phase began, problem by problem. Where a gain fell, with the
whole 95% interval below zero, the way from the replay share to its maximum is halved, and so is the
learning rate, for the rest of the phase. Nothing is ever turned back.
"""

import json
import random
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch.utils.data import Sampler

from effirl.data.tags import Objective
from effirl.files import read_log
from effirl.training.batches import BLOCK_BATCHES, shuffled_batches
from effirl.training.config import MAX_REPLAY_SHARE
from effirl.training.processes import is_main, write_line
from effirl.training.validation import Gains, Verdict, paired_difference


@dataclass(frozen=True, slots=True)
class Reaction:
    """A change in the course of a phase: one row of reactions.jsonl."""

    step: int
    """After which it was decided."""
    block: int
    """From which it is in force: those before were drawn already."""
    share: float


class Replay:
    """The replay share over the course of a phase.

    Args:
        path: The file of the reactions. Resuming reads it, so that blocks are drawn again as they
            were.
        share: At the start.
        step: Of the checkpoint that the run continues from; later reactions are forgotten.
        earlier: Objectives of the phases that are replayed.
        start: Their gains when the phase began, empty where nothing was run.
    """

    def __init__(
        self, path: Path, share: float, step: int, earlier: Sequence[Objective], start: Gains
    ) -> None:
        self.num_blocks = 0
        """Drawn so far, counted over the whole phase."""
        self._path = path
        self._reactions = [Reaction(0, 0, share), *_read_reactions(path, step)]
        self._earlier = earlier
        self._start = start

    @property
    def share(self) -> float:
        """What is in force for blocks that are not drawn yet."""
        return self._reactions[-1].share

    def share_of(self, block: int) -> float:
        """Return the share that a block was, or will be, drawn with."""
        blocks = [reaction.block for reaction in self._reactions]
        return self._reactions[bisect_right(blocks, block) - 1].share

    def react(self, verdict: Verdict, step: int, scheduler: Any) -> None:
        """Compare an evaluation with the start of the phase; where a gain fell, change course.

        Args:
            verdict: The same in every process.
            step: Of the optimizer.
            scheduler: Of the learning rate; its base rates are part of each checkpoint.
        """
        fallen = []
        for objective in self._earlier if self._start else ():
            change = paired_difference(verdict.gains[objective], self._start[objective])
            if change is not None and change.high < 0:
                interval = f"{-change.high:.3f} to {-change.low:.3f}"
                fallen.append(f"{objective} gain fell by {-change.mean:.3f} ({interval})")
        if not fallen:
            return
        before = self.share
        after = (before + MAX_REPLAY_SHARE) / 2
        reaction = Reaction(step, self.num_blocks, after)
        self._reactions.append(reaction)
        inner = getattr(scheduler, "scheduler", scheduler)  # accelerate's wrapper
        inner.base_lrs = [rate / 2 for rate in inner.base_lrs]
        if is_main():
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(reaction)) + "\n")
        write_line(
            f"{' and '.join(fallen)} since the phase began: replay share {before:.2f} -> "
            f"{after:.2f}, learning rate halved"
        )


class ReplaySampler(Sampler[int]):
    """Draws the phase's own pairs and replayed ones, in batches of like length.

    An epoch has as many pairs as show each of the phase's own about once at the first share. Own
    pairs are gone through in random order before any comes again. Each is shown with its siblings
    among the replayed ones, as far as the share goes; what is left of the share goes through all
    replayed pairs in random order.

    Args:
        lengths: Of all pairs, the phase's own first.
        siblings: Of own pairs, as `siblings` finds them.
        num_own: How many are the phase's own; at least one is not.
        batch_size: Pairs of a micro batch.
        replay: Says how many of each block are replayed.
        seed: Of the order.
    """

    def __init__(
        self,
        lengths: Sequence[int],
        siblings: Mapping[int, Sequence[int]],
        num_own: int,
        batch_size: int,
        replay: Replay,
        seed: int,
    ) -> None:
        self._lengths = lengths
        self._siblings = siblings
        self._num_own = num_own
        self._batch_size = batch_size
        self._replay = replay
        self._seed = seed
        self._epoch = 0
        self._size = round(num_own / (1 - replay.share_of(0)))

    def __len__(self) -> int:
        return self._size

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch comes next: the trainer does, also when it continues a run."""
        self._epoch = epoch

    def __iter__(self) -> Iterator[int]:
        generator = random.Random(f"{self._seed}/{self._epoch}")
        own = _endless(range(self._num_own), generator)
        earlier = _endless(range(self._num_own, len(self._lengths)), generator)
        block_size = BLOCK_BATCHES * self._batch_size
        block = self._epoch * -(-self._size // block_size)
        for start in range(0, self._size, block_size):
            size = min(block_size, self._size - start)
            self._replay.num_blocks = block + 1
            num_replayed = round(self._replay.share_of(block) * size)
            groups = self._groups(own, earlier, size - num_replayed, num_replayed)
            batches, rest = shuffled_batches(groups, self._lengths, self._batch_size, generator)
            yield from batches + rest  # of the last block only there is a rest
            block += 1

    def _groups(
        self, own: Iterator[int], earlier: Iterator[int], num_own: int, num_replayed: int
    ) -> list[list[int]]:
        groups = []
        for _ in range(num_own):
            index = next(own)
            shown_with = [*self._siblings.get(index, ())][:num_replayed]
            num_replayed -= len(shown_with)
            groups.append([index, *shown_with])
        return groups + [[next(earlier)] for _ in range(num_replayed)]


def siblings(
    problems: Sequence[str], targets: Sequence[object], num_own: int
) -> dict[int, list[int]]:
    """Find, for each own pair, the earlier ones of the same problem with another target.

    Args:
        problems: Of each pair, the phase's own first.
        targets: The same.
        num_own: How many are the phase's own.

    >>> siblings(["a", "b", "a", "a"], ["fast", "fast", "fast", "lean"], num_own=2)
    {0: [3]}
    """
    earlier: dict[str, list[int]] = {}
    for index in range(num_own, len(problems)):
        earlier.setdefault(problems[index], []).append(index)
    found = {
        index: [
            other for other in earlier.get(problems[index], []) if targets[other] != targets[index]
        ]
        for index in range(num_own)
    }
    return {index: others for index, others in found.items() if others}


def _endless(indices: Sequence[int], generator: random.Random) -> Iterator[int]:
    while True:
        order = list(indices)
        generator.shuffle(order)
        yield from order


def _read_reactions(path: Path, step: int) -> list[Reaction]:
    found = [Reaction(**row) for row in read_log(path)]  # one that a kill cut short comes again
    return [reaction for reaction in found if reaction.step <= step]
