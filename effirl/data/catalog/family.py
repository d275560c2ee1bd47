"""What a family of the catalog is, and what one instance of it holds."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

Scale = Literal["training", "evaluation"]
"""Training inputs are small, because reinforcement measures thousands of programs on them."""


@dataclass(frozen=True, slots=True)
class Instance:
    """One problem: a slow program and better ones that print the same."""

    description: str
    source_program: str
    alternatives: Mapping[str, str]
    """Name -> program. A trade-off family has `fast` and `lean`."""
    checking_inputs: tuple[str, ...]
    """Small, with the edges of the input domain."""
    performance_input: Callable[[Scale], str]
    constants: tuple[int, ...]
    """What makes this instance another problem than its siblings, however it is written."""


@dataclass(frozen=True, slots=True)
class Family:
    """A parametric family of problems."""

    name: str
    build: Callable[[random.Random, random.Random], Instance]
    """Draws constants and wording from the first generator, performance inputs from the second.

    The catalog draws both from one; another second one makes fresh inputs of the same problem."""
    is_trade_off: bool
    """Its `fast` and `lean` alternatives pull in opposite directions."""
    is_transfer: bool = False
    """Held out from training as a whole."""
