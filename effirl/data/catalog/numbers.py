"""Families about divisors and residue classes."""

import random

from effirl.data.catalog.family import Family, Instance
from effirl.data.catalog.writing import Programs, Writer, sizes

SMALLEST_FACTORS = Programs(
    sources=(
        """
        $n = $int
        $table = [[] for _ in range($n + 1)]
        for $i in range(2, $n + 1):
            for $j in range($i, $n + 1, $i):
                $table[$j].append($i)
        $total = $B
        for $i in range(2, $n + 1):
            $total += $table[$i][0] % $A
        print($total)
        """,
        """
        $n = $int
        $table = [[] for _ in range($n + 1)]
        $i = 2
        while $i <= $n:
            for $j in range($i, $n + 1, $i):
                $table[$j] += [$i]
            $i += 1
        print($B + sum($x[0] % $A for $x in $table[2:]))
        """,
    ),
    alternatives={
        "fast": """
        $n = $int
        $table = list(range($n + 1))
        for $i in range(2, int($n ** 0.5) + 1):
            if $table[$i] == $i:
                for $j in range($i * $i, $n + 1, $i):
                    if $table[$j] == $j:
                        $table[$j] = $i
        print($B + sum($x % $A for $x in $table[2:]))
        """,
        "lean": """
        $n = $int
        $total = $B
        for $i in range(2, $n + 1):
            $j = 2 if $i % 2 == 0 else 3
            while $j * $j <= $i and $i % $j:
                $j += 2
            $total += ($j if $j * $j <= $i else $i) % $A
        print($total)
        """,
    },
)


def smallest_factors(rng: random.Random, inputs: random.Random) -> Instance:
    writer = Writer(rng, A=rng.randrange(7, 200), B=rng.randrange(1, 1000))
    return writer.instance(
        "Sum the remainders modulo $A of the smallest prime factors of 2..n, plus $B.",
        SMALLEST_FACTORS,
        ("1", "2", "4", "30", "211"),
        sizes(inputs, 15000, 20000),
    )


PRIMES_IN_CLASS = Programs(
    sources=(
        """
        $n = $int
        $seen = set()
        $total = 0
        for $i in range(2, $n + 1):
            if $i not in $seen:
                if $i % $M == $R:
                    $total += 1
                for $j in range(2 * $i, $n + 1, $i):
                    $seen.add($j)
        print($total * $A)
        """,
        """
        $n = $int
        $seen = {}
        $items = []
        for $i in range(2, $n + 1):
            if not $seen.get($i):
                $items.append($i)
                for $j in range($i * 2, $n + 1, $i):
                    $seen[$j] = True
        print(len([$x for $x in $items if $x % $M == $R]) * $A)
        """,
    ),
    alternatives={
        "fast": """
        $n = $int
        $seen = bytearray($n + 1)
        $total = 0
        for $i in range(2, $n + 1):
            if not $seen[$i]:
                $total += $i % $M == $R
                $seen[$i * 2::$i] = b"1" * len(range($i * 2, $n + 1, $i))
        print($total * $A)
        """,
        "balanced": """
        $n = $int
        $seen = [False] * ($n + 1)
        $total = 0
        for $i in range(2, $n + 1):
            if $seen[$i]:
                continue
            $total += $i % $M == $R
            for $j in range($i * $i, $n + 1, $i):
                $seen[$j] = True
        print($total * $A)
        """,
    },
)


def primes_in_class(rng: random.Random, inputs: random.Random) -> Instance:
    # A prime: no residue class is without primes, so that the answer is never 0 for all n.
    modulus = rng.choice((5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47))
    writer = Writer(rng, M=modulus, R=rng.randrange(1, modulus), A=rng.randrange(2, 99))
    return writer.instance(
        "Count the primes up to n that are $R modulo $M, and print $A times the count.",
        PRIMES_IN_CLASS,
        ("1", "2", "100", "997", "2000"),
        sizes(inputs, 36000, 72000),
    )


HALVING_CHAINS = Programs(
    sources=(
        """
        $n = $int
        $rows = []
        for $i in range(1, $n + 1):
            $x = $i
            $items = []
            while $x > $C:
                $items.append($x)
                $x = $x + $C if $x % 2 else $x // 2
            $rows.append($items)
        print(max([len($x) for $x in $rows]) * $K, sum([len($x) for $x in $rows]))
        """,
        """
        $n = $int
        $table = {}
        for $i in range(1, $n + 1):
            $x = $i
            $items = [$x]
            while $x > $C:
                $x = $x + $C if $x % 2 == 1 else $x // 2
                $items = $items + [$x]
            $table[$i] = $items
        $items = [len($x) - 1 for $x in $table.values()]
        print(max($items) * $K, sum($items))
        """,
    ),
    alternatives={
        "fast": """
        $n = $int
        $table = [0] * ($n + 1)
        for $i in range($C + 1, $n + 1):
            if $i % 2:
                $table[$i] = $table[($i + $C) // 2] + 2
            else:
                $table[$i] = $table[$i // 2] + 1
        print(max($table) * $K, sum($table))
        """,
        "lean": """
        $n = $int
        $best = $total = 0
        for $x in range(1, $n + 1):
            $j = 0
            while $x > $C:
                $x = $x + $C if $x % 2 else $x // 2
                $j += 1
            $best = max($best, $j)
            $total += $j
        print($best * $K, $total)
        """,
    },
)


def halving_chains(rng: random.Random, inputs: random.Random) -> Instance:
    writer = Writer(rng, K=rng.randrange(3, 40), C=2 * rng.randrange(1, 40) + 1)
    return writer.instance(
        "From each x in 1..n halve even x and add $C to odd x while x > $C: "
        "print $K times the most steps, and all steps.",
        HALVING_CHAINS,
        ("1", "2", "90", "150", "701"),
        sizes(inputs, 6000, 12000),
    )


COPRIME_PAIRS = Programs(
    sources=(
        """
        from math import gcd
        $n = $int
        $items = []
        for $x in range(1, $n + 1):
            for $y in range($x + 1, $n + 1):
                if gcd($x, $y) == 1:
                    $items.append(($x, $y))
        $total = 0
        for $x, $y in $items:
            if ($x * $A + $y) % $M == $R:
                $total += 1
        print($total * $A)
        """,
        """
        from math import gcd
        $n = $int
        $items = [($x, $y) for $x in range(1, $n + 1) for $y in range($x + 1, $n + 1)]
        $items = [($x, $y) for $x, $y in $items if gcd($x, $y) == 1]
        print(len([$x for $x, $y in $items if ($x * $A + $y) % $M == $R]) * $A)
        """,
    ),
    alternatives={
        "fast": """
        from math import gcd
        $n = $int
        $total = 0
        for $x in range(1, $n + 1):
            $j = $x + 1 + ($R - $x * $A - $x - 1) % $M
            for $y in range($j, $n + 1, $M):
                if gcd($x, $y) == 1:
                    $total += 1
        print($total * $A)
        """,
        "balanced": """
        from math import gcd
        $n = $int
        $total = 0
        for $x in range(1, $n + 1):
            for $y in range($x + 1, $n + 1):
                if ($x * $A + $y) % $M == $R and gcd($x, $y) == 1:
                    $total += 1
        print($total * $A)
        """,
    },
)


def coprime_pairs(rng: random.Random, inputs: random.Random) -> Instance:
    modulus = rng.randrange(3, 9)
    writer = Writer(rng, A=rng.randrange(2, 400), M=modulus, R=rng.randrange(modulus))
    return writer.instance(
        "Count coprime pairs x < y <= n with x*$A + y equal to $R modulo $M; print $A times that.",
        COPRIME_PAIRS,
        ("1", "2", "3", "25", "60"),
        sizes(inputs, 250, 400),
    )


FAMILIES = (
    Family("smallest-factors", smallest_factors, is_trade_off=True),
    Family("primes-in-class", primes_in_class, is_trade_off=False),
    Family("halving-chains", halving_chains, is_trade_off=False),
    Family("coprime-pairs", coprime_pairs, is_trade_off=False),
)
