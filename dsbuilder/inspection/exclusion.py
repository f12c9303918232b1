"""A list of keys to leave out: one key a line, and lines that begin with `#`, which say why.

A key that could be taken for something else (it begins with `#`, a quote or a space, or holds what
cannot be printed) is written as a JSON text. A person may delete and add lines.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from dsbuilder.errors import DataError, printable
from dsbuilder.inspection.deciding import Verdict

_QUOTE = '"'


def read(path: Path) -> frozenset[str]:
    """Returns the keys of a list.

    Raises:
      DataError: there is no such file, it is no text, or a quoted key is no JSON text.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "no UTF-8"
        raise DataError(
            f"{path}: the list of keys to leave out cannot be read ({reason}). "
            "Check the path, or leave build.exclude out."
        ) from None
    return frozenset(_keys(path, text))


def _keys(path: Path, text: str) -> Iterator[str]:
    for number, line in enumerate(text.split("\n"), start=1):
        line = line.removesuffix("\r")
        if line.strip() and not line.startswith("#"):
            yield _unquoted(line, f"{path}:{number}") if line.startswith(_QUOTE) else line


def _unquoted(line: str, where: str) -> str:
    try:
        key = json.loads(line)
    except ValueError as error:
        raise DataError(
            f"{where}: expected a key in quotes, found what is no JSON text ({error}). "
            "Correct the line."
        ) from None
    return str(key)


def write(path: Path, text: str) -> None:
    """Writes a list.

    Raises:
      DataError: the file cannot be written.
    """
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise DataError(
            f"{path}: the file cannot be written ({error.strerror}). Choose another path."
        ) from None


def text_of(verdicts: Mapping[str, Verdict], advice: Mapping[str, str]) -> str:
    """Returns a list of the records to leave out, each under the inspector that names it.

    Args:
      verdicts: by key; see `deciding.py`.
      advice: what to do about a finding, by inspector.
    """
    by_inspector: dict[str, list[str]] = {}
    for key, each in verdicts.items():
        by_inspector.setdefault(each.inspector, []).append(key)
    lines = ["# Keys to leave out of a build: build.exclude, or dsbuilder build --exclude FILE."]
    for name, keys in by_inspector.items():
        lines += ["", f"# {name} ({len(keys)}): {advice[name]}"]
        for key in keys:
            lines += [f"# {_one_line(verdicts[key].text)}", _quoted(key)]
    return "\n".join(lines) + "\n"


def _one_line(text: str) -> str:
    return printable(" ".join(text.split()))


def _quoted(key: str) -> str:
    plain = key.strip() == key and key.isprintable()
    return key if plain and not key.startswith(("#", _QUOTE)) else json.dumps(key)
