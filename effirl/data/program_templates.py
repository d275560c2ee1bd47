"""Templates of the random programs: the building blocks that `effirl.data.random_programs` joins.

Blank lines part them. `{num}`, `{nums}`, `{text}`, `{words}` and `{table}` read a variable of that
kind, `{out}` is what the template makes, `{v}` what it prints; `{x}` and `{y}` are new locals, the
other slots constants and operators. A comment before a template is its part of the description.
"""

READS = (
    (
        "num",
        """
# Read an integer {out}.
{out} = int(input())

# Given an integer {out}.
{out} = int(sys.stdin.readline())
""",
    ),
    (
        "nums",
        """
# Read {num} and then {num} integers.
{num} = int(input())
{out} = list(map(int, input().split()))

# Given a list of {num} integers.
{num} = int(input())
{out} = [int({x}) for {x} in input().split()]

# Given {num} and a list of integers.
{num}, *{out} = map(int, sys.stdin.read().split())

# Read several integers, one a line.
{out} = [int(input()) for _ in range(int(input()))]

# The input holds {num} and {num} numbers.
{y} = sys.stdin.read().split()
{num} = int({y}[0])
{out} = [int({x}) for {x} in {y}[1:{num} + 1]]

# Read {num} integers, one a line.
{num} = int(input())
{out} = []
for {x} in range({num}):
    {out}.append(int(input()))
""",
    ),
    (
        "num",
        """
# Read two integers.
{num}, {out} = map(int, input().split())

# Given integers {num} and {out}.
{num}, {out} = [int({x}) for {x} in input().split()]
""",
    ),
    (
        "text",
        """
# Given a string {out}.
{out} = input().strip()

# Read a line.
{out} = input()

# Given a string.
{out} = sys.stdin.readline().rstrip()
""",
    ),
    (
        "words",
        """
# Given several words.
{out} = input().split()

# Read all words of the input.
{out} = sys.stdin.read().split()

# Read several strings, one a line.
{out} = [input() for _ in range(int(input()))]
""",
    ),
)
"""What the input's last variable is, and ways to read it."""

STATEMENTS = {
    "num": """
{out} = sum({nums})

{out} = max({nums}) {op} min({nums})

{out} = {num} {op} {c}

{out} = ({num} * {c} + {d}) % {m}

{out} = len(set({nums}))

{out} = len({text})

{out} = {c}
for {x} in {nums}:
    {out} = ({out} * {d} + {x}) % {m}

{out} = 0
for {x} in {nums}:
    if {x} {cmp} {c}:
        {out} += {x}

{out} = 0
for {x} in range({c}, {num}):
    {out} += {x} {op} {d}

{out} = 0
for {x} in range(len({nums})):
    if {nums}[{x}] % {c} == {small}:
        {out} += 1

{out} = 0
for {x}, {y} in enumerate({nums}):
    {out} += {x} * {y}

{out} = 0
{x} = {num}
while {x} > 0:
    {out} += {x} % {c}
    {x} //= {c}

{out} = 1
while {out} * {out} <= {num}:
    {out} += 1

{out} = {nums}[0]
for {x} in {nums}[1:]:
    if {x} > {out}:
        {out} = {x}

{out} = sum({x} {op} {c} for {x} in {nums})

{out} = sum(1 for {x} in {nums} if {x} {cmp} {c})

{out} = {text}.count({letter})

{out} = sum(map(len, {words}))

{out} = pow({c}, {num}, {m})

{out} = max({table}.values())

{out} = sorted({nums})[len({nums}) // 2]

{out} = 0
for {x} in range({num}):
    for {y} in range({x}):
        if ({x} + {y}) % {c} == {small}:
            {out} += 1

{out} = {c} if {num} {cmp} {d} else {small}

{out} = abs({num} - {c})

{x}, {y} = 0, len({nums}) - 1
{out} = 0
while {x} < {y}:
    {out} = max({out}, {nums}[{x}] + {nums}[{y}])
    {x} += 1
    {y} -= 1

{x}, {y} = {small}, 1
for _ in range({num}):
    {x}, {y} = {y}, ({x} + {y}) % {m}
{out} = {x}

{out} = 0
for {x} in {text}:
    if {x} in {letters}:
        {out} += {c}

{out} = 0
{x} = 0
for {y} in {nums}:
    {x} = max(0, {x} + {y} - {c})
    {out} = max({out}, {x})
""",
    "nums": """
{out} = [{x} {op} {c} for {x} in {nums}]

{out} = sorted({nums})

{out} = {nums}[::-1]

{out} = [{x} for {x} in {nums} if {x} {cmp} {c}]

{out} = list(range({small}, {num}, {c}))

{out} = [0] * ({num} + 1)
for {x} in range(1, {num} + 1):
    {out}[{x}] = ({out}[{x} - 1] + {x} * {c}) % {m}

{out} = [0]
for {x} in {nums}:
    {out}.append({out}[-1] + {x})

{out} = []
for {x} in {nums}:
    {out}.append({x} {op} {c})

{out} = list(set({nums}))

{out} = [{x} + {y} for {x}, {y} in zip({nums}, {nums}[1:])]

{out} = [ord({x}) for {x} in {text}]

{out} = [{c}, {d}]
for {x} in range(2, {num}):
    {out}.append(({out}[-1] + {out}[-2]) % {m})

{out} = [len({x}) for {x} in {words}]

{nums}.sort()
{out} = {nums}[:{c}]

{out} = [{num} % {x} for {x} in range(1, {c})]

{out} = sorted({table}.values())

{out} = []
{x} = {num}
while {x}:
    {out}.append({x} % {c})
    {x} //= {c}

{out} = [True] * ({num} + 1)
for {x} in range(2, {num} + 1):
    for {y} in range({x} * {x}, {num} + 1, {x}):
        {out}[{y}] = False

from collections import deque
{out} = deque()
for {x} in {nums}:
    {out}.append({x})
    if len({out}) > {c}:
        {out}.popleft()

from itertools import accumulate
{out} = list(accumulate({nums}))
""",
    "text": """
{out} = {text}[::-1]

{out} = {text}.upper()

{out} = "".join(sorted({text}))

{out} = {text}.replace({letter}, {letters})

{out} = " ".join({words})

{out} = str({num})

{out} = ""
for {x} in {text}:
    if {x} != {letter}:
        {out} += {x}

{out} = "".join({x} for {x} in {text} if {x} not in {letters})

{out} = bin({num})[2:]

{out} = []
for {x} in {text}:
    if {out} and {out}[-1] == {x}:
        {out}.pop()
    else:
        {out}.append({x})
{out} = "".join({out})

{out} = "".join(chr((ord({x}) - 97 + {c}) % 26 + 97) for {x} in {text})
""",
    "words": """
{out} = sorted({words})

{out} = [{x} for {x} in {words} if len({x}) > {c}]

{out} = sorted({words}, key=len)

{out} = [{x}[::-1] for {x} in {words}]

{out} = {text}.split({letter})

{out} = set()
for {x} in {words}:
    {out}.add({x}[:{c}])

{out} = list(map(str, {nums}))
""",
    "table": """
{out} = {{}}
for {x} in {nums}:
    {out}[{x}] = {out}.get({x}, 0) + 1

{out} = {{}}
for {x} in {words}:
    if {x} not in {out}:
        {out}[{x}] = 0
    {out}[{x}] += {c}

from collections import Counter
{out} = Counter({nums})

from collections import Counter
{out} = Counter({text})

from collections import defaultdict
{out} = defaultdict(int)
for {x} in {nums}:
    {out}[{x} % {c}] += {x}

{out} = {{{x}: {y} for {y}, {x} in enumerate({nums})}}

{out} = {{{x}: {x} * {c} % {m} for {x} in range({num})}}
""",
}
"""Kind that is made -> ways to make it."""

PRINTS = {
    "num": """
print({v})

print({v} % {m})

print({v} {op} {c})

print("Yes" if {v} {cmp} {c} else "No")

print(str({v}))

print({v}, {num})
""",
    "nums": """
print(*{v})

print(sum({v}))

print(len({v}))

print(" ".join(map(str, {v})))

print("\\n".join(map(str, {v})))

for {x} in {v}:
    print({x})

print(sum({v}) % {m})

print(max({v}, default={small}))

for {x} in {v}:
    if {x} {cmp} {c}:
        print({x})
""",
    "text": """
print({v})

print({v}[:{c}])

print(len({v}))

print("YES" if {v} == {v}[::-1] else "NO")
""",
    "words": """
print(*{v})

print(" ".join({v}))

print(len({v}))

for {x} in {v}:
    print({x})
""",
    "table": """
print(len({v}))

for {x} in sorted({v}):
    print({x}, {v}[{x}])

print(sum({v}.values()) % {m})

for {x}, {y} in {v}.items():
    if {y} {cmp} {c}:
        print({x})
""",
}
"""Kind -> ways to print it."""
