"""A page of blocks -> one HTML file, which asks nobody for anything.

Texts are escaped by the template engine, whatever they hold. Besides, the page itself forbids every
request and every script but its own, which is known by its hash: a name that got through all the
same could do nothing. Pictures are data URIs, charts are SVG within the page.
"""

import base64
import contextlib
import hashlib
import importlib.metadata
import importlib.util
import math
import os
import sys
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from jinja2.bccache import Bucket
from markupsafe import Markup

from dsbuilder.cache import store
from dsbuilder.errors import DataError, printable
from dsbuilder.report.charts.svg import FAINT, GRID, INK, LINES, PAPER
from dsbuilder.report.page.blocks import ReportPage, cut, lighter

MOST_BYTES = 8_000_000
"""Size that no page exceeds."""

_HERE = Path(__file__).parent


def render(page: ReportPage) -> str:
    """Returns a page as HTML, of which parts are left out where it would be too large."""
    html = fill("page", page=page)
    while len(html.encode("utf-8", "backslashreplace")) > MOST_BYTES:
        page = lighter(page)
        html = fill("page", page=page)
    return html


def fill(name: str, **given: Any) -> str:
    """Returns a template of this folder, with its script and the style of all pages, filled.

    Args:
      name: name of the template, and of its script.
    """
    script = _text(f"{name}.js")
    html: str = _template(f"{name}.html.jinja").render(
        style=Markup(_colors() + _text("page.css")),
        script=Markup(script),
        script_hash=Markup(digest(script)),
        version=importlib.metadata.version("dsbuilder"),
        **given,
    )
    return html


def policy(name: str) -> str:
    """Returns what a page that a server hands out may do: run its script, and ask that server."""
    script = f"'sha256-{digest(_text(f'{name}.js'))}'"
    return (
        f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src {script}; "
        "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )


def digest(script: str) -> str:
    """Returns the hash by which a page knows its script."""
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def write(path: Path, page: ReportPage) -> None:
    """Writes a page, whole or not at all.

    Raises:
      DataError: the file cannot be written.
    """
    html = render(page).encode("utf-8", "backslashreplace").decode()
    try:
        store.write_text(path, html)
    except OSError as error:
        reason = error.strerror or str(error)
        raise DataError(
            f"{path}: the report cannot be written ({reason}). Choose another path."
        ) from None


@cache
def _text(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


class _BesideModules(jinja2.BytecodeCache):  # type: ignore[misc]  # as far as mypy looks
    """Keeps the compiled template where Python keeps compiled modules, or nowhere.

    Compiling takes longer than all else of a page.
    """

    def load_bytecode(self, bucket: Bucket) -> None:
        """Reads what an earlier process has compiled, if it is of this template."""
        with contextlib.suppress(OSError), self._place(bucket).open("rb") as file:
            bucket.load_bytecode(file)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Writes what was compiled, whole or not at all, where that is allowed."""
        if sys.dont_write_bytecode:
            return
        place = self._place(bucket)
        temporary = place.with_name(f"{place.name}.{os.getpid()}.tmp")
        with contextlib.suppress(OSError):
            with temporary.open("xb") as file:
                bucket.write_bytecode(file)
            temporary.replace(place)

    def _place(self, bucket: Bucket) -> Path:
        compiled = Path(importlib.util.cache_from_source(__file__))
        return compiled.with_name(f"{bucket.key}.{sys.implementation.cache_tag}.jinja")


@cache
def _template(name: str) -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True,
        loader=jinja2.FunctionLoader(_text),
        bytecode_cache=_BesideModules(),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        finalize=_shown,
    )
    environment.filters["svg"] = Markup  # what `report/charts/` wrote as a tree
    environment.filters["lines"] = _lines
    environment.tests["number"] = _is_number
    return environment.get_template(name)


def _shown(value: Any) -> Any:
    """Returns a value as a person reads it: no control character, nothing endless."""
    if isinstance(value, Markup):
        return value
    if value is None:
        return ""
    if _is_number(value):
        return _number(value)
    return cut(printable(str(value)))


def _number(value: float) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4g}" if math.isfinite(value) else "–"


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _lines(text: str) -> Markup:
    """Returns a text of several lines, escaped, each line printable."""
    return Markup("\n").join(printable(line) for line in text.split("\n"))


def _colors() -> str:
    """Returns the colors of the charts as those of the page, on light and on dark paper."""
    named = {"paper": PAPER, "ink": INK, "faint": FAINT, "grid": GRID, "accent": LINES[0]}
    light, dark = (
        "".join(f"--{name}:{color[paper]};" for name, color in named.items()) for paper in (0, 1)
    )
    return f":root{{{light}}}@media (prefers-color-scheme:dark){{:root{{{dark}}}}}\n"
