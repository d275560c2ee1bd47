"""Families about finding, matching and choosing: what to remember of what was seen."""

import random
from collections.abc import Iterable

from effirl.data.catalog.family import Family, Instance, Scale
from effirl.data.catalog.writing import Programs, Writer, sizes

CYCLE_LENGTH = Programs(
    sources=(
        """
        $m, $x = $ints
        $items = []
        $seen = set()
        while str($x) not in $seen:
            $seen.add(str($x))
            $items.append($x)
            $x = ($A * $x + $B) % $m
        print((len($items) - $items.index($x)) * $C)
        """,
        """
        $m, $x = $ints
        $table = {}
        while $x not in $table:
            $table[$x] = ($x, len($table))
            $x = ($A * $x + $B) % $m
        $total = [$x]
        $y = ($A * $x + $B) % $m
        while $y != $x:
            $total.append($y)
            $y = ($A * $y + $B) % $m
        print(len($total) * $C)
        """,
    ),
    alternatives={
        "fast": """
        $m, $x = $ints
        $seen = {}
        while $x not in $seen:
            $seen[$x] = len($seen)
            $x = ($A * $x + $B) % $m
        print((len($seen) - $seen[$x]) * $C)
        """,
        "lean": """
        $m, $x = $ints
        $y = ($A * $x + $B) % $m
        $i = $j = 1
        while $x != $y:
            if $i == $j:
                $x = $y
                $i *= 2
                $j = 0
            $y = ($A * $y + $B) % $m
            $j += 1
        print($j * $C)
        """,
    },
)


def cycle_length(rng: random.Random, inputs: random.Random) -> Instance:
    writer = Writer(
        rng,
        A=rng.choice((2, 3, 5, 6, 7, 10, 11, 13, 14, 15)),
        B=rng.randrange(1, 999),
        C=rng.randrange(2, 99),
    )
    base = writer.constant("A")
    seed = inputs.random()
    share = inputs.choice((1, 2, 3))

    def performance(scale: Scale) -> str:
        modulus = _prime_of_order(base, share, seed, 20000 if scale == "training" else 30000)
        return f"{modulus} {round(seed * 9999)}\n"

    return writer.instance(
        "Length of the cycle that x -> ($A*x + $B) mod m falls into, from the given x, times $C.",
        CYCLE_LENGTH,
        ("1 0", "2 1", "7 3", "100 42", "1009 500"),
        performance,
    )


def _prime_of_order(base: int, share: int, seed: float, near: int) -> int:
    """Return a prime modulo which every cycle but one is (prime - 1) / `share` long, about `near`.

    With primitive roots alone the length could be told from the modulus.
    """
    candidate = share * round(near * (0.9 + 0.2 * seed)) + 1
    while not _has_order(base, candidate, (candidate - 1) // share):
        candidate += share
    return candidate


def _has_order(base: int, number: int, order: int) -> bool:
    """Whether a number is prime and `base` has this order modulo it."""
    if any(number % divisor == 0 for divisor in range(2, int(number**0.5) + 1)):
        return False
    divisors = [d for d in range(2, int(order**0.5) + 1) if order % d == 0]
    smaller = {1, *divisors, *(order // d for d in divisors)}
    return pow(base, order, number) == 1 and all(pow(base, d, number) != 1 for d in smaller)


PAIR_SUMS = Programs(
    sources=(
        """
        $n = $int
        $table = {}
        for $i in range($n):
            $table.setdefault($A * $i ** 3 + $B * $i ** 2, []).append($i)
        for $j in $ints:
            $total = 0
            for $x in $table:
                for $i in $table.get($j - $x, []):
                    if 2 * $x < $j:
                        $total += 1
            print($total)
        """,
        """
        $n = $int
        $items = [$A * $i ** 3 + $B * $i ** 2 for $i in range($n)]
        for $j in $ints:
            $seen = {}
            $total = 0
            for $x in $items:
                if $j - $x in $seen:
                    $total += 1
                $seen[$x] = str($x)
            print($total)
        """,
    ),
    alternatives={
        "fast": """
        $n = $int
        $seen = {$A * $i ** 3 + $B * $i ** 2 for $i in range($n)}
        for $j in $ints:
            $items = $seen.intersection(map($j.__sub__, $seen))
            print(len($items) // 2)
        """,
        "lean": """
        $n = $int
        for $j in $ints:
            $x, $y, $total = 0, $n - 1, 0
            while $x < $y:
                $i = $A * ($x ** 3 + $y ** 3) + $B * ($x ** 2 + $y ** 2)
                $total += $i == $j
                if $i < $j:
                    $x += 1
                else:
                    $y -= 1
            print($total)
        """,
    },
)


def pair_sums(rng: random.Random, inputs: random.Random) -> Instance:
    writer = Writer(rng, A=rng.randrange(1, 30), B=rng.randrange(1, 90))
    coefficients = writer.constant("A"), writer.constant("B")
    ends = [(inputs.uniform(0.2, 0.6), inputs.uniform(0.6, 1)) for _ in range(4)]
    misses = [inputs.randrange(2) for _ in ends]  # else each answer would be 1

    def performance(scale: Scale) -> str:
        number = 13000 if scale == "training" else 16000
        targets = [
            sum(_cubic(*coefficients, int(end * number)) for end in pair) + miss
            for pair, miss in zip(ends, misses, strict=True)
        ]
        return f"{number}\n{' '.join(map(str, targets))}\n"

    small = " ".join(
        str(_cubic(*coefficients, low) + _cubic(*coefficients, high))
        for low, high in ((0, 1), (2, 2), (3, 17), (0, 39))
    )
    return writer.instance(
        "For each y count pairs i < j < n with f(i) + f(j) = y, where f(i) = $A*i**3 + $B*i**2.",
        PAIR_SUMS,
        (f"1\n{small}", f"2\n{small}", f"40\n{small} 0 7", f"150\n{small} 5000"),
        performance,
    )


def _cubic(cube: int, square: int, index: int) -> int:
    return cube * index**3 + square * index**2


EXACT_SUBSETS = Programs(
    sources=(
        """
        $n, $y = $ints
        $rows = [[]]
        for $i in range($n):
            $rows += [$j + [$i * $i * $A + $B] for $j in $rows]
        $total = 0
        for $j in $rows:
            if sum($j) == $y:
                $total += 1
        print($total)
        """,
        """
        from itertools import combinations
        $n, $y = $ints
        $items = [$A * $i * $i + $B for $i in range($n)]
        $rows = []
        for $i in range($n + 1):
            $rows += list(combinations($items, $i))
        print(len([$j for $j in $rows if sum($j) == $y]))
        """,
    ),
    alternatives={
        "fast": """
        $n, $y = $ints
        $items = [0]
        for $i in range($n):
            $j = $A * $i * $i + $B
            $items += [$x + $j for $x in $items]
        print($items.count($y))
        """,
        "lean": """
        $n, $y = $ints
        $total = $x = 0
        for $i in range(1, 2 ** $n + 1):
            $total += $x == $y
            $j = ($i & -$i).bit_length() - 1
            if $i >> ($j + 1) & 1:
                $x -= $A * $j * $j + $B
            else:
                $x += $A * $j * $j + $B
        print($total)
        """,
    },
)


def exact_subsets(rng: random.Random, inputs: random.Random) -> Instance:
    writer = Writer(rng, A=rng.randrange(2, 40), B=rng.randrange(1, 60))
    square, unit = writer.constant("A"), writer.constant("B")
    draws = [inputs.random() for _ in range(16)]

    def total_of(indexes: Iterable[int]) -> int:
        return sum(square * index * index + unit for index in indexes)

    def performance(scale: Scale) -> str:
        number = 15 if scale == "training" else 16
        # Of random numbers: the least sum of so many could be made in one way alone.
        return f"{number} {total_of(i for i in range(number) if draws[i] < 0.5)}\n"

    return writer.instance(
        "How many subsets of the numbers $A*i*i + $B, i below n, have the sum y?",
        EXACT_SUBSETS,
        ("0 0", f"1 {unit}", f"6 {total_of((0, 3, 4))}", f"9 {total_of((3, 4, 7))}", "9 7"),
        performance,
    )


LARGEST_TERMS = Programs(
    sources=(
        """
        $n = $int
        $items = []
        for $i in range($n):
            $items.append((($A * $i * $i + $B) % $M, $i))
        $items.sort(reverse=True)
        $total = 0
        for $x, $i in $items[:$K]:
            $total += $x
        print($total)
        """,
        """
        $n = $int
        $items = [[($A * $i * $i + $B) % $M, $i] for $i in range($n)]
        $items = sorted($items, key=lambda $x: -$x[0])
        print(sum([$x[0] for $x in $items[:$K]]))
        """,
    ),
    alternatives={
        "fast": """
        from heapq import nlargest
        $n = $int
        print(sum(nlargest($K, (($A * $i * $i + $B) % $M for $i in range($n)))))
        """,
        "balanced": """
        $n = $int
        $items = [($A * $i * $i + $B) % $M for $i in range($n)]
        $items.sort()
        print(sum($items[-$K:]))
        """,
    },
)


def largest_terms(rng: random.Random, inputs: random.Random) -> Instance:
    writer = Writer(
        rng,
        A=rng.randrange(2, 999),
        B=rng.randrange(1, 999),
        M=rng.randrange(10001, 99999, 2),
        K=rng.randrange(3, 20),
    )
    return writer.instance(
        "Sum of the $K largest of the terms ($A*i*i + $B) mod $M for i below n.",
        LARGEST_TERMS,
        ("0", "1", "3", "40", "500"),
        sizes(inputs, 14000, 28000),
    )


FAMILIES = (
    Family("cycle-length", cycle_length, is_trade_off=False),
    Family("pair-sums", pair_sums, is_trade_off=True),
    Family("exact-subsets", exact_subsets, is_trade_off=True),
    Family("largest-terms", largest_terms, is_trade_off=False),
)
