"""Reads the program to improve, and the examples of what it is run on."""

import ast
import re
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from effirl.data.decimals import with_tolerance
from effirl.data.programs import compact_program, syntax_tree
from effirl.errors import UserError
from effirl.optimize.asserts_file import read_asserts
from effirl.optimize.config import OptimizeConfig
from rewards.records import Match, TestCase


@dataclass(frozen=True, slots=True)
class Example:
    """One input, and where the user has it."""

    where: str
    case: TestCase
    is_expected_known: bool = True
    """Whether the output is the user's; else it is empty, and the program's own will be taken."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """What the user asks for."""

    path: Path
    program: str
    header: str
    """What stands above the code, for people: a better program keeps it."""
    prompt_program: str
    """What the policy reads: without header and blank lines."""
    description: str
    examples: tuple[Example, ...]

    @property
    def is_function_style(self) -> bool:
        """Whether functions are called, rather than standard input read."""
        return self.examples[0].case.match in (Match.VALUES, Match.ASSERTS)


def read_assignment(config: OptimizeConfig) -> Assignment:
    """Read the program and its examples.

    Raises:
        UserError: If a file is missing or malformed, or there are no examples.
    """
    assert config.program is not None
    path = config.program
    program = _read(path)
    try:
        tree = syntax_tree(program)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line, reason = getattr(error, "lineno", None) or 1, getattr(error, "msg", error)
        raise UserError(f"{path}:{line}: not Python ({reason}); fix the program first") from error
    if not tree.body:
        raise UserError(f"{path} holds no statements; there is nothing to improve")
    docstring = ast.get_docstring(tree) or ""
    description = config.description if config.description is not None else docstring
    header = _header(program, tree)
    return Assignment(
        path,
        program,
        header,
        compact_program(program.removeprefix(header)),
        description.split("\n\n")[0],
        tuple(_find_examples(config, path, program)),
    )


def _find_examples(config: OptimizeConfig, path: Path, program: str) -> list[Example]:
    """Take the examples that are named, else those that lie where examples usually do."""
    if config.tests is not None:
        return _read_tests(config.tests, path, program)
    if config.stdin_dir is not None:
        return _read_streams(config.stdin_dir, "*.in")
    beside, folder = path.parent / f"test_{path.stem}.py", path.parent / "tests"
    if beside.is_file():
        return _read_tests(beside, path, program)
    if any(path.parent.glob(f"{path.stem}*.in")):
        return _read_streams(path.parent, f"{path.stem}*.in")
    if any(folder.glob("*.in")):
        return _read_streams(folder, "*.in")
    raise UserError(
        f"nothing to run {path} on: neither {beside} nor {folder}/*.in is there; give inputs with "
        "--stdin-dir FOLDER, or asserts with --tests FILE"
    )


def _read_tests(path: Path, program_path: Path, program: str) -> list[Example]:
    cases = read_asserts(_read(path), path, program_path.stem, program)
    return [Example(where, case) for where, case in cases]


def _read_streams(folder: Path, pattern: str) -> list[Example]:
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder; check the path after --stdin-dir")
    paths = sorted(folder.glob(pattern), key=_natural)
    if not paths:
        raise UserError(
            f"{folder} has no {pattern} files; put each input into a file NAME.in, and what is to "
            "be printed into NAME.out beside it"
        )
    examples = []
    for path in paths:
        expected = path.with_suffix(".out")
        is_known = expected.is_file()
        case = with_tolerance(TestCase(_read(path), _read(expected) if is_known else ""))
        examples.append(Example(str(path), case, is_known))
    return examples


def _natural(path: Path) -> list[tuple[int, str]]:
    """Order 2.in before 10.in."""
    parts = re.findall(r"\d+|\D+", path.name)
    return [(int(part), "") if part.isdecimal() else (0, part) for part in parts]


def _header(program: str, tree: ast.Module) -> str:
    """The lines of a program above its code: the first line for the shell, comments, docstring."""
    lines = re.findall(r".*\n|.+", program)  # `splitlines` also ends them where Python does not
    match tree.body:
        case [ast.Expr(value=ast.Constant(value=str()), end_lineno=int(end)), second, *_] if (
            end < second.lineno
        ):
            return "".join(lines[:end])
    return "".join(takewhile(lambda line: not line.strip() or line.lstrip()[0] == "#", lines))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}; check the path") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 ({error}); convert the file") from error
