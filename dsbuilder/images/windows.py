"""Windows of an image: rows and columns of it, without the whole where its format allows that.

A TIFF in tiles or strips and a BMP are read in segments (`segments.py`). Other formats are decoded
whole, and no more of them than the memory that may be taken: a gigapixel PNG is an error. What was
decoded last is kept, so that neighboring windows cost one decode; of segments, those of a row of
windows, up to a limit.
"""

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import numpy as np

from dsbuilder.errors import DataError
from dsbuilder.images import bmp, encoding, jpeg, orientation, png, tiff
from dsbuilder.images.segments import Box, ByteSource, FilePart, SegmentedImage, Size

Decode = Callable[[bytes], np.ndarray]
"""Returns the pixels `(H, W)` or `(H, W, C)` of an image file, upright."""

MEMORY_BYTES = 500_000_000
"""What decoding an image whole, or the segments kept of one, may take where nobody says."""

_READERS = (tiff.opened, bmp.opened)


class WindowedImage:
    """An image of which windows are read.

    Args:
      data: its file, or what such a file holds.
      decode: decodes a whole file, or a segment as one.
      memory_bytes: what decoding an image, or a segment, may take, and segments that are kept.

    Attributes:
      size: (height, width), upright.

    Raises:
      DataError: it is no image, or a damaged one.
    """

    def __init__(
        self,
        data: Path | bytes,
        decode: Decode = encoding.decode_channels,
        *,
        memory_bytes: float = MEMORY_BYTES,
    ) -> None:
        self._data, self._decode, self._memory_bytes = data, decode, memory_bytes
        self._source = ByteSource(data)
        self._segmented = _segmented(self._source)
        self._kept: OrderedDict[int | Box, np.ndarray] = OrderedDict()
        self._kept_bytes = 0
        self._whole: np.ndarray | None = None
        self._needed_bytes = 0.0  # to decode it whole, where that is the only way
        if self._segmented is not None:
            self.size = orientation.apply_size(self._segmented.size, self._segmented.turn)
        else:
            content = _bytes_of(data)
            self.size = _stated_size(content)
            self._needed_bytes = _needed(self.size, content, memory_bytes)

    def close(self) -> None:
        """Closes the file; what is asked for next opens it again."""
        self._source.close()

    def check_memory(self) -> None:
        """Raises a DataError if what has to be decoded at once takes more than it may."""
        image = self._segmented
        if image is None:
            self._check_memory(self.size, self._needed_bytes)
        elif image.packed:
            part = next(image.segments((0, 0, 1, 1)))
            size = part.box[2:]
            self._check_memory(size, _needed(size, image.encoded(part), self._memory_bytes))

    def read(self, box: Box) -> np.ndarray:
        """Returns the pixels of a box (top, left, height, width) within the image.

        Raises:
          DataError: the file is damaged, or can be decoded only whole and is too large for that.
        """
        if self._segmented is None:
            top, left, height, width = box
            window = self._decoded()[top : top + height, left : left + width]
            return np.ascontiguousarray(window)
        return self._assembled(self._segmented, box)

    def _decoded(self) -> np.ndarray:
        if self._whole is None:
            self._check_memory(self.size, self._needed_bytes)
            self._whole = self._decode(_bytes_of(self._data))
        return self._whole

    def _assembled(self, image: SegmentedImage, box: Box) -> np.ndarray:
        top, left, height, width = stored = _as_stored(box, image.size, image.turn)
        window: np.ndarray | None = None
        for segment in image.segments(stored):
            pixels = self._segment(image, segment)
            if window is None:
                window = np.empty((height, width, *pixels.shape[2:]), pixels.dtype)
            over, across = segment.box[0] - top, segment.box[1] - left
            rows = slice(max(0, over), min(height, over + pixels.shape[0]))
            columns = slice(max(0, across), min(width, across + pixels.shape[1]))
            window[rows, columns] = pixels[
                rows.start - over : rows.stop - over, columns.start - across : columns.stop - across
            ]
        if window is None:
            raise DataError(f"expected a window of a pixel or more, found {box}.")
        return _upright(window, image.turn)

    def _segment(self, image: SegmentedImage, segment: FilePart) -> np.ndarray:
        if segment.name in self._kept:
            self._kept.move_to_end(segment.name)
            return self._kept[segment.name]
        data = image.encoded(segment)
        size = segment.box[2:]
        self._check_memory(size, _needed(size, data, self._memory_bytes))
        pixels = self._decode(data)
        if pixels.shape[:2] != segment.box[2:]:
            raise DataError(
                f"expected a segment of {segment.box[3]} x {segment.box[2]} pixels, found "
                f"{pixels.shape[1]} x {pixels.shape[0]}. Replace the file."
            )
        if image.packed:
            self._keep(segment.name, pixels)
        return pixels

    def _keep(self, name: int | Box, pixels: np.ndarray) -> None:
        self._kept[name] = pixels
        self._kept_bytes += pixels.nbytes
        while self._kept_bytes > self._memory_bytes / 2 and len(self._kept) > 1:
            _, oldest = self._kept.popitem(last=False)
            self._kept_bytes -= oldest.nbytes

    def _check_memory(self, size: Size, needed: float) -> None:
        """Bounds what is decoded at once, the whole or a segment."""
        if needed <= self._memory_bytes:
            return
        whole = f"{self.size[1]} x {self.size[0]} pixels"
        part = f"in segments of {size[1]} x {size[0]} pixels" if self._segmented else "in one piece"
        raise DataError(
            f"expected an image of which {self._memory_bytes / 1e6:.0f} MB of memory are enough to "
            f"decode what is stored in one piece (memory_mb), found one of {whole} {part}, which "
            f"take {needed / 1e6:.0f} MB or more. Convert it to a TIFF in tiles, or a TIFF or BMP "
            "without compression, of which windows alone are read; or allow more."
        )


def _needed(size: Size, data: bytes, most: float) -> float:
    """Returns how many bytes decoding takes; of more pixels than that, their number."""
    pixels = size[0] * size[1]
    return pixels if pixels > most else pixels * encoding.working_bytes(data)


def _segmented(source: ByteSource) -> SegmentedImage | None:
    for opened in _READERS:
        found = opened(source)
        if found is not None:
            return found
    return None


def _bytes_of(data: Path | bytes) -> bytes:
    return data if isinstance(data, bytes) else data.read_bytes()


def _stated_size(data: bytes) -> Size:
    """Returns the upright (height, width) that a header states, however large."""
    stored = jpeg.header(data)
    if stored is not None:
        return orientation.apply_size(stored, orientation.read(*jpeg.metadata(data)))
    if data.startswith(png.SIGNATURE) and data[12:16] == b"IHDR" and len(data) > 24:
        stored = int.from_bytes(data[20:24]), int.from_bytes(data[16:20])
        if 0 not in stored:
            return orientation.apply_size(stored, orientation.read(*png.metadata(data)))
    return encoding.size(data)


def _as_stored(box: Box, size: Size, turn: int) -> Box:
    """Returns where the pixels of an upright box are stored in an image of a stored size."""
    top, left, height, width = box
    tall, wide = orientation.apply_size(size, turn)
    if turn in (2, 3, 6, 7):  # as `orientation.apply` does, the other way around
        left = wide - left - width
    if turn in (3, 4, 7, 8):
        top = tall - top - height
    return (left, top, width, height) if turn >= 5 else (top, left, height, width)


def _upright(window: np.ndarray, turn: int) -> np.ndarray:
    if window.ndim == 3:
        return orientation.apply(window, turn)
    return orientation.apply(window[:, :, None], turn)[:, :, 0]
