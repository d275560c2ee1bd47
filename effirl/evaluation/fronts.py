"""Points on the plane of two gains: which of them no other beats, and the area below these."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from effirl.evaluation.bootstrap import Vector

REFERENCE: Final = (0.0, 0.0)
"""Where the hypervolume starts: the source programs unchanged. Gains end at 1, so does it."""


def non_dominated(points: Vector | Sequence[tuple[float, float]]) -> list[int]:
    """Return the points to which no other is at least equal in both and better in one.

    >>> non_dominated([(0.0, 1.0), (1.0, 0.0), (0.5, 0.5), (0.4, 0.4)])
    [0, 1, 2]
    """
    above = dominates(np.array(points, dtype=np.float64).reshape(1, -1, 2))[0]
    return [index for index in range(len(points)) if not above[:, index].any()]


def hypervolume(
    points: Vector | Sequence[tuple[float, float]],
    reference: Vector | tuple[float, float] = REFERENCE,
) -> float:
    """Return the area between a reference and the points' front; more is better in both.

    >>> hypervolume([(1.0, 0.5), (0.5, 1.0), (0.4, 0.4), (-1.0, 1.0)])
    0.75
    >>> hypervolume([(1.0, 0.5), (0.5, 1.0)], reference=(0.5, 0.5))
    0.0
    """
    left, height = map(float, reference)
    area = 0.0
    for x, y in sorted(map(tuple, points), reverse=True):
        if x > left and y > height:
            area += (x - left) * (y - height)
            height = y
    return float(area)


def dominates(points: Vector) -> NDArray[np.bool_]:
    """Say which points dominate which: (R, N, 2) -> (R, N, N), [r, i, j] for i above j."""
    one, other = points[:, :, None], points[:, None, :]
    found: NDArray[np.bool_] = np.logical_and(
        np.all(one >= other, axis=-1), np.any(one > other, axis=-1)
    )
    return found
