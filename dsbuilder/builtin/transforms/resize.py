"""Bringing images to a size."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from dsbuilder.images import color_name
from dsbuilder.plugin import Motion, Params, Sample, Signature, Transform, transform

_DTYPES = ("uint8", "uint16", "float32")


@transform("resize", geometry="moves")
@dataclass(frozen=True, kw_only=True)
class Resize(Transform):
    """Resizes an image, by its short side or to a fixed size; what has its shape already is kept.

    Exactly one of `short` and `size` is given. Small images are enlarged, too. In images with
    alpha, colors are weighted by it, so that nothing bleeds out of what is transparent.

    Attributes:
      short: pixels of the short side afterwards, at least 1; the proportions are kept, the long
        side is rounded to nearest, halves up.
      size: (height, width) afterwards, in pixels, each at least 1.
      fit: how an image of other proportions is brought to `size`: `crop` fills it and cuts evenly
        what stands over, `pad` shows the whole image and fills the rest, `stretch` distorts.
      interpolation: `area` averages where the image shrinks (and is linear where it grows),
        `linear`, `cubic`, or `nearest`, which makes no new values.
      background: the padding: a color name, `#rrggbb` or [r, g, b]. Its luma in gray images; fully
        transparent in images with alpha.
    """

    short: int | None = None
    size: tuple[int, int] | None = None
    fit: Literal["crop", "pad", "stretch"] = "crop"
    interpolation: Literal["area", "linear", "cubic", "nearest"] = "area"
    background: str | tuple[int, int, int] = "white"

    def __post_init__(self) -> None:
        if (self.short is None) == (self.size is None):
            found = "neither" if self.short is None else "both"
            raise ValueError(f"expected either 'short' or 'size', found {found}.")
        if self.short is not None and self.short < 1:
            raise ValueError(f"short: expected 1 or more pixels, found {self.short}.")
        if self.size is not None and min(self.size) < 1:
            raise ValueError(f"size: expected 1 or more pixels a side, found {list(self.size)}.")
        color_name.parse("background", self.background)

    def output_signature(self, signature: Signature) -> Signature:
        """Returns the signature with the new sides; with `short`, unknown if one of them was."""
        if signature.image.dtype not in _DTYPES:
            raise ValueError(
                f"expected {' or '.join(_DTYPES)} images, found {signature.image.dtype}."
            )
        if self.size is not None:
            if self.fit == "pad" and signature.image.dtype != "uint8":
                raise ValueError(
                    f"expected uint8 images to pad with a color, found {signature.image.dtype}. "
                    "Resize before the conversion."
                )
            return signature.resized(*self.size)
        if signature.image.height is None or signature.image.width is None:
            return signature.resized(None, None)
        return signature.resized(*self._scaled(signature.image.height, signature.image.width))

    def shrinks_to(self, height: int, width: int) -> tuple[int, int] | None:
        """Returns the size of the whole image at the scale of the result, before it is cut."""
        from dsbuilder.images import encoding as images

        if self.interpolation == "nearest":  # makes no new values
            return None
        if self.size is None:
            return self._scaled(height, width)
        place = images.place((height, width), self.size, fit=self.fit)
        _, _, box_height, box_width = place.box
        return (
            round(height * place.scaled[0] / box_height),
            round(width * place.scaled[1] / box_width),
        )

    def apply(self, sample: Sample, params: Params) -> Sample:
        """Returns the resized sample; the very same image if it has the size already."""
        from dsbuilder.images import encoding as images

        if self.size is None:
            height, width = self._scaled(*sample.image.shape[:2])
            resized = images.resize(sample.image, (height, width), interpolation=self.interpolation)
        else:
            resized = images.fit(
                sample.image,
                self.size,
                fit=self.fit,
                interpolation=self.interpolation,
                background=color_name.parse("background", self.background),
            )
        return sample.replace(image=resized)

    @property
    def has_twin(self) -> bool:
        """Not of `nearest`: which of two pixels that are as near is taken hangs on float64."""
        return self.interpolation != "nearest"

    def apply_batch(self, images: Any, params: Mapping[str, Any], ops: Any) -> Any:
        """Returns the resized images; the very same if they have the size already."""
        from dsbuilder.images import resampling, scale

        before = (int(images.shape[1]), int(images.shape[2]))
        size = self._scaled(*before) if self.size is None else self.size
        if before == size:
            return images
        background = color_name.parse("background", self.background)
        made = resampling.fit(
            images,
            size,
            ops,
            fit="stretch" if self.size is None else self.fit,
            interpolation=self.interpolation,
            background=scale.filling(int(images.shape[3]), background),
        )
        return resampling.round_to_bytes(made, ops)

    def motion(self, sample: Sample, params: Params) -> Motion | None:
        """Returns where the box that is shown goes; None where the image has the size already."""
        from dsbuilder.images import encoding as images

        height, width = before = sample.image.shape[:2]
        after = self._scaled(height, width) if self.size is None else self.size
        if before == after:
            return None
        if self.size is None:
            return Motion.of_box(before, (0, 0, *before), (0, 0, *after), after)
        place = images.place(before, after, fit=self.fit)
        return Motion.of_box(before, place.box, (*place.offset, *place.scaled), after)

    def _scaled(self, height: int, width: int) -> tuple[int, int]:
        short, smaller = self.short or 0, min(height, width)
        # In integers, so that `check` and every machine round alike.
        return (
            (2 * height * short + smaller) // (2 * smaller),
            (2 * width * short + smaller) // (2 * smaller),
        )
