"""Split a test text into what the program's process runs and what the judge compares.

    solution = Solution()                the script: solution = Solution()
    nums = [1, 2, 3]                                 nums = effirl_data[0]
    solution.rotate(nums, 1)                         solution.rotate(nums, 1)
    assert nums == [3, 1, 2]                         effirl_observe(nums)
    assert solution.mean(nums) == 2                  effirl_observe(solution.mean(nums))

                                         the checks: values[0] == expected[0]
                                                     values[1] == 2

The script, with its data, goes to the program; the checks and what they expect never do. A text is
split only where that is certain: statements that are assignments, calls, imports and asserts, and
each assert compares exactly one value of the program's with constants. Anything else, such as a
loop, a helper function or a comparison of two results, is `Unsplittable`; such a text can
only be run as a whole, beside the program that it tests.

The texts are the data set's: they are parsed, never run, on the judge's side.
"""

import ast
import copy
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from rewards.checks import check_form
from rewards.errors import ProblemError
from rewards.scope import Scope, Unsplittable, names_in
from rewards.values import can_encode, encode

_LONG_TEXT: Final = 100


class Split(NamedTuple):
    """A test text in two, each code followed by a line of encoded constants."""

    script: str
    checks: str


def split_asserts(text: str) -> Split:
    """Split a text of asserts.

    Raises:
        ProblemError: If the text is no Python, or asserts nothing.
        Unsplittable: If it has a form of which nobody could keep expected values from the program.
    """
    statements = _statements(text)
    _expect_asserts(statements)
    statements = _inside_check(statements)
    return _Splitter([*_solution(statements), *statements]).split()


def split_call(call: str, outputs: Sequence[object]) -> Split:
    """Make a test of one call and the values that are right for it.

    Raises:
        ProblemError: If the call is no Python expression that calls something.
    """
    statements = _statements(call)
    match statements:
        case [ast.Expr(value=ast.Call() as value)]:
            hoist = _Hoist("effirl_data")
            script = [*_solution(statements), _observe(hoist.visit(value))]
        case _:
            raise ProblemError(f"call must be one call, such as solution.f(1), got {call!r:.60}")
    check = "values[0] == expected[0]" if len(outputs) == 1 else "values[0] in expected"
    return Split(_text(script, hoist.constants), f"{check}\n{encode(list(outputs))}")


def whole_asserts(text: str) -> str:
    """Make a text that cannot be split into one that does not finish when an assert fails.

    It runs between `call_runner.begin_checked` and a call of `effirl_finish`.
    """
    (unfinished,) = ast.parse("try: pass\nexcept AssertionError: effirl_finish = bool").body
    assert isinstance(unfinished, ast.Try)
    statements = _statements(text)
    unfinished.body = [*_solution(statements), *statements]
    return ast.unparse(unfinished)


def _statements(text: str) -> list[ast.stmt]:
    try:
        return ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ProblemError(f"a test must be Python: {error}, in {text!r:.60}") from error


def _expect_asserts(statements: list[ast.stmt]) -> None:
    tree = ast.Module(statements, [])
    if not any(isinstance(node, ast.Assert) for node in ast.walk(tree)):
        raise ProblemError("a test must assert something: nothing would be checked")


def _inside_check(statements: list[ast.stmt]) -> list[ast.stmt]:
    """Unfold `def check(candidate): ...; check(f)`, the form of HumanEval."""
    match statements:
        case [
            *before,
            ast.FunctionDef(args=ast.arguments(args=[ast.arg(arg=parameter)])) as function,
            ast.Expr(value=ast.Call(func=ast.Name(id=called), args=[argument], keywords=[])),
        ] if called == function.name:
            target = ast.Name(parameter, ast.Store())
            return [*before, ast.Assign([target], argument), *function.body]
    return statements


def _solution(statements: list[ast.stmt]) -> list[ast.stmt]:
    """What makes `solution` where a text takes it for granted, as EffiBench's do."""
    tree = ast.Module(statements, [])
    if "solution" in names_in(tree) - names_in(tree, ast.Store):
        return ast.parse("solution = Solution()").body
    return []


class _Hoist(ast.NodeTransformer):
    """Replace displays and long texts that are constant by entries of a list.

    Constants in code would be compiled, which costs more memory than most programs use.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self.constants: list[object] = []

    def visit(self, node: ast.AST) -> Any:
        if isinstance(node, ast.JoinedStr):  # its own texts can only be constants
            for part in node.values:
                if isinstance(part, ast.FormattedValue):
                    part.value = self.visit(part.value)
            return node
        is_display = isinstance(node, ast.List | ast.Tuple | ast.Set | ast.Dict)
        if is_display or (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str | bytes)
            and len(node.value) > _LONG_TEXT
        ):
            try:
                constant = ast.literal_eval(node)
            except (ValueError, TypeError):
                return self.generic_visit(node)
            if _can_encode_all(node):
                self.constants.append(constant)
                return _entry(self._name, len(self.constants) - 1)
        return self.generic_visit(node)


def _can_encode_all(node: ast.AST) -> bool:
    return all(can_encode(n.value) for n in ast.walk(node) if isinstance(n, ast.Constant))


def _entry(name: str, index: int) -> ast.Subscript:
    return ast.Subscript(ast.Name(name, ast.Load()), ast.Constant(index), ast.Load())


def _observe(value: ast.expr) -> ast.Expr:
    return ast.Expr(ast.Call(ast.Name("effirl_observe", ast.Load()), [value], []))


def _text(statements: Sequence[ast.AST], constants: list[object]) -> str:
    lines = [ast.unparse(ast.fix_missing_locations(node)) for node in statements]
    return "\n".join([*lines, encode(constants)])


class _Splitter:
    """Walks the statements once; see the module's docstring for what comes out."""

    def __init__(self, statements: list[ast.stmt]) -> None:
        self._statements = statements
        self._scope = Scope(statements)
        self._checks: list[ast.expr] = []
        self._inlined: set[str] = set()
        """Names of displays that checks have taken in."""
        self._observed: list[ast.expr] = []
        """What `values[0]`, `values[1]`, ... of the program are."""
        self._data = _Hoist("effirl_data")
        self._expected = _Hoist("expected")

    def split(self) -> Split:
        for statement in self._statements:
            match statement:
                case ast.Assert(test=test):
                    self._checks.append(self._check(test))
                case ast.Expr(value=ast.Constant()) | ast.Pass():
                    pass
                case ast.Assign() | ast.Expr(value=ast.Call()) | ast.Import() | ast.ImportFrom():
                    self._scope.add(statement)
                case _:
                    raise Unsplittable(f"line {statement.lineno} is no assignment, call or assert")
        script = [node for node in self._scope.script if not self._is_expected_only(node)]
        if shown := self._inlined & self._scope.used():
            raise Unsplittable(f"{min(shown)} is given to the program and expected from it")
        return Split(
            _text([self._data.visit(node) for node in script], self._data.constants),
            _text([self._expected.visit(node) for node in self._checks], self._expected.constants),
        )

    def _is_expected_only(self, statement: ast.stmt) -> bool:
        """Whether a constant is assigned here that only checks use: it must stay with them."""
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                return self._scope.is_constant(value) and name not in self._scope.used()
        return False

    def _check(self, condition: ast.expr, needed: bool | None = True) -> ast.expr:
        """Turn a condition into a check, each comparison in it held to one value of the program's.

        A program that makes up two values could make them equal.

        Args:
            condition: Of an assert, or a part of it.
            needed: What it must be for the assert to hold; None where that hangs on other parts.
        """
        match condition:
            case ast.BoolOp(op=op, values=parts):
                decides = needed is not None and isinstance(op, ast.And) == needed
                condition.values = self._check_parts(parts, needed if decides else None)
                return condition
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                condition.operand = self._check(operand, None if needed is None else not needed)
                return condition
        num_before = len(self._observed)
        check = self._replace(condition)
        if len(self._observed) != num_before + 1:
            raise Unsplittable("an assert must compare one value of the program's with constants")
        try:
            check_form(check)
        except ValueError as error:
            raise Unsplittable(str(error)) from error
        return check

    def _check_parts(self, parts: list[ast.expr], needed: bool | None) -> list[ast.expr]:
        """Check what `and` or `or` joins: in the script all parts are computed, in turn.

        So `r == [] or r[0] == 3` cannot be split: with an empty r the second part would fail, of
        which the assert never asks. Where each part must hold nothing is asked in vain.
        """
        first = len(self._observed)
        checks = []
        for part in parts:
            known = self._observed[first:]
            checks.append(self._check(part, needed))
            if needed is None and known:
                self._expect_harmless(self._observed[first + len(known) :], known)
        return checks

    def _expect_harmless(self, added: list[ast.expr], known: list[ast.expr]) -> None:
        """Raise `Unsplittable` for what an assert may not ask for and could fail or change things.

        A name cannot, nor the same call again, unless the test made what it is called on: of
        `q.pop() == 1 or q.pop() == 2` the second may be one too many.
        """
        before = {ast.unparse(node) for node in known}
        for node in added:
            is_again = ast.unparse(node) in before and not self._scope.is_of_variable(node)
            if not (isinstance(node, ast.Name) or is_again):
                text = ast.unparse(node)
                raise Unsplittable(f"{text:.60} is only computed where what is before it fails")

    def _replace(self, node: ast.expr) -> ast.expr:
        """Put `values[i]` for what the program's process must tell."""
        if self._scope.is_observed(node):
            self._scope.add(_observe(node))
            self._observed.append(node)
            return _entry("values", len(self._observed) - 1)
        if isinstance(node, ast.Name) and node.id in self._scope.assigned:
            value = self._scope.assigned[node.id]
            if not isinstance(value, ast.Constant):
                self._inlined.add(node.id)
            return copy.deepcopy(value)
        for name, child in ast.iter_fields(node):
            if isinstance(child, ast.expr):
                setattr(node, name, self._replace(child))
            elif isinstance(child, list):
                setattr(node, name, [self._replaced_item(item) for item in child])
        return node

    def _replaced_item(self, item: ast.AST) -> ast.AST:
        if isinstance(item, ast.keyword):
            item.value = self._replace(item.value)
        return self._replace(item) if isinstance(item, ast.expr) else item
