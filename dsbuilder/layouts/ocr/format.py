r"""Pairs of an image and the text that stands in it, a line each.

  tab     SynthTIGER, PaddleOCR: `images/0/0.jpg<TAB>text`, the text as it stands
  icdar   ICDAR word recognition: `word_1.png, "text"`, with `\"` and `\\` inside the quotes
  space   trdg: `0.jpg text`

Two more forms have no list, as trdg writes them: `text_0.jpg` and `0_text.jpg`. They are only read:
a file's name cannot hold every text. Lists are UTF-8, with or without a byte order mark, with any
line ends; blank lines are passed over.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Literal, NamedTuple

from dsbuilder.errors import DataError
from dsbuilder.images.encoding import IMAGE_EXTENSIONS
from dsbuilder.layouts.faults import Faults
from dsbuilder.layouts.tables import cut, lines, read_text
from dsbuilder.paths import Inside

LISTS = ("gt.txt", "labels.txt")
"""What lists are called."""
IMAGES = "images/"
"""The folder beside a list that its images may lie in, without being named."""

ListForm = Literal["tab", "icdar", "space"]
NameForm = Literal["text_id", "id_text"]
NAME_FORMS: tuple[NameForm, ...] = ("text_id", "id_text")

_IMAGE = rf"(?P<image>.+?\.(?:{'|'.join(IMAGE_EXTENSIONS)}))"
_LINES: dict[ListForm, re.Pattern[str]] = {
    "tab": re.compile(r"(?P<image>[^\t]*\S[^\t]*)\t(?P<text>.*)", re.DOTALL),
    "icdar": re.compile(rf"{_IMAGE}\s*,\s*(?P<text>.*)", re.DOTALL | re.IGNORECASE),
    "space": re.compile(rf"{_IMAGE}\s+(?P<text>\S.*)", re.DOTALL | re.IGNORECASE),
}
_WANTED: dict[ListForm, str] = {
    "tab": "'image<TAB>text'",
    "icdar": "'image, \"text\"'",
    "space": "'image text'",
}
_NAMES: dict[NameForm, re.Pattern[str]] = {
    "text_id": re.compile(r"(?P<text>.+)_\d+", re.DOTALL),
    "id_text": re.compile(r"\d+_(?P<text>.+)", re.DOTALL),
}


class Pair(NamedTuple):
    """An image as it is named, its text, and the line, from 1."""

    line: int
    image: str
    text: str


def read_pairs(path: Path, faults: Faults, form: ListForm | None = None) -> Iterator[Pair]:
    """Yields the pairs of a list in its order.

    Args:
      faults: takes note of malformed lines, which are left out.
      form: None takes the first of `tab`, `icdar` and `space` that most lines have.

    Raises:
      DataError: the file is missing or not UTF-8.
    """
    found = list(lines(read_text(path, "list of texts")))
    chosen = form or likeliest([line for _, line in found])
    for number, line in found:
        with faults.collecting(f"{path}:{number}", "Correct the line."):
            image, text = _parsed(line, chosen)
            yield Pair(number, image, text)


def likeliest(found: list[str]) -> ListForm:
    """Returns the form that most lines have."""
    counts = {form: sum(map(bool, map(each.fullmatch, found))) for form, each in _LINES.items()}
    return max(counts, key=lambda form: counts[form])


def _parsed(line: str, form: ListForm) -> tuple[str, str]:
    match = _LINES[form].fullmatch(line)
    if match is None:
        raise DataError(f"expected {_WANTED[form]}, found {cut(line.strip())}.")
    text = match["text"]
    if form == "icdar":
        text = _unquoted(text.rstrip())
    return match["image"].strip(), text.rstrip() if form == "space" else text


def _unquoted(text: str) -> str:
    if not text.startswith('"'):
        return text
    if len(text) < 2 or not re.fullmatch(r'"(?:[^\\]|\\.)*"', text, re.DOTALL):
        raise DataError(f"expected a text that ends in a quote, found {cut(text)}.")
    return re.sub(r'\\(["\\])', r"\1", text[1:-1])


def located(inside: Inside, image: str) -> str:
    """Returns where an image of a list lies: below the list's folder, or below `images/` in it.

    Raises:
      DataError: in neither.
    """
    try:
        return inside.locate(image)
    except DataError as error:
        try:
            return inside.locate(IMAGES + image)
        except DataError:
            raise error from None


def named_text(name: str, form: NameForm) -> str:
    """Returns the text that a file's name holds.

    Raises:
      DataError: the name is not of the form.
    """
    match = _NAMES[form].fullmatch(PurePosixPath(name).stem)
    if match is None:
        wanted = "text_1.png" if form == "text_id" else "1_text.png"
        raise DataError(f"expected a name such as {wanted}, found '{PurePosixPath(name).name}'.")
    return match["text"]


def write_pairs(path: Path, pairs: Iterable[tuple[str, str]]) -> int:
    """Writes pairs of image and text in the tab form and returns how many there were.

    Raises:
      DataError: a text holds a tab or a line end, which the form cannot carry.
    """
    count = 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for image, text in pairs:
            if set(text) & set("\t\r\n"):
                raise DataError(
                    f"{image}: expected a text without tabs and line ends, found {text!r}. "
                    "Export to imagefolder, which carries any text."
                )
            file.write(f"{image}\t{text}\n")
            count += 1
    return count
