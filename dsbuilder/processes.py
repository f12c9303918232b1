"""Processes of ours: a module of the package, started with a socket to whoever started it.

Never `multiprocessing` of the caller, whose spawn and forkserver run the user's script again: so no
`__main__` guard is needed, and no process of ours imports what the caller did.
"""

import os
import socket
import subprocess
import sys
from pathlib import Path


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
