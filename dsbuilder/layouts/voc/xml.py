"""XML -> elements that know their lines; nothing that a stranger's file may do harm with.

A document type is refused, and with it entities, which may grow without bound or name other files.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from xml.parsers import expat

from dsbuilder.errors import DataError
from dsbuilder.typed_json import DEPTH, max_depth


@dataclass(eq=False)
class Element:
    """One element of a document.

    Attributes:
      tag: its name.
      line: where it begins, 1-based.
      children: children in the order of the document.
    """

    tag: str
    line: int
    children: list[Self] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The text in it, without spaces at its ends and without that of its children."""
        return "".join(self.parts).strip()

    def all(self, tag: str) -> list[Self]:
        """Returns the children with a name."""
        return [child for child in self.children if child.tag == tag]

    def find(self, tag: str) -> Self | None:
        """Returns the first child with a name, or None."""
        return next((child for child in self.children if child.tag == tag), None)


def read(path: Path) -> Element:
    """Returns the outermost element of a file.

    Raises:
      DataError: it is missing, is not XML, or has a document type.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such XML file. Check the path.")
    builder = _Builder(path)
    try:
        builder.parser.Parse(path.read_bytes(), True)
    except expat.ExpatError as error:
        reason = expat.ErrorString(error.code)
        raise DataError(
            f"{path}:{error.lineno}: expected XML, found an error: {reason}. Correct the file."
        ) from None
    except (ValueError, LookupError) as error:  # an encoding that the parser does not know
        raise DataError(f"{path}: expected XML in UTF-8, found an error: {error}.") from None
    return builder.root


class _Builder:
    """Builds elements from what the parser comes upon."""

    def __init__(self, path: Path) -> None:
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self._path = path
        self._open = [Element("", 0)]

    @property
    def root(self) -> Element:
        return self._open[0].children[0]

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        element = Element(tag, self.parser.CurrentLineNumber)
        if len(self._open) > max_depth():
            raise DataError(
                f"{self._path}:{element.line}: expected elements at most {max_depth()} deep "
                f"({DEPTH} allows more), found more. Correct the file."
            )
        self._open[-1].children.append(element)
        self._open.append(element)

    def _end(self, tag: str) -> None:
        self._open.pop()

    def _text(self, text: str) -> None:
        self._open[-1].parts.append(text)

    def _refuse(self, *_: object) -> None:
        raise DataError(
            f"{self._path}:{self.parser.CurrentLineNumber}: expected XML without a document type, "
            "found one, whose entities may do harm. Remove the line."
        )
