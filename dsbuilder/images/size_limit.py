"""How large an image may become: asked before it is made, by whatever is about to make one.

The limit is that of the stage at work, which its pipeline states as `image.stage_megapixels`. It
goes with the call and not as an argument, since a stage may nest others, and those libraries that
know no pipeline.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from dsbuilder.errors import DataError

MEGAPIXELS = 100.0
"""The limit where nobody states one, in 10**6 pixels."""

_LIMIT: ContextVar[float] = ContextVar("megapixels", default=MEGAPIXELS)


@contextmanager
def size_limit(megapixels: float) -> Iterator[None]:
    """Lets `check_size` allow so many pixels, in 10**6, within."""
    token = _LIMIT.set(megapixels)
    try:
        yield
    finally:
        _LIMIT.reset(token)


def check_size(height: float, width: float) -> None:
    """Raises a DataError unless an image of a size may be made here.

    It is asked before the work, so that one strip of 2 x 20,000 pixels whose short side is resized
    does not take gigabytes.
    """
    limit = _LIMIT.get()
    if height * width > limit * 1e6:
        raise DataError(
            f"expected an image of at most {limit:g} megapixels (image.stage_megapixels), found "
            f"that it would be {width:.0f} x {height:.0f}. Make it smaller, or allow more."
        )
