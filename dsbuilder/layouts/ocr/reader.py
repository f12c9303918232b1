"""Images of words and lines with the text that stands in them."""

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from dsbuilder.errors import shortened
from dsbuilder.layouts import keys
from dsbuilder.layouts.faults import Faults
from dsbuilder.layouts.glance import Glance, glance
from dsbuilder.layouts.keyed import keyed
from dsbuilder.layouts.ocr import format as ocr
from dsbuilder.layouts.signature import SIGNATURE, stated_targets
from dsbuilder.layouts.splits import in_splits
from dsbuilder.layouts.tables import cut
from dsbuilder.layouts.tree import Tree, scan
from dsbuilder.paths import Inside
from dsbuilder.plugin import DataError, Recognition, Record, Source, Target, Text, source

_log = logging.getLogger(__name__)

_IMAGES = "images/"
_MOST_LISTS = 20
_TRIED = 20
_TEXTS = 0.3
"""The share of different texts from which on they are no classes."""


@source("ocr")
@dataclass(frozen=True, kw_only=True)
class Ocr(Source):
    r"""Reads images with a text, from lists or from the names of the files.

        path/                 gt.txt of train (ICDAR)    gt.txt (SynthTIGER)
          train/                word_1.png, "Exit"         images/0/0.jpg<TAB>Exit 4
            gt.txt              word_2.png, "\"A\", 1"
            images/word_1.png
          test/               labels.txt (trdg)
            gt.txt              0.jpg Exit 4

    Lists are called `gt.txt` or `labels.txt` and lie anywhere below `path`, with paths below their
    own folder, or below `images/` in it. Folders with splits' names at the top are splits if every
    image lies in one. Images that no list names are skipped, counted, and reported in the log. The
    key of a record is its path below `path`, or what the `keys.csv` of an export says.

    Attributes:
      path: the folder at the top.
      form: of the lines, `tab`, `icdar` or `space`; by default the one that most lines of a list
        have. `text_id` and `id_text` read no list, but names such as `Exit_1.jpg`, `1_Exit.jpg`.
      file: what lists are called instead, such as train.txt.
    """

    path: Path
    form: Literal["tab", "icdar", "space", "text_id", "id_text"] | None = None
    file: str | None = None

    def __post_init__(self) -> None:
        if self.file is not None and ("/" in self.file or not self.file):
            raise ValueError(f"file: expected the name of a list, found '{self.file}'.")
        if self.file is not None and self.form in ("text_id", "id_text"):
            raise ValueError(f"file: expected none where form is {self.form}. Remove it.")

    @classmethod
    def recognise(cls, folder: Path) -> Recognition:
        """Says whether lists of texts lie there, or files whose names hold texts."""
        seen = glance(folder)
        lists = [path for path in seen.files if PurePosixPath(path).name in ocr.LISTS]
        return _of_lists(folder, lists, seen) if lists else _of_names(seen)

    def records(self) -> Iterator[Record]:
        """Yields a record for every text, in the order of the lists.

        Raises:
          DataError: there is no list, a line is malformed, names a file that is not there or lies
            outside, or an image twice; of these errors all are told at once, up to a limit.
        """
        tree = scan(self.path)
        faults = Faults()
        if self.form in ("text_id", "id_text"):
            texts, read = _named_texts(self, tree, faults), set[str]()
        else:
            texts, read = _listed_texts(self, tree, faults)
        faults.check()
        if not texts:
            raise DataError(f"{self.path}: expected images with their texts, found none.")
        known = keys.read(self.path)
        _report(self, tree, read | texts.keys() | known.files | {SIGNATURE})
        records = in_splits([_record(self, key, text) for key, text in texts.items()])
        return iter(keyed(records, known))

    def watches(self) -> Sequence[Path]:
        """Returns every folder at or below `path`, and the lists."""
        tree = scan(self.path)
        named = self.form in ("text_id", "id_text")
        lists = [] if named else _lists(self, tree)
        return tree.below(self.path, [*lists, *keys.read(self.path).files])

    def targets(self, records: Sequence[Record]) -> Mapping[str, Target]:
        """Returns `text`."""
        return {"text": Text()}


def _record(source: Ocr, key: str, text: str) -> Record:
    return Record(key=key, path=source.path / key, targets={"text": text})


def _named_texts(source: Ocr, tree: Tree, faults: Faults) -> dict[str, str]:
    """Returns text by key, of the names of all images."""
    texts: dict[str, str] = {}
    for key in tree.images():
        with faults.collecting(f"{source.path}/{key}", "Rename the file."):
            form: ocr.NameForm = "text_id" if source.form == "text_id" else "id_text"
            texts[key] = ocr.named_text(key, form)
    return texts


def _listed_texts(source: Ocr, tree: Tree, faults: Faults) -> tuple[dict[str, str], set[str]]:
    """Returns text by key, and the lists that were read."""
    texts: dict[str, str] = {}
    places: dict[str, str] = {}
    found = _lists(source, tree)
    for path in found:
        folder = path[: path.rfind("/") + 1]
        inside = Inside(source.path / folder)
        form = source.form if source.form in ("tab", "icdar", "space") else None
        for pair in ocr.read_pairs(source.path / path, faults, form):
            place = f"{path}:{pair.line}"
            with faults.collecting(f"{source.path}/{place}", "Correct the line."):
                key = folder + _located(inside, pair.image)
                if places.setdefault(key, place) != place:
                    raise DataError(
                        f"expected every image once, found '{key}' again, which {places[key]} "
                        "lists."
                    )
                texts[key] = pair.text
    return texts, set(found)


def _lists(source: Ocr, tree: Tree) -> list[str]:
    names = ocr.LISTS if source.file is None else (source.file,)
    found = [path for path in tree.files if PurePosixPath(path).name in names]
    if not found:
        raise DataError(
            f"{source.path}: expected a list called {' or '.join(names)}, found none. Say what it "
            "is called with file, or that names hold the texts with form: text_id."
        )
    folders = Counter(PurePosixPath(path).parent for path in found)
    several = [path for path in found if folders[PurePosixPath(path).parent] > 1]
    if several:
        raise DataError(
            f"{source.path}: expected one list in a folder, found {shortened(several)}. "
            "Say which with file."
        )
    return found


def _located(inside: Inside, image: str) -> str:
    """Returns where an image lies: below the list's folder, or below `images/` in it."""
    try:
        return inside.locate(image)
    except DataError as error:
        try:
            return inside.locate(_IMAGES + image)
        except DataError:
            raise error from None


def _report(source: Ocr, tree: Tree, read: set[str]) -> None:
    """Logs what was not read."""
    images = [path for path in tree.images() if path not in read]
    skipped = tree.skipped(read | set(images))
    for note in tree.notes(skipped + Counter({"images without a text": len(images)})):
        _log.warning("%s: %s.", source.path, note)


# -- recognition --------------------------------------------------------------------------------


def _of_lists(folder: Path, lists: Sequence[str], seen: Glance) -> Recognition:
    """Says whether lists pair images with texts; texts that repeat are rather classes."""
    faults = Faults(limit=1_000_000)
    texts: list[str] = []
    absent: list[str] = []
    try:
        for path in lists[:_MOST_LISTS]:
            inside = Inside(folder / path[: path.rfind("/") + 1])
            pairs = list(ocr.read_pairs(folder / path, faults))
            texts += [pair.text for pair in pairs]
            absent += [pair.image for pair in pairs[:_TRIED] if not _lies_there(inside, pair.image)]
        faults.check()
    except DataError as error:
        return Recognition(certainty=0, reason=str(error).splitlines()[0])
    named = f"{shortened(lists)} with {seen.count(len(texts), 'line')}"
    if absent or not texts:
        found = f", but '{absent[0]}' does not lie there" if absent else ""
        return Recognition(certainty=0, reason=f"{named}{found}")
    are_texts = any(isinstance(each, Text) for each in stated_targets(folder).values())
    share = 1.0 if are_texts else len(set(texts)) / len(texts)
    doubt = "" if share > _TEXTS else f"; but only {len(set(texts))} are different, as classes are"
    return Recognition(
        certainty=0.9 if share > _TEXTS else 0.3,
        reason=f"{named}, each an image and its text{doubt}",
        options={"path": "."},
        comments={"path": f"{len(texts)} texts, such as {cut(texts[0])}"},
    )


def _lies_there(inside: Inside, image: str) -> bool:
    try:
        _located(inside, image)
    except DataError:
        return False
    return True


def _of_names(seen: Glance) -> Recognition:
    """Says whether the names of all images hold a text that differs from name to name."""
    for form in ocr.NAME_FORMS:
        try:
            texts = [ocr.named_text(path, form) for path in seen.images]
        except DataError:
            continue
        if len(set(texts)) > _TEXTS * max(len(texts), 4):
            return Recognition(
                certainty=0.3,
                reason=f"the names of {seen.count(len(texts), 'image')} may hold texts, such as "
                f"{cut(texts[0])}",
                options={"path": ".", "form": form},
            )
    return Recognition(certainty=0, reason=f"no list called {' or '.join(ocr.LISTS)} lies in it")
