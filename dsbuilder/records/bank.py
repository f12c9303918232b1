"""A bank: a built dataset of images that a generator drew once, each looked at, and then sealed.

Beside what every dataset has, its folder holds

  bank.json  what drew them, what the gate found, which images were turned away and why, and where
             each image that passed lies; it has a checksum in `SHA256SUMS`, as all others
  SEAL       the SHA-256 of `SHA256SUMS`: the hash of all there is

A seal keeps no one from making a bank of other images; it keeps one that was changed from being
taken for the one that was judged, and it stands for the bank in fingerprints.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from dsbuilder import typed_json
from dsbuilder.errors import CacheError, DataError
from dsbuilder.records import example, tfrecord

NOTE, SEAL = "bank.json", "SEAL"
SUMS, MANIFEST = "SHA256SUMS", "metadata.json"
FORMAT = 1
_DIGEST = 64


@dataclass(frozen=True, kw_only=True)
class BankEntry:
    """An image of a bank.

    Attributes:
      key: its key as a sample.
      label: name of its class; None in a bank without classes.
      file: name of the file that it lies in.
      offset: place of its record in the file, in bytes.
    """

    key: str
    label: str | None
    file: str
    offset: int


@dataclass(frozen=True, kw_only=True)
class BankNote:
    """What a bank says of itself.

    Attributes:
      gan: kind of what drew it, `cgan` or `dcgan`.
      model: SHA-256 of the file of the generator.
      dataset: name and version of the dataset that this was trained on.
      fingerprint: fingerprint of that dataset.
      seed: seed that its images were drawn by.
      drawn: number of images that were drawn.
      target: name of the target; None in a bank without classes.
      class_names: names of the classes in id order.
      image: height, width and channels.
      gate: what the gate asked for and found.
      rejected: number, label and reason of each image that was turned away.
      entries: images that passed.
    """

    gan: str
    model: str
    dataset: str
    fingerprint: str
    seed: int
    drawn: int
    target: str | None
    class_names: tuple[str, ...]
    image: tuple[int, int, int]
    gate: Mapping[str, Any]
    rejected: tuple[Mapping[str, Any], ...]
    entries: tuple[BankEntry, ...]

    def to_json(self) -> dict[str, Any]:
        """Returns it as JSON values."""
        own = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {"format": FORMAT, **own, "entries": [vars(each) for each in self.entries]}

    @property
    def turned_away(self) -> str:
        """How many images were turned away, and why, in words; empty where none was."""
        counts: dict[str, int] = {}
        for each in self.rejected:
            counts[str(each["reason"])] = counts.get(str(each["reason"]), 0) + 1
        return ", ".join(f"{count} {reason}" for reason, count in sorted(counts.items()))


@dataclass(frozen=True, kw_only=True)
class Bank:
    """A sealed bank.

    Attributes:
      folder: its folder.
      note: what it says of itself.
      seal: hash of all there is.
    """

    folder: Path
    note: BankNote
    seal: str

    def image(self, entry: BankEntry) -> bytes:
        """Returns the image of an entry, as a PNG file.

        Raises:
          DataError: it is not there, or damaged.
        """
        path = self.folder / entry.file
        try:
            with path.open("rb") as file:
                found = example.decode(tfrecord.read_at(file, entry.offset))["image"][0]
            if isinstance(found, bytes):
                return found
            reason = "no image"
        except (OSError, CacheError, LookupError) as error:
            reason = str(error)
        raise DataError(f"{path}: '{entry.key}' of the bank cannot be read: {reason}")

    @cached_property
    def by_class(self) -> dict[str | None, tuple[int, ...]]:
        """The numbers of the entries of each class."""
        found: dict[str | None, list[int]] = {}
        for number, each in enumerate(self.note.entries):
            found.setdefault(each.label, []).append(number)
        return {name: tuple(numbers) for name, numbers in found.items()}


def digest_of(folder: Path) -> str:
    """Returns the hash of all there is in a dataset: of its checksums."""
    return hashlib.sha256((folder / SUMS).read_bytes()).hexdigest()


def open_bank(path: Path) -> Bank:
    """Returns a bank, of which every file was compared with its seal.

    Raises:
      DataError: there is none, it is not sealed, or it was changed since.
    """
    folder = path
    if not (folder / NOTE).is_file():
        raise DataError(
            f"{folder}: there is no bank ({NOTE}). Draw one with `dsbuilder synth sample RUN "
            "--output DIR`."
        )
    try:
        seal = (folder / SEAL).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        raise DataError(
            f"{folder}: expected a sealed bank, found no {SEAL}: it was not judged to its end. "
            "Draw it again."
        ) from None
    try:
        whole = digest_of(folder) == seal
        changed = next(_changed(folder), None) if whole else SUMS
    except (OSError, ValueError) as error:
        raise DataError(f"{folder}: the bank cannot be read ({error}). Draw it again.") from None
    if changed is not None:
        raise DataError(
            f"{folder}: expected the bank as it was sealed, found that {changed} was changed. "
            "Draw it again; images are added by drawing another bank."
        )
    return Bank(folder=folder, note=_read_note(folder / NOTE), seal=seal)


def _changed(folder: Path) -> Iterator[str]:
    """Yields the names of files that are not what the checksums say."""
    for line in (folder / SUMS).read_text(encoding="utf-8").splitlines():
        digest, name = line[:_DIGEST], line[_DIGEST + 2 :]
        path = folder / name
        if not name or "/" in name or not path.is_file():
            yield name or SUMS
        else:
            with path.open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != digest:
                    yield name


def _read_note(path: Path) -> BankNote:
    try:
        data = typed_json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(data, dict) or data.pop("format", None) != FORMAT:
            raise ValueError(f"another format than {FORMAT}")
        note = typed_json.bind(BankNote, data)
        names = {each.file for each in note.entries}
        if wrong := next((name for name in names if Path(name).name != name), None):
            raise ValueError(f"the file {typed_json.shown(wrong)}")
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path}: expected what `dsbuilder synth sample` writes, found another ({error}). Draw "
            "the bank again."
        ) from None
    if not note.entries:
        raise DataError(f"{path}: there is no image in the bank. Draw it again.")
    return note
