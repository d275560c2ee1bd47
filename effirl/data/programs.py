"""What can be told of a program by its text. Programs are parsed here, never run."""

import ast
import io
import sys
import tokenize
import warnings
from collections.abc import Iterable, Iterator
from typing import Final

MAIN_BLOCK: Final = "the __main__ block"
"""Stands among public names for `if __name__ == "__main__":`."""
_UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)
_IS_STARTED: Final = ("__name__ == '__main__'", "'__main__' == __name__")
_BLOCKS: Final = (
    ast.If, ast.Try, ast.TryStar, ast.ExceptHandler, ast.With, ast.AsyncWith,
    ast.Match, ast.match_case,
)  # fmt: skip
"""What is assigned in these is there afterwards."""


def parses(program: str) -> bool:
    """Whether this Python can read the program."""
    try:
        syntax_tree(program)
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
        return compact if _dump(compact) == _dump(program) else program
    except (*_UNREADABLE, tokenize.TokenError):
        return program


def syntax_tree(program: str) -> ast.Module:
    """Parse a program, without the warnings that Python has for old ones.

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: If it cannot be read.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(program)


def public_names(program: str) -> set[str]:
    r"""Name what a program that can be read has for those who import or start it.

    Those of classes follow after a point; `MAIN_BLOCK` stands for what runs when it is started.
    Imports are left out: most are helpers, and a rewrite may need others. So is what loops bind:
    by-products, and a rewrite may do without the loop.

    >>> sorted(public_names("import os\nMOD = 7\ndef f(): pass\nclass C:\n  def g(self): pass"))
    ['C', 'C.g', 'MOD', 'f']
    >>> sorted(public_names("try: f = 1\nfinally: _g = 2\nif __name__ == '__main__': f()"))
    ['f', 'the __main__ block']
    """
    tree = syntax_tree(program)
    return set(_public_names(tree.body)) - set(_imported_names(tree.body))


def _public_names(nodes: Iterable[ast.AST], prefix: str = "") -> Iterator[str]:
    for node in nodes:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) if name[0] != "_":
                yield prefix + name
            case ast.ClassDef(name=name) if name[0] != "_":
                yield prefix + name
                yield from _public_names(node.body, f"{prefix}{name}.")
            case ast.Assign() | ast.AnnAssign():
                stored = (n for n in ast.walk(node) if isinstance(n, ast.Name))
                names = (n.id for n in stored if isinstance(n.ctx, ast.Store))
                yield from (prefix + name for name in names if name[0] != "_")
            case ast.If() if ast.unparse(node.test) in _IS_STARTED:
                yield MAIN_BLOCK
                yield from _public_names(node.orelse, prefix)
            case _ if isinstance(node, _BLOCKS):
                yield from _public_names(ast.iter_child_nodes(node), prefix)


def _imported_names(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Names that imports bind outside functions: what else they are bound to is a stand-in."""
    for node in nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from (a.asname or a.name.split(".")[0] for a in node.names)
        elif isinstance(node, _BLOCKS):
            yield from _imported_names(ast.iter_child_nodes(node))


def imported_packages(program: str) -> set[str]:
    """Name the packages that a program imports, anywhere in it, but those of the standard library.

    One that cannot be read imports nothing.
    """
    if not parses(program):
        return set()
    names: set[str] = set()
    for node in ast.walk(syntax_tree(program)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names - sys.stdlib_module_names


def drops_import(source: str, target: str) -> bool:
    """Whether a package that the source program imports is not imported by the target.

    >>> drops_import("import numpy as np, math", "import math")
    True
    """
    return bool(imported_packages(source) - imported_packages(target))


def _dump(program: str) -> str:
    return ast.dump(syntax_tree(program))
