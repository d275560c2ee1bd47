"""Families about tables that a program fills: all of it, or the part that is still needed."""

import random

from effirl.data.catalog.family import Family, Instance, Scale
from effirl.data.catalog.writing import Programs, Writer, sizes

WEIGHTED_PATHS = Programs(
    sources=(
        """
        $n, $m = $ints
        $table = [[[1] for _ in range($m)] for _ in range($n)]
        for $i in range(1, $n):
            for $j in range(1, $m):
                $x = $table[$i - 1][$j][0] * $A + $table[$i][$j - 1][0] * $B
                $table[$i][$j] = [$x % $M]
        print($table[$n - 1][$m - 1][0])
        """,
        """
        $n, $m = $ints
        $table = {}
        for $i in range($n):
            for $j in range($m):
                $x = $table.get(($i - 1, $j), 0) * $A
                $y = $table.get(($i, $j - 1), 0) * $B
                $table[$i, $j] = ($x + $y) % $M if $i and $j else 1
        print($table[$n - 1, $m - 1])
        """,
    ),
    alternatives={
        "fast": """
        $n, $m = $ints
        $table = [1] * $m
        for _ in range($n - 1):
            $y = 1
            $items = [1]
            for $x in $table[1:]:
                $y = ($x * $A + $y * $B) % $M
                $items.append($y)
            $table = $items
        print($table[-1])
        """,
        "balanced": """
        $n, $m = $ints
        $table = [1] * $m
        for _ in range(1, $n):
            for $j in range(1, $m):
                $table[$j] = ($table[$j] * $A + $table[$j - 1] * $B) % $M
        print($table[$m - 1])
        """,
    },
)


def weighted_paths(rng: random.Random, inputs: random.Random) -> Instance:
    writer = Writer(
        rng, A=rng.randrange(2, 99), B=rng.randrange(2, 99), M=rng.randrange(1001, 99999)
    )
    factor = inputs.uniform(0.9, 1.1)

    def performance(scale: Scale) -> str:
        side = 150 if scale == "training" else 220
        return f"{round(side * factor)} {round(side / factor)}\n"

    return writer.instance(
        "Last cell of an n by m table: ($A*upper + $B*left) mod $M, 1 in the first row and column.",
        WEIGHTED_PATHS,
        ("1 1", "1 4", "3 1", "5 7", "20 30"),
        performance,
    )


EDIT_DISTANCE = Programs(
    sources=(
        """
        $x = $line
        $y = $line
        $table = {}
        for $i in range(len($x) + 1):
            for $j in range(len($y) + 1):
                if $i == 0 or $j == 0:
                    $table[$i, $j] = $i * $A + $j * $B
                    continue
                $total = $table[$i - 1, $j - 1] + $K * ($x[$i - 1] != $y[$j - 1])
                $table[$i, $j] = min($total, $table[$i - 1, $j] + $A, $table[$i, $j - 1] + $B)
        print($table[len($x), len($y)])
        """,
        """
        $x = $line
        $y = $line
        $table = [[[$i * $A + $j * $B] for $j in range(len($y) + 1)] for $i in range(len($x) + 1)]
        for $i in range(1, len($x) + 1):
            for $j in range(1, len($y) + 1):
                $total = $table[$i - 1][$j - 1][0] + $K * ($x[$i - 1] != $y[$j - 1])
                $total = min($total, $table[$i - 1][$j][0] + $A, $table[$i][$j - 1][0] + $B)
                $table[$i][$j] = [$total]
        print($table[-1][-1][0])
        """,
    ),
    alternatives={
        "fast": """
        $x = $line
        $y = $line
        $table = [$j * $B for $j in range(len($y) + 1)]
        for $c in $x:
            $best = $table[0] + $A
            $items = [$best]
            for $j in range(len($y)):
                $total = $table[$j] if $c == $y[$j] else $table[$j] + $K
                $best = min($best + $B, $total, $table[$j + 1] + $A)
                $items.append($best)
            $table = $items
        print($table[-1])
        """,
        "balanced": """
        $x = $line
        $y = $line
        $table = [$j * $B for $j in range(len($y) + 1)]
        for $i in range(len($x)):
            $items = [($i + 1) * $A] + [0] * len($y)
            for $j in range(len($y)):
                $total = $table[$j] + $K * ($x[$i] != $y[$j])
                $items[$j + 1] = min($items[$j] + $B, $total, $table[$j + 1] + $A)
            $table = $items
        print($table[-1])
        """,
    },
)


def edit_distance(rng: random.Random, inputs: random.Random) -> Instance:
    writer = Writer(rng, A=rng.randrange(2, 40), B=rng.randrange(2, 40), K=rng.randrange(2, 80))
    seed = inputs.random()

    def performance(scale: Scale) -> str:
        return _words(seed, 130 if scale == "training" else 190)

    return writer.instance(
        "Least cost to turn one string into another: delete $A, insert $B, replace $K.",
        EDIT_DISTANCE,
        ("a\nb", "kitten\nsitting", "abcabc\nabcabc", "a\nzzzzzz", "gattaca\ntag"),
        performance,
    )


def _words(seed: float, length: int) -> str:
    rng = random.Random(seed)
    return "\n".join("".join(rng.choices("abcd", k=length)) for _ in range(2)) + "\n"


LAST_SURVIVOR = Programs(
    sources=(
        """
        $n = $int
        $items = list(range($n))
        $i = 0
        while len($items) > 1:
            $i = ($i + $K - 1) % len($items)
            $items = $items[:$i] + $items[$i + 1:]
        print($items[0] * $A + $B)
        """,
        """
        $n = $int
        $items = [($i, $i * $A) for $i in range($n)]
        $i = 0
        for _ in range($n - 1):
            $i = ($i + $K - 1) % len($items)
            $items = [*$items[:$i], *$items[$i + 1:]]
        print($items[0][1] + $B)
        """,
    ),
    alternatives={
        "fast": """
        $n = $int
        $x = 0
        for $i in range(2, $n + 1):
            $x = ($x + $K) % $i
        print($x * $A + $B)
        """,
        "balanced": """
        $n = $int
        $items = list(range($n))
        $i = 0
        while len($items) > 1:
            $i = ($i + $K - 1) % len($items)
            $items.pop($i)
        print($items[0] * $A + $B)
        """,
    },
)


def last_survivor(rng: random.Random, inputs: random.Random) -> Instance:
    writer = Writer(rng, K=rng.randrange(3, 2000), A=rng.randrange(2, 99), B=rng.randrange(1, 999))
    return writer.instance(
        "Of 0..n-1 in a circle every number $K is removed; print $A times the last one, plus $B.",
        LAST_SURVIVOR,
        ("1", "2", "3", "41", "200"),
        sizes(inputs, 2000, 4000),
    )


REACHABLE_SUMS = Programs(
    sources=(
        """
        $n = $int
        $rows = [[0]]
        for $i in range(1, $n + 1):
            $items = $rows[-1][:]
            for $x in $rows[-1]:
                $items.append($x + $A * $i % $B + $i)
            $rows.append(sorted(set($items)))
        print(len($rows[$n]) * $K, max($rows[$n]))
        """,
        """
        $n = $int
        $table = {0: {0}}
        for $i in range(1, $n + 1):
            $seen = {$x + $A * $i % $B + $i for $x in $table[$i - 1]}
            $table[$i] = $table[$i - 1].union($seen)
        print(len($table[$n]) * $K, max($table[$n]))
        """,
    ),
    alternatives={
        "fast": """
        $n = $int
        $seen = 1
        for $i in range(1, $n + 1):
            $seen |= $seen << ($A * $i % $B + $i)
        print($seen.bit_count() * $K, $seen.bit_length() - 1)
        """,
        "balanced": """
        $n = $int
        $seen = {0}
        for $i in range(1, $n + 1):
            $seen |= {$x + $A * $i % $B + $i for $x in $seen}
        print(len($seen) * $K, max($seen))
        """,
    },
)


def reachable_sums(rng: random.Random, inputs: random.Random) -> Instance:
    writer = Writer(rng, A=rng.randrange(2, 60), B=rng.randrange(30, 300), K=rng.randrange(2, 9))
    return writer.instance(
        "Numbers $A*i mod $B + i, i in 1..n: $K times the count of subset sums, and the largest.",
        REACHABLE_SUMS,
        ("0", "1", "2", "7", "20"),
        sizes(inputs, 47, 60),
    )


COVERED_POINTS = Programs(
    sources=(
        """
        $seen = set()
        for _ in range($int):
            $x, $y = $ints
            for $i in range($x * $B, ($x + $y) * $B):
                $seen.add($i)
        print(len($seen) * $A + $K)
        """,
        """
        $items = []
        for _ in range($int):
            $x, $y = $ints
            $items += list(range($x * $B, ($x + $y) * $B))
        print($A * len(set($items)) + $K)
        """,
    ),
    alternatives={
        "fast": """
        $rows = sorted([tuple($ints) for _ in range($int)])
        $total = $best = 0
        for $x, $y in $rows:
            $y = ($x + $y) * $B
            $total += max(0, $y - max($best, $x * $B))
            $best = max($best, $y)
        print($total * $A + $K)
        """,
        "balanced": """
        $rows = [tuple($ints) for _ in range($int)]
        $seen = bytearray(max([($x + $y) * $B for $x, $y in $rows]))
        for $x, $y in $rows:
            $seen[$x * $B:($x + $y) * $B] = b"1" * ($y * $B)
        print((len($seen) - $seen.count(0)) * $A + $K)
        """,
    },
)


def covered_points(rng: random.Random, inputs: random.Random) -> Instance:
    writer = Writer(rng, A=rng.randrange(2, 99), B=rng.randrange(2, 40), K=rng.randrange(2, 99))
    width, seed = writer.constant("B"), inputs.random()

    def performance(scale: Scale) -> str:
        span = (45000 if scale == "training" else 90000) // width
        draw = random.Random(seed)
        rows = [f"{draw.randrange(span)} {draw.randrange(1, span // 25)}" for _ in range(100)]
        return "\n".join(["100", *rows]) + "\n"

    return writer.instance(
        "Units that the ranges x*$B to (x+y)*$B of the lines x y cover; print $A times, plus $K.",
        COVERED_POINTS,
        ("1\n0 1", "2\n3 2\n3 2", "3\n5 4\n0 2\n6 1", "4\n9 5\n1 3\n2 9\n30 1"),
        performance,
    )


FAMILIES = (
    Family("weighted-paths", weighted_paths, is_trade_off=False),
    Family("edit-distance", edit_distance, is_trade_off=False),
    Family("last-survivor", last_survivor, is_trade_off=False),
    Family("reachable-sums", reachable_sums, is_trade_off=False),
    Family("covered-points", covered_points, is_trade_off=False),
)
