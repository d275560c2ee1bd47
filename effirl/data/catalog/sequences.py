"""Families about sequences that a recurrence or a window runs along."""

import random

from effirl.data.catalog.family import Family, Instance, Scale
from effirl.data.catalog.writing import Programs, Writer, odd_modulus, sizes

RECURRENCE_QUERIES = Programs(
    sources=(
        """
        $rows = list($ints)
        $table = {0: 0, 1: 1}
        for $i in range(2, max($rows) + 1):
            $items = [$A * $table[$i - 1], $B * $table[$i - 2]]
            $table[$i] = sum($items) % $M
        for $n in $rows:
            print($table[$n])
        """,
        """
        $rows = list($ints)
        $items = [(0, 1)]
        while len($items) <= max($rows):
            $x, $y = $items[-1]
            $items.append(($y, ($A * $y + $B * $x) % $M))
        for $n in $rows:
            print($items[$n][0])
        """,
    ),
    alternatives={
        "fast": """
        $rows = list($ints)
        $table = [0, 1]
        $x, $y = 0, 1
        for _ in range(max($rows)):
            $x, $y = $y, ($A * $y + $B * $x) % $M
            $table.append($y)
        for $n in $rows:
            print($table[$n])
        """,
        "lean": """
        $rows = list($ints)
        for $n in $rows:
            $x, $y = 0, 1
            for _ in range($n):
                $x, $y = $y, ($A * $y + $B * $x) % $M
            print($x)
        """,
    },
)


def recurrence_queries(rng: random.Random, inputs: random.Random) -> Instance:
    writer = Writer(rng, A=rng.randrange(2, 50), B=rng.randrange(2, 50), M=odd_modulus(rng))
    factors = [inputs.uniform(0.85, 1) for _ in range(4)]

    def performance(scale: Scale) -> str:
        largest = 30000 if scale == "training" else 45000
        return " ".join(str(round(factor * largest)) for factor in factors) + "\n"

    return writer.instance(
        "Terms with the given indexes of f(k) = ($A*f(k-1) + $B*f(k-2)) mod $M, f(0)=0, f(1)=1.",
        RECURRENCE_QUERIES,
        ("0", "1 0", "2 3 4", "50 7 50", "300 299"),
        performance,
    )


LAG_RECURRENCE = Programs(
    sources=(
        """
        $n = $int
        $table = {}
        for $i in range($n + 1):
            if $i < $L:
                $table[$i] = $i + 1
            else:
                $table[$i] = sum([$table[$i - $S], $table[$i - $L]]) % $M
        print($table[$n])
        """,
        """
        $n = $int
        $table = {$i: $i + 1 for $i in range($L)}
        $i = $L
        while $i <= $n:
            $total = 0
            for $j in ($S, $L):
                $total += $table[$i - $j]
            $table[$i] = $total % $M
            $i += 1
        print($table[$n])
        """,
    ),
    alternatives={
        "fast": """
        $n = $int
        $table = list(range(1, $L + 1))
        for $i in range($L, $n + 1):
            $table.append(($table[-$S] + $table[-$L]) % $M)
        print($table[$n])
        """,
        "lean": """
        $n = $int
        $table = list(range(1, $L + 1))
        for $i in range($L, $n + 1):
            $x = $table[($i - $S) % $L] + $table[$i % $L]
            $table[$i % $L] = $x % $M
        print($table[$n % $L])
        """,
    },
)


def lag_recurrence(rng: random.Random, inputs: random.Random) -> Instance:
    lag = rng.randrange(7, 60)
    writer = Writer(rng, S=rng.randrange(2, lag - 3), L=lag, M=odd_modulus(rng))
    return writer.instance(
        "Term n of f(k) = (f(k-$S) + f(k-$L)) mod $M, where f(k) = k + 1 for k below $L.",
        LAG_RECURRENCE,
        ("0", "6", "60", "61", "500"),
        sizes(inputs, 40000, 60000),
    )


WINDOW_SUMS = Programs(
    sources=(
        """
        $n = $int
        $items = []
        for $i in range($n):
            $items.append($A * $i * $i % $M)
        $table = []
        for $i in range($n - $W + 1):
            $table.append(sum($items[$i:$i + $W]))
        print(max($table))
        """,
        """
        $n = $int
        $items = [$A * $i * $i % $M for $i in range($n)]
        $rows = [$items[$i:$i + $W] for $i in range($n - $W + 1)]
        print(max([sum($x) for $x in $rows]))
        """,
    ),
    alternatives={
        "fast": """
        $n = $int
        $total = $best = 0
        for $i in range($n):
            $total += $A * $i * $i % $M
            if $i >= $W:
                $total -= $A * ($i - $W) * ($i - $W) % $M
            if $total > $best:
                $best = $total
        print($best)
        """,
        "balanced": """
        from itertools import accumulate
        from operator import sub
        $n = $int
        $items = [$A * $i * $i % $M for $i in range($n)]
        $table = list(accumulate($items, initial=0))
        print(max(map(sub, $table[$W:], $table)))
        """,
    },
)


def window_sums(rng: random.Random, inputs: random.Random) -> Instance:
    writer = Writer(rng, A=rng.randrange(2, 99), M=odd_modulus(rng), W=rng.randrange(8, 16))
    return writer.instance(
        "Largest sum of $W neighbours in the sequence $A*i*i mod $M for i below n, n at least $W.",
        WINDOW_SUMS,
        ("16", "17", "40", "500"),
        sizes(inputs, 20000, 40000),
    )


SEQUENCE_LISTING = Programs(
    sources=(
        """
        $n, $x = $ints
        $items = []
        for $i in range($n):
            $x = ($A * $x + $B) % $M
            $items.append(($i, str($x)))
        for $i, $y in $items:
            print($y)
        """,
        """
        $n, $x = $ints
        $table = {}
        for $i in range($n):
            $x = ($A * $x + $B) % $M
            $table[$i] = [str($x)]
        for $i in range($n):
            print("".join($table[$i]))
        """,
    ),
    alternatives={
        "fast": """
        $n, $x = $ints
        $items = []
        for _ in range($n):
            $x = ($A * $x + $B) % $M
            $items.append($x)
        print("\\n".join(map(str, $items)))
        """,
        "lean": """
        $n, $x = $ints
        for _ in range($n):
            $x = ($A * $x + $B) % $M
            print($x)
        """,
    },
)


def sequence_listing(rng: random.Random, inputs: random.Random) -> Instance:
    writer = Writer(rng, A=rng.randrange(3, 999), B=rng.randrange(1, 9999), M=odd_modulus(rng))
    start = inputs.randrange(10000)

    def performance(scale: Scale) -> str:
        return f"{20000 if scale == 'training' else 30000} {start}\n"

    return writer.instance(
        "Print n terms of x -> ($A*x + $B) mod $M, one a line, from the given x on, without it.",
        SEQUENCE_LISTING,
        ("1 0", "2 5", "30 7", "100 99"),
        performance,
    )


FAMILIES = (
    Family("recurrence-queries", recurrence_queries, is_trade_off=True),
    Family("lag-recurrence", lag_recurrence, is_trade_off=False),
    Family("window-sums", window_sums, is_trade_off=False),
    Family("sequence-listing", sequence_listing, is_trade_off=False),
)
