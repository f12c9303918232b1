"""The C library's allocator: when it keeps memory that was freed, and when it gives it back.

Both are glibc's; another C library has its own ways, and is left to them.
"""

import contextlib
import ctypes
import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_KEPT_BYTES = 16 << 20
_MEMINFO = Path("/proc/meminfo")
_GROUPS = Path("/sys/fs/cgroup")
_LIMITS = (
    (_GROUPS / "memory.max", _GROUPS / "memory.current"),
    (_GROUPS / "memory/memory.limit_in_bytes", _GROUPS / "memory/memory.usage_in_bytes"),
)
"""Where a container's limit of memory stands, and what of it is taken: of both kinds of groups."""


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


def available_bytes() -> float:
    """Returns how much memory this process may still take, as the kernel and its group say.

    0 where nobody says.
    """
    found = []
    with contextlib.suppress(OSError, LookupError, ValueError):
        lines = dict(each.split(":", 1) for each in _MEMINFO.read_text().splitlines())
        found.append(int(lines["MemAvailable"].split()[0]) * 1024)
    for limit, used in _LIMITS:
        with contextlib.suppress(OSError, ValueError):  # `max` is no number, and no limit
            found.append(int(limit.read_text()) - int(used.read_text()))
    return max(min(found, default=0), 0)


def _glibc(name: str) -> Any:
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
