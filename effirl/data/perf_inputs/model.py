"""A problem's input as the examples show it: its shape, its constraints, and how to make more."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from effirl.data.perf_inputs.constraints import Constraints, learn
from effirl.data.perf_inputs.generation import generate
from effirl.data.perf_inputs.inference import infer
from effirl.data.perf_inputs.shape import Shape, Values, read
from effirl.data.perf_inputs.strategies import Strategy, strategies


@dataclass(frozen=True, slots=True)
class InputModel:
    """One reading of the examples."""

    shape: Shape
    constraints: Constraints
    examples: tuple[Values, ...]

    def strategies(self) -> list[Strategy]:
        """List ways to grow, those that tell most often first."""
        return strategies(self.shape, self.constraints, self.examples)

    def text(self, strategy: Strategy, factor: float, rng: random.Random) -> str:
        """Make an input about `factor` times the size of an example.

        Raises:
            InfeasibleError: If none of this size keeps the constraints, or it would be too large.
        """
        base = self.examples[strategy.base]
        return generate(self.shape, self.constraints, base, strategy, factor, rng)


def models(examples: Sequence[str]) -> Iterator[InputModel]:
    """Read the examples in every way that fits them all, the likeliest first.

    Args:
        examples: Inputs of one problem; without any, nothing is known.
    """
    texts = list(dict.fromkeys(examples))
    for shape in infer(texts):
        values = tuple(read(shape, text) for text in texts if text.strip())
        yield InputModel(shape, learn(shape, values), values)
