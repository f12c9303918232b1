"""Colors as a user writes them: a name, `#rrggbb` or three values. Imports no image library."""

Color = str | tuple[int, int, int]


def parse(option: str, color: Color) -> tuple[int, int, int]:
    """Returns a color as RGB in [0, 255].

    Args:
      option: whose value it is, for the error.

    Raises:
      ValueError: it is no color.
    """
    if not isinstance(color, str):
        if not all(0 <= value <= 255 for value in color):
            raise ValueError(f"{option}: expected values in [0, 255], found {list(color)}.")
        return color
    from PIL import ImageColor

    try:
        red, green, blue, *alpha = ImageColor.getrgb(color)
        if alpha not in ([], [255]):
            raise ValueError("a color that something lies on is opaque")
    except ValueError:
        raise ValueError(
            f"{option}: expected an opaque color: a name, '#rrggbb' or [r, g, b], found '{color}'."
        ) from None
    return (red, green, blue)
