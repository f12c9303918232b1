"""A bank written: images that were drawn, as a dataset like any other, and its seal.

There is no pipeline that would make them again, so no plan and no shard task: the ledger says of
each image which model drew it, of which class, by which seed and number.
"""

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from dsbuilder import names
from dsbuilder.cache import fingerprint, folders, ledger, manifest, quarantine, store
from dsbuilder.cache.ledger import Applied, Entry
from dsbuilder.cache.manifest import Manifest, Shard
from dsbuilder.cache.tfrecord import TFRecordCodec
from dsbuilder.errors import CacheError, option
from dsbuilder.layouts.tfrecord.format import ShardSize, description
from dsbuilder.records import bank
from dsbuilder.records.bank import BankEntry, BankNote
from dsbuilder.sample import Sample, Signature

_SPLIT = "train"
_SHARD_BYTES = 64_000_000
_VERSION = "1.0.0"


@dataclass(frozen=True, kw_only=True)
class DrawnImage:
    """An image that is to be in a bank.

    Attributes:
      number: its number among all that were drawn.
      image: uint8 `(H, W, C)`.
      label: its class id; None without classes.
      drawn: what drew it, JSON values, for the ledger.
    """

    number: int
    image: np.ndarray
    label: int | None
    drawn: Mapping[str, Any]

    @property
    def key(self) -> str:
        """Its key as a sample."""
        return f"drawn/{self.number:06d}"


def write_bank(
    folder: Path,
    images: Sequence[DrawnImage],
    *,
    name: str,
    note: BankNote,
    signature: Signature,
    sections: Mapping[str, Any],
    warnings: Sequence[str],
) -> str:
    """Writes a bank, which appears whole or not at all; returns its seal.

    Args:
      folder: the folder to make; there must be none, or an empty one.
      images: images that passed the gate, at least one.
      note: what the bank says of itself, but for its entries.
      sections: pipeline of the dataset that the generator was trained on, whose words about
        training go along.
      warnings: what a user should know of the bank.

    Raises:
      CacheError: the folder cannot be written, or holds something.
    """
    check_free(folder)
    temporary = folder.with_name(f".{folder.name}.partial")
    try:
        folders.remove(temporary)
        folders.make(temporary)
        codec = TFRecordCodec(signature=signature, image="png", quality=95)
        shards = list(_write_shards(temporary, images, codec, name, note))
        made = _manifest(name, note, signature, [each for each, _ in shards], warnings)
        entries = tuple(entry for _, own in shards for entry in own)
        seal = _finish(temporary, made, replace(note, entries=entries), sections)
        if folder.exists():
            folder.rmdir()
        temporary.replace(folder)
        folders.sync(folder.parent)
    except OSError as error:
        raise CacheError(
            f"{folder}: the bank cannot be written ({error.strerror or error}). Choose another "
            f"folder with {option('output')}."
        ) from error
    return seal


def check_free(folder: Path) -> None:
    """Checks that a bank can be made in a folder: there is none, or an empty one.

    Raises:
      CacheError: there is something.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CacheError(
            f"{folder}: expected a folder that is not there, found one. A bank is never changed: "
            f"choose another with {option('output')}."
        )


def _write_shards(
    folder: Path, images: Sequence[DrawnImage], codec: TFRecordCodec, name: str, note: BankNote
) -> Iterator[tuple[Shard, list[BankEntry]]]:
    """Writes the images with their ledgers; yields each shard with what lies in it."""
    payloads = [codec.encode(_sample(each, note)) for each in images]
    count = math.ceil(sum(map(len, payloads)) / _SHARD_BYTES)
    for place, part in enumerate(np.array_split(np.arange(len(images)), count)):
        stem = names.stem(name, _SPLIT, place, count)
        own, encoded = [images[i] for i in part], [payloads[i] for i in part]
        offsets = codec.write(folder, stem, encoded, len(encoded))
        lines = [
            ledger.line(_entry(each, note, offset=offset, length=len(payload)))
            for each, payload, offset in zip(own, encoded, offsets, strict=True)
        ]
        ledger.write(folder / ledger.file_name(stem), lines)
        (file,) = codec.files(stem)
        labels = [_label(each, note) for each in own]
        counts = Counter(label for label in labels if label is not None)
        written = (file, ledger.file_name(stem))
        shard = Shard(
            stem=stem,
            samples=len(own),
            size_bytes=sum(map(len, encoded)),
            fingerprint=fingerprint.digest(*lines),
            classes=dict(sorted(counts.items())),
            sizes={each: (folder / each).stat().st_size for each in written},
        )
        yield (
            shard,
            [
                BankEntry(key=each.key, label=label, file=file, offset=offset)
                for each, label, offset in zip(own, labels, offsets, strict=True)
            ],
        )


def _sample(each: DrawnImage, note: BankNote) -> Sample:
    targets = {} if note.target is None else {note.target: each.label}
    return Sample(key=each.key, image=each.image, targets=targets)


def _label(each: DrawnImage, note: BankNote) -> str | None:
    return None if each.label is None else note.class_names[each.label]


def _entry(each: DrawnImage, note: BankNote, *, offset: int, length: int) -> Entry:
    version = fingerprint.packages()["dsbuilder"]
    drawn = Applied(stage=note.gan, plugin=note.gan, version=version, params=dict(each.drawn))
    return Entry(
        key=each.key,
        parents=(),
        source=(),
        stages=(drawn,),
        fingerprint=fingerprint.digest(note.model, note.seed, dict(each.drawn)),
        synthetic=True,
        offset=offset,
        length=length,
    )


def _manifest(
    name: str,
    note: BankNote,
    signature: Signature,
    shards: Sequence[Shard],
    warnings: Sequence[str],
) -> Manifest:
    content = fingerprint.digest(*(each.fingerprint for each in shards))
    return Manifest(
        name=name,
        version=_VERSION,
        seed=note.seed,
        fingerprint=fingerprint.digest("bank", note.model, note.fingerprint, note.seed, content),
        content=content,
        signature=signature,
        codec="tfrecord",
        image="png",
        quality=95,
        splits={_SPLIT: tuple(shards)},
        reproducible=False,  # other machines compute other last digits
        packages=fingerprint.packages(),
        warnings=tuple(warnings),
    )


def _finish(folder: Path, made: Manifest, note: BankNote, sections: Mapping[str, Any]) -> str:
    """Writes what is not a shard, the checksums of all of it, and the seal."""
    manifest.write(folder, made)
    own = {**sections, "name": made.name, "version": made.version, "source": None}
    cache = {"codec": "tfrecord", "image": "png", "quality": 95, "shard_mb": 64}
    store.write_text(
        folder / store.PIPELINE,
        json.dumps({**own, "cache": cache}, indent=1, ensure_ascii=False) + "\n",
    )
    quarantine.write(folder, [])
    sizes = [ShardSize(samples=e.samples, size_bytes=e.size_bytes) for e in made.splits[_SPLIT]]
    described = description(
        name=made.name,
        version=made.version,
        signature=made.signature,
        image=made.image,
        splits={_SPLIT: sizes},
    )
    for name, text in described.items():
        store.write_text(folder / name, text)
    note_text = json.dumps(note.to_json(), indent=1, ensure_ascii=False)
    store.write_text(folder / bank.NOTE, note_text + "\n")
    marked = [path for path in folder.iterdir() if path.name != folders.MARKER]
    store.write_sums(folder, {path.name: store.sha256(path) for path in marked})
    seal = bank.digest_of(folder)
    folders.sync_below(folder)
    store.write_text(folder / bank.SEAL, f"{seal}\n", lasting=True)  # last: all was looked at
    return seal
