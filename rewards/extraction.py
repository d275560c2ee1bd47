"""From a completion (raw decoded text) to a program.

Nothing here parses or compiles: text that a model wrote can crash a compiler, so only a sandboxed
process may do that.
"""

import io
import re
import tokenize
from collections.abc import Iterator
from functools import lru_cache
from itertools import accumulate
from typing import Final

MAX_PROGRAM_CHARS: Final = 200_000
_FENCE: Final = re.compile(r"^```[^\n`]*\n(.*?)(?:^```|\Z)", re.MULTILINE | re.DOTALL)
_ENCODING: Final = re.compile(
    r"(?:[ \t\f]*(?:#[^\r\n]*)?(?:\r\n?|\n))??[ \t\f]*#[^\r\n]*?coding[:=][ \t]*([-\w.]+)"
)
"""A comment in the first two lines that decides how all is read: the first such (PEP 263)."""
_INDENTATION: Final = re.compile(r"^[ \t\f]+", re.MULTILINE)
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0e-\x1f]")
_LAYOUT: Final = (tokenize.COMMENT, tokenize.NL, tokenize.ENCODING, tokenize.ENDMARKER)


def extract_program(completion: str) -> str | None:
    r"""Take the program out of a completion.

    The first fenced block if there is one (closed or cut off), else the whole text.

    Returns:
        The program, or None when there is no code, or more than `MAX_PROGRAM_CHARS` of it.

    >>> extract_program("Sure:\n```python\nprint(1)\n```\nDone.")
    'print(1)\n'
    >>> extract_program("print(2)")
    'print(2)'
    >>> extract_program(" \n") is None
    True
    """
    fenced = _FENCE.search(completion)
    program = fenced.group(1) if fenced else completion
    if not program.strip() or len(program) > MAX_PROGRAM_CHARS:
        return None
    return program


@lru_cache(maxsize=512)  # a batch asks several times for each of its programs
def normalise(program: str) -> str:
    r"""A key that is equal for programs that differ in comments, blank lines and spacing only.

    Text that is no Python is its own key, and so is what `tokenize` and the compiler read
    differently: a line's end that is a lone carriage return, indentation by tabs here and spaces
    there, control characters.

    >>> normalise("x=1  # one\n\nprint( x )") == normalise("x = 1\nprint(x)\n")
    True
    >>> normalise("x = 'a  b'") == normalise("x = 'a b'")
    False
    """
    text = program.replace("\r\n", "\n")
    indentation = "".join(_INDENTATION.findall(text))
    if "\r" in text or _CONTROL.search(text) or ("\t" in indentation and " " in indentation):
        return program.rstrip("\n")
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    except (tokenize.TokenError, SyntaxError, ValueError):
        return program.rstrip("\n")
    parts = [encoding] if (encoding := _unusual_encoding(program)) else []
    for token in _whole_strings(tokens, text):
        if token.type == tokenize.INDENT:
            parts.append("\x01")
        elif token.type == tokenize.DEDENT:
            parts.append("\x02")
        elif token.type == tokenize.NEWLINE:
            parts.append("\n")
        elif token.type not in _LAYOUT:
            parts.append(token.string)
    return "\x00".join(parts)


def _whole_strings(tokens: list[tokenize.TokenInfo], text: str) -> Iterator[tokenize.TokenInfo]:
    """Put f-strings together again, which come in pieces from Python 3.12 on.

    In `f"{x = }"` every space is printed.
    """
    lines = io.StringIO(text).readlines()
    offsets = [0, *accumulate(map(len, lines))]
    depth = start = 0
    for token in tokens:
        kind = tokenize.tok_name[token.type]
        if kind.endswith("STRING_START"):
            start = start if depth else offsets[token.start[0] - 1] + token.start[1]
            depth += 1
        elif kind.endswith("STRING_END"):
            depth -= 1
            end = offsets[token.end[0] - 1] + token.end[1]
            token = token._replace(type=tokenize.STRING, string=text[start:end])
        if not depth:
            yield token


def _unusual_encoding(program: str) -> str:
    """What makes a program be read as anything but UTF-8: its comments may be code then."""
    found = _ENCODING.match(program)
    is_usual = found is None or found.group(1).lower().replace("_", "-") in ("utf-8", "utf8")
    return "" if found is None or is_usual else found.group()
