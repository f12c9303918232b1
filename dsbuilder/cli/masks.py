"""Predicted masks as files: class ids as palette PNGs, and pictures of them over the image."""

import contextlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dsbuilder.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image

    from dsbuilder.sample import Target
    from dsbuilder.train.prediction import Prediction


@dataclass(frozen=True, kw_only=True)
class Masks:
    """Where masks are written.

    Attributes:
      target: that they are of.
      masks: the folder of PNGs whose palette indices are class ids; None writes none.
      overlays: the folder of pictures; None writes none.
    """

    target: "Target"
    masks: Path | None
    overlays: Path | None

    @property
    def folders(self) -> list[Path]:
        """Those that something is written to."""
        return [folder for folder in (self.masks, self.overlays) if folder is not None]

    def check(self, files: Sequence[tuple[Path, str]]) -> None:
        """Checks before the first is written that no mask takes the place of another, or an image.

        Args:
          files: images with their names, as `prediction.image_files` yields them.

        Raises:
          DataError: one would.
        """
        taken = {path.resolve(): path for path, _ in files}
        for folder, (path, name) in itertools.product(self.folders, files):
            place = folder / _png(name)
            other = taken.setdefault(place.resolve(), path)
            if other is not path or place.resolve() == path.resolve():
                raise DataError(
                    f"{path}: expected a free place for its mask, found that {place} is taken by "
                    f"{other}. Write to another folder, or predict one of them by itself."
                )

    def write(self, found: "Prediction") -> dict[str, str]:
        """Writes a mask and its picture; returns where, by `mask` and `overlay`.

        Raises:
          DataError: a file cannot be written.
        """
        pictures = {"mask": (self.masks, _mask), "overlay": (self.overlays, self._overlay)}
        written = {}
        for kind, (folder, draw) in pictures.items():
            if folder is not None:
                written[kind] = _kept(folder / _png(found.name), draw(found))
        return written

    def _overlay(self, found: "Prediction") -> "Image":
        from PIL import Image

        from dsbuilder.images import encoding as image
        from dsbuilder.report import overlay

        picture = Image.fromarray(image.decode(found.path.read_bytes(), mode="rgb"))
        ignored = getattr(self.target, "ignore", None)
        return overlay.lay(picture, [overlay.Tint(ids=found.value, ignored=ignored)])


def _png(name: str) -> str:
    return str(Path(name).with_suffix(".png"))


def _mask(found: "Prediction") -> "Image":
    from dsbuilder.layouts.voc import format as voc

    return voc.mask_picture(found.value)


def _kept(path: Path, picture: "Image") -> str:
    from dsbuilder.report.sheet import write_png

    with contextlib.suppress(OSError):  # writing says what is wrong
        path.parent.mkdir(parents=True, exist_ok=True)
    write_png(picture, path)
    return str(path)
