"""Tables of options in a Markdown page, made of the classes that they are the options of.

    <!-- options of section train.optimizer -->   a section of a pipeline; `pipeline` is the whole
    <!-- options of transform salt_pepper -->     a plugin, by its kind and name
    <!-- options of every transform -->           all built-in ones of a kind, each with a heading

What stands between such a line and `<!-- end of options -->` is made anew. All else stays as it is,
blocks of code among it.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from dsbuilder.cache import store
from dsbuilder.errors import DataError, PluginError, did_you_mean
from dsbuilder.pipelinefile import described, option_tables
from dsbuilder.plugin import KINDS
from dsbuilder.registry import Plugin, Registry

END = "<!-- end of options -->"
_SECTION, _EVERY, _PACKAGE = "section", "every", "dsbuilder"
_MARKED = re.compile(
    r"^```.*?^```"  # a block of code, which may show such lines
    r"|^(?P<mark><!-- options of (?P<kind>\w+) (?P<name>\S+) -->)\n(?P<made>.*?)"
    rf"(?:^{END}$|(?P<open>^<!-- options of |\Z))",
    re.DOTALL | re.MULTILINE,
)


def renew(path: Path, registry: Registry) -> None:
    """Makes the tables of a page anew.

    Raises:
      DataError: the page cannot be read or written, has no such line, or one that names nothing.
    """
    try:
        text = path.read_text(encoding="utf-8")
        store.write_text(path, renewed(text, registry, where=str(path)))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(
            f"{path}: the page cannot be read or written ({reason}). Name another."
        ) from None


def renewed(text: str, registry: Registry, *, where: str) -> str:
    """Returns a page with its tables made anew; see `renew`."""
    count = 0

    def made(found: re.Match[str]) -> str:
        nonlocal count
        if found["mark"] is None:
            return found[0]
        count += 1
        line = f"{where}:{text.count(chr(10), 0, found.start()) + 1}"
        if found["open"] is not None:
            raise DataError(f"{line}: there is no line `{END}` that ends the table. Add it.")
        tables = _tables(registry, found["kind"], found["name"], line)
        return f"{found['mark']}\n{tables}{END}"

    text_now = _MARKED.sub(made, text)
    if not count:
        raise DataError(
            f"{where}: no line says where a table is to stand. Add `<!-- options of section train "
            f"-->`, say, and after it `{END}`."
        )
    return text_now


def _tables(registry: Registry, kind: str, name: str, where: str) -> str:
    if kind == _SECTION:
        sections = option_tables.sections()
        if name not in sections:
            raise DataError(f"{where}: unknown section '{name}'.{did_you_mean(name, sections)}")
        return option_tables.table(sections[name])
    of_kind = name if kind == _EVERY else kind
    if of_kind not in KINDS:
        hint = did_you_mean(of_kind, [*KINDS, _SECTION, _EVERY])
        raise DataError(f"{where}: unknown kind of plugin '{of_kind}'.{hint}")
    if kind == _EVERY:
        built_in = [p for p in registry.of_kind(of_kind) if p.origin.package == _PACKAGE]
        return "\n".join(_paragraphs(built_in))
    try:
        return option_tables.table(registry.get(name, kind).cls)
    except PluginError as error:
        raise DataError(f"{where}: {error}") from None


def _paragraphs(plugins: list[Plugin]) -> Iterator[str]:
    yield ""
    for each in sorted(plugins, key=lambda plugin: plugin.name):
        yield f"### `{each.name}`\n\n{described.summary(each.cls)}\n"
        if not each.mark.is_family:  # whose members have options of their own
            yield option_tables.table(each.cls)
