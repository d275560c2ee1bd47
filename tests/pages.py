"""What every page must be: whole, and in need of nothing from outside."""

from html.parser import HTMLParser


def assert_stands_alone(page: str) -> None:
    """Hold a page to well-formed tags, no scripts, and no reference to another file or host."""
    tags = _Tags()
    tags.feed(page)
    assert not tags.open
    assert not tags.outside


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.outside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.outside += [
            f"{tag} {name}={value}"
            for name, value in attrs
            if name.split(":")[-1] in ("src", "href") and not str(value).startswith(("data:,", "#"))
        ]
        assert tag != "script"
        if tag not in ("meta", "link", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
