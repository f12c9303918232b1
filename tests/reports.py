"""Pages as tests read them: every tag with its attributes, and what must never stand there."""

import base64
import hashlib
import re
from html.parser import HTMLParser

_VOID = {"meta", "img", "input", "link", "br", "hr"}


class Html(HTMLParser):
    """A parsed page.

    Attributes:
      tags: name and attributes of each tag, in order.
      texts: text of each tag of a name, as it stands between its ends.
    """

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open, f"left open: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in _VOID:
            self._open.append(tag)
            self.texts.setdefault(tag, []).append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open and self._open.pop() == tag, f"{tag} ends what is not open"

    def handle_data(self, data: str) -> None:
        if self._open:
            self.texts[self._open[-1]][-1] += data


def check_harmless(text: str) -> Html:
    """Checks that a page asks nobody for anything and runs its own script alone; returns it."""
    page = Html(text)
    for tag, attributes in page.tags:
        assert tag not in {"link", "iframe", "object", "embed", "base", "form"}, tag
        assert not [name for name in attributes if name.startswith("on")], (tag, attributes)
        assert "srcset" not in attributes
        if tag == "img":
            assert re.match(r"data:image/(png|jpeg|webp);base64,", attributes["src"] or "")
            assert attributes["alt"]
        if tag == "a":
            assert (attributes["href"] or "").startswith("#")
    assert not re.search(r"url\(|@import", "".join(page.texts["style"]))
    (policy,) = (a["content"] for t, a in page.tags if a.get("http-equiv"))
    (script,) = page.texts["script"]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy is not None
    assert f"script-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'; img-src data:")
    marks = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(marks) == len(set(marks)), "an id is there twice"
    linked = {a["href"] for t, a in page.tags if t == "a"}
    assert linked <= {f"#{mark}" for mark in marks}
    return page
