"""What is seen together: all pairs once an epoch, those of a problem in one batch."""

import random
from collections.abc import Iterator, Sequence

from effirl.training.batches import BLOCK_BATCHES, ProblemSampler, shuffled_batches

BATCH = 8
NUM_PROBLEMS = 400


def pairs(num_targets: dict[int, int]) -> tuple[list[str], list[int]]:
    """Return problems and lengths of pairs; the rest of the problems has one target."""
    problems = [p for p in range(NUM_PROBLEMS) for _ in range(num_targets.get(p, 1))]
    rng = random.Random(0)
    own = [rng.randrange(100, 400) for _ in range(NUM_PROBLEMS)]
    return [f"p{problem}" for problem in problems], [own[p] + rng.randrange(9) for p in problems]


def batched(indices: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    return (indices[i : i + size] for i in range(0, len(indices), size))


def drawn(sampler: ProblemSampler, epoch: int) -> list[int]:
    sampler.set_epoch(epoch)
    return list(sampler)


def test_an_epoch_shows_every_pair_once_and_targets_together() -> None:
    problems, lengths = pairs(dict.fromkeys(range(0, NUM_PROBLEMS, 2), 2))
    sampler = ProblemSampler(problems, lengths, BATCH, seed=0)
    found = drawn(sampler, 0)
    assert sorted(found) == [*range(len(problems))]
    assert len(sampler) == len(problems)
    apart = [
        problem
        for batch in batched(found, BATCH)
        for problem in {problems[i] for i in batch}
        if sum(problems[i] == problem for i in batch) < problems.count(problem)
    ]
    assert not apart


def test_three_targets_are_mostly_together() -> None:
    problems, lengths = pairs(dict.fromkeys(range(NUM_PROBLEMS), 3))
    found = drawn(ProblemSampler(problems, lengths, BATCH, seed=0), 0)
    places = [{problems[i] for i in batch} for batch in batched(found, BATCH)]
    assert sum(map(len, places)) < 1.6 * NUM_PROBLEMS  # 3 if they were drawn one by one


def test_batches_are_of_like_length() -> None:
    problems, lengths = pairs({})
    found = drawn(ProblemSampler(problems, lengths, BATCH, seed=0), 0)
    spread = [
        max(lengths[i] for i in batch) - min(lengths[i] for i in batch)
        for batch in batched(found, BATCH)
    ]
    assert sum(spread) / len(spread) < 2 * 300 / BLOCK_BATCHES


def test_epochs_and_seeds_differ_and_one_can_be_drawn_again() -> None:
    problems, lengths = pairs({1: 2, 5: 2})
    sampler = ProblemSampler(problems, lengths, BATCH, seed=0)
    first = drawn(sampler, 0)
    assert drawn(sampler, 1) != first
    assert drawn(sampler, 0) == first
    assert drawn(ProblemSampler(problems, lengths, BATCH, seed=1), 0) != first


def test_what_is_too_few_for_a_batch_is_apart() -> None:
    groups, lengths = [[9], [3, 4], [1], [0], [8], [6, 2], [5], [7]], [*range(10)]
    whole, rest = shuffled_batches(groups, lengths, 4, random.Random(0))
    assert rest == [8, 9]
    assert {tuple(batch) for batch in batched(whole, 4)} == {(3, 4, 6, 2), (0, 1, 5, 7)}
