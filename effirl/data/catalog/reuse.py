"""Families whose terms are needed more than once: keep them, or make them again."""

import random

from effirl.data.catalog.family import Family, Instance, Scale
from effirl.data.catalog.writing import Programs, Writer, odd_modulus, sizes

RANGE_SUMS = Programs(
    sources=(
        """
        $n = $int
        $items = []
        for $i in range($n):
            $items.append(($i, ($A * $i * $i + $B) % $M))
        for _ in range($int):
            $x, $y = $ints
            $total = 0
            for $i, $j in $items[$x:$y]:
                $total += $j
            print($total)
        """,
        """
        $n = $int
        $items = {$i: ($A * $i * $i + $B) % $M for $i in range($n)}
        for _ in range($int):
            $x, $y = $ints
            print(sum([$items[$i] for $i in range($x, $y)]))
        """,
    ),
    alternatives={
        "fast": """
        from itertools import accumulate
        $n = $int
        $items = [($A * $i * $i + $B) % $M for $i in range($n)]
        $table = list(accumulate($items, initial=0))
        for _ in range($int):
            $x, $y = $ints
            print($table[$y] - $table[$x])
        """,
        "lean": """
        $n = $int
        for _ in range($int):
            $x, $y = $ints
            $total = 0
            for $i in range($x, $y):
                $total += ($A * $i * $i + $B) % $M
            print($total)
        """,
    },
)


def range_sums(rng: random.Random, inputs: random.Random) -> Instance:
    writer = Writer(rng, A=rng.randrange(2, 99), B=rng.randrange(1, 999), M=odd_modulus(rng))
    ends = [(inputs.uniform(0, 0.1), inputs.uniform(0.9, 1)) for _ in range(5)]

    def performance(scale: Scale) -> str:
        number = 26000 if scale == "training" else 39000
        queries = [f"{round(low * number)} {round(high * number)}" for low, high in ends]
        return "\n".join([str(number), str(len(queries)), *queries]) + "\n"

    return writer.instance(
        "For queries x y, sum ($A*i*i + $B) mod $M over x <= i < y, where y is at most n.",
        RANGE_SUMS,
        ("0\n1\n0 0", "5\n2\n0 5\n2 2", "40\n3\n0 1\n39 40\n7 31", "200\n1\n3 198"),
        performance,
    )


REPEATED_MEANS = Programs(
    sources=(
        """
        $n = $int
        $items = [($i, ($A * $i * $i + $B) % $M) for $i in range($n)]
        for _ in range($K):
            $y = sum([$x for $i, $x in $items]) // max(1, len($items))
            $items = [($i, $x) for $i, $x in $items if $x >= $y]
            print($y, len($items))
        """,
        """
        $n = $int
        $items = []
        for $i in range($n):
            $items.append([($A * $i * $i + $B) % $M])
        for _ in range($K):
            $y = 0
            for $x in $items:
                $y += $x[0]
            $y //= max(1, len($items))
            $items = [$x for $x in $items if $x[0] >= $y]
            print($y, len($items))
        """,
    ),
    alternatives={
        "fast": """
        $n = $int
        $items = [($A * $i * $i + $B) % $M for $i in range($n)]
        for _ in range($K):
            $y = sum($items) // max(1, len($items))
            $items = [$x for $x in $items if $x >= $y]
            print($y, len($items))
        """,
        "lean": """
        $n = $int
        $y = 0
        for $j in range($K + 1):
            $total = $best = 0
            for $i in range($n):
                $x = ($A * $i * $i + $B) % $M
                if $x >= $y:
                    $total += $x
                    $best += 1
            if $j:
                print($y, $best)
            $y = $total // max(1, $best)
        """,
    },
)


def repeated_means(rng: random.Random, inputs: random.Random) -> Instance:
    writer = Writer(
        rng,
        A=rng.randrange(2, 99),
        B=rng.randrange(1, 999),
        M=odd_modulus(rng),
        K=rng.randrange(3, 5),
    )
    return writer.instance(
        "Terms ($A*i*i + $B) mod $M, i below n: $K times print the mean and keep what reaches it.",
        REPEATED_MEANS,
        ("0", "1", "4", "50", "700"),
        sizes(inputs, 30000, 42000),
    )


SHIFTED_PRODUCTS = Programs(
    sources=(
        """
        $n = $int
        $rows = [($i, ($A * $i * $i + $B) % $M) for $i in range($n)]
        for $j in $ints:
            $total = 0
            for $i, $x in $rows[:$n - $j]:
                $total += $x * $rows[$i + $j][1]
            print($total)
        """,
        """
        $n = $int
        $table = {}
        for $i in range($n):
            $table[$i] = ($A * $i * $i + $B) % $M
        for $j in $ints:
            $items = [$table[$i] * $table[$i + $j] for $i in range($n - $j)]
            print(sum($items))
        """,
    ),
    alternatives={
        "fast": """
        from operator import mul
        $n = $int
        $items = [($A * $i * $i + $B) % $M for $i in range($n)]
        for $j in $ints:
            print(sum(map(mul, $items, $items[$j:])))
        """,
        "lean": """
        $n = $int
        for $j in $ints:
            $total = 0
            for $i in range($n - $j):
                $y = $i + $j
                $total += ($A * $i * $i + $B) % $M * (($A * $y * $y + $B) % $M)
            print($total)
        """,
    },
)


def shifted_products(rng: random.Random, inputs: random.Random) -> Instance:
    writer = Writer(rng, A=rng.randrange(2, 99), B=rng.randrange(1, 999), M=odd_modulus(rng))
    shifts = " ".join(str(inputs.randrange(1, 50)) for _ in range(3))

    def performance(scale: Scale) -> str:
        return f"{24000 if scale == 'training' else 36000}\n{shifts}\n"

    return writer.instance(
        "With f(i) = ($A*i*i + $B) mod $M, for each shift d sum f(i)*f(i+d) over i below n - d.",
        SHIFTED_PRODUCTS,
        ("1\n0 1", "2\n1", "9\n0 3 9", "250\n7 1"),
        performance,
    )


MATRIX_EXTREMES = Programs(
    sources=(
        """
        $n = $int
        $table = []
        for $i in range($n):
            $table += [($i, $j, $i * $j * $A % $M + $j * $B) for $j in range($n)]
        $rows = [[] for _ in range($n)]
        $items = [[] for _ in range($n)]
        for $i, $j, $x in $table:
            $rows[$i].append($x)
            $items[$j].append($x)
        print(sum([max($x) - min($x) for $x in $rows + $items]))
        """,
        """
        $n = $int
        $table = {}
        for $i in range($n):
            for $j in range($n):
                $table[$i, $j] = $i * $j * $A % $M + $j * $B
        $total = 0
        for $i in range($n):
            $x = [$table[$i, $j] for $j in range($n)]
            $y = [$table[$j, $i] for $j in range($n)]
            $total += max($x) - min($x) + max($y) - min($y)
        print($total)
        """,
    ),
    alternatives={
        "fast": """
        $n = $int
        $rows = [[$i * $j * $A % $M + $j * $B for $j in range($n)] for $i in range($n)]
        $total = sum(map(max, $rows)) - sum(map(min, $rows))
        for $x in zip(*$rows):
            $total += max($x) - min($x)
        print($total)
        """,
        "lean": """
        $n = $int
        $total = 0
        for $i in range($n):
            $total += max($i * $j * $A % $M + $j * $B for $j in range($n))
            $total -= min($i * $j * $A % $M + $j * $B for $j in range($n))
            $total += max($i * $j * $A % $M + $i * $B for $j in range($n))
            $total -= min($i * $j * $A % $M + $i * $B for $j in range($n))
        print($total)
        """,
    },
)


def matrix_extremes(rng: random.Random, inputs: random.Random) -> Instance:
    writer = Writer(
        rng, A=rng.randrange(20, 500), B=rng.randrange(20, 500), M=rng.randrange(501, 9999, 2)
    )
    return writer.instance(
        "In the n by n matrix i*j*$A mod $M + j*$B: sum of max - min over all rows and columns.",
        MATRIX_EXTREMES,
        ("1", "2", "9", "31"),
        sizes(inputs, 172, 200),
    )


FAMILIES = (
    Family("range-sums", range_sums, is_trade_off=True),
    Family("repeated-means", repeated_means, is_trade_off=True),
    Family("shifted-products", shifted_products, is_trade_off=True),
    Family("matrix-extremes", matrix_extremes, is_trade_off=True),
)
