"""Finds the shapes that all examples of a problem's input have, the most telling one first.

A best-first search over blocks, line by line, through all examples at once. Several shapes may fit
(three numbers after a 3: a list that it counts, or three numbers?): each is given a cost, and what
the examples explain by fewer and stronger coincidences is cheaper. A size that follows an earlier
number is strong where that number varies between the examples, weak where it never does.
"""

import heapq
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from effirl.data.perf_inputs.shape import ONE, Block, Field, Kind, Shape, Size, split_lines

MAX_SHAPES: Final = 3
_MAX_STATES: Final = 3000
_MAX_SCALARS: Final = 8  # on one line; more are a list
_FIXED_AFTER: Final = 3  # different words of one length
_MAX_BODY: Final = 2  # lines that repeat together
_INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_DECIMAL: Final = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,15})?")
_WEAK, _OFFSET, _UNEXPLAINED, _TOKEN, _BLOCK = 0.15, 0.3, 4.0, 0.1, 1.0


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of one example, with what its sizes may refer to."""

    tokens: list[str]
    known: dict[int, int]
    """Field -> value: whole numbers that stand earlier, alone."""


@dataclass(frozen=True, slots=True)
class _State:
    """The blocks found so far, and where each example stands."""

    at: tuple[int, ...]
    known: tuple[dict[int, int], ...]
    blocks: tuple[Block, ...] = ()
    cost: float = 0.0
    num_fields: int = 0


@dataclass(frozen=True, slots=True)
class _Fit:
    """One way to read some lines that are alike."""

    fields: tuple[Field, ...]
    cost: float
    scalars: tuple[int, ...] = field(default=())
    """Places on the line of the fields that are whole numbers alone."""


def infer(examples: Sequence[str]) -> list[Shape]:
    """Find what shapes the inputs have in common.

    Args:
        examples: At least one input.

    Returns:
        At most `MAX_SHAPES`, best first; none for inputs without a token.
    """
    texts = [split_lines(text) for text in dict.fromkeys(examples) if text.strip()]
    if not texts:
        return []
    ends = tuple(map(len, texts))
    order = itertools.count()  # of equal costs the one found first
    start = _State((0,) * len(texts), tuple({} for _ in texts))
    heap = [(start.cost, next(order), start)]
    found: list[Shape] = []
    for _ in range(_MAX_STATES):
        if not heap or len(found) == MAX_SHAPES:
            break
        *_, state = heapq.heappop(heap)
        if state.at == ends:
            found.append(Shape(state.blocks))
            continue
        for following in _next_blocks(texts, state):
            heapq.heappush(heap, (following.cost, next(order), following))
    return found


def _next_blocks(texts: list[list[list[str]]], state: _State) -> Iterator[_State]:
    rest = [len(lines) - at for at, lines in zip(state.at, texts, strict=True)]
    if min(rest) > 0:
        yield from _with_block(texts, state, ONE, [1] * len(texts), (1, _BLOCK))
    for size, counts, cost in _candidate_sizes(state.known):
        if min(counts) < 0 or max(counts) < 2:
            continue
        for body in range(1, _MAX_BODY + 1):
            if all(count * body <= left for count, left in zip(counts, rest, strict=True)):
                yield from _with_block(texts, state, size, counts, (body, cost + _BLOCK))
    if min(rest) > 0 and max(rest) > 1:
        yield from _with_block(texts, state, None, rest, (1, _UNEXPLAINED + _BLOCK))


def _candidate_sizes(
    known: Sequence[dict[int, int]], *, weak: float = _WEAK
) -> Iterator[tuple[Size, list[int], float]]:
    """Every earlier number, and one more and one less than it."""
    shared = set.intersection(*map(set, known)) if known else set()
    for number in sorted(shared):
        values = [numbers[number] for numbers in known]
        cost = 0.0 if len(set(values)) > 1 else weak
        for plus in (0, -1, 1):
            counts = [value + plus for value in values]
            yield Size(number, plus), counts, cost + (_OFFSET if plus else 0.0)


def _with_block(
    texts: list[list[list[str]]],
    state: _State,
    count: Size | None,
    counts: Sequence[int],
    body_and_cost: tuple[int, float],
) -> Iterator[_State]:
    """Add a block of so many lines, in each way that they can be read."""
    body, cost = body_and_cost
    spans = [
        [lines[at + row * body : at + (row + 1) * body] for row in range(num)]
        for lines, at, num in zip(texts, state.at, counts, strict=True)
    ]
    is_repeated = count != ONE
    rows = [(known, span) for known, some in zip(state.known, spans, strict=True) for span in some]
    for fits in _fit_lines(rows, state.num_fields, is_repeated=is_repeated):
        known = state.known
        if not is_repeated:
            known = tuple(
                old | _scalars(fits[0], span[0][0]) for old, span in zip(known, spans, strict=True)
            )
        yield _State(
            tuple(at + num * body for at, num in zip(state.at, counts, strict=True)),
            known,
            (*state.blocks, Block(count, tuple(fit.fields for fit in fits))),
            state.cost + cost + sum(fit.cost for fit in fits),
            state.num_fields + sum(len(fit.fields) for fit in fits),
        )


def _fit_lines(
    rows: Sequence[tuple[dict[int, int], list[list[str]]]], number: int, *, is_repeated: bool
) -> Iterator[tuple[_Fit, ...]]:
    """Every way to read the lines of a body; a later line may be counted by an earlier one."""
    first = [_Line(span[0], known) for known, span in rows]
    for fit in _fit_line(first, number, is_repeated=is_repeated):
        following = [
            (known | _scalars(fit, span[0]), span[1:]) for known, span in rows if len(span) > 1
        ]
        if not following:
            yield (fit,)
            continue
        after = number + len(fit.fields)
        for rest in _fit_lines(following, after, is_repeated=is_repeated):
            yield (fit, *rest)


def _scalars(fit: _Fit, tokens: Sequence[str]) -> dict[int, int]:
    return {fit.fields[place].number: int(tokens[place]) for place in fit.scalars}


def _fit_line(lines: Sequence[_Line], number: int, *, is_repeated: bool) -> Iterator[_Fit]:
    counts = [len(line.tokens) for line in lines]
    if len(set(counts)) == 1 and 1 <= counts[0] <= _MAX_SCALARS:
        columns = list(zip(*(line.tokens for line in lines), strict=True))
        fields = [_field(column, lines, number + i) for i, column in enumerate(columns)]
        places = tuple(i for i, f in enumerate(fields) if f.kind is Kind.INTEGER)
        yield _Fit(tuple(fields), _TOKEN * counts[0], places)
    if not max(counts, default=0):
        return
    whole = _field([token for line in lines for token in line.tokens], lines, number)
    known = [line.known for line in lines]
    # Two columns in each of two lines are hardly a matrix: inside a block a weak tie is no reason.
    for size, sizes, cost in _candidate_sizes(known, weak=1.0 if is_repeated else _WEAK):
        if counts == sizes:
            yield _Fit((replace(whole, count=size),), cost)
    if fit := _counted_by_its_first(lines, number):
        yield fit
    if max(counts) > 1:
        yield _Fit((replace(whole, count=None),), _UNEXPLAINED)


def _counted_by_its_first(lines: Sequence[_Line], number: int) -> _Fit | None:
    """Read `k a_1 ... a_k`."""
    heads = [line.tokens[0] if line.tokens else "" for line in lines]
    if not all(_INTEGER.fullmatch(head) for head in heads):
        return None
    counts = [len(line.tokens) - 1 for line in lines]
    if counts != [int(head) for head in heads] or max(counts) < 1:
        return None
    tail = [token for line in lines for token in line.tokens[1:]]
    items = replace(_field(tail, lines, number + 1), count=Size(number))
    return _Fit((Field(number, Kind.INTEGER), items), _WEAK if len(set(counts)) == 1 else _TOKEN)


def _field(tokens: Sequence[str], lines: Sequence[_Line], number: int) -> Field:
    if all(_INTEGER.fullmatch(token) for token in tokens):
        return Field(number, Kind.INTEGER)
    if all(_DECIMAL.fullmatch(token) for token in tokens) and any("." in t for t in tokens):
        return Field(number, Kind.DECIMAL)
    return Field(number, Kind.WORD, length=_word_length(tokens, lines))


def _word_length(tokens: Sequence[str], lines: Sequence[_Line]) -> Size | None:
    lengths = [len(token) for token in tokens]
    if len(tokens) == len(lines):
        known = [line.known for line in lines]
        for size, sizes, _ in _candidate_sizes(known):
            if size.plus == 0 and sizes == lengths:
                return size
    is_fixed = len(set(lengths)) == 1 and len(set(tokens)) >= _FIXED_AFTER
    return Size(None, lengths[0]) if is_fixed else None
