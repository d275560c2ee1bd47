"""Pages that open offline: one file, with its style and its figures inside.

Everything that a page is given is escaped: programs are a model's words, and names are a user's.
"""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import jinja2
import matplotlib as mpl
from markupsafe import Markup, escape
from matplotlib.figure import Figure

_TEMPLATES: Final = Path(__file__).parent / "assets" / "pages"


@dataclass(frozen=True, slots=True)
class Drawing:
    """A figure on a page."""

    svg: Markup
    caption: str
    command: str = ""
    """What makes it again, empty where the page says it for all."""


def render(template: str, **values: object) -> str:
    """Fill a template of `assets/pages`."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(**values)


def drawing(figure: Figure, name: str, caption: str, command: str = "") -> Drawing:
    """Put a figure into a page.

    Args:
        figure: Its texts stay texts, so that they can be searched and read aloud.
        name: Different for each figure of a page: marks inside are named by it.
        caption: What it shows.
        command: What makes it again.
    """
    file = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(file, format="svg", metadata={"Date": None})
    text = file.getvalue()
    label = f'<svg role="img" aria-label="{escape(caption)}" '
    return Drawing(Markup(text[text.index("<svg") :].replace("<svg ", label, 1)), caption, command)
