"""Families of modular arithmetic: a table of all values, or each value when it is asked for."""

import random

from effirl.data.catalog.family import Family, Instance, Scale
from effirl.data.catalog.writing import Programs, Writer, sizes

# Prime moduli near which a table of all residues is a megabyte.
PRIMES = (17971, 18013, 18503, 19001, 19501, 20011, 20507, 21001, 21503, 22003, 22501, 23003)

# Primes above every argument of these families: modulo one of them each argument has an inverse.
# None repeats a digit: small models lose count in 1000000033, which says nothing of efficiency.
LARGE_PRIMES = (
    902308571, 903754739, 907532741, 914946797, 915826781, 927359509, 930986383,
    936142079, 940121219, 948209851, 958067689, 968981369, 975825061, 986207291,
)  # fmt: skip


POWER_LOOKUPS = Programs(
    sources=(
        """
        $n = $int
        $table = {$x: pow($G, $x, $P) for $x in range($P)}
        $total = 0
        for $i in range($n):
            $total += $table[($A * $i * $i + $B) % $P]
        print($total)
        """,
        """
        $n = $int
        $table = {}
        for $x in range($P):
            $table[$x] = pow($G, $x, $P)
        $items = [$table[($A * $i * $i + $B) % $P] for $i in range($n)]
        print(sum($items))
        """,
    ),
    alternatives={
        "fast": """
        $n = $int
        $table = [1]
        for _ in range($P - 1):
            $table.append($table[-1] * $G % $P)
        print(sum([$table[($A * $i * $i + $B) % $P] for $i in range($n)]))
        """,
        "lean": """
        $n = $int
        $total = 0
        for $i in range($n):
            $total += pow($G, ($A * $i * $i + $B) % $P, $P)
        print($total)
        """,
    },
)


def power_lookups(rng: random.Random, inputs: random.Random) -> Instance:
    prime = rng.choice(PRIMES)
    writer = Writer(
        rng, P=prime, G=rng.randrange(3, 900), A=rng.randrange(2, 99), B=rng.randrange(1, 99)
    )
    return writer.instance(
        "Sum the powers of $G modulo $P at exponents ($A*i*i + $B) mod $P for i below n.",
        POWER_LOOKUPS,
        ("0", "1", "2", "50", "333"),
        sizes(inputs, 15000, 22000),
    )


MODULAR_INVERSES = Programs(
    sources=(
        """
        $n = $int
        $table = {}
        for $i in range(1, $n + 1):
            $table[$i] = ($i, pow($i, -1, $P))
        $total = 0
        for $i in $table:
            $total += $table[$i][1]
        print($total * $A % $M)
        """,
        """
        $n = $int
        $items = [($i, pow($i, -1, $P)) for $i in range(1, $n + 1)]
        $rows = [$x * $A for $i, $x in $items]
        print(sum($rows) % $M)
        """,
    ),
    alternatives={
        "fast": """
        $n = $int
        $table = [0, 1]
        for $i in range(2, $n + 1):
            $table.append(-($P // $i) * $table[$P % $i] % $P)
        print(sum($table) * $A % $M)
        """,
        "lean": """
        $n = $int
        $total = 0
        for $i in range(1, $n + 1):
            $total += pow($i, -1, $P)
        print($total * $A % $M)
        """,
    },
)


def modular_inverses(rng: random.Random, inputs: random.Random) -> Instance:
    writer = Writer(
        rng, P=rng.choice(LARGE_PRIMES), A=rng.randrange(2, 999), M=rng.randrange(1001, 99999)
    )
    return writer.instance(
        "Sum the inverses of 1..n modulo $P, and print $A times the sum mod $M.",
        MODULAR_INVERSES,
        ("1", "2", "10", "77", "400"),
        sizes(inputs, 22000, 33000),
    )


BINOMIAL_QUERIES = Programs(
    sources=(
        """
        for _ in range($int):
            $n, $m = $ints
            $rows = [($n - $i, $i + 1) for $i in range($m)]
            $x = $y = 1
            for $i, $j in $rows:
                $x = $x * $i % $P
                $y = $y * $j % $P
            print($x * pow($y, -1, $P) % $P * $A % $M)
        """,
        """
        for _ in range($int):
            $n, $m = $ints
            $items = [(1, 1)]
            for $i in range($m):
                $x, $y = $items[$i]
                $items.append(($x * ($n - $i) % $P, $y * ($i + 1) % $P))
            $x, $y = $items[$m]
            print($x * pow($y, -1, $P) % $P * $A % $M)
        """,
    ),
    alternatives={
        "fast": """
        $rows = [tuple($ints) for _ in range($int)]
        $table = [1]
        for $i in range(1, max($rows)[0] + 1):
            $table.append($table[-1] * $i % $P)
        for $n, $m in $rows:
            $y = $table[$m] * $table[$n - $m]
            print($table[$n] * pow($y, -1, $P) % $P * $A % $M)
        """,
        "lean": """
        for _ in range($int):
            $n, $m = $ints
            $x = $y = 1
            for $i in range($m):
                $x = $x * ($n - $i) % $P
                $y = $y * ($i + 1) % $P
            print($x * pow($y, -1, $P) % $P * $A % $M)
        """,
    },
)


def binomial_queries(rng: random.Random, inputs: random.Random) -> Instance:
    writer = Writer(
        rng, P=rng.choice(LARGE_PRIMES), A=rng.randrange(2, 9999), M=rng.randrange(1001, 99999)
    )
    parts = [(inputs.uniform(0.9, 1), inputs.uniform(0.45, 0.55)) for _ in range(4)]

    def performance(scale: Scale) -> str:
        largest = 30000 if scale == "training" else 45000
        queries = [f"{round(part * largest)} {round(half * largest)}" for part, half in parts]
        return "\n".join([str(len(queries)), *queries]) + "\n"

    return writer.instance(
        "For each query n m print the binomial coefficient n over m modulo $P, times $A, mod $M.",
        BINOMIAL_QUERIES,
        ("1\n0 0", "2\n1 1\n7 0", "3\n5 2\n40 20\n9 8", "1\n300 121"),
        performance,
    )


FUNCTION_POWERS = Programs(
    sources=(
        """
        $n = $int
        $items = [($i, $i) for $i in range($n)]
        for _ in range($K):
            $items = [($i, ($A * $x * $x + $B) % $n) for $i, $x in $items]
        print(sum([$i * $x for $i, $x in $items]))
        """,
        """
        $n = $int
        $table = {$i: ($A * $i * $i + $B) % $n for $i in range($n)}
        $total = 0
        for $i in range($n):
            $x = $i
            for _ in range($K):
                $x = $table[$x]
            $total += $i * $x
        print($total)
        """,
    ),
    alternatives={
        "fast": """
        from operator import mul
        $n = $int
        $table = [($A * $i * $i + $B) % $n for $i in range($n)]
        $items = $table
        for _ in range($K - 1):
            $items = [$table[$x] for $x in $items]
        print(sum(map(mul, range($n), $items)))
        """,
        "lean": """
        $n = $int
        $total = 0
        for $i in range($n):
            $x = $i
            for _ in range($K):
                $x = ($A * $x * $x + $B) % $n
            $total += $i * $x
        print($total)
        """,
    },
)


def function_powers(rng: random.Random, inputs: random.Random) -> Instance:
    writer = Writer(rng, A=rng.randrange(2, 99), B=rng.randrange(1, 999), K=rng.randrange(5, 7))
    return writer.instance(
        "Sum i times the result of applying x -> ($A*x*x + $B) mod n $K times to i, for i below n.",
        FUNCTION_POWERS,
        ("1", "2", "11", "100", "512"),
        sizes(inputs, 19000, 27000),
    )


FAMILIES = (
    Family("power-lookups", power_lookups, is_trade_off=True),
    Family("modular-inverses", modular_inverses, is_trade_off=True),
    Family("binomial-queries", binomial_queries, is_trade_off=True),
    Family("function-powers", function_powers, is_trade_off=True),
)
