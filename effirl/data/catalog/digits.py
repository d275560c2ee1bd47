"""Families about the digits of numbers."""

import random

from effirl.data.catalog.family import Family, Instance
from effirl.data.catalog.writing import Programs, Writer, sizes

DIGIT_POWERS = Programs(
    sources=(
        """
        $n = $int
        $table = {str($x): $x ** $E for $x in range(10)}
        $rows = []
        for $i in range($n + 1):
            $rows.append(($i, str($i)))
        $total = 0
        for $i, $y in $rows:
            if sum([$table[$c] for $c in $y]) % $A == $B:
                $total += 1
        print($total)
        """,
        """
        $n = $int
        $table = [$x ** $E for $x in range(10)]
        $rows = [($i, str($i)) for $i in range($n + 1)]
        $total = 0
        for $x, $y in $rows:
            $x = 0
            for $c in $y:
                $x += $table[int($c)]
            if $x % $A == $B:
                $total += 1
        print($total)
        """,
    ),
    alternatives={
        "fast": """
        $n = $int
        $items = [$x ** $E for $x in range(10)]
        $table = $items[:]
        for $i in range(1, $n // 10 + 1):
            $y = $table[$i]
            $table += [$y + $x for $x in $items]
        print(sum([$x % $A == $B for $x in $table[:$n + 1]]))
        """,
        "lean": """
        $n = $int
        $items = {str($x): $x ** $E for $x in range(10)}
        $total = 0
        for $i in range($n + 1):
            $x = 0
            for $c in str($i):
                $x += $items[$c]
            if $x % $A == $B:
                $total += 1
        print($total)
        """,
    },
)


def digit_powers(rng: random.Random, inputs: random.Random) -> Instance:
    modulus, exponent = rng.randrange(5, 120), rng.randrange(3, 7)
    remainder = rng.randrange(modulus)
    while not _occurs(remainder, exponent, modulus):  # or the answer is 0 for all n
        remainder = rng.randrange(modulus)
    writer = Writer(rng, E=exponent, A=modulus, B=remainder)
    return writer.instance(
        "Count i in 0..n whose sum of digits to the power $E leaves remainder $B modulo $A.",
        DIGIT_POWERS,
        ("0", "9", "10", "107", "1234"),
        sizes(inputs, 22000, 33000),
    )


def _occurs(remainder: int, exponent: int, modulus: int) -> bool:
    """Whether a number smaller than all performance inputs has such a sum of its digits' powers."""
    powers = {str(digit): digit**exponent for digit in range(10)}
    sums = (sum(powers[digit] for digit in str(i)) for i in range(1, 20_000))
    return any(total % modulus == remainder for total in sums)


DIGIT_COUNTS = Programs(
    sources=(
        """
        $n = $int
        $rows = []
        for $i in range($n):
            $rows.append(list(str($A * $i + $B)))
        $total = 0
        for $x in $rows:
            for $c in $x:
                if $c == "$D":
                    $total += 1
        print($total)
        """,
        """
        $n = $int
        $rows = [[int($c) for $c in str($A * $i + $B)] for $i in range($n)]
        print(sum([$x.count($D) for $x in $rows]))
        """,
    ),
    alternatives={
        "fast": """
        $n = $int
        print("".join(map(str, range($B, $A * $n + $B, $A))).count("$D"))
        """,
        "lean": """
        $n = $int
        $total = 0
        for $x in range($B, $A * $n + $B, $A):
            $total += str($x).count("$D")
        print($total)
        """,
    },
)


def digit_counts(rng: random.Random, inputs: random.Random) -> Instance:
    writer = Writer(rng, D=rng.randrange(10), A=rng.randrange(3, 60), B=rng.randrange(100, 9999))
    return writer.instance(
        "Count how often the digit $D occurs in the numbers $A*i + $B for i below n.",
        DIGIT_COUNTS,
        ("0", "1", "7", "100", "345"),
        sizes(inputs, 20000, 40000),
    )


BIT_REVERSALS = Programs(
    sources=(
        """
        $n = $int
        $rows = []
        for $i in range(2 ** $n):
            $rows.append(bin($i)[2:].zfill($n))
        $items = [int($x[::-1], 2) for $x in $rows]
        $total = 0
        for $i in range(2 ** $n):
            $total += $items[$i] * ($i + $B)
        print($total * $A % $M)
        """,
        """
        $n = $int
        $rows = [(bin($i)[2:].zfill($n), $i) for $i in range(2 ** $n)]
        $total = 0
        for $x, $i in $rows:
            $total += ($i + $B) * int($x[::-1], 2)
        print($total * $A % $M)
        """,
    ),
    alternatives={
        "fast": """
        from operator import mul
        $n = $int
        $table = [0]
        for _ in range($n):
            $table = [2 * $x for $x in $table]
            $table += [$x + 1 for $x in $table]
        print(sum(map(mul, $table, range($B, $B + 2 ** $n))) * $A % $M)
        """,
        "lean": """
        $n = $int
        $total = 0
        for $i in range(2 ** $n):
            $x = int(bin($i)[:1:-1].ljust($n, "0"), 2)
            $total += $x * ($i + $B)
        print($total * $A % $M)
        """,
    },
)


def bit_reversals(rng: random.Random, _: random.Random) -> Instance:
    writer = Writer(
        rng, A=rng.randrange(3, 500), B=rng.randrange(3, 999), M=rng.randrange(1001, 99999, 2)
    )
    return writer.instance(
        "Sum rev(i) * (i + $B) for i below 2**n, where rev turns the n bits of i around; "
        "print it times $A mod $M.",
        BIT_REVERSALS,
        ("1", "2", "5", "8"),
        lambda scale: "15\n" if scale == "training" else "16\n",
    )


FAMILIES = (
    Family("digit-powers", digit_powers, is_trade_off=True),
    Family("digit-counts", digit_counts, is_trade_off=False),
    Family("bit-reversals", bit_reversals, is_trade_off=True),
)
