"""How every command reads its settings: a dataclass, a flat YAML file, and flags, in rising order.

`trl.TrlParser` does the parsing; this module adds what it leaves out (the types and ranges of YAML
values, unknown keys by name and line) and says everything in one line. Imports without torch.
"""

import argparse
import difflib
import os
import re
import sys
import types
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal, NoReturn, TypeVar, Union, get_args, get_origin, get_type_hints

from effirl.errors import UserError
from effirl.output import FLAGS_HELP
from rewards.errors import ProblemError, SandboxError

EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130

ConfigT = TypeVar("ConfigT")


class FieldError(UserError):
    """A setting has a value that it must not have. `parse` adds where the value came from."""

    def __init__(self, field: str, rule: str, value: object) -> None:
        self.field = field
        super().__init__(f"{field} must be {rule}, got {value!r}")


def command_words() -> list[str]:
    """Return this process's command line: `effirl sft ...` or `python scripts/sft.py ...`."""
    program = Path(sys.argv[0])
    started = ["effirl"] if program.name == "effirl" else ["python", sys.argv[0]]
    return [*started, *sys.argv[1:]]


def set_environment() -> None:
    """Keep the libraries from calling home and from warnings without a next step.

    To be called before any of them is imported.
    """
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # it warns at each fork
    os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")  # rollout_func: we pin TRL's version


@contextmanager
def exit_on_user_error() -> Iterator[None]:
    """Turn a mistake of the user's into one line on stderr and exit status 2; Ctrl-C into 130."""
    try:
        yield
    except (UserError, ProblemError, SandboxError) as error:
        message = " ".join(str(error).split())
        sys.stderr.write(f"error: {message}\n")
        raise SystemExit(EXIT_USER_ERROR) from None
    except KeyboardInterrupt as interrupt:
        what_then = str(interrupt) or "continue with the same command"
        sys.stderr.write(f"interrupted; {what_then}\n")
        raise SystemExit(EXIT_INTERRUPTED) from None


def parse(config_class: type[ConfigT], argv: Sequence[str] | None = None) -> ConfigT:
    """Build a config from `--config FILE` and flags; flags win.

    Args:
        config_class: A dataclass whose `__post_init__` calls `check_types` and `check_range`. Its
            `ALTERNATIVES`, if it has any, are groups of settings of which a flag displaces all.
        argv: Without the program's name; None takes the process's own.

    Raises:
        UserError: If a flag or key is unknown, or a value is malformed: one line that says where.
    """
    path, flags = _split_config_flag(list(sys.argv[1:] if argv is None else argv))
    names = (flag.split("=")[0] for flag in flags if flag.startswith("--"))
    flag_names = {name.lstrip("-").replace("-", "_") for name in names}
    lines = {} if path is None else _key_lines(path)
    values = (
        {} if path is None else _without(_read_yaml(path), _displaced(config_class, flag_names))
    )
    parser = _make_parser(config_class)
    try:
        unknown_keys = parser.set_defaults_with_config(**values)
        # The order matters: a misspelt key is a better message than the default that replaces it.
        if unknown_keys:
            _refuse_unknown(
                config_class, unknown_keys[0], f"{path}:{lines.get(unknown_keys[0][2:], 1)}: key"
            )
        config, unknown_flags = parser.parse_args_into_dataclasses(
            flags, return_remaining_strings=True
        )
    except FieldError as error:
        where = f"{path}:{lines.get(error.field, 1)}: " if error.field in values else "--"
        raise UserError(f"{where}{error}; --help lists every setting") from error
    if unknown_flags:
        _refuse_unknown(config_class, unknown_flags[0], "argument")
    assert isinstance(config, config_class)
    return config


def check_types(config: object) -> None:
    """Hold every field of a dataclass to its annotation; an int is taken for a float.

    Raises:
        FieldError: On the first field that differs.
    """
    hints = get_type_hints(type(config))
    for field in fields(config):  # type: ignore[arg-type]
        value, annotation = getattr(config, field.name), hints[field.name]
        if _accepts_float(annotation) and type(value) is int:
            value = float(value)
            setattr(config, field.name, value)
        if not _matches(value, annotation):
            raise FieldError(field.name, _describe(annotation), value)


def check_range(
    config: object, minimum: float, maximum: float = float("inf"), *, names: Sequence[str]
) -> None:
    """Hold numeric fields to an interval that includes both ends; None is passed over.

    Raises:
        FieldError: On the first field outside.
    """
    for name in names:
        value = getattr(config, name)
        if value is not None and not minimum <= value <= maximum:
            rule = (
                f"at least {minimum:g}"
                if maximum == float("inf")
                else f"{minimum:g} to {maximum:g}"
            )
            raise FieldError(name, rule, value)


def parse_alpha(text: str) -> float | None:
    """Read the balance between runtime (1) and memory (0), None for "conditioned".

    Raises:
        FieldError: If it is neither that word nor a number in [0, 1].
    """
    if text == "conditioned":
        return None
    try:
        alpha = float(text)
    except ValueError:
        alpha = float("nan")
    if not 0 <= alpha <= 1:
        rule = "a number from 0 (memory only) to 1 (runtime only), or conditioned"
        raise FieldError("alpha", rule, text)
    return alpha


def _split_config_flag(argv: list[str]) -> tuple[Path | None, list[str]]:
    """Take `--config FILE` or `--config=FILE` out of the arguments."""
    for index, argument in enumerate(argv):
        if argument.startswith("--config="):
            return Path(argument.removeprefix("--config=")), argv[:index] + argv[index + 1 :]
        if argument == "--config":
            if index + 1 == len(argv):
                raise UserError("--config needs a file, for example: --config configs/sft.yaml")
            return Path(argv[index + 1]), argv[:index] + argv[index + 2 :]
    return None, argv


def _displaced(config_class: type, flag_names: set[str]) -> set[str]:
    """Return the settings that flags decide: those named, and the alternatives to them."""
    groups: tuple[frozenset[str], ...] = getattr(config_class, "ALTERNATIVES", ())
    return flag_names.union(*(group for group in groups if group & flag_names))


def _without(values: dict[str, Any], names: set[str]) -> dict[str, Any]:
    """Leave settings out of a file's values, and of the blocks in them."""
    return {
        name: _without(value, names) if isinstance(value, dict) else value
        for name, value in values.items()
        if name not in names
    }


def _read_yaml(path: Path) -> dict[str, Any]:
    import yaml

    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        installed = Path(sys.prefix, "share/effirl/configs")
        examples = installed if installed.is_dir() else "configs/"
        raise UserError(
            f"cannot read config file {path}: {reason}; {examples} has examples"
        ) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else f"{path}"
        problem = getattr(error, "problem", None) or "not readable"
        raise UserError(
            f"{where}: not valid YAML ({problem}); write one 'key: value' a line"
        ) from error
    if values is None:
        return {}
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise UserError(f"{path}:1: must hold 'key: value' lines, got {type(values).__name__}")
    return {name: _beside(path, value, name) for name, value in values.items()}


def _beside(path: Path, value: Any, name: str) -> Any:
    """Find another config file that a file names: from here, or from a folder that holds both."""
    if not (name.endswith("_config") and isinstance(value, str)) or Path(value).exists():
        return value
    places = (folder / value for folder in path.resolve().parents)
    return next((str(place) for place in places if place.is_file()), value)


def _key_lines(path: Path) -> dict[str, int]:
    """Return the line of each top-level key, for messages; empty where the file is unreadable."""
    if not path.is_file():
        return {}
    text = path.read_text(encoding="utf-8", errors="replace")
    found = (re.match(r"(\w[\w-]*)\s*:", line) for line in text.splitlines())
    return {match.group(1): number for number, match in enumerate(found, 1) if match}


def _make_parser(config_class: Any) -> Any:
    from trl import TrlParser  # type: ignore[attr-defined]

    class OneLineParser(TrlParser):
        """Raises where argparse would print its usage and exit."""

        def error(self, message: str) -> NoReturn:
            match = re.match(r"argument --(\w+)\S*: (?:invalid \w+ value: '?(.*?)'?$)?", message)
            if match is None:
                raise UserError(f"{message}; --help lists every setting")
            name, value = match.groups()
            if value is None:
                raise UserError(f"{message}; --help lists every setting")
            raise FieldError(name, _describe(get_type_hints(config_class)[name]), value)

    class DefaultsFormatter(argparse.ArgumentDefaultsHelpFormatter):
        """Shows defaults, but for those that mean that a setting is absent."""

        def _get_help_string(self, action: argparse.Action) -> str | None:
            return action.help if action.default is None else super()._get_help_string(action)

    return OneLineParser(
        config_class,
        formatter_class=DefaultsFormatter,
        prog=" ".join(command_words()[:2]),  # the command or script, without its settings
        allow_abbrev=False,
        description=config_class.__doc__,
        epilog=FLAGS_HELP,
    )


def _refuse_unknown(config_class: type, argument: str, what: str) -> NoReturn:
    name = argument.lstrip("-").split("=")[0].replace("-", "_")
    known = [field.name for field in fields(config_class)]
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]}?" if close else "--help lists every setting"
    shown = argument if what == "argument" else argument.lstrip("-")
    raise UserError(f"{what} {shown} is unknown; {hint}")


def _accepts_float(annotation: object) -> bool:
    return annotation is float or float in get_args(annotation)


def _matches(value: object, annotation: Any) -> bool:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return any(_matches(value, option) for option in arguments)
    if origin is Literal:
        return value in arguments
    if origin is list:
        return isinstance(value, list) and all(_matches(item, arguments[0]) for item in value)
    if origin is dict:
        return isinstance(value, dict) and all(isinstance(key, str) for key in value)
    if annotation is type(None):
        return value is None
    if annotation is int:
        return type(value) is int  # a bool is an int to isinstance
    return isinstance(value, annotation)


def _describe(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    names = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
    names |= {Path: "a path", type(None): "null"}
    if origin in (Union, types.UnionType):
        return " or ".join(_describe(option) for option in arguments)
    if origin is Literal:
        return "one of " + ", ".join(map(str, arguments))
    if origin is list:
        return f"a list, each {_describe(arguments[0])}"
    if origin is dict:
        return "a block of 'key: value' lines in a config file"
    return names.get(annotation, getattr(annotation, "__name__", str(annotation)))
