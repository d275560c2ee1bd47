"""What the loaders need to know of a program's text. Programs are parsed here, never run."""

import ast
import io
import tokenize
import warnings

_UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)


def parses(program: str) -> bool:
    """Whether this Python can read the program."""
    try:
        _tree(program)
    except _UNREADABLE:
        return False
    return True


def compact_program(program: str) -> str:
    r"""Take the blank lines out of a program: PIE doubles every newline, and tokens are scarce.

    Strings over several lines keep theirs. Where the result would not parse to the same tree, or
    the program cannot be read at all, it comes back as it was.

    >>> compact_program("a = 1\n\n\n\nprint(a)\n\n")
    'a = 1\nprint(a)\n'
    """
    try:
        inside_token: set[int] = set()
        for token in tokenize.generate_tokens(io.StringIO(program).readline):
            if token.type != tokenize.NEWLINE:
                inside_token.update(range(token.start[0], token.end[0]))
        lines = [
            line
            for number, line in enumerate(program.splitlines(), start=1)
            if line.strip() or number in inside_token
        ]
        compact = "\n".join(lines) + "\n"
        return compact if _tree(compact) == _tree(program) else program
    except (*_UNREADABLE, tokenize.TokenError):
        return program


def _tree(program: str) -> str:
    with warnings.catch_warnings():  # old programs hold escapes and comparisons that Python regrets
        warnings.simplefilter("ignore")
        return ast.dump(ast.parse(program))
