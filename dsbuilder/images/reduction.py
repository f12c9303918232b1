"""At which scale a JPEG is decoded when it is shrunk at once: 1/8, 1/4, 1/2 or whole.

libjpeg can decode at n/8 of the size, from fewer coefficients of each block of 8 x 8 pixels: what
comes out is near to an average over the area. Where a file is far larger than what is wanted of
it, that is faster, and *nearer* to the average over the area of the whole (the reference) than
what a linear resize of the whole would give, which looks at four pixels and skips the rest.

Mean PSNR to the reference (the whole, INTER_AREA) in dB, on photographs of scikit-image and
scikit-learn as JPEG of quality 90, of the whole resized linearly, and of what was decoded at n/8
resized linearly and by area. K is the short side decoded over the one wanted; times are of one
core, for the whole and at n/8.

    | short side      | wanted | n | K   | whole, linear | n/8, linear | n/8, area | ms whole, n/8 |
    |-----------------|--------|---|-----|---------------|-------------|-----------|---------------|
    | 300 to 1411     | 96     | 4 | 3.0 | 29.6          | 33.4        | 43.1      | 1.5, 1.1      |
    | 300 to 1411     | 256    | 4 | 1.6 | 68.4          | 44.6        | 45.9      | 2.3, 1.8      |
    | 768 (0.8 Mpx)   | 96     | 2 | 2.0 | 29.7          | 53.5        | 53.5      | 2.5, 1.8      |
    | 768             | 512    | 6 | 1.1 | 47.3          | 44.8        | 45.4      | 2.4, 3.9      |
    | 1536 (3 Mpx)    | 224    | 4 | 3.4 | 36.3          | 39.1        | 54.3      | 9.0, 7.1      |
    | 1536            | 224    | 5 | 4.3 | 36.3          | 37.4        | 55.9      | 9.0, 12.5     |
    | 3000 (12 Mpx)   | 96     | 1 | 3.9 | 30.5          | 34.3        | 53.0      | 32, 20        |
    | 3000            | 224    | 2 | 3.3 | 36.8          | 41.2        | 53.9      | 32, 22        |
    | 3000            | 512    | 4 | 2.9 | 41.4          | 46.2        | 55.4      | 32, 25        |
    | 3000, all sharp | 224    | 2 | 3.3 | 22.6          | 27.6        | 45.9      | 37, 27        |

(All sharp: photographs at full resolution side by side; the others of 3000 are enlarged, with the
noise of a sensor.)

So the rule: only 1/8, 2/8 and 4/8, since the other scales have no fast path and take longer than
the whole; and only while K is 2 or more. With these two, every photograph of every row came nearer
to the reference than whole and linear did, by either resize; with K from 1.5 to 2, one of five did
not. And only where the size afterwards is the one that the whole image would have got.
"""

from collections.abc import Callable

Size = tuple[int, int]
Shrunk = Callable[[int, int], Size | None]
"""Says to which (height, width) an image of (height, width) is resized; None: it is not."""

WHOLE = 8
_EIGHTHS = (1, 2, 4)
_MARGIN = 2


def eighths(size: Size, shrunk: Shrunk) -> int:
    """Returns at how many eighths of its (height, width), upright, a JPEG shall be decoded.

    The image that is decoded ends in the size in which the whole one would end.
    """
    wanted = shrunk(*size)
    if wanted is None:
        return WHOLE
    for count in _EIGHTHS:
        height, width = reduced(size, count)
        is_large = height >= _MARGIN * wanted[0] and width >= _MARGIN * wanted[1]
        if is_large and shrunk(height, width) == wanted:
            return count
    return WHOLE


def reduced(size: Size, count: int) -> Size:
    """Returns the (height, width) of a JPEG that is decoded at `count` eighths of its size."""
    return -(-size[0] * count // WHOLE), -(-size[1] * count // WHOLE)
