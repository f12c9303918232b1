"""The C library's allocator: when it keeps memory that was freed, and when it gives it back.

Both are glibc's; another C library has its own ways, and is left to them.
"""

import contextlib
import ctypes
import gc
import os
from collections.abc import Iterator
from typing import Any

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_KEPT_BYTES = 16 << 20


def keep_freed() -> None:
    """Lets this process keep what an image leaves behind for the next one.

    By default large blocks go back to the kernel, which then clears a page at a time for every
    image: a twentieth of all time.
    """
    tune = _glibc("mallopt")
    if tune is not None:
        tune(_M_MMAP_THRESHOLD, _KEPT_BYTES)
        tune(_M_TRIM_THRESHOLD, _KEPT_BYTES)


def give_back() -> None:
    """Gives back what a phase that is over has freed."""
    trim = _glibc("malloc_trim")
    if trim is not None:
        trim(0)


def _glibc(name: str) -> Any:
    if os.name != "posix":
        return None
    return getattr(ctypes.CDLL(None), name, None)


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Lets the garbage collector rest; it would go through millions of objects again and again."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
