"""Large images of another source in tiles, with their labels."""

import hashlib
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from dsbuilder.errors import shortened
from dsbuilder.images.windows import WindowedImage
from dsbuilder.layouts.tiles import format as tiles
from dsbuilder.layouts.tiles.format import Edge
from dsbuilder.plugin import (
    Catalog,
    DataError,
    Listing,
    PluginError,
    Record,
    Source,
    Target,
    Window,
    defines,
    source,
)

_OF_PARTS = frozenset({"class", "multi_label", "value"})
"""Kinds of target that say something of an image as a whole, which is said of its tiles, too."""
_MOST_TILES = 10_000_000


@source("tiles")
@dataclass(frozen=True, kw_only=True)
class Tiles(Source):
    """Reads the images of another source in overlapping tiles of one size, each with its labels.

        source:
          use: tiles
          of: {use: coco, path: aerial, objects: annotations/all.json}
          size: 512
          overlap: 64

    Tiles cover the whole image. Masks, instances, boxes and keypoints are cut along: a box is cut
    at the edges, and dropped where too little of it is left; an instance is dropped by its box, and
    has then the box around its pixels in the tile; a keypoint outside is absent, and an object
    without any is dropped. What was cut and lost is counted and told. A class, several classes and
    numbers stand for every tile of their image; texts are refused.

    Of a TIFF or BigTIFF in tiles or strips (without compression, or with deflate, LZW, PackBits,
    JPEG or Zstandard) and of a BMP only what a tile shows is read, so images may be of any size.
    Others are decoded whole, once for all tiles that follow one another; those that would take more
    than `memory_mb` are an error.

    The key of a tile is that of its image, `@tile-`, and top, left, height and width of what it
    shows, in pixels of the upright image. All tiles of one image are one group, or of its group:
    they never end in two splits.

    Attributes:
      of: the source of the images.
      size: height and width of a tile in pixels, or one number for both.
      overlap: pixels that neighboring tiles have in common, at the least, or [down, across]; less
        than half of the size.
      edge: what becomes of a tile that would reach out of its image: `shift` moves it back into the
        image, `pad` fills it up, with black or, of images with alpha, with transparency; masks with
        the id that they ignore, else 0. An image smaller than a tile is always padded.
      min_visible: share of a box that must lie in a tile, in [0, 1]; less than 0.05 or a square
        pixel never does.
      keep_empty: share of the tiles without an object, or with nothing but the first class in their
        masks, that is kept, in [0, 1]; which ones is decided by a hash of each key. Below 1 masks
        are read as tiles are listed.
      memory_mb: working memory that decoding an image or a segment of it may take, in 10**6 bytes;
        above 0.
    """

    of_folder: ClassVar[bool] = False
    of: Source
    size: int | tuple[int, int] = 512
    overlap: int | tuple[int, int] = 64
    edge: Edge = "shift"
    min_visible: float = 0.05
    keep_empty: float = 1.0
    memory_mb: float = 500

    def __post_init__(self) -> None:
        if min(self.sides) < 1:
            raise ValueError(f"size: expected a pixel or more, found {list(self.sides)}.")
        if not all(0 <= 2 * c < s for c, s in zip(self.common, self.sides, strict=True)):
            raise ValueError(
                f"overlap: expected less than half of the size {list(self.sides)}, found "
                f"{list(self.common)}."
            )
        for option in ("min_visible", "keep_empty"):
            if not 0 <= getattr(self, option) <= 1:
                found = getattr(self, option)
                raise ValueError(f"{option}: expected a share in [0, 1], found {found:g}.")
        if self.memory_mb <= 0:
            raise ValueError(f"memory_mb: expected more than 0, found {self.memory_mb:g}.")

    @property
    def sides(self) -> tuple[int, int]:
        """(height, width) of a tile."""
        return (self.size, self.size) if isinstance(self.size, int) else self.size

    @property
    def common(self) -> tuple[int, int]:
        """The overlap, down and across."""
        return (self.overlap, self.overlap) if isinstance(self.overlap, int) else self.overlap

    def windows(self, image: tuple[int, int]) -> list[Window]:
        """Returns the tiles of an image of (height, width)."""
        return list(tiles.windows(image, self.sides, self.common, self.edge, self.min_visible))

    def open(self) -> Catalog:
        """Returns the catalog of the tiles.

        Raises (when it is listed):
          DataError: the source of the images is not what its options promise, its labels cannot be
            said of parts, or there are too many tiles. An image whose size cannot be read, or is
            not that of its annotation, is a record with an error.
        """
        return _TilesCatalog(self)


class _TilesCatalog(Catalog):
    """The tiles of images; the place of one is that of its image, and the window."""

    def __init__(self, source: Tiles) -> None:
        self._source = source
        self._images = source.of.open()
        self._lock = threading.Lock()
        self._open: tuple[str, WindowedImage | _ImageArray] | None = None
        self._digests: dict[tuple[Path | None, str], str] = {}

    def scan(self) -> Listing:
        images, account = self._images, _Account()
        _check_kinds(images.targets)
        if self._source.keep_empty < 1 and not any(k.positional for k in images.targets.values()):
            raise DataError(
                "tiles: keep_empty: expected labels that lie in the image, which a tile may lack, "
                f"found {shortened(images.targets) or 'none'}. Leave it out."
            )
        records = [tile for image in images.records for tile in self._tiles(image, account)]
        return Listing(
            records=records,
            targets=images.targets,
            notes=[*images.notes, *account.notes(self._source, images.targets)],
            corrected=images.corrected,
            size=self._source.sides,
        )

    def _tiles(self, image: Record, account: "_Account") -> Iterator[Record]:
        """Yields the tiles of an image; the image itself where it has an error."""
        if image.error is not None:
            yield image
            return
        try:
            windows = self._windows(image)
            account.tiles += len(windows)
            if account.tiles > _MOST_TILES:
                raise PluginError(
                    f"tiles: expected at most {_MOST_TILES} tiles, found more. Make them larger."
                )
            cut = list(self._cut(image, windows))
        except (DataError, OSError) as error:
            yield replace(image, error=f"{image.key}: {error}")
            return
        account.count(self._images.targets, image, windows)
        for tile in cut:
            if self._is_kept(tile):
                yield tile
            else:
                account.empty += 1

    def _windows(self, image: Record) -> list[Window]:
        opened = self._opened(image)
        opened.check_memory()
        size = opened.size
        problem = image.size_problem(np.broadcast_to(np.uint8(0), (*size, 1)))
        if problem:
            raise DataError(f"{problem}. Correct the size in the annotation.")
        return self._source.windows(size)

    def _cut(self, image: Record, windows: Sequence[Window]) -> Iterator[Record]:
        kinds = self._images.targets
        place = {"of": dict(image.place)} if image.place else {}
        missing = [name for name in kinds if name not in image.targets]
        if missing:
            raise DataError(f"there is no label '{missing[0]}'. Correct what the source lists.")
        for window in windows:
            yield replace(
                image,
                key=tiles.key_of(image.key, window),
                targets={n: kind.cut(image.targets[n], window) for n, kind in kinds.items()},
                group=image.group or image.key,
                size=None,
                place={**place, "window": window.to_json()},
            )

    def _is_kept(self, tile: Record) -> bool:
        share = self._source.keep_empty
        if share >= 1:
            return True
        kinds = {n: kind for n, kind in self._images.targets.items() if kind.positional}
        if any(kind.held(kind.parse(tile.targets[name])) for name, kind in kinds.items()):
            return True
        digest = hashlib.blake2b(tile.key.encode("utf-8", "surrogateescape"), digest_size=8)
        return (int.from_bytes(digest.digest(), "big") >> 11) / 2**53 < share

    def watches(self) -> Sequence[Path] | None:
        return self._images.watches()

    def read(self, record: Record) -> np.ndarray:
        window = Window.from_json(record.place["window"])
        with self._lock:  # threads may ask
            pixels = self._opened(_image_of(record)).read(window.inside)
        if pixels.shape[:2] == window.size:
            return pixels
        tile = np.zeros((*window.size, pixels.shape[2]), np.uint8)
        tile[: pixels.shape[0], : pixels.shape[1]] = pixels
        return tile

    def identity(self, record: Record) -> str | None:
        """The tile is told by the key, and what stands for its image by the image's source."""
        image = _image_of(record)
        if not defines(self._images, "identity"):
            return None
        name = (image.path, image.key)
        if name not in self._digests:
            self._digests = {name: self._images.identity(image) or ""}  # tiles follow one another
        return self._digests[name] or None

    def _opened(self, image: Record) -> "WindowedImage | _ImageArray":
        """Returns an image to read windows of; the last one is kept."""
        if self._open is None or self._open[0] != image.key:
            if self._open is not None:
                self._open[1].close()
            self._open = (image.key, self._windowed(image))
        return self._open[1]

    def _windowed(self, image: Record) -> "WindowedImage | _ImageArray":
        most = self._source.memory_mb * 1e6
        if not defines(self._images, "read") and image.path is not None:
            return WindowedImage(image.path, memory_bytes=most)
        found = self._images.read(image)
        if isinstance(found, np.ndarray):
            return _ImageArray(found)
        return WindowedImage(found, memory_bytes=most)


class _ImageArray:
    """An image that its source gives as an array."""

    def __init__(self, pixels: np.ndarray) -> None:
        self._pixels = pixels
        self.size = (pixels.shape[0], pixels.shape[1])

    def read(self, box: tuple[int, int, int, int]) -> np.ndarray:
        top, left, height, width = box
        return self._pixels[top : top + height, left : left + width]

    def check_memory(self) -> None:
        """It is decoded already."""

    def close(self) -> None:
        """Nothing is open."""


@dataclass
class _Account:
    """What became of images and their objects, to be told.

    Attributes:
      tiles, empty: number of tiles, and of those without an object that were left out.
      objects: number of objects by target.
      cut: number of those that no tile shows whole.
      lost: number of those that no tile has.
    """

    tiles: int = 0
    empty: int = 0
    objects: Counter[str] = field(default_factory=Counter)
    cut: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)

    def count(self, kinds: Mapping[str, Target], image: Record, windows: Sequence[Window]) -> None:
        """Counts the objects of an image."""
        for name, kind in kinds.items():
            objects, cut, lost = kind.counted_in(image.targets[name], windows)
            self.objects[name] += objects
            self.cut[name] += cut
            self.lost[name] += lost

    def notes(self, source: Tiles, kinds: Mapping[str, Target]) -> Iterator[str]:
        """Yields what was cut, lost and left out, and what is said of parts."""
        for name, kind in kinds.items():
            total, cut, lost = self.objects[name], self.cut[name], self.lost[name]
            if cut or lost:
                least = max(0.05, source.min_visible)
                yield (
                    f"of {total} objects of '{name}' {cut} are whole in no tile, and {lost} in "
                    f"none, as less than {least:.0%} or a square pixel of them lies in each"
                )
            if not kind.positional:
                yield f"'{name}' of an image stands for each of its tiles"
        if self.empty:
            yield (
                f"{self.empty} of {self.tiles} tiles were left out, which show no object "
                f"(keep_empty: {source.keep_empty:g})"
            )


def _image_of(record: Record) -> Record:
    """Returns the record of a tile's image as the image's source knows it."""
    found = tiles.placed(record.key)
    if found is None:
        raise DataError(f"{record.key}: expected the key of a tile, found another.")
    return replace(record, key=found.image, place=record.place.get("of", {}))


def _check_kinds(kinds: Mapping[str, Target]) -> None:
    """Refuses targets that are not true of a part of an image."""
    for name, kind in kinds.items():
        if not kind.positional and kind.kind not in _OF_PARTS:
            raise DataError(
                f"tiles: expected labels that can be cut, or that hold for every part of an image, "
                f"found '{name}' of kind '{kind.kind}'. Leave it out of the source."
            )
