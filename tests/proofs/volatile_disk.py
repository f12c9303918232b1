"""A disk that keeps what was synced and loses the rest when its power is cut.

Each *volume* is a tree and a list of all that was done to it. A *cut* makes another volume: what a
disk may hold if the power goes after some of those operations. Of a file's bytes all writes before
its last fsync are there; each later one is there, lost, or a hole of its length. Of a folder's
names those before the folder's last fsync are there; each later change is there or lost, whatever
the order, but one within a folder never by half. Inodes and times stay as they were, so that they
do not tell what was lost.
"""

import itertools
import random
import stat
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(eq=False)
class Node:
    """A file (`data`), a folder (`names`) or a link (`target`)."""

    number: int
    mode: int
    data: bytearray = field(default_factory=bytearray)
    names: dict[str, "Node"] = field(default_factory=dict)
    target: str = ""
    links: int = 1
    times: list[int] = field(default_factory=lambda: [time.time_ns()] * 2)  # mtime, ctime

    def touch(self) -> None:
        self.times = [time.time_ns()] * 2

    def relink(self, more: int) -> None:
        self.links += more
        self.times[1] = time.time_ns()

    def put(self, offset: int, data: bytes | None) -> None:
        """Writes bytes, after a hole if need be; None gives the file that length."""
        if data is None:
            del self.data[offset:]
            data = b""
        self.data.extend(bytes(max(0, offset + len(data) - len(self.data))))
        self.data[offset : offset + len(data)] = data

    def name(self, name: str, node: "Node | None") -> None:
        """Gives a name to a node, or takes it away."""
        old = self.names.pop(name, None)
        if old is not None:
            old.relink(-1)
        if node is not None:
            self.names[name] = node
            node.relink(1)


@dataclass(frozen=True)
class Write:
    """Bytes that are written to a file; None gives it the offset as its length."""

    node: Node
    offset: int
    data: bytes | None

    def do(self) -> None:
        self.node.put(self.offset, self.data)
        self.node.touch()


@dataclass(frozen=True)
class Name:
    """Names that are given or taken away, at once: (folder, name, node or None)."""

    changes: tuple[tuple[Node, str, Node | None], ...]

    def do(self) -> None:
        for folder, name, node in self.changes:
            folder.name(name, node)
            folder.touch()


@dataclass(frozen=True)
class Sync:
    """An fsync of a file or a folder."""

    node: Node

    def do(self) -> None:
        pass


def cloned(root: Node) -> dict[int, Node]:
    """Returns copies of all nodes of a tree, by number."""
    copies: dict[int, Node] = {}

    def clone(node: Node) -> Node:
        if node.number not in copies:
            own = replace(node, data=bytearray(node.data), names={}, times=list(node.times))
            copies[node.number] = own
            own.names = {name: clone(each) for name, each in node.names.items()}
        return copies[node.number]

    clone(root)
    return copies


class Volume:
    """A tree, what was done to it, and what it was before that."""

    def __init__(self, before: Node) -> None:
        self.before, self.root = before, cloned(before)[before.number]
        self.done: list[Write | Name | Sync] = []


class Cut:
    """What is left of a volume.

    Args:
      done: what was done to it before the cut.
      keep: share of what was not synced that is kept all the same; with 0 nothing of it is.
    """

    def __init__(
        self, volume: Volume, done: Sequence[Write | Name | Sync], keep: float, seed: str
    ) -> None:
        self._chance, self._keep = random.Random(seed), keep
        self._nodes, self._times = cloned(volume.before), {}
        self._synced = {
            each.node: place for place, each in enumerate(done) if isinstance(each, Sync)
        }
        for place, what in enumerate(done):
            if isinstance(what, Write):
                self._write(place, what)
            elif isinstance(what, Name):
                self._name(place, what)
        for number, times in self._times.items():
            self._nodes[number].times = times
        self.root = self._nodes[volume.root.number]

    def _write(self, place: int, what: Write) -> None:
        node, hole = self._own(what.node), self._chance.random() < self._keep / 2
        if self._is_kept(place, what.node, self._luck()):
            node.put(what.offset, what.data)
        elif hole and what.data is not None:
            node.put(what.offset, bytes(len(what.data)))

    def _name(self, place: int, what: Name) -> None:
        lucky = self._luck()
        for folder, name, node in what.changes:
            if self._is_kept(place, folder, lucky):
                self._own(folder).name(name, None if node is None else self._own(node))

    def _luck(self) -> bool:
        return self._chance.random() < self._keep

    def _is_kept(self, place: int, node: Node, lucky: bool) -> bool:
        return lucky or place < self._synced.get(node, -1)

    def _own(self, node: Node) -> Node:
        if node.number not in self._nodes:
            self._nodes[node.number] = replace(node, data=bytearray(), names={}, links=0)
        self._times[node.number] = list(node.times)
        return self._nodes[node.number]


class Volumes:
    """All volumes by name, and what is done to them."""

    def __init__(self) -> None:
        self.all: dict[str, Volume] = {}
        self._numbers = itertools.count(1000)

    def node(self, mode: int, **what: Any) -> Node:
        return Node(next(self._numbers), mode, **what)

    def do(self, volume: str, what: Write | Name | Sync) -> None:
        self.all[volume].done.append(what)
        what.do()

    def new(self, name: str) -> None:
        self.all[name] = Volume(self.node(stat.S_IFDIR | 0o755))

    def count(self, name: str) -> int:
        return len(self.all[name].done)

    def cut(self, name: str, after: int, seed: str, keep: float, to: str) -> None:
        volume = self.all[name]
        self.all[to] = Volume(Cut(volume, volume.done[:after], keep, seed).root)

    def forget(self, name: str) -> None:
        del self.all[name]
