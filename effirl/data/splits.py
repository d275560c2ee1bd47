"""Which split a problem belongs to, from nothing but its id: the same in every copy of the data."""

import hashlib

from effirl.errors import UserError

SPLITS = ("train", "validation", "test", "all")
EVALUATION_SPLITS = ("test", "train", "validation")
"""Of a set made for evaluation: `test` is all of it. The other two divide it for those who train on
it all the same; what a model was trained on is then left out when it is evaluated."""


def check_split(data: str, split: str, known: tuple[str, ...]) -> None:
    """Raise a `UserError` for a split that a data set does not have."""
    if split not in known:
        raise UserError(f"split of {data} must be one of {', '.join(known)}, got {split!r}")


def split_of(problem_id: str) -> str:
    """Name the split of a problem: 80, 10 and 10% of the ids.

    >>> [split_of(name) for name in ("p02552", "p02278", "p03371")]
    ['train', 'validation', 'test']
    """
    bucket = int(hashlib.sha256(problem_id.encode()).hexdigest(), 16) % 10
    return ("validation", "test")[bucket - 8] if bucket >= 8 else "train"


def is_in_evaluation_split(problem_id: str, split: str) -> bool:
    """Whether a problem of an evaluation set is in one of `EVALUATION_SPLITS`."""
    is_validation = split_of(problem_id) == "validation"
    return split == "test" or is_validation == (split == "validation")
