"""What is known of a test text's names while it is split: which values are whose.

A value is the program's (a result, or something that it may have changed) or a constant of the
test's. Results are what the judge must be told; constants that checks need must not be shown to
the program.
"""

import ast
from typing import Final

from rewards.checks import BUILDERS, FUNCTIONS

_UNWRAPPED: Final = ("len", "sorted", "list", "set", "tuple", "sum", "max", "min", "abs", "round")
"""Functions of one argument that may stand around a call: the program's side applies them."""
_UNSAFE: Final = (
    ast.Compare, ast.BoolOp, ast.BinOp, ast.IfExp, ast.Lambda, ast.NamedExpr, ast.Await, ast.Yield,
    ast.YieldFrom, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.JoinedStr,
)  # fmt: skip


class Unsplittable(Exception):  # noqa: N818 - a finding, not a failure
    """Why a text cannot be split."""


def names_in(node: ast.AST, context: type[ast.expr_context] = ast.Load) -> set[str]:
    return {
        name.id
        for name in ast.walk(node)
        if isinstance(name, ast.Name) and isinstance(name.ctx, context)
    }


class Scope:
    """The names of a text, statement by statement, and the script that it becomes."""

    def __init__(self, statements: list[ast.stmt]) -> None:
        self.script: list[ast.stmt] = []
        """What the program's process runs."""
        self.assigned: dict[str, ast.expr] = {}
        """The value last assigned to each name."""
        self._variables = set[str]().union(
            *(names_in(node, ast.Store) for node in statements if isinstance(node, ast.Assign))
        )

    def add(self, statement: ast.stmt) -> None:
        """Let a statement through to the program's side.

        Raises:
            Unsplittable: If it could hold what is expected.
        """
        self._guard(statement)
        self.script.append(statement)
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                self.assigned[name] = value
            case ast.Assign(value=value) if self.is_constant(value) and names_in(
                statement, ast.Store
            ):
                raise Unsplittable("constants must be assigned to one name at a time")
            case ast.Assign():
                for name in names_in(statement, ast.Store):
                    self.assigned.pop(name, None)

    def used(self) -> set[str]:
        return set[str]().union(*(names_in(node) for node in self.script))

    def is_observed(self, node: ast.expr) -> bool:
        match node:
            case ast.Name(id=name):
                return name in self._variables and not self._stays_constant(name)
            case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]) if (
                name in _UNWRAPPED
            ):
                return self.is_observed(argument)
            case ast.Call(func=ast.Name(id="map"), args=[ast.Name(id=name), argument]) if (
                name in _UNWRAPPED
            ):
                return self.is_observed(argument)
            case ast.Call(func=function):
                return not is_known(function)
            case ast.Attribute(value=value) | ast.Subscript(value=value):
                return self.is_observed(value)
        return False

    def is_of_variable(self, node: ast.expr) -> bool:
        """Whether a method is called of an object that the test made, and keeps."""
        is_call = False
        while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
            is_call |= isinstance(node, ast.Call)
            node = node.func if isinstance(node, ast.Call) else node.value
        name = node.id if isinstance(node, ast.Name) else ""
        return is_call and name in self._variables and name != "solution"

    def _stays_constant(self, name: str) -> bool:
        """Whether a name's value is known on our side: a constant that the program never held."""
        if name not in self.assigned or not self.is_constant(self.assigned[name]):
            return False
        return name not in self.used() or isinstance(self.assigned[name], ast.Constant)

    def is_constant(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            return node.func.id in BUILDERS and all(map(self.is_constant, node.args))
        try:
            ast.literal_eval(node)
        except (ValueError, TypeError):
            return False
        return True

    def _guard(self, statement: ast.stmt) -> None:
        for part in ast.walk(statement):
            if isinstance(part, _UNSAFE) and self._holds_result(part):
                raise Unsplittable(f"{ast.unparse(part):.60} would be judged by the program's side")
            if isinstance(part, ast.Call) and (self._may_compare(part) or self._asks_result(part)):
                raise Unsplittable(f"{ast.unparse(part):.60} may compare a result with another")

    def _may_compare(self, call: ast.Call) -> bool:
        """Whether a call hands a result to what may hold what is expected of it.

        As `numpy.allclose(solution.f(1), [2, 3])` or `{2: True}.get(solution.f(1))` do; neither a
        method of the program's objects nor a function of that one argument can.
        """
        arguments = [*call.args, *(keyword.value for keyword in call.keywords)]
        if not any(map(self._holds_result, arguments)):
            return False
        root, is_made_here = call.func, False
        while isinstance(root, ast.Attribute | ast.Call):
            is_made_here |= isinstance(root, ast.Call)
            root = root.func if isinstance(root, ast.Call) else root.value
        if not isinstance(root, ast.Name):
            return True
        if root.id in self._variables or is_made_here:
            return root.id in FUNCTIONS or self.is_constant(self.assigned.get(root.id, root))
        functions = {ast.unparse(argument) for argument in arguments} & set(_UNWRAPPED)
        return len(arguments) - len(functions) > 1

    def _asks_result(self, call: ast.Call) -> bool:
        """Whether a result is asked about something, as in `solution.f(1).startswith("ab")`.

        Objects that a class of the program's makes are asked too, but for what they are tested on.
        """
        has_arguments = bool(call.args or call.keywords)
        if not (has_arguments and isinstance(call.func, ast.Attribute)):
            return False
        receiver: ast.expr = call.func.value
        while isinstance(receiver, ast.Attribute):
            receiver = receiver.value
        if isinstance(receiver, ast.Name) and receiver.id in self._variables:
            receiver = self.assigned.get(receiver.id, receiver)
            if isinstance(receiver, ast.Name):
                return True
        match receiver:
            case ast.Call(func=ast.Name(id=name)):
                return not name[0].isupper()
        return self._holds_result(receiver)

    def _holds_result(self, node: ast.AST) -> bool:
        return any(
            (isinstance(part, ast.Call) and not is_known(part.func))
            or (
                isinstance(part, ast.Name)
                and part.id in self._variables
                and not self.is_constant(self.assigned.get(part.id, part))
            )
            for part in ast.walk(node)
        )


def is_known(function: ast.expr) -> bool:
    """Whether the judge can apply a function itself, to constants and to values."""
    return ast.unparse(function) in FUNCTIONS
