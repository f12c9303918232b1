"""Many binary masks of one image, packed eight to a byte: of objects that may cover each other.

Bit i % 8 of plane i // 8 is the mask of object i. So what moves the values of a mask without
making new ones, as nearest neighbors do, moves eight objects at a time, each as a mask of its own
would move; and a crowded image takes an eighth of the memory.

Stored are the run lengths of all masks one after the other, row by row: they alternate between 0
and 1, begin with 0, and sum to the number of pixels of all.
"""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

Planes = npt.NDArray[np.uint8]
"""`(ceil(n / 8), H, W)`."""
Binary = npt.NDArray[np.bool_]
"""`(H, W)`, whether a pixel belongs to an object."""

_BITS = 8


def pack(masks: Iterable[npt.NDArray[np.generic]], size: tuple[int, int]) -> Planes:
    """Returns masks `(H, W)`, of which all that is not zero counts, as planes."""
    planes: list[npt.NDArray[np.uint8]] = []
    for place, mask in enumerate(masks):
        if place % _BITS == 0:
            planes.append(np.zeros(size, np.uint8))
        planes[-1] |= (mask != 0).astype(np.uint8) << np.uint8(place % _BITS)
    return np.stack(planes) if planes else np.zeros((0, *size), np.uint8)


def mask_of(planes: Planes, place: int) -> Binary:
    """Returns one of the masks."""
    found: Binary = (planes[place // _BITS] & np.uint8(1 << place % _BITS)) != 0
    return found


def unpack(planes: Planes, count: int) -> Iterator[Binary]:
    """Yields the masks of `count` objects, one at a time."""
    return (mask_of(planes, place) for place in range(count))


def take(planes: Planes, places: Sequence[int]) -> Planes:
    """Returns the planes of some of the objects, in the order of their places."""
    return pack((mask_of(planes, place) for place in places), sizes(planes))


def sizes(planes: Planes) -> tuple[int, int]:
    """Returns (height, width)."""
    return planes.shape[1], planes.shape[2]


def bounds(mask: Binary) -> tuple[int, int, int, int] | None:
    """Returns left, top, right and bottom of the pixels of a mask; None of one without any."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def shares(mask: Binary) -> tuple[float, float, float, float] | None:
    """Returns the bounds of a mask as shares of the sides; None of one without a pixel."""
    found = bounds(mask)
    if found is None:
        return None
    height, width = mask.shape
    return found[0] / width, found[1] / height, found[2] / width, found[3] / height


def runs(planes: Planes, count: int) -> npt.NDArray[np.int64]:
    """Returns the run lengths of `count` masks."""
    height, width = sizes(planes)
    edges = [np.zeros(1, np.int64)]
    for place, mask in enumerate(unpack(planes, count)):
        flat = np.concatenate(([False], mask.reshape(-1), [False]))
        edges.append(np.flatnonzero(flat[1:] != flat[:-1]) + place * height * width)
    changes = np.concatenate([*edges, [count * height * width]])
    lengths = np.diff(changes)
    return _joined(lengths) if count else np.zeros(0, np.int64)


def _joined(lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Returns runs without those of no length but the first: two of a kind on both sides are one.

    They come where one mask ends with its last pixel and the next begins with its first.
    """
    values = np.arange(len(lengths)) & 1
    kept = lengths > 0
    kept[0] = True
    lengths, values = lengths[kept], values[kept]
    starts = np.flatnonzero(np.concatenate(([True], values[1:] != values[:-1])))
    joined: npt.NDArray[np.int64] = np.add.reduceat(lengths, starts)
    return joined


def of_runs(lengths: npt.NDArray[np.int64], count: int, size: tuple[int, int]) -> Planes:
    """Returns the planes of `count` masks of (height, width).

    Raises:
      ValueError: the runs are negative or do not fill the masks.
    """
    pixels = size[0] * size[1]
    if (lengths < 0).any() or int(lengths.sum()) != count * pixels:
        raise ValueError(
            f"expected runs over {count} masks of {size[1]} x {size[0]} pixels, found runs over "
            f"{int(lengths.sum())} pixels"
        )
    ends = np.cumsum(lengths)

    def masks() -> Iterator[Binary]:
        for place in range(count):
            low, high = place * pixels, (place + 1) * pixels
            first, last = np.searchsorted(ends, (low, high - 1), side="right")
            clipped = np.diff(ends[first : last + 1].clip(low, high), prepend=low)
            flags = (np.arange(first, last + 1) & 1).astype(bool)
            yield np.repeat(flags, clipped).reshape(size)

    return pack(masks(), size)
