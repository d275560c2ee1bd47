"""Reads a file of asserts, plain or in test functions, into test cases of one function call each.

    from slow import f            dropped: the program's names are there
    from slow import f as g       dropped: g(1) becomes f(1)
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
    unqualified = _Unqualified(module)
    unqualified.visit(tree)
    preamble: list[ast.stmt] = []
    cases: list[tuple[str, TestCase]] = []
    for statement in tree.body:
        body = _case_body(statement, path)
        if body is not None:
            where = f"{path}:{statement.lineno}"
            _refuse_pytest([*preamble, *body], path)
            cases.append((where, _case([*preamble, *body], where)))
        else:
            preamble.append(statement)
    if not cases:
        _refuse_pytest(preamble, path)
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


def _refuse_pytest(statements: Sequence[ast.stmt], path: Path) -> None:
    for node in ast.walk(ast.Module([*statements], [])):
        if isinstance(node, ast.Name) and node.id == "pytest":
            raise UserError(
                f"{path}:{node.lineno}: pytest is not there where programs run; write plain asserts"
            )


def _case(lines: Sequence[Any], where: str) -> TestCase:
    text = "\n".join(ast.unparse(ast.fix_missing_locations(node)) for node in lines)
    try:
        return TestCase.from_row({"assert": text})
    except ProblemError as error:
        raise UserError(f"{where}: {error}") from error


class _Unqualified(ast.NodeTransformer):
    """Takes the module's name off: the asserts run where the program's names are.

    Imports come before what they name, so one walk will do.
    """

    def __init__(self, module: str) -> None:
        self._module = module
        self._module_names: set[str] = set()
        """That stand for the program as a module."""
        self._renamed: dict[str, str] = {}

    def visit_Import(self, node: ast.Import) -> ast.stmt:
        own = [alias for alias in node.names if alias.name == self._module]
        self._module_names |= {alias.asname or alias.name for alias in own}
        node.names = [a for a in node.names if a.name not in (self._module, "pytest")]
        return node if node.names else ast.copy_location(ast.Pass(), node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.stmt:
        if node.module != self._module:
            return node
        self._renamed |= {alias.asname: alias.name for alias in node.names if alias.asname}
        return ast.copy_location(ast.Pass(), node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.value, ast.Name) and node.value.id in self._module_names:
            return ast.copy_location(ast.Name(node.attr, node.ctx), node)
        return node

    def visit_Name(self, node: ast.Name) -> ast.Name:
        node.id = self._renamed.get(node.id, node.id)
        return node
