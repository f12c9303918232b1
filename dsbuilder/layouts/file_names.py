"""Names of the files that an exporter writes: of any key or class one that every system takes."""

import hashlib
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dsbuilder.layouts.splits import split_named
from dsbuilder.plugin import Exportable

_EXTENSIONS: Mapping[str, tuple[str, ...]] = {
    "jpeg": (".jpg", ".jpeg"),
    "png": (".png",),
    "raw": (".png",),
}
_PLAIN = frozenset("._- ()=,")
_LONGEST = 180


@dataclass(frozen=True)
class Names:
    """Names of the files in one split, each given once.

    Attributes:
      extensions: extensions of the stored format; the first is appended where a key ends in none of
        them.
    """

    extensions: tuple[str, ...]
    taken: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, dataset: Exportable, *, stems: bool = False) -> "Names":
        """Returns names for images as a dataset stores them.

        Args:
          stems: whether names must differ in more than their extensions.
        """
        extensions = _EXTENSIONS[dataset.image]
        return cls(extensions[:1] if stems else extensions)

    def place(self, key: str, folder: str = "") -> str:
        """Returns the path of a sample's file below the split's folder.

        Args:
          key: the sample's, or the part of it that the folder does not say.
          folder: what the path begins with, with a slash behind.
        """
        root, mark, derived = key.partition("//")
        name = quoted(root) + ("@" if mark else "") + quoted(derived)
        if not name.lower().endswith(self.extensions):
            name += self.extensions[0]
        stem, _, extension = name.rpartition(".")
        candidates = (f"{stem}~{n}.{extension}" for n in itertools.count(2))
        place = f"{folder}{name}"
        while place.casefold() in self.taken:  # some file systems do not tell A from a
            place = f"{folder}{next(candidates)}"
        self.taken.add(place.casefold())
        return place

    def nested(self, key: str, *, split: str, folder: str = "") -> str:
        """Returns the path of a sample's file below the split's folder, in the folders of its key.

        A split that the key begins with, and the folder, are not repeated: so a sample that is read
        again has the key that it had where the layout was the same.

        Args:
          split: the sample's.
          folder: what the path begins with, with a slash behind.
        """
        root, mark, derived = key.partition("//")
        root = root.removeprefix("/")  # of what was made from nothing
        first, _, rest = root.partition("/")
        below = (rest if rest and split_named(first) == split else root).removeprefix(folder)
        *folders, name = below.split("/")
        above = "".join(f"{quoted(each)}/" for each in folders)
        return self.place(f"{name}{mark}{derived}", f"{folder}{above}")


def quoted(text: str) -> str:
    """Returns a text as a file's name: `+` for `/`, `%xx` for what else a name cannot hold.

    Different texts have different names; `@` and `~` never stand in one. A very long text is cut,
    and the hash of all of it takes the place of its end.
    """
    kept = "".join(map(_letter, text))
    if kept.startswith((".", " ")):  # hidden files are passed over, and lists lose spaces
        kept = f"%{ord(kept[0]):02X}{kept[1:]}"
    if kept.endswith(" "):
        kept = f"{kept[:-1]}%20"
    if len(kept.encode()) <= _LONGEST:
        return kept
    digest = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
    return f"{kept.encode()[: _LONGEST - 20].decode(errors='ignore')}%{digest}"


def folder_names(names: Sequence[str]) -> dict[str, str]:
    """Returns the folder of each class: its name, unless there is one that no folder can have.

    Then all are escaped as `quoted` does.
    """
    plain = all(map(_is_folder_name, names))
    return {name: name if plain else quoted(name) for name in names}


def _is_folder_name(name: str) -> bool:
    fits = name.isprintable() and len(name.encode()) <= _LONGEST
    return fits and not name.startswith(".") and not set(name) & set("/\\")


def _letter(letter: str) -> str:
    if letter.isalnum() or letter in _PLAIN:
        return letter
    if letter == "/":
        return "+"
    return "".join(f"%{byte:02X}" for byte in letter.encode("utf-8", "surrogateescape"))
