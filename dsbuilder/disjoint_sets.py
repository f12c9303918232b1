"""Things that belong together, pair by pair: union-find."""

from typing import Generic, TypeVar

Item = TypeVar("Item", str, tuple[str, ...], tuple[int, int])


class DisjointSets(Generic[Item]):
    """Sets that share no item; what was never joined is a set of its own."""

    def __init__(self) -> None:
        self._above: dict[Item, Item] = {}

    def root(self, item: Item) -> Item:
        """Returns what stands for the set of an item: its smallest one."""
        above = self._above
        above.setdefault(item, item)
        while above[item] != item:
            above[item] = above[above[item]]
            item = above[item]
        return item

    def join(self, one: Item, other: Item) -> None:
        """Makes one set of those that two items are in."""
        low, high = sorted((self.root(one), self.root(other)))
        self._above[high] = low

    def groups(self) -> list[list[Item]]:
        """Returns the sets of the items that were asked for or joined, in the order they came."""
        found: dict[Item, list[Item]] = {}
        for item in list(self._above):
            found.setdefault(self.root(item), []).append(item)
        return list(found.values())
