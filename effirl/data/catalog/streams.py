"""Families about input that is long: read it whole, or piece by piece."""

import random

from effirl.data.catalog.family import Family, Instance, Scale
from effirl.data.catalog.writing import Programs, Writer

WEIGHTED_LINES = Programs(
    sources=(
        """
        $rows = []
        for $text in sys.stdin.readlines():
            $rows.append([int($x) for $x in $text.split()])
        $total = 0
        for $i in range(len($rows)):
            $total += $rows[$i][0] * $rows[$i][1] * $A + $B
        print($total)
        """,
        """
        $rows = sys.stdin.read().strip().split("\\n")
        $rows = [tuple(map(int, $text.split())) for $text in $rows if $text]
        print(sum([$x * $y * $A + $B for $x, $y in $rows]))
        """,
    ),
    alternatives={
        "fast": """
        from operator import mul
        $items = list(map(int, sys.stdin.read().split()))
        print(sum(map(mul, $items[::2], $items[1::2])) * $A + len($items) // 2 * $B)
        """,
        "lean": """
        $total = 0
        for $text in sys.stdin:
            $x, $y = map(int, $text.split())
            $total += $x * $y * $A + $B
        print($total)
        """,
    },
)


def weighted_lines(rng: random.Random, inputs: random.Random) -> Instance:
    writer = Writer(rng, A=rng.randrange(2, 99), B=rng.randrange(1, 999))
    seed = inputs.random()
    return writer.instance(
        "Sum x*y*$A + $B over the lines of the input, each of which holds x and y.",
        WEIGHTED_LINES,
        ("3 4", "0 0\n-5 2", "7 -1\n10 10\n2 3\n100 0", _lines("small", 30, 2)),
        lambda scale: _lines(seed, _number(scale), 2) + "\n",
    )


def _number(scale: Scale) -> int:
    return 9000 if scale == "training" else 18000


def _lines(seed: object, number: int, width: int) -> str:
    """Return lines of `width` small numbers; only the length of such an input matters."""
    rng = random.Random(str(seed))
    return "\n".join(
        " ".join(str(rng.randrange(-999, 9999)) for _ in range(width)) for _ in range(number)
    )


DISTINCT_PIECES = Programs(
    sources=(
        """
        $text = $line
        $table = {}
        for $i in range(len($text) - $K + 1):
            $table.setdefault($text[$i:$i + $K], []).append($i)
        print(len($table) * $A + $B)
        """,
        """
        $text = $line
        $items = []
        for $i in range(len($text) - $K + 1):
            $items.append([$text[$i:$i + $K], $i])
        $items.sort()
        $total = 0
        for $i in range(len($items)):
            if $i == 0 or $items[$i][0] != $items[$i - 1][0]:
                $total += 1
        print($total * $A + $B)
        """,
    ),
    alternatives={
        "fast": """
        $text = $line
        $seen = bytearray(4 ** $K)
        $x = 0
        for $i, $c in enumerate($text, 1):
            $x = ($x * 4 + "acgt".index($c)) % 4 ** $K
            if $i >= $K:
                $seen[$x] = 1
        print(sum($seen) * $A + $B)
        """,
        "balanced": """
        $text = $line
        $seen = {$text[$i:$i + $K] for $i in range(len($text) - $K + 1)}
        print(len($seen) * $A + $B)
        """,
    },
)


def distinct_pieces(rng: random.Random, inputs: random.Random) -> Instance:
    writer = Writer(rng, K=rng.randrange(7, 9), A=rng.randrange(2, 99), B=rng.randrange(1, 999))
    seed = inputs.random()

    def performance(scale: Scale) -> str:
        number = 14000 if scale == "training" else 28000
        return "".join(random.Random(seed).choices("acgt", k=number)) + "\n"

    return writer.instance(
        "Times $A plus $B: how many distinct pieces of $K letters are in a string of a, c, g, t.",
        DISTINCT_PIECES,
        (
            "a",
            "acgtacgt",
            "aaaaaaaaaaaa",
            "acgtgcatgcatcgatgcatcgtagcatgcatgc",
            "gattacagattacagat",
        ),
        performance,
    )


FAMILIES = (
    Family("weighted-lines", weighted_lines, is_trade_off=False),
    Family("distinct-pieces", distinct_pieces, is_trade_off=False),
)
