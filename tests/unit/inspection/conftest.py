"""Sets of real photographs, cut into tiles, with labels of every kind."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from skimage import data
from sklearn.datasets import load_sample_image

TILE = 96
PHOTOGRAPHS = ("astronaut", "chelsea", "china", "coffee", "flower", "rocket")
CLASSES = (*PHOTOGRAPHS, "nothing", "odd")
"""What a tile may be labeled with: the photograph it is of; no tile is of the last two."""

SOURCE = f'''
"""Images with labels of every kind, as `records.jsonl` lists them."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from dsbuilder.plugin import (
    Boxes,
    Catalog,
    ClassLabel,
    Listing,
    Mask,
    Record,
    Source,
    Target,
    Text,
    Value,
    source,
)


@source("everything")
@dataclass(frozen=True, kw_only=True)
class Everything(Source):
    """Reads `records.jsonl`.

    Attributes:
      path: its folder.
    """

    path: Path

    def open(self) -> Catalog:
        return Opened(self)


@dataclass(frozen=True)
class Opened(Catalog):
    source: Everything

    def scan(self) -> Listing:
        return Listing(records=[*self._records()], targets=self._targets())

    def _records(self) -> Iterator[Record]:
        for line in (self.source.path / "records.jsonl").read_text().splitlines():
            row = json.loads(line)
            yield Record(**{{**row, "path": self.source.path / row["key"]}})

    def _targets(self) -> Mapping[str, Target]:
        return {{
            "label": ClassLabel(names={CLASSES!r}),
            "value": Value(),
            "text": Text(),
            "objects": Boxes(names=("thing",)),
            "mask": Mask(names=("ground", "thing")),
        }}
'''


def photograph(name: str) -> np.ndarray:
    """A photograph `(H, W, 3)` uint8."""
    if name in ("china", "flower"):
        return load_sample_image(f"{name}.jpg")
    return np.ascontiguousarray(np.dstack([getattr(data, name)()] * 3)[..., :3])


def tiles(name: str) -> Iterator[np.ndarray]:
    """Square tiles of a photograph that show something, none of which overlaps another."""
    image = photograph(name)
    for top in range(0, image.shape[0] - TILE + 1, TILE):
        for left in range(0, image.shape[1] - TILE + 1, TILE):
            tile = np.ascontiguousarray(image[top : top + TILE, left : left + TILE])
            if tile.std() > 25:
                yield tile


def size_of(path: Path) -> tuple[int, int]:
    """The (height, width) of an image; of a file that is none, any."""
    try:
        with Image.open(path) as image:
            return image.height, image.width
    except (OSError, Image.DecompressionBombError):
        return 8, 8


class Collection:
    """Images with labels, and the source that reads them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rows: dict[str, dict[str, Any]] = {}
        (folder / "source").mkdir()
        (folder / "plugins").mkdir()
        (folder / "plugins/everything.py").write_text(SOURCE)

    def add(
        self, name: str, image: np.ndarray | bytes, *, split: str = "train", **targets: Any
    ) -> str:
        """Writes an image, or the bytes of a file; returns its key."""
        number = len(self.rows)
        path = self.folder / "source" / name
        if isinstance(image, bytes):
            path.write_bytes(image)
        else:
            Image.fromarray(image).save(path)
        thing = {"label": "thing", "polygons": [[1, 1, 6, 1, 6, 6]]}
        usual = {
            "label": PHOTOGRAPHS[0],
            "value": 20 + number % 7,
            "text": f"tile {number}",
            "objects": [{"label": "thing", "box": [0.1, 0.1, 0.6, 0.5]}],
            "mask": {"segments": [thing], "size": list(size_of(path))},
        }
        self.rows[name] = {"key": name, "split": split, "targets": {**usual, **targets}}
        return name

    def tiles(self, name: str) -> Iterator[np.ndarray]:
        """The tiles of any photograph."""
        return tiles(name)

    def write(self, text: str = "") -> Path:
        """Writes the list of records and a pipeline that reads it, with more of the pipeline."""
        lines = "".join(f"{json.dumps(row)}\n" for row in self.rows.values())
        (self.folder / "source/records.jsonl").write_text(lines)
        path = self.folder / "pipeline.yaml"
        path.write_text(f"name: tiles\nsource: {{use: everything, path: source}}\n{text}")
        return path


@pytest.fixture
def collection(tmp_path: Path) -> Collection:
    """An empty collection."""
    return Collection(tmp_path)


@pytest.fixture
def clean(collection: Collection) -> Collection:
    """67 tiles of six photographs, every fifth for the test split."""
    for name in PHOTOGRAPHS:
        for number, tile in enumerate(tiles(name)):
            split = "test" if number % 5 == 4 else "train"
            collection.add(f"{name}-{number:02d}.png", tile, split=split, label=name)
    return collection
