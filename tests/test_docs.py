"""The pages say what the code does: settings, quoted messages, links, the worked example."""

import ast
import re
import runpy
from pathlib import Path

import pytest
import yaml

from rewards.records import MIB, Status
from rewards.scores import (
    MEMORY_FLOOR_BYTES,
    TIME_FLOOR_S,
    RewardConfig,
    clipped_gain,
    efficiency,
    reward,
)

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))


@pytest.mark.parametrize("page", ["configuration", "evaluation"])
def test_a_page_that_is_made_is_up_to_date(page: str) -> None:
    made = runpy.run_path(str(DOCS / f"make_{page}.py"))["text"]()
    found = (DOCS / f"{page}.md").read_text(encoding="utf-8")
    assert found == made, f"run: python docs/make_{page}.py"


def messages() -> set[str]:
    """Every text in the source, with ... for what is filled in."""
    found = set()
    for path in [*ROOT.glob("effirl/**/*.py"), *ROOT.glob("rewards/**/*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
            elif isinstance(node, ast.JoinedStr):
                parts = (p.value if isinstance(p, ast.Constant) else "..." for p in node.values)
                found.add("".join(map(str, parts)))
    return found


def test_quoted_messages_are_still_in_the_source() -> None:
    text = (DOCS / "troubleshooting.md").read_text(encoding="utf-8")
    quoted = re.findall(r"^### `(.*)`$", text, re.MULTILINE)
    assert len(quoted) >= 15
    known = messages()
    gone = [quote for quote in quoted if not any(quote in message for message in known)]
    assert gone == []


@pytest.mark.parametrize("path", [*PAGES, ROOT / "README.md"], ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")):
        assert "://" in link or (path.parent / link).exists(), link


def test_every_page_is_in_the_contents() -> None:
    contents = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]
    listed = sorted(name for entry in contents for name in entry.values())
    assert listed == sorted(str(path.relative_to(DOCS)) for path in PAGES)


def test_the_example_of_alpha_is_right() -> None:
    config = RewardConfig()
    time = clipped_gain(0.080, 0.020, TIME_FLOOR_S, config.saturation)
    memory = clipped_gain(4 * MIB, 8 * MIB, MEMORY_FLOOR_BYTES, config.saturation)
    text = (DOCS / "alpha.md").read_text(encoding="utf-8")
    assert f"= {time:+.2f}" in text
    assert f"= {memory:+.2f}" in text
    rows = re.findall(r"^\| ([\d.]+) \| ([-+\d.]+) \| ([\d.]+)", text, re.MULTILINE)
    assert len(rows) == 4
    for alpha, mixed, earned in rows:
        gain = efficiency(time, memory, float(alpha))
        assert float(mixed) == pytest.approx(gain, abs=0.0051)
        value = reward(Status.OK, 1.0, gain, config)
        assert float(earned) == pytest.approx(value, abs=0.0051)
