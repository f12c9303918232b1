"""How many records count for which class, of every target that has classes."""

from collections import Counter
from collections.abc import Mapping

from dsbuilder.plugin import DataError, Seen, View

Present = tuple[tuple[str, ...], ...]
"""The classes of one record, each once, for each target that has classes."""


def present(view: View) -> Present:
    """Returns the classes of a record; of boxes or a mask, all that appear in it."""
    return tuple(
        ()
        if isinstance(view.targets[name], DataError)
        else tuple(sorted(set(target.classes(view.targets[name]))))
        for name, target in view.kinds.items()
        if target.class_names
    )


def counted(seen: Seen) -> Mapping[str, Mapping[str, int]]:
    """Returns the records of every class, also of empty ones, by target and class.

    Args:
      seen: with what `present` returned as measures.
    """
    named = {name: target for name, target in seen.kinds.items() if target.class_names}
    found: list[Counter[str]] = [Counter() for _ in named]
    for _, classes in seen.measured():
        for counter, names in zip(found, classes, strict=True):
            counter.update(names)
    return {
        name: {each: counter[each] for each in target.class_names}
        for (name, target), counter in zip(named.items(), found, strict=True)
    }
