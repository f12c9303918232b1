"""Small datasets that an exporter is tried on, and what every export owes."""

import hashlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from dsbuilder.plugin import (
    Boxes,
    BoxSet,
    ClassLabel,
    DataError,
    Exportable,
    Exporter,
    ImageSignature,
    Instances,
    Keypoints,
    Mask,
    MultiLabel,
    PointSet,
    Signature,
    StoredSample,
    Target,
    Text,
    Value,
    Written,
)
from dsbuilder.testing.laws import check_declaration, check_options
from dsbuilder.testing.promises import name_of

_HEIGHT, _WIDTH = 24, 32
_NAMES = ("cat", "dog", "owl")
_KEYS: Mapping[str, Sequence[str]] = {
    "train": ("cat/tom.png", "cat/tom.png//copy-1", "dog/größe 1.png", "dog/a.b.png", "/line//7"),
    "test": ("test/cat/felix.png", "owl/uhu.png"),
}
_KINDS: Mapping[str, Target] = {
    "label": ClassLabel(names=_NAMES),
    "mixed": ClassLabel(names=_NAMES, soft=True),
    "labels": MultiLabel(names=_NAMES),
    "price": Value(),
    "text": Text(),
    "mask": Mask(names=("sky", "sea")),
    "objects": Boxes(names=_NAMES),
    "things": Instances(names=_NAMES),
    "joints": Keypoints(names=("nose", "tail")),
}


class SmallDataset(Exportable):
    """A dataset in memory: two splits of a few samples, with keys that names of files cannot be.

    Args:
      targets: names of those of the table above that it has.
      image: how its images are stored.
    """

    def __init__(self, targets: Sequence[str], image: Literal["jpeg", "png", "raw"]) -> None:
        self.name, self.version, self.where = "small", "1.0.0", "small"
        kinds = {name: _KINDS[name] for name in targets}
        pixels = ImageSignature(height=_HEIGHT, width=_WIDTH, channels=3)
        self.signature = Signature(image=pixels, targets=kinds)
        self.image, self.splits = image, tuple(_KEYS)

    def shards(self, split: str) -> Sequence[int]:
        """Returns how many samples each of two shards holds."""
        count = len(_KEYS[split])
        return (1, count - 1)

    def samples(self, split: str, shard: int | None = None) -> Iterator[StoredSample]:
        """Yields the samples of a split, or of one shard of it."""
        numbered = list(enumerate(_KEYS[split]))
        for number, key in numbered if shard is None else (numbered[:1], numbered[1:])[shard]:
            values = {name: _value(name, number) for name in self.signature.targets}
            yield StoredSample(key=key, image=self._image(number), targets=values)

    def _image(self, number: int) -> bytes:
        from dsbuilder.images.encoding import encode

        pixels = np.random.default_rng(number).integers(0, 256, (_HEIGHT, _WIDTH, 3), np.uint8)
        return encode(pixels, "jpeg" if self.image == "jpeg" else "png")


def _value(name: str, number: int) -> Any:
    corners = np.array([[0.1, 0.2, 0.5, 0.75]], np.float32)[: number % 2]
    mask = np.zeros((_HEIGHT, _WIDTH), np.uint8)
    mask[4:9, 3 : 8 + number] = 1
    values: Mapping[str, Any] = {
        "label": number % 3,
        "mixed": np.roll(np.array([0.75, 0.25, 0], np.float32), number),
        "labels": np.array([1, number % 2, 0], np.float32),
        "price": np.float32(number + 0.5),
        "text": f"line {number}, größe",
        "mask": mask,
        "objects": BoxSet(corners=corners, classes=np.zeros(len(corners), np.int64), attributes={}),
        "things": Instances(names=_NAMES).parse(
            {
                "size": [_HEIGHT, _WIDTH],
                "objects": [
                    {"label": "cat", "polygons": [[3, 4, 9.5, 4, 6, 15]]},
                    {"label": "owl", "counts": [5, 7, _HEIGHT * _WIDTH - 12]},
                ][: number % 3],
            }
        ),
        "joints": PointSet(
            points=np.array([[[0.25, 0.5], [0.5, 0.75]]], np.float32)[: number % 2],
            visibility=np.array([[2, 1]], np.int64)[: number % 2],
        ),
    }
    return values[name]


def check_exporter(plugin: Exporter) -> None:
    """Checks an exporter on small datasets of every kind of target, alone, together and of none.

    It refuses with a DataError what its layout cannot hold, and takes at least one kind. What it
    takes it counts as it is, writes below the folder alone, and the same bytes every time.
    """
    name = name_of(plugin)
    check_declaration(plugin)
    check_options(plugin)
    taken = [
        targets
        for targets in (*((each,) for each in _KINDS), tuple(_KINDS), ())
        for image in ("jpeg", "png", "raw")
        if _check_on(plugin, SmallDataset(targets, image))
    ]
    assert taken, f"{name}: expected to take some kind of target, found it refuses all."


def _check_on(plugin: Exporter, dataset: SmallDataset) -> bool:
    """Checks an exporter on one dataset; returns whether it takes it."""
    name = (
        f"{name_of(plugin)}, {', '.join(dataset.signature.targets) or 'no labels'}, {dataset.image}"
    )
    with tempfile.TemporaryDirectory() as outer:
        folders = [Path(outer, each) for each in ("one", "other")]
        for folder in folders:
            folder.mkdir()
        try:
            written = [plugin.write(dataset, folder) for folder in folders]
        except DataError as error:
            assert str(error).strip(), f"{name}: expected a refusal to say why."
            return False
        _check_written(name, dataset, written[0])
        found = [_files(folder) for folder in folders]
        assert sorted(Path(outer).iterdir()) == sorted(folders), (
            f"{name}: expected files below the folder alone, found others beside it."
        )
        assert found[0], f"{name}: the exporter wrote no files."
        assert found[0] == found[1], f"{name}: expected the same bytes of the same dataset."
    return True


def _check_written(name: str, dataset: SmallDataset, written: Written) -> None:
    counts = {split: dataset.num_samples(split) for split in dataset.splits}
    assert dict(written.samples) == counts, f"{name}: expected {counts}, found {written.samples}."
    keys = {sample.key for split in dataset.splits for sample in dataset.samples(split)}
    assert set(written.keys.values()) <= keys, f"{name}: expected keys of the dataset alone."
    assert len(set(written.keys.values())) == len(written.keys), f"{name}: expected each key once."
    for note in written.notes:
        assert note.strip() and not note.endswith("."), f"{name}: {note!r}: expected no full stop."


def _files(folder: Path) -> dict[str, str]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in paths
    }
