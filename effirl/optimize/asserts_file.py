"""Reads a file of asserts, plain or in test functions, into test cases of one function call each.

    from slow import f            dropped: the program's names are there
    import slow                   dropped: slow.f(1) becomes f(1)
    data = [3, 1]                 comes before every case that follows
    assert f(data) == 4           a case
    def test_f(): ...             a case: its body

What would not run as it stands, such as fixtures, is refused: an assert that nobody runs passes.
"""

import ast
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from effirl.errors import UserError
from rewards.errors import ProblemError
from rewards.records import TestCase


def read_asserts(text: str, path: Path, module: str) -> list[tuple[str, TestCase]]:
    """Split a file into test cases.

    Args:
        text: What is in the file.
        path: Its name, for messages.
        module: Name that the program under test is imported by.

    Returns:
        Each case with its place, `file:line`.

    Raises:
        UserError: Naming file and line of what cannot be used.
    """
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError) as error:
        line, reason = getattr(error, "lineno", None) or 1, getattr(error, "msg", error)
        raise UserError(f"{path}:{line}: not Python ({reason}); fix the tests") from error
    module_names = _aliases(tree.body, module)
    preamble: list[ast.stmt] = []
    cases: list[tuple[str, TestCase]] = []
    for statement in tree.body:
        body = _case_body(statement, path)
        if body is not None:
            lines = [_Unqualified(module_names).visit(node) for node in [*preamble, *body]]
            cases.append((f"{path}:{statement.lineno}", _case(lines, f"{path}:{statement.lineno}")))
        elif not _is_own_import(statement, module):
            preamble.append(statement)
    if not cases:
        raise UserError(f"{path} asserts nothing; write lines such as: assert f(3) == 9")
    return cases


def _case_body(statement: ast.stmt, path: Path) -> list[ast.stmt] | None:
    """What a top-level statement tests, None where it tests nothing."""
    where = f"{path}:{statement.lineno}"
    match statement:
        case ast.Assert():
            return [statement]
        case ast.FunctionDef(name=name) if name.startswith("test"):
            if statement.decorator_list or ast.unparse(statement.args):
                raise UserError(
                    f"{where}: {name} has parameters or decorators, which are not understood; "
                    "write plain asserts"
                )
            return statement.body
        case ast.ClassDef(name=name) if name.startswith("Test"):
            raise UserError(f"{where}: {name} is a class of tests; write functions or asserts")
    if any(isinstance(node, ast.Assert) for node in ast.walk(statement)):
        raise UserError(
            f"{where}: an assert inside a block or a helper; put it on the top level, or into a "
            "function test_NAME()"
        )
    return None


def _case(lines: Sequence[Any], where: str) -> TestCase:
    text = "\n".join(ast.unparse(ast.fix_missing_locations(node)) for node in lines)
    try:
        return TestCase.from_row({"assert": text})
    except ProblemError as error:
        raise UserError(f"{where}: {error}") from error


def _is_own_import(statement: ast.stmt, module: str) -> bool:
    match statement:
        case ast.ImportFrom(module=name):
            return name == module
        case ast.Import(names=[ast.alias(name=name)]):
            return name in (module, "pytest")
    return False


def _aliases(statements: Sequence[ast.stmt], module: str) -> set[str]:
    """Names that stand for the program as a module."""
    return {
        alias.asname or alias.name
        for statement in statements
        if isinstance(statement, ast.Import)
        for alias in statement.names
        if alias.name == module
    }


class _Unqualified(ast.NodeTransformer):
    """Takes the module's name off: the asserts run where the program's names are."""

    def __init__(self, module_names: set[str]) -> None:
        self._module_names = module_names

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.value, ast.Name) and node.value.id in self._module_names:
            return ast.copy_location(ast.Name(node.attr, node.ctx), node)
        return node
