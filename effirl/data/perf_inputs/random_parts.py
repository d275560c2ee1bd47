"""The harder parts of a random input: graphs, primes, alphabets."""

import random
import string
from typing import Final

_WITNESSES: Final = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)
"""Enough to decide any number below 3.3e24 (Sorenson and Webster, 2015)."""
_CASES: Final = (string.ascii_lowercase, string.ascii_uppercase, string.digits)


def random_edges(
    num_nodes: int,
    num_edges: int,
    rng: random.Random,
    *,
    is_simple: bool,
    is_connected: bool,
    is_ordered: bool,
) -> list[tuple[int, int]]:
    """Draw edges between nodes 1 ... `num_nodes`, none from a node to itself.

    Args:
        num_nodes: At least 2.
        num_edges: No more than a simple graph can have, where it is to be one, and enough to
            connect the nodes, where they are to be.
        rng: Decides everything.
        is_simple: No two edges join the same nodes.
        is_connected: A tree over all nodes comes first; with no other edge it is all.
        is_ordered: The smaller end of each edge comes first.
    """
    edges: list[tuple[int, int]] = []
    if is_connected:
        names = rng.sample(range(1, num_nodes + 1), num_nodes)
        edges = [(names[rng.randrange(i)], names[i]) for i in range(1, num_nodes)]
    seen = {frozenset(edge) for edge in edges}
    while len(edges) < num_edges:
        a, b = rng.randint(1, num_nodes), rng.randint(1, num_nodes)
        if a == b or (is_simple and frozenset((a, b)) in seen):
            continue
        seen.add(frozenset((a, b)))
        edges.append((a, b))
    rng.shuffle(edges)
    return [(min(edge), max(edge)) for edge in edges] if is_ordered else edges


def prime_at_most(number: int) -> int:
    """Find the largest prime that is not above a number; the number itself below 2.

    >>> prime_at_most(100), prime_at_most(1)
    (97, 1)
    """
    for candidate in range(number, 1, -1):
        if _is_prime(candidate):
            return candidate
    return number


def _is_prime(number: int) -> bool:
    """Decide by Miller and Rabin's test."""
    if number < 2 or any(number % p == 0 for p in _WITNESSES):
        return number in _WITNESSES
    twos = (number - 1 & 1 - number).bit_length() - 1
    for witness in _WITNESSES:
        power = pow(witness, number - 1 >> twos, number)
        if power in (1, number - 1):
            continue
        for _ in range(twos - 1):
            power = power * power % number
            if power == number - 1:
                break
        else:
            return False
    return True


def alphabet(characters: str) -> str:
    """Widen to all letters or digits, where nothing else was seen; otherwise to what was seen.

    >>> alphabet("cab"), alphabet("ox.")
    ('abcdefghijklmnopqrstuvwxyz', '.ox')
    """
    for case in _CASES:
        if set(characters) <= set(case):
            return case
    return "".join(sorted(set(characters)))
