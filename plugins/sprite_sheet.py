"""Sheets of small images, cut into tiles: a source."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dsbuilder.images.encoding import decode
from dsbuilder.plugin import Catalog, ClassLabel, DataError, Listing, Record, Source, source


@source("sprite_sheet")
@dataclass(frozen=True, kw_only=True)
class SpriteSheet(Source):
    """Cuts every PNG file of a folder into tiles; its name is their class.

    Attributes:
      path: folder of the files.
      tile: [height, width] of a tile in pixels; what is left at the edges is no tile.
    """

    path: Path
    tile: tuple[int, int] = (32, 32)

    def open(self) -> Catalog:
        """Returns the catalog, to which a tile's place is its row and column in pixels."""
        return _Tiles(self.path, self.tile)


class _Tiles(Catalog):
    def __init__(self, folder: Path, tile: tuple[int, int]) -> None:
        self._folder, self._tile = folder, tile

    def scan(self) -> Listing:
        paths = sorted(self._folder.glob("*.png"))
        records = [record for path in paths for record in self._records(path)]
        if not records:
            raise DataError(f"{self._folder}: there is no PNG file as large as a tile.")
        names = tuple(path.stem for path in paths)
        return Listing(records=records, targets={"label": ClassLabel(names=names)})

    def _records(self, path: Path) -> Iterator[Record]:
        (height, width), (rows, columns) = self._tile, _pixels(path).shape[:2]
        for y in range(0, rows - height + 1, height):
            for x in range(0, columns - width + 1, width):
                key, place = f"{path.stem}/{y}-{x}", {"y": y, "x": x}
                yield Record(key=key, path=path, targets={"label": path.stem}, place=place)

    def read(self, record: Record) -> np.ndarray:
        y, x = record.place["y"], record.place["x"]
        return _pixels(Path(str(record.path)))[y : y + self._tile[0], x : x + self._tile[1]].copy()

    def identity(self, record: Record) -> str:
        return hashlib.sha256(self.read(record).tobytes()).hexdigest()


def _pixels(path: Path) -> np.ndarray:
    return decode(path.read_bytes(), mode="rgb")
