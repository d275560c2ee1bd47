"""Reads a file of asserts, plain or in test functions, into test cases of one function call each.

    from slow import f            dropped: the program's names are there
    from slow import f as g       dropped: g(1) becomes f(1)
    import slow                   dropped: slow.f(1) becomes f(1)
    data = [3, 1]                 comes before every case that follows
    assert f(data) == 4           a case
    def test_f(): ...             a case: its body

What would not run as it stands, such as fixtures, is refused: an assert that nobody runs passes. So
is a name that is the program's and the tests' own: the asserts would judge the tests.
"""

import ast
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from effirl.data.programs import public_names
from effirl.errors import UserError
from rewards.errors import ProblemError
from rewards.records import TestCase

_FUNCTIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef)
_COMPREHENSIONS: Final = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_SCOPES: Final = (*_FUNCTIONS, ast.ClassDef, ast.Lambda, *_COMPREHENSIONS)
"""What is bound in these hides no name outside them."""


def read_asserts(text: str, path: Path, module: str, program: str) -> list[tuple[str, TestCase]]:
    """Split a file into test cases.

    Args:
        text: What is in the file.
        path: Its name, for messages.
        module: Name that the program under test is imported by.
        program: Its text, which can be read.

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
    aliases = _Aliases.of(tree, module, path)
    beside = [line for node in tree.body for line in _case_body(node, path) or [node]]
    _refuse_clashes(beside, path, aliases, public_names(program))
    _Unqualified(aliases).visit(tree)
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
        case ast.ClassDef(name=name) if name.startswith("Test") or _has_tests(statement):
            raise UserError(f"{where}: {name} is a class of tests; write functions or asserts")
    if any(isinstance(node, ast.Assert) for node in ast.walk(statement)):
        raise UserError(
            f"{where}: an assert inside a block or a helper; put it on the top level, or into a "
            "function test_NAME()"
        )
    return None


def _has_tests(statement: ast.ClassDef) -> bool:
    methods = (node for node in statement.body if isinstance(node, _FUNCTIONS))
    return any(method.name.startswith("test") for method in methods)


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


@dataclass(frozen=True, slots=True)
class _Aliases:
    """How a file of tests calls what is the program's."""

    module: str
    """What the program is imported by."""
    modules: frozenset[str]
    """Names that stand for the program as a module."""
    imported: frozenset[str]
    """Names imported from it, private ones too, as the program has them."""
    renamed: dict[str, str]
    """Those that the tests call otherwise: the program's name by theirs."""

    @classmethod
    def of(cls, tree: ast.Module, module: str, path: Path) -> "_Aliases":
        """Find them.

        Raises:
            UserError: If one name stands for two of the program's.
        """
        modules: set[str] = set()
        pairs: set[tuple[str, str]] = set()
        for node in ast.walk(tree):
            match node:
                case ast.Import(names=names):
                    modules |= {a.asname or a.name for a in names if a.name == module}
                case ast.ImportFrom(module=found, names=names) if found == module:
                    pairs |= {(a.asname or a.name, a.name) for a in names}
        for own, times in Counter(own for own, _ in pairs).items():
            if times > 1:
                raise UserError(
                    f"{path}: {own} stands for {times} names of the program's; import each by a "
                    "name of its own"
                )
        imported = frozenset(name for _, name in pairs)
        renamed = {own: name for own, name in pairs if own != name}
        return cls(module, frozenset(modules), imported, renamed)

    @property
    def names(self) -> set[str]:
        """Names that will not be there when the asserts run."""
        return {*self.modules, *self.renamed}

    def original(self, node: ast.AST) -> str | None:
        """The program's own name for what an expression names, None where it is left as it is."""
        match node:
            case ast.Attribute(value=ast.Name(id=module), attr=name) if module in self.modules:
                return name
            case ast.Name(id=name):
                return self.renamed.get(name)
        return None

    def originals(self, tree: ast.AST) -> set[str]:
        return {name for node in ast.walk(tree) if (name := self.original(node)) is not None}


def _refuse_clashes(
    statements: Sequence[ast.stmt], path: Path, aliases: _Aliases, public: AbstractSet[str]
) -> None:
    """See that nothing takes the place of the program's names where the asserts need them.

    Args:
        statements: Those of the top level and of test functions: they run where the program did.
        path: Of the tests, for messages.
        aliases: How they call what is the program's.
        public: Names that the program defines.

    Raises:
        UserError: If a name is bound beside the program, or hidden in a function that uses it.
    """
    whole = ast.Module([*statements], [])
    beside = public | aliases.names | aliases.imported | aliases.originals(whole)
    for node in _outside_scopes(statements):
        _refuse_bound(node, path, aliases.module, beside)
        if isinstance(node, _SCOPES):
            hidden = aliases.names | aliases.originals(node)
            for inner in [n for child in ast.iter_child_nodes(node) for n in ast.walk(child)]:
                is_global = isinstance(inner, ast.Global)
                _refuse_bound(inner, path, aliases.module, beside if is_global else hidden)


def _refuse_bound(node: ast.AST, path: Path, module: str, taken: AbstractSet[str]) -> None:
    for name in _bound(node, module):
        if name in taken:
            raise UserError(
                f"{path}:{getattr(node, 'lineno', 1)}: {name} is a name of the program's, and this "
                "would be called in its place; give it another name"
            )


def _outside_scopes(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Walk through blocks and expressions, but not into functions, classes and the like."""
    for node in nodes:
        yield node
        if not isinstance(node, _SCOPES):
            yield from _outside_scopes(ast.iter_child_nodes(node))


def _bound(node: ast.AST, module: str) -> list[str]:
    """Names that a node itself binds or deletes; those imported from the program are its own."""
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.arg(arg=name):
            return [name]
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)):
            return [name]
        case ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
            return [name]
        case ast.Global(names=names):
            return names
        case ast.Import(names=aliases):
            return [a.asname or a.name.split(".")[0] for a in aliases if a.name != module]
        case ast.ImportFrom(module=found, names=aliases) if found != module:
            return [a.asname or a.name for a in aliases]
    return []


class _Unqualified(ast.NodeTransformer):
    """Takes the module's name off: the asserts run where the program's names are."""

    def __init__(self, aliases: _Aliases) -> None:
        self._aliases = aliases

    def visit_Import(self, node: ast.Import) -> ast.stmt:
        dropped = (self._aliases.module, "pytest")
        node.names = [alias for alias in node.names if alias.name not in dropped]
        return node if node.names else ast.copy_location(ast.Pass(), node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.stmt:
        if node.module != self._aliases.module:
            return node
        return ast.copy_location(ast.Pass(), node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        self.generic_visit(node)
        if (name := self._aliases.original(node)) is not None:
            return ast.copy_location(ast.Name(name, node.ctx), node)
        return node

    def visit_Name(self, node: ast.Name) -> ast.Name:
        node.id = self._aliases.original(node) or node.id
        return node
