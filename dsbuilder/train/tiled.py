"""What a model says of images that are larger than what it takes: tile by tile, put together.

An image is read in overlapping tiles, each goes the way that an image of its size goes, and what
the model says of pixels comes back to the tile. Where tiles overlap it is averaged, the more the
farther a pixel lies from a tile's edge. A TIFF in tiles or strips is never decoded whole.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from dsbuilder.errors import DataError, Problem, SpecError
from dsbuilder.images.windows import WindowedImage
from dsbuilder.layouts.tiles.format import windows
from dsbuilder.sample import Window
from dsbuilder.targets.blending import MaskBlender
from dsbuilder.targets.segment import padded
from dsbuilder.tasks import Answer, Heads
from dsbuilder.tasks.segment import Segment
from dsbuilder.train.reading import Look, Reader, read_ahead

_MOST_BYTES = 4_000_000_000

Outputs = Callable[[Sequence[Look]], Sequence[Mapping[str, np.ndarray]]]
"""Returns what each head yields of each of some images."""


@dataclass(frozen=True, kw_only=True)
class Tiling:
    """How images are cut before a model sees them.

    Attributes:
      size: side of a tile in pixels of the image.
      overlap: pixels that neighbors have in common, at least; less than half of the size.
    """

    size: int
    overlap: int

    def __post_init__(self) -> None:
        if self.size < 1 or not 0 <= 2 * self.overlap < self.size:
            wrong = (
                f"expected tiles of a pixel or more that overlap by less than half, found a size "
                f"of {self.size} and an overlap of {self.overlap}."
            )
            raise SpecError([Problem("tile", wrong)])

    def windows(self, image: tuple[int, int]) -> list[Window]:
        """Returns the tiles of an image of (height, width), row by row."""
        sides = (self.size, self.size), (self.overlap, self.overlap)
        return list(windows(image, *sides, "shift"))


def check_heads(heads: Heads) -> dict[str, Segment]:
    """Returns the heads, which must all be of masks.

    Raises:
      SpecError: one is not, so its answers cannot be put together.
    """
    found = {name: task for name, task in heads.items() if isinstance(task, Segment)}
    others = [task.target.kind for name, task in heads.items() if name not in found]
    if others:
        wrong = f"it is for a model of masks, and this one says '{others[0]}'. Leave it out."
        raise SpecError([Problem("tile", wrong)])
    return found


def answers_of(
    path: Path, tiling: Tiling, reader: Reader, outputs: Outputs, *, batch_size: int
) -> dict[str, Answer]:
    """Returns what a model says of an image file, by head.

    Raises:
      DataError: the file cannot be read so, or what the model says is not finite.
      OSError: the file cannot be read.
    """
    heads = check_heads(reader.note.heads)
    image = WindowedImage(path)
    parts = tiling.windows(image.size)
    _check_memory(image.size, tiling, heads.values(), path)
    blenders = {
        name: MaskBlender(image.size, len(task.target.names), outside=task.target.outside)
        for name, task in heads.items()
    }
    looks = read_ahead(reader, _pixels(image, parts, str(path)), ahead=batch_size)
    pairs = zip(parts, looks, strict=True)
    while batch := list(islice(pairs, batch_size)):
        read = []
        for _, look in batch:
            if not isinstance(look, Look):
                raise look
            read.append(look)
        for (part, _), look, found in zip(batch, read, outputs(read), strict=True):
            for name, task in heads.items():
                if not np.isfinite(found[name]).all():
                    raise DataError(
                        f"{path}: expected finite numbers from the model, found others. Ask a "
                        "model whose training did not diverge."
                    )
                said = _back(task.pixel_probabilities(found[name]), look)
                blenders[name].add(part, said)
    image.close()
    return {name: task.answer_of(blenders[name].finish()) for name, task in heads.items()}


def _check_memory(
    image: tuple[int, int], tiling: Tiling, heads: Iterable[Segment], path: Path
) -> None:
    """Bounds what is held of a mask: its ids, and numbers of classes of one row of tiles."""
    classes = sum(len(task.target.names) for task in heads)
    height, width = image
    needed = height * width + 2 * 4 * min(tiling.size, height) * width * classes
    if needed > _MOST_BYTES:
        raise DataError(
            f"{path}: expected an image of whose mask {_MOST_BYTES / 1e6:.0f} MB of memory are "
            f"enough for a row of tiles, found one of {width} x {height} pixels and {classes} "
            f"classes, which takes {needed / 1e6:.0f} MB. Take smaller tiles."
        )


def _pixels(
    image: WindowedImage, parts: Sequence[Window], name: str
) -> Iterator[tuple[np.ndarray, str]]:
    for part in parts:
        yield padded(image.read(part.inside), part, outside=0), name


def _back(said: np.ndarray, look: Look) -> np.ndarray:
    """Returns what is said of the pixels that a model saw, of those of the tile."""
    if look.back is None or look.back.stays:
        return said
    planes = look.back.moved(np.moveaxis(said, 2, 0), outside=0)
    return np.moveaxis(planes, 0, 2)
