"""Colours as a user writes them: a name, `#rrggbb`, or three values."""

Colour = str | tuple[int, int, int]


def parse(option: str, colour: Colour) -> tuple[int, int, int]:
    """Returns a colour as RGB in [0, 255].

    Args:
      option: whose value it is, for the error.

    Raises:
      ValueError: it is no colour.
    """
    if not isinstance(colour, str):
        if not all(0 <= value <= 255 for value in colour):
            raise ValueError(f"{option}: expected values in [0, 255], found {list(colour)}.")
        return colour
    from PIL import ImageColor

    try:
        red, green, blue, *alpha = ImageColor.getrgb(colour)
        if alpha not in ([], [255]):
            raise ValueError("a colour that something lies on is opaque")
    except ValueError:
        raise ValueError(
            f"{option}: expected an opaque colour: a name, '#rrggbb' or [r, g, b], "
            f"found '{colour}'."
        ) from None
    return (red, green, blue)
