"""Images of words and lines with the text that stands in them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Literal

from dsbuilder.errors import shortened
from dsbuilder.layouts import sidecar
from dsbuilder.layouts.catalog import SourceCatalog
from dsbuilder.layouts.faults import Faults
from dsbuilder.layouts.ocr import format as ocr
from dsbuilder.layouts.ocr.signs import signs_of
from dsbuilder.layouts.splits import in_splits
from dsbuilder.layouts.tree import Tree, scan
from dsbuilder.paths import Inside, normalized
from dsbuilder.plugin import Catalog, DataError, Listing, Record, Signs, Source, Text, source


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
    image lies in one. Images that no list names are skipped, counted, and reported. The key of a
    record is its path below `path`, and its target is called `text`; of an export of dsbuilder,
    both are what its sidecar says.

    Attributes:
      path: the folder at the top.
      form: form of the lines, `tab`, `icdar` or `space`; by default the one that most lines of a
        list have. `text_id` and `id_text` read no list, but names such as `Exit_1.jpg` and
        `1_Exit.jpg`.
      file: what lists are called instead, such as train.txt.
    """

    path: Path
    form: Literal["tab", "icdar", "space", "text_id", "id_text"] | None = None
    file: str | None = None

    def __post_init__(self) -> None:
        if self.file is not None and ("/" in self.file or not self.file):
            raise ValueError(f"file: expected the name of a list, found '{self.file}'.")
        if self.file is not None and self.form in ("text_id", "id_text"):
            raise ValueError(f"file: with form {self.form} no list is read. Remove it.")

    @classmethod
    def signs(cls, folder: Path) -> Signs:
        """Looks for lists of texts, or files whose names hold texts."""
        return signs_of(folder)

    def open(self) -> Catalog:
        """Returns the catalog of the lists.

        Raises (when it is listed):
          DataError: there is no list. A line that is malformed, names a file that is not there or
            lies outside, or an image twice is a record with an error.
        """
        return _OcrCatalog(self)


class _OcrCatalog(SourceCatalog[Ocr]):
    def scan(self) -> Listing:
        source = self._source
        tree = scan(source.path)
        faults = Faults(root=source.path)
        named = source.form in ocr.NAME_FORMS
        lists = [] if named else _lists(source, tree)
        texts = (
            _named_texts(source, tree, faults) if named else _listed_texts(source, lists, faults)
        )
        if not texts:
            faults.check()
            raise DataError(f"{source.path}: there are no images with their texts. Check the path.")
        stated = sidecar.read(source.path)
        target, _ = sidecar.first(stated, Text) or ("text", None)
        found = [_record(source, key, {target: each}) for key, each in texts.items()]
        records = in_splits([*faults.sound(found), *faults.unsound()])
        beside = [] if stated is None else [sidecar.NAME]
        return Listing(
            records=records if stated is None else stated.keyed(records),
            targets={target: Text()},
            notes=_notes(tree, {*lists, *texts, *beside}),
        )

    def watches(self) -> Sequence[Path]:
        source = self._source
        tree = scan(source.path)
        lists = [] if source.form in ocr.NAME_FORMS else _lists(source, tree)
        stated = sidecar.place(source.path)
        beside = [stated.name] if stated.is_file() else []
        return tree.below(source.path, [*lists, *beside])


def _record(source: Ocr, key: str, targets: Mapping[str, str] = MappingProxyType({})) -> Record:
    return Record(key=key, path=source.path / key, targets=targets)


def _named_texts(source: Ocr, tree: Tree, faults: Faults) -> dict[str, str]:
    """Returns text by key, of the names of all images."""
    texts: dict[str, str] = {}
    for key in tree.images():
        wrong = _record(source, key)
        with faults.collecting(f"{source.path}/{key}", "Rename the file.", record=wrong):
            form: ocr.NameForm = "text_id" if source.form == "text_id" else "id_text"
            texts[key] = ocr.named_text(key, form)
    return texts


def _listed_texts(source: Ocr, lists: Sequence[str], faults: Faults) -> dict[str, str]:
    """Returns text by key, of all lists."""
    texts: dict[str, str] = {}
    places: dict[str, str] = {}
    for path in lists:
        folder = path[: path.rfind("/") + 1]
        inside = Inside(source.path / folder)
        form = source.form if source.form in ("tab", "icdar", "space") else None
        for pair in ocr.read_pairs(source.path / path, faults, form):
            place = f"{path}:{pair.line}"
            wrong = _stated(source, folder, pair.image)
            where = f"{source.path}/{place}"
            with faults.collecting(where, "Correct the line.", record=wrong):
                key = folder + ocr.located(inside, pair.image)
                if places.setdefault(key, place) != place:
                    raise DataError(
                        f"expected every image once, found '{key}' again, which {places[key]} "
                        "lists."
                    )
                texts[key] = pair.text
    return texts


def _stated(source: Ocr, folder: str, image: str) -> Record | None:
    """Returns the record of a line without its text; None if it names no path."""
    with suppress(DataError):
        return _record(source, folder + normalized(image))
    return None


def _lists(source: Ocr, tree: Tree) -> list[str]:
    names = ocr.LISTS if source.file is None else (source.file,)
    found = [path for path in tree.files if PurePosixPath(path).name in names]
    if not found:
        raise DataError(
            f"{source.path}: there is no list called {' or '.join(names)}. Say what it "
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


def _notes(tree: Tree, read: set[str]) -> list[str]:
    """Says what was not read."""
    images = [path for path in tree.images() if path not in read]
    skipped = tree.skipped(read | set(images))
    return tree.notes(skipped + Counter({"images without a text": len(images)}))
