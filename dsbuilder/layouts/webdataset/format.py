"""Samples in tar files, as webdataset has them: the files of one name are one sample.

    train-000000.tar
      cats/000000.jpg          sample `cats/000000`: its image
      cats/000000.cls          its class
      cats/000000.seg.png      its `seg.png`
      cats/000001.jpg          the next sample

A sample's name is the path of its files up to the first dot of the last part, and what follows, in
small letters, says what each holds. The files of a sample follow one another. Names such as
`__meta__` are no samples. Readers that split at the first dot of the whole path know no dot in a
folder, so what is written here has neither folders nor, in a sample's name, dots.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dsbuilder import typed_json
from dsbuilder.errors import DataError, did_you_mean, printable, shortened
from dsbuilder.images.encoding import IMAGE_EXTENSIONS
from dsbuilder.layouts.file_names import quoted
from dsbuilder.layouts.splits import split_named
from dsbuilder.layouts.webdataset import tar
from dsbuilder.paths import normalized
from dsbuilder.plugin import Mask, Target

TAR = "tar"
"""What the name of a shard ends in."""

JSON, CLASS, TEXT = "json", "cls", "txt"
"""The endings of what an export writes beside the image."""

KEY = "key"
"""The key of a sample's JSON that holds the sample's key, in an export."""

_NAME = re.compile(r"((?:.*/)?[^./]+)\.([^/]*)", re.DOTALL)
_META = re.compile(r"__[^/]*__(?:/|$)")


@dataclass(frozen=True, kw_only=True)
class Extent:
    """Where the bytes of a file lie in another.

    Attributes:
      offset, length: number of bytes before them, and their number.
    """

    offset: int
    length: int


@dataclass(frozen=True, kw_only=True)
class TarSample:
    """The files of one name in a tar file, each read when it is asked for.

    Attributes:
      path: the tar file.
      name: the path of the files up to the first dot of its last part.
      files: place of each file, by what follows that dot, in small letters.
    """

    path: Path
    name: str
    files: dict[str, Extent] = field(default_factory=dict)
    _parsed: dict[str, Any] = field(default_factory=dict)

    def file(self, ending: str) -> Extent:
        """Returns the place of a file.

        Raises:
          DataError: there is none.
        """
        if ending not in self.files:
            found = ", ".join(f".{each}" for each in self.files)
            raise DataError(f"expected a file that ends in '.{ending}', found {found}.")
        return self.files[ending]

    def text(self, ending: str) -> str:
        """Returns a text in UTF-8, without the line ends at its end."""
        found = self.file(ending)
        content = tar.content(self.path, found.offset, found.length)
        try:
            return content.decode("utf-8-sig").rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise DataError(f".{ending}: expected text in UTF-8, found {error}.") from None

    def json(self, ending: str) -> Any:
        """Returns the value of a file of JSON."""
        if ending not in self._parsed:
            try:
                self._parsed[ending] = typed_json.loads(self.text(ending))
            except ValueError as error:
                raise DataError(f".{ending}: expected JSON, found an error: {error}.") from None
        return self._parsed[ending]

    def member(self, ending: str, key: str) -> Any:
        """Returns the value of a key of an object in JSON."""
        found = self.json(ending)
        if not isinstance(found, dict) or key not in found:
            hint = did_you_mean(key, found) if isinstance(found, dict) else ""
            raise DataError(f".{ending}: there is no key '{key}'.{hint}")
        return found[key]

    def image(self, wanted: str | None, others: Collection[str]) -> str | None:
        """Returns the ending of the image, None if there is none.

        Args:
          wanted: the ending that the image has, if it is known.
          others: endings that are no image's, such as those of masks.

        Raises:
          DataError: it may be one of several.
        """
        if wanted is not None:
            return wanted if wanted in self.files else None
        rest = [each for each in self.files if each not in others]
        plain = [each for each in rest if each in IMAGE_EXTENSIONS]
        found = plain or [each for each in rest if each.rpartition(".")[2] in IMAGE_EXTENSIONS]
        if len(found) > 1:
            raise DataError(
                f"expected one image, found {shortened(found)}. Say which with `image`."
            )
        return found[0] if found else None


def sample_name(key: str) -> str:
    """Returns the name of a sample in an export."""
    return quoted(key).replace(".", "%2E")


def mask_endings(targets: Mapping[str, Target]) -> dict[str, str]:
    """Returns target -> ending of the file of its masks in an export; each has one of its own.

    Endings are compared in small letters.
    """
    endings: dict[str, str] = {}
    for name in (name for name, kind in targets.items() if isinstance(kind, Mask)):
        ending, number = f"{quoted(name)}.png".lower(), 2
        while ending in endings.values():
            ending, number = f"{quoted(name)}~{number}.png".lower(), number + 1
        endings[name] = ending
    return endings


def split_of(path: str) -> str | None:
    """Returns the split that words of a shard's path name; None if they name none, or several.

    The words of the file's name count before those of the folders above it.
    """
    for part in reversed(path.split("/")):
        found = {split_named(word) for word in re.findall("[A-Za-z]+", part)} - {None}
        if found:
            return found.pop() if len(found) == 1 else None
    return None


def samples(path: Path, skipped: Counter[str], damage: dict[int, str]) -> Iterator[TarSample]:
    """Yields the samples of a shard, in its order, reading no content.

    Args:
      skipped: takes counts of what is of no sample.
      damage: takes what is wrong with headers that are damaged, by their bytes. A file of a sample
        is lost with each.

    Raises:
      DataError: the tar file is cut or no archive, a name leads out of it, or the files of a sample
        are apart or have one name.
    """
    current, seen, written = None, set[str](), ""
    for member, match in _of_samples(path, skipped, damage):
        if current is None or match[1] != written:
            if current is not None:
                yield current
            written = match[1]
            current = TarSample(path=path, name=_name(path, written, seen))
        ending = match[2].lower()
        if ending in current.files:
            raise DataError(
                f"{path}: {current.name}: expected one file that ends in '.{ending}', found two. "
                "Rename or remove one."
            )
        current.files[ending] = Extent(offset=member.offset, length=member.size)
    if current is not None:
        yield current


def _of_samples(
    path: Path, skipped: Counter[str], damage: dict[int, str]
) -> Iterator[tuple[tar.TarEntry, re.Match[str]]]:
    """Yields the files of samples, with their names in parts; see `samples`."""
    for member in tar.members(path):
        is_file = member.kind == "files"
        match = _NAME.fullmatch(member.name) if is_file else None
        if member.kind == "damage":
            damage[member.offset] = member.name
        elif match is not None and not _META.match(member.name):
            yield member, match
        elif member.kind != "folders":
            skipped["of no sample" if is_file else "of no plain kind"] += 1


def _name(path: Path, written: str, seen: set[str]) -> str:
    """Returns the name of a sample that begins, and notes it."""
    try:
        name = normalized(written)
    except DataError as error:
        raise DataError(f"{path}: {error} Write the archive again.") from None
    if name in seen:
        raise DataError(
            f"{path}: {printable(name)}: expected the files of a sample one after the other, found "
            "some of them farther on. Pack them sorted, as `tar --sort=name` does."
        )
    seen.add(name)
    return name
