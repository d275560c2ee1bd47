"""Rows of cells, laid out in columns for a terminal."""

from collections.abc import Callable, Sequence


def aligned(
    lines: Sequence[Sequence[str]], justify: Callable[[str, int], str] = str.ljust
) -> list[str]:
    """Pad the cells of each column to one width, `str.ljust` or `str.rjust`.

    >>> aligned([["a", "b"], ["long", "c"]])
    ['a     b', 'long  c']
    """
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return [
        "  ".join(justify(cell, width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]
