"""Programs that attack the executor, by what they are after. Data only."""

from tests.sandbox.attacks import (
    exhaustion,
    harness,
    hiding,
    information,
    leaving,
    memory,
    persistence,
    processes,
    rights,
    runtime,
    surface,
    text,
)
from tests.sandbox.attacks.attack import Attack

__all__ = ["GROUPS", "Attack"]

GROUPS: dict[str, tuple[Attack, ...]] = {
    module.__name__.rpartition(".")[2]: module.ATTACKS
    for module in (
        information,
        harness,
        leaving,
        runtime,
        memory,
        hiding,
        processes,
        rights,
        surface,
        persistence,
        exhaustion,
        text,
    )
}
