"""Some samples of a dataset, for people: originals beside their variants, and what they are like.

They are those at the front of the first shards of a split, which are in the order of hashes: any of
them, the same ones for the same dataset. No more of a dataset is read, however large it is.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dsbuilder import targets
from dsbuilder.cache import ledger
from dsbuilder.cache.codec import ShardReader
from dsbuilder.cache.ledger import Entry
from dsbuilder.dataset import StoredDataset
from dsbuilder.records import example
from dsbuilder.report.page.blocks import Gallery, Picture, Strip
from dsbuilder.report.page.pictures import Room, luma, stored_picture
from dsbuilder.targets import Boxes, BoxSet, Instances, InstanceSet

MEASURED = 64
"""Samples of a split that are measured."""

_STRIPS = 12
_VARIANTS = 5
_LOOKED_AT = 48
_MOST_LABELS = 4


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What samples of one split are like.

    Attributes:
      sides: (height, width) of each image.
      brightness: mean brightness of each image, in [0, 255].
      objects: number of boxes of each sample; empty without boxes.
      boxes: (share of the image's area, name of the class) of each box.
    """

    sides: list[tuple[int, int]] = field(default_factory=list)
    brightness: list[float] = field(default_factory=list)
    objects: list[int] = field(default_factory=list)
    boxes: list[tuple[float, str]] = field(default_factory=list)


def measure(dataset: StoredDataset, split: str) -> Measured:
    """Returns what some samples of a split are like."""
    found = Measured()
    kinds = dataset.signature.targets
    boxed = next((n for n, kind in kinds.items() if isinstance(kind, Boxes | Instances)), None)
    for _, payload in _front(dataset, split, MEASURED):
        seen = luma(dataset.codec, payload)
        if seen is not None:
            found.sides.append(seen[0])
            found.brightness.append(seen[1])
        if boxed is not None:
            values = dataset.codec.decode_targets(example.decode(payload))
            own: BoxSet | InstanceSet = values[boxed]
            _note_boxes(found, own.boxes if isinstance(own, InstanceSet) else own, kinds[boxed])
    return found


def _note_boxes(found: Measured, boxes: BoxSet, kind: Any) -> None:
    found.objects.append(len(boxes))
    sides = np.clip(boxes.corners[:, 2:] - boxes.corners[:, :2], 0, 1)
    areas = (sides[:, 0] * sides[:, 1]).tolist()
    names = (kind.names[number] for number in boxes.classes.tolist())
    found.boxes.extend(zip(areas, names, strict=True))


def galleries(dataset: StoredDataset, room: Room) -> Iterator[Gallery]:
    """Yields sheets of samples: of train originals beside variants, and what was synthesized."""
    split = "train" if dataset.has_samples("train") else next(iter(dataset.splits), "")
    if not split:
        return
    front = list(_front(dataset, split, _LOOKED_AT))
    drawn = [each for each in front if each[0].synthetic]
    strips = list(_strips(dataset, split, [each for each in front if each[0].parents], room))
    if strips:
        varied = any(len(strip.pictures) > 1 for strip in strips)
        yield Gallery(
            title=f"Originals beside their variants, {split}" if varied else f"Samples of {split}",
            strips=strips if varied else [_merged(strips)] if not _labelled(strips) else strips,
            note="As they are stored, after every stage." if varied else "As they are stored.",
            joined=not varied and _labelled(strips),
        )
    if drawn:
        made = [_strip(dataset, [each], room) for each in drawn[:_STRIPS]]
        yield Gallery(
            title=f"Synthesized samples, {split}",
            strips=[strip for strip in made if strip.pictures],
            joined=True,
        )


def _labelled(strips: Sequence[Strip]) -> bool:
    return any(strip.labels for strip in strips)


def _merged(strips: Sequence[Strip]) -> Strip:
    return Strip(pictures=[each for strip in strips for each in strip.pictures])


def _strips(
    dataset: StoredDataset, split: str, front: Sequence[tuple[Entry, bytes]], room: Room
) -> Iterator[Strip]:
    """Yields the families of some records, of as many classes as there is room for."""
    chosen = _chosen(dataset, front)
    families: dict[str, list[tuple[Entry, ShardReader]]] = {key: [] for key in chosen}
    for stem in _first_shards(dataset, split, _LOOKED_AT):
        reader = dataset.codec.open(dataset.path, stem)
        for entry in ledger.made_of(dataset.path / ledger.file_name(stem), list(chosen)):
            families[entry.parents[0]].append((entry, reader))
    for family in families.values():
        family.sort(key=lambda each: _rank(each[0]))
        shown = [(entry, _read(reader, entry)) for entry, reader in family[: _VARIANTS + 1]]
        strip = _strip(dataset, shown, room)
        if strip.pictures:
            yield strip


def _rank(entry: Entry) -> tuple[bool, int, str]:
    """Returns what a family is ordered by: the original first, then variants by their numbers."""
    return entry.key != entry.parents[0], len(entry.key), entry.key


def _chosen(dataset: StoredDataset, front: Sequence[tuple[Entry, bytes]]) -> Mapping[str, None]:
    """Returns root keys, one of each class before a second of any."""
    seen: dict[str, int] = {}
    ranked: dict[str, int] = {}
    for entry, payload in front:
        root = entry.parents[0]
        if root not in ranked:
            first = next(iter(_classes(dataset, payload)), "")
            ranked[root] = seen[first] = seen.get(first, -1) + 1
    return dict.fromkeys(sorted(ranked, key=ranked.__getitem__)[:_STRIPS])


def _strip(dataset: StoredDataset, samples: Sequence[tuple[Entry, bytes]], room: Room) -> Strip:
    """Returns the samples of one record, under its key and its labels."""
    entry, payload = samples[0]
    name = entry.parents[0] if entry.parents else entry.key
    pictures = []
    for each, data in samples:
        said = _lines(each)
        picture = stored_picture(dataset.codec, data, alt=f"{name}, {said[0]}", lines=said)
        if not room.takes(picture):
            break
        pictures.append(picture)
    return Strip(
        pictures=pictures if len(samples) > 1 else [_bare(each) for each in pictures],
        name=name,
        labels=_labels(dataset, payload),
        classes=list(dict.fromkeys(_classes(dataset, payload))),
    )


def _bare(picture: Picture) -> Picture:
    return Picture(source=picture.source, size=picture.size, alt=picture.alt)


def _lines(entry: Entry) -> list[str]:
    """Returns what stands below a sample: which variant it is, and what was done to it."""
    if entry.synthetic:
        return ["synthesized"]
    if entry.key == entry.parents[0]:
        return ["original"]
    number = entry.key.rpartition("//")[2].replace("-", " ").replace("copy", "variant")
    stages = (each.stage for each in entry.stages)
    done = [name.partition("/")[2] for name in stages if name.startswith("augment/")]
    return [number, ", ".join(each.removeprefix("A.") for each in done) or "unchanged"]


def _labels(dataset: StoredDataset, payload: bytes) -> list[str]:
    values = dataset.codec.decode_targets(example.decode(payload))
    kinds = dataset.signature.targets
    return [kinds[name].show(value) for name, value in values.items()][:_MOST_LABELS]


def _classes(dataset: StoredDataset, payload: bytes) -> list[str]:
    values = dataset.codec.decode_targets(example.decode(payload))
    return list(targets.counted(dataset.signature.targets, values))


def _front(dataset: StoredDataset, split: str, most: int) -> Iterator[tuple[Entry, bytes]]:
    """Yields the first samples of a split."""
    for stem in _first_shards(dataset, split, most):
        reader = dataset.codec.open(dataset.path, stem)
        entries = ledger.first(dataset.path / ledger.file_name(stem), most)
        for entry in entries:
            yield entry, _read(reader, entry)
        most -= len(entries)


def _first_shards(dataset: StoredDataset, split: str, most: int) -> Iterator[str]:
    """Yields the names of the shards that hold the first samples of a split."""
    for shard in dataset.shards(split):
        if most <= 0:
            return
        if shard.samples:
            yield shard.stem
        most -= shard.samples


def _read(reader: ShardReader, entry: Entry) -> bytes:
    return reader.read(entry.offset, entry.length)
