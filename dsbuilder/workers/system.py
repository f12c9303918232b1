"""On which systems worker processes run, and how many of them a machine keeps busy.

What is Linux alone is used in this folder and nowhere else, so that a dataset can be loaded,
streamed and trained on wherever Python runs.
"""

import ctypes
import os
import signal
import socket
import sys
from pathlib import Path

from dsbuilder.errors import CacheError

_PR_SET_PDEATHSIG = 1


def cores() -> int:
    """Returns how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def is_supported() -> bool:
    """Whether worker processes can run here."""
    there = hasattr(os, "memfd_create") and hasattr(os, "fork") and hasattr(socket, "send_fds")
    return there and sys.platform == "linux"


def check(instead: str) -> None:
    """Raises a CacheError where worker processes cannot run; `instead` says what can be done."""
    if not is_supported():
        raise CacheError(
            f"workers: expected Linux, on which worker processes run, found {sys.platform}. "
            f"{instead}"
        )


def is_stopped(pid: int) -> bool:
    """Whether a process was stopped, by Ctrl-Z, say, or is held by a debugger."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return False  # it has ended
    return stat.rpartition(")")[2].split()[0] in ("T", "t")


def die_with(parent: int) -> None:
    """Asks the kernel to end this process when `parent`, which it was forked from, ends."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the kernel was asked
        os._exit(1)
