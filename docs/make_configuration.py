"""Writes configuration.md beside it from the dataclasses of the commands' settings."""

from dataclasses import MISSING, Field, fields
from inspect import cleandoc
from pathlib import Path
from typing import Any, get_args, get_origin

from effirl.cli import config_classes

OUTPUT = Path(__file__).with_name("configuration.md")
HEADER = """# Configuration

<!-- made by docs/make_configuration.py: change the dataclasses, not this page -->

Every setting is a flag (`--max-steps 5`, underscores work too) and a key of the YAML file that
`--config FILE` names (`max_steps: 5`); flags win. `configs/` has a file for each kind of run, and
every run writes its own into its folder as `config.yaml`. An unknown name or a value of a wrong
type is refused with file and line.

`effirl NAME` runs a command in one process; `accelerate launch scripts/sft.py` and
`scripts/ppo.py` train on several GPUs. Every command takes `--quiet` (no progress, the answer
only). `sft`, `ppo`, `phases`, `evaluate`, `sweep`, `study`, `report`, `optimize` and `doctor` take
`--json`: the answer as JSON on standard output, progress on standard error.
"""


def text() -> str:
    """Return the page."""
    return HEADER + "".join(_section(*item) for item in config_classes().items())


def _section(command: str, config_class: Any) -> str:
    rows = "".join(_row(field) for field in fields(config_class))
    table = f"| setting | type | default | meaning |\n|---|---|---|---|\n{rows}"
    return f"\n## `effirl {command}`\n\n{cleandoc(config_class.__doc__)}\n\n{table}"


def _row(field: Field[Any]) -> str:
    default = field.default
    if field.default_factory is not MISSING:
        default = field.default_factory()
    shown = "required" if default is MISSING else f"`{default}`" if default is not None else "none"
    names = ", ".join(f"`{name}`" for name in (field.name, *field.metadata.get("aliases", ())))
    return f"| {names} | {_type(field.type)} | {shown} | {field.metadata['help']} |\n"


def _type(annotation: Any) -> str:
    """Name a type without its None: what may be left out has the default none."""
    options = [option for option in get_args(annotation) if option is not type(None)]
    if options and not all(isinstance(option, type) for option in options):
        return ", ".join(map(str, options))
    if get_origin(annotation) is dict:
        return "block of settings"
    if get_origin(annotation) is list:
        return f"list of {options[0].__name__}"
    return " or ".join(option.__name__ for option in options) or annotation.__name__


if __name__ == "__main__":
    OUTPUT.write_text(text(), encoding="utf-8")
