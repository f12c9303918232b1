"""Volatile disks as a mounted file system, of which each folder is a volume.

The server is a process of its own (`disk_server.py`), controlled by lines of JSON.
"""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class Disk:
    """A mounted disk, of which each folder is a volume.

    Attributes:
      path: where it is mounted.
    """

    def __init__(self, path: Path, server: "subprocess.Popen[str]") -> None:
        self.path, self._server = path, server

    def new(self, name: str) -> Path:
        """Makes an empty volume."""
        self._ask("new", name)
        return self.path / name

    def count(self, name: str) -> int:
        """Returns how many operations changed or synced a volume."""
        return int(self._ask("count", name))

    def cut(self, name: str, after: int, to: str, *, seed: str, keep: float) -> Path:
        """Makes a volume of what may be left of another; see `volatile_disk.Cut`."""
        self._ask("cut", name, after, seed, keep, to)
        return self.path / to

    def forget(self, name: str) -> None:
        """Frees a volume."""
        self._ask("forget", name)

    def _ask(self, *command: Any) -> Any:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        print(json.dumps(command), file=self._server.stdin, flush=True)
        return json.loads(self._server.stdout.readline())


@contextlib.contextmanager
def mounted(path: Path, libfuse: Path) -> Iterator[Disk]:
    """Mounts a disk at a folder that it makes."""
    path.mkdir()
    command = [sys.executable, "-m", "proofs.disk_server", str(path)]
    found = {"FUSE_LIBRARY_PATH": str(libfuse), "PYTHONPATH": str(Path(__file__).parents[1])}
    environment = {**os.environ, **found}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, text=True, env=environment, **pipes) as server:
        try:
            deadline = time.monotonic() + 30
            while not path.is_mount():
                assert server.poll() is None, "the file system cannot be mounted"
                assert time.monotonic() < deadline, "the file system takes too long to mount"
                time.sleep(0.02)
            yield Disk(path, server)
        finally:
            server.stdin.close()  # type: ignore[union-attr]
            server.wait(30)
