"""The names under which a sample is stored: which there are, which are taken, which are legal.

This is the one owner of stored names. A dataset stores of each sample its image, its key, and the
features of its targets, each under a name: a target `label` is stored as `label`, one of mixed
classes as `label` and `label_weights`, boxes `objects` as `objects/bbox` and so on. Codecs, streams
and exporters make names of files and arrays of these, in which `/` is `-`, and where samples have
any number of values an array `objects/bbox.row_splits` beside the others. So no two stored names
may be alike, and a target may not be called what the format itself stores.

A target's name is one line of printable letters of any script, without slashes, without spaces
at its ends or a dot at its start, of at most 100 bytes: it becomes part of names of files, columns
of tables and fields of JSON, and comes back as it was.
"""

from collections.abc import Iterator, Mapping, Sequence

from dsbuilder.errors import printable
from dsbuilder.paths import is_utf8
from dsbuilder.records.arrays import row_splits
from dsbuilder.sample import Feature, Target

IMAGE, KEY = "image", "key"
"""What the format itself stores of every sample."""

_LONGEST_BYTES = 100
_RENAME = "Rename it: the column or the option of the source that it is called after."


def stored_features(targets: Mapping[str, Target]) -> dict[str, Feature]:
    """Returns every stored feature beside the image, by name: the key, and those of the targets."""
    stored = {KEY: Feature(kind="text", dtype="string")}
    for name, target in targets.items():
        stored.update(target.features(name))
    return stored


def stored_arrays(features: Mapping[str, Feature]) -> tuple[str, ...]:
    """Returns the names of a codec's arrays: the image, each feature, and the row splits of those
    that have any number of values.
    """
    splits = [row_splits(name) for name, feature in features.items() if feature.is_ragged]
    return (IMAGE, *features, *splits)


def as_file_name(name: str) -> str:
    """Returns a stored name as part of a file's; of legal names that store apart it is another."""
    return name.replace("/", "-")


def name_faults(targets: Mapping[str, Target]) -> Iterator[str]:
    """Yields what is wrong with the names of targets, in the form of an error."""
    taken = dict.fromkeys((IMAGE, KEY), "the format itself")
    for name, target in targets.items():
        fault = _fault(name)
        if fault:
            yield (
                f"target '{printable(name)}': expected a name of printable letters without "
                f"slashes, found {fault}. {_RENAME}"
            )
            continue
        stored = [as_file_name(each) for each in stored_arrays(target.features(name))[1:]]
        # Its own name is taken, too, by which tables and JSON call it whatever its parts are.
        other = next((each for each in (name, *stored) if each in taken), None)
        if other is not None:
            yield (
                f"target '{name}': expected a name under which nothing else is stored, found that "
                f"{taken[other]} stores '{other}'. {_RENAME}"
            )
        taken |= dict.fromkeys((name, *stored), f"the target '{name}'")
        yield from _part_faults(name, target, stored)


def _part_faults(name: str, target: Target, stored: Sequence[str]) -> Iterator[str]:
    """Yields what is wrong with the names of what a target is stored as, such as attributes."""
    for part in (each.removeprefix(f"{name}/") for each in target.features(name) if each != name):
        fault = _fault(part)
        if fault:
            yield f"target '{name}': '{printable(part)}': expected another name, found {fault}."
    twice = [each for place, each in enumerate(stored) if each in stored[:place]]
    if twice:
        yield f"target '{name}': expected parts with names of their own, found '{twice[0]}' twice."


def _fault(name: str) -> str | None:
    """Says why no target can have a name; None if one can."""
    faults = {
        "none": not name,
        "what is no UTF-8": not is_utf8(name),
        "a slash": "/" in name or "\\" in name,
        "a letter that cannot be printed": not name.isprintable(),
        "a space at an end": name != name.strip(),
        "a dot at its start": name.startswith("."),
        f"more than {_LONGEST_BYTES} bytes": len(name.encode(errors="replace")) > _LONGEST_BYTES,
    }
    return next((fault for fault, found in faults.items() if found), None)
