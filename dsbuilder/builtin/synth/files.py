"""Files that synthesizers read: pictures, and how it shows that one is no longer what it was."""

from pathlib import Path

import numpy as np

from dsbuilder.images.encoding import IMAGE_EXTENSIONS, decode
from dsbuilder.plugin import DataError, Mode


def state_of(path: Path) -> tuple[int, int] | None:
    """Returns what changes when a file is written anew; None of one that is not there.

    What is kept of a file in memory is kept under it, too: a session may outlast the file.
    """
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def pictures(folder: Path) -> list[Path]:
    """Returns the image files below a folder, in order; none if there is no such folder."""
    below = folder.rglob("*") if folder.is_dir() else ()
    return sorted(each for each in below if each.suffix.lower()[1:] in IMAGE_EXTENSIONS)


def picture(path: Path, mode: Mode) -> np.ndarray:
    """Returns the pixels of a file, upright, `(H, W, C)` uint8.

    Raises:
      DataError: it cannot be read.
    """
    try:
        pixels: np.ndarray = decode(path.read_bytes(), mode=mode)
    except (OSError, DataError) as error:
        raise DataError(f"{path}: cannot be read as an image: {error} Remove it.") from None
    return pixels
