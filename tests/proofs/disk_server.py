"""Serves volatile disks by FUSE: `python -m proofs.disk_server MOUNT`, until its input ends.

Each line of its standard input is a call of a method of `Volumes`, as a JSON list.
"""

import errno
import json
import stat
import subprocess
import sys
import threading
from typing import Any

from fuse import FUSE, FuseOSError, Operations

from proofs.volatile_disk import Name, Node, Sync, Volumes, Write


class Served(Operations):
    """Volumes as folders of one file system."""

    use_ns = True

    def __init__(self, volumes: Volumes, lock: threading.Lock) -> None:
        self._volumes, self._lock = volumes, lock
        self._top = Node(1, stat.S_IFDIR | 0o755)

    def __call__(self, operation: str, *arguments: Any) -> Any:
        with self._lock:
            return getattr(self, operation)(*arguments)

    def _find(self, path: str) -> tuple[str, Node]:
        _, volume, *names = path.rstrip("/").split("/") if path != "/" else ["", ""]
        if not volume:
            return "", self._top
        if volume not in self._volumes.all:
            raise FuseOSError(errno.ENOENT)
        node = self._volumes.all[volume].root
        for name in names:
            if name not in node.names:
                raise FuseOSError(errno.ENOENT)
            node = node.names[name]
        return volume, node

    def _place(self, path: str) -> tuple[str, Node, str]:
        folder, _, name = path.rpartition("/")
        return (*self._find(folder or "/"), name)

    def getattr(self, path: str, handle: int | None = None) -> dict[str, int]:
        node = self._find(path)[1]
        mtime, ctime = node.times
        return {
            "st_mode": node.mode,
            "st_ino": node.number,
            "st_nlink": max(1, node.links),
            "st_size": len(node.target or node.data),
            "st_mtime": mtime,
            "st_ctime": ctime,
            "st_atime": mtime,
        }

    def readdir(self, path: str, handle: int) -> list[str]:
        node = self._find(path)[1]
        return [".", "..", *(self._volumes.all if node is self._top else node.names)]

    def _make(self, path: str, mode: int, **what: Any) -> None:
        volume, folder, name = self._place(path)
        node = self._volumes.node(mode, links=0, **what)
        self._volumes.do(volume, Name(((folder, name, node),)))

    def mkdir(self, path: str, mode: int) -> None:
        self._make(path, stat.S_IFDIR | mode)

    def create(self, path: str, mode: int, info: Any = None) -> int:
        self._make(path, stat.S_IFREG | mode)
        return 0

    def symlink(self, path: str, target: str) -> None:
        self._make(path, stat.S_IFLNK | 0o777, target=target)

    def readlink(self, path: str) -> str:
        return self._find(path)[1].target

    def link(self, path: str, source: str) -> None:
        node = self._find(source)[1]
        volume, folder, name = self._place(path)
        self._volumes.do(volume, Name(((folder, name, node),)))

    def unlink(self, path: str) -> None:
        volume, folder, name = self._place(path)
        self._volumes.do(volume, Name(((folder, name, None),)))

    def rmdir(self, path: str) -> None:
        if self._find(path)[1].names:
            raise FuseOSError(errno.ENOTEMPTY)
        self.unlink(path)

    def rename(self, old: str, new: str) -> None:
        volume, folder, name = self._place(old)
        _, to, named = self._place(new)
        there = to.names.get(named)
        if there is not None and there.names:
            raise FuseOSError(errno.ENOTEMPTY)
        node = folder.names[name]
        self._volumes.do(volume, Name(((folder, name, None), (to, named, node))))

    def read(self, path: str, size: int, offset: int, handle: int) -> bytes:
        return bytes(self._find(path)[1].data[offset : offset + size])

    def write(self, path: str, data: bytes, offset: int, handle: int) -> int:
        volume, node = self._find(path)
        self._volumes.do(volume, Write(node, offset, bytes(data)))
        return len(data)

    def truncate(self, path: str, length: int, handle: int | None = None) -> None:
        volume, node = self._find(path)
        self._volumes.do(volume, Write(node, length, None))

    def chmod(self, path: str, mode: int) -> None:
        self._find(path)[1].mode = mode

    def utimens(self, path: str, times: Any = None) -> None:
        pass

    def fsync(self, path: str, data_only: int, handle: int) -> None:
        volume, node = self._find(path)
        self._volumes.do(volume, Sync(node))

    def fsyncdir(self, path: str, data_only: int, handle: int) -> None:
        self.fsync(path, data_only, handle)


def control(volumes: Volumes, lock: threading.Lock, mount: str) -> None:
    for line in sys.stdin:
        command, *arguments = json.loads(line)
        with lock:
            answer = getattr(volumes, command)(*arguments)
        print(json.dumps(answer), flush=True)
    subprocess.run(["umount", "--lazy", mount], check=False)


def main(mount: str) -> None:
    volumes, lock = Volumes(), threading.Lock()
    threading.Thread(target=control, args=(volumes, lock, mount), daemon=True).start()
    options = {"use_ino": True, "attr_timeout": 0, "entry_timeout": 0, "big_writes": True}
    FUSE(Served(volumes, lock), mount, foreground=True, nothreads=True, **options)


if __name__ == "__main__":
    main(sys.argv[1])
