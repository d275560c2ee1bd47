"""Families that training never sees, for the question whether what was learned carries over."""

import random

from effirl.data.catalog.family import Family, Instance, Scale
from effirl.data.catalog.writing import Programs, Writer, sizes

BINARY_AS_BASE = Programs(
    sources=(
        """
        $n = $int
        $rows = []
        for $i in range(2 ** $n):
            $rows.append(($i, bin($i)[2:]))
        $total = 0
        for $i, $x in $rows:
            $total += int($x, $C) * $A
        print($total % $M)
        """,
        """
        $n = $int
        $rows = [bin($i)[2:] for $i in range(2 ** $n)]
        $items = [int($x, $C) for $x in $rows]
        print(sum([$x * $A for $x in $items]) % $M)
        """,
    ),
    alternatives={
        "fast": """
        $n = $int
        $table = [0]
        for $j in range($n):
            $y = $C ** $j
            $table += [$x + $y for $x in $table]
        print(sum($table) * $A % $M)
        """,
        "lean": """
        $n = $int
        $total = 0
        for $i in range(2 ** $n):
            $total += int(bin($i)[2:], $C)
        print($total * $A % $M)
        """,
    },
)


def binary_as_base(rng: random.Random, _: random.Random) -> Instance:
    writer = Writer(
        rng, C=rng.randrange(3, 11), A=rng.randrange(2, 999), M=rng.randrange(1001, 99999, 2)
    )
    return writer.instance(
        "Sum the i below 2**n, their binary digits read in base $C; print $A times that mod $M.",
        BINARY_AS_BASE,
        ("0", "1", "3", "8"),
        lambda scale: "15\n" if scale == "training" else "16\n",
    )


RANK_QUERIES = Programs(
    sources=(
        """
        $n = $int
        $items = []
        for $i in range($n):
            $items.append(($i, ($A * $i * $i + $B) % $M))
        for $y in $ints:
            print(len([$x for $i, $x in $items if $x < $y]))
        """,
        """
        $n = $int
        $items = {$i: ($A * $i * $i + $B) % $M for $i in range($n)}
        for $y in $ints:
            $total = 0
            for $i in range($n):
                if $items[$i] < $y:
                    $total += 1
            print($total)
        """,
    ),
    alternatives={
        "fast": """
        from bisect import bisect_left
        $n = $int
        $items = sorted([($A * $i * $i + $B) % $M for $i in range($n)])
        for $y in $ints:
            print(bisect_left($items, $y))
        """,
        "lean": """
        $n = $int
        for $y in $ints:
            $total = 0
            for $i in range($n):
                if ($A * $i * $i + $B) % $M < $y:
                    $total += 1
            print($total)
        """,
    },
)


def rank_queries(rng: random.Random, inputs: random.Random) -> Instance:
    writer = Writer(
        rng, A=rng.randrange(2, 99), B=rng.randrange(1, 999), M=rng.randrange(10001, 99999, 2)
    )
    modulus = writer.constant("M")
    bounds = " ".join(str(inputs.randrange(modulus)) for _ in range(7))

    def performance(scale: Scale) -> str:
        return f"{24000 if scale == 'training' else 36000}\n{bounds}\n"

    return writer.instance(
        "For each y count the terms ($A*i*i + $B) mod $M, i below n, that are less than y.",
        RANK_QUERIES,
        ("0\n5", "1\n0 1000", "30\n2000 9000 100", "500\n5000 99999 700"),
        performance,
    )


BLOCKED_PATHS = Programs(
    sources=(
        """
        $n = $int
        $table = [[0] * ($n + 1) for _ in range($n + 1)]
        $table[0][0] = 1
        for $i in range($n + 1):
            for $j in range($n + 1):
                if ($i * $A + $j * $B) % $C == 1:
                    continue
                if $i:
                    $table[$i][$j] += $table[$i - 1][$j]
                if $j:
                    $table[$i][$j] += $table[$i][$j - 1]
        print($table[$n][$n] % $M)
        """,
        """
        $n = $int
        $table = {(0, 0): 1}
        for $i in range($n + 1):
            for $j in range($n + 1):
                $x = $table.get(($i - 1, $j), 0) + $table.get(($i, $j - 1), 0)
                if ($i * $A + $j * $B) % $C == 1:
                    $x = 0
                elif $i + $j:
                    $table[$i, $j] = $x % $M
        print($table.get(($n, $n), 0) % $M)
        """,
    ),
    alternatives={
        "fast": """
        $n = $int
        $table = [1] + [0] * $n
        for $i in range($n + 1):
            $x = 0
            for $j in range($n + 1):
                if ($i * $A + $j * $B) % $C == 1:
                    $x = 0
                else:
                    $x = ($x + $table[$j]) % $M
                $table[$j] = $x
        print($table[$n])
        """,
        "balanced": """
        $n = $int
        $table = [1] + [0] * $n
        for $i in range($n + 1):
            for $j in range($n + 1):
                if ($i * $A + $j * $B) % $C == 1:
                    $table[$j] = 0
                elif $j:
                    $table[$j] = ($table[$j] + $table[$j - 1]) % $M
        print($table[$n])
        """,
    },
)


def blocked_paths(rng: random.Random, inputs: random.Random) -> Instance:
    right, down, modulus = rng.randrange(2, 60), rng.randrange(2, 60), rng.randrange(5, 40)
    result_modulus = rng.randrange(1001, 99999)
    while not _has_path(right, down, modulus):  # some block a whole row: the answer would be 0
        right, down, modulus = rng.randrange(2, 60), rng.randrange(2, 60), rng.randrange(5, 40)
    writer = Writer(rng, A=right, B=down, C=modulus, M=result_modulus)
    return writer.instance(
        "Paths from (0, 0) to (n, n), right or down, mod $M, not through i*$A + j*$B = 1 mod $C.",
        BLOCKED_PATHS,
        ("0", "1", "2", "6", "25"),
        sizes(inputs, 150, 220),
    )


def _has_path(right: int, down: int, modulus: int) -> bool:
    """Whether (60, 60) can be reached; what is blocked repeats every `modulus` steps, under 40."""
    size = 60
    is_reached = [True, *[False] * size]
    for i in range(size + 1):
        is_left = False
        for j in range(size + 1):
            is_free = (i * right + j * down) % modulus != 1
            is_left = is_reached[j] = is_free and (is_reached[j] or is_left)
    return is_reached[size]


LETTER_GAPS = Programs(
    sources=(
        """
        $text = $line
        $table = {}
        for $i, $c in enumerate($text):
            $table.setdefault($c, []).append(($i, $i * $A + $B))
        $total = 0
        for $items in $table.values():
            for $j in range(1, len($items)):
                $total += ($items[$j][1] - $items[$j - 1][0]) % $M
        print($total)
        """,
        """
        $text = $line
        $total = 0
        for $c in set($text):
            $items = [$i for $i in range(len($text)) if $text[$i] == $c]
            $rows = [($x, $y) for $x, $y in zip($items, $items[1:])]
            for $x, $y in $rows:
                $total += ($y * $A + $B - $x) % $M
        print($total)
        """,
    ),
    alternatives={
        "fast": """
        $text = $line
        $seen = {}
        $total = 0
        for $i, $c in enumerate($text):
            if $c in $seen:
                $total += ($i * $A + $B - $seen[$c]) % $M
            $seen[$c] = $i
        print($total)
        """,
        "balanced": """
        $text = $line
        $total = 0
        for $c in set($text):
            $i = $text.find($c)
            $j = $text.find($c, $i + 1)
            while $j >= 0:
                $total += ($j * $A + $B - $i) % $M
                $i, $j = $j, $text.find($c, $j + 1)
        print($total)
        """,
    },
)


def letter_gaps(rng: random.Random, inputs: random.Random) -> Instance:
    writer = Writer(rng, A=rng.randrange(2, 99), B=rng.randrange(2, 99), M=rng.randrange(101, 9999))
    seed = inputs.random()

    def performance(scale: Scale) -> str:
        number = 24000 if scale == "training" else 48000
        return "".join(random.Random(seed).choices("abcdefgh", k=number)) + "\n"

    return writer.instance(
        "Sum (j*$A + $B - i) mod $M over next positions i < j of the same letter in a string.",
        LETTER_GAPS,
        ("a", "aa", "abcabc", "xyzzyx", "mississippi"),
        performance,
    )


PROGRESSION_HITS = Programs(
    sources=(
        """
        $n = $int
        $items = [$A * $i * $i + $B for $i in range($n)]
        $seen = set(range($K, $C * $n * 5, $C))
        $total = 0
        for $x in $items:
            if $x in $seen:
                $total += $x
        print($total)
        """,
        """
        $n = $int
        $table = {}
        for $x in range($K, $C * $n * 5, $C):
            $table[$x] = True
        $items = [$A * $i * $i + $B for $i in range($n)]
        print(sum([$x for $x in $items if $table.get($x)]))
        """,
    ),
    alternatives={
        "fast": """
        $n = $int
        $total = 0
        for $i in range($n):
            $x = $A * $i * $i + $B
            if $x >= $C * $n * 5:
                break
            if $x >= $K and $x % $C == $K % $C:
                $total += $x
        print($total)
        """,
        "balanced": """
        $n = $int
        $items = range($K, $C * $n * 5, $C)
        $total = 0
        for $i in range($n):
            $x = $A * $i * $i + $B
            if $x in $items:
                $total += $x
        print($total)
        """,
    },
)


def progression_hits(rng: random.Random, inputs: random.Random) -> Instance:
    square, step, first = rng.randrange(2, 30), rng.randrange(3, 60), rng.randrange(1, 99)
    # A small term is in the progression, so that the answer is not 0 for all n.
    start = (square * rng.randrange(4) ** 2 + first) % step
    writer = Writer(rng, A=square, B=first, C=step, K=start)
    return writer.instance(
        "Sum the terms $A*i*i + $B, i below n, that are among $K, $K+$C, $K+2*$C, .. below $C*n*5.",
        PROGRESSION_HITS,
        ("0", "1", "20", "100", "999"),
        sizes(inputs, 12000, 24000),
    )


FAMILIES = (
    Family("binary-as-base", binary_as_base, is_trade_off=True, is_transfer=True),
    Family("rank-queries", rank_queries, is_trade_off=True, is_transfer=True),
    Family("blocked-paths", blocked_paths, is_trade_off=False, is_transfer=True),
    Family("letter-gaps", letter_gaps, is_trade_off=False, is_transfer=True),
    Family("progression-hits", progression_hits, is_trade_off=False, is_transfer=True),
)
