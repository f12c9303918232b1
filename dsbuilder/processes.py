"""Processes of ours: a module of the package, started with a socket to whoever started it.

Never `multiprocessing` of the caller, whose spawn and forkserver run the user's script again: so no
`__main__` guard is needed, and no process of ours imports what the caller did.
"""

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass
class _This:
    """What is known of the process that this is."""

    is_ours: bool = False


_THIS = _This()


def claim() -> None:
    """Says that this process is dsbuilder's alone: the command line's, or one that `start` made."""
    _THIS.is_ours = True


@contextlib.contextmanager
def hidden(package: str) -> Iterator[None]:
    """Lets no import in the body take along a package that nothing of ours uses.

    Only in a process of ours: in a caller's own, somebody else may want what would then be missing.
    """
    if not _THIS.is_ours or package in sys.modules:
        yield
        return
    sys.modules[package] = None  # type: ignore[assignment]  # how `import` is told: not there
    try:
        yield
    finally:
        del sys.modules[package]


def start(module: str, *arguments: str) -> tuple[socket.socket, subprocess.Popen[bytes]]:
    """Starts `python -m module FD *arguments`; returns our end of the socket FD, and the process.

    The process has the package in reach wherever this one found it, one thread in each numerical
    library, and no standard input.
    """
    ours, theirs = socket.socketpair()
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", module, str(theirs.fileno()), *arguments],
        pass_fds=[theirs.fileno()],
        env=_environment(),
        stdin=subprocess.DEVNULL,
    )
    theirs.close()
    return ours, process


def _environment() -> dict[str, str]:
    package = str(Path(__file__).parent.parent)
    path = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return {**os.environ, **single, "PYTHONPATH": path, "NO_ALBUMENTATIONS_UPDATE": "1"}
