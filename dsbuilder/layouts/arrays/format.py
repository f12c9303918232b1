"""What arrays are called: by others, and in an export of ours.

toy.npz
x_train  y_train  key_train  objects-bbox_train  objects-bbox.row_splits_train
x_test   y_test   ...
class_names
"""

import re
from collections.abc import Iterable, Mapping

from dsbuilder.errors import shortened
from dsbuilder.layouts.splits import split_named
from dsbuilder.plugin import ClassLabel, DataError, MultiLabel, Target, Text, Value
from dsbuilder.records.arrays import row_splits

ALL = "all"
"""What stands for the split of arrays whose names say none."""

CLASS_NAMES = "class_names"
IMAGE, KEY = "image", "key"

_ROLES = {
    **dict.fromkeys(("x", "image", "images"), "images"),
    **dict.fromkeys(("y", "label", "labels", "target", "targets"), "labels"),
    **dict.fromkeys(("key", "keys"), "keys"),
}
_AS_Y = (ClassLabel, MultiLabel, Value, Text)


def parse_name(name: str) -> tuple[str, str] | None:
    """Returns the role and the split's name, or `all`, of an array's name; None if it says neither.

    Roles are `images`, `labels` and `keys`.
    """
    words = [word for word in re.split(r"[_.\- ]+", name.lower()) if word]
    roles = [_ROLES[word] for word in words if word in _ROLES]
    splits = [word for word in words if split_named(word)]
    if len(roles) != 1 or len(splits) > 1 or len(words) != 1 + len(splits):
        return None
    return roles[0], splits[0] if splits else ALL


def roles_by_split(where: str, found: Iterable[str]) -> dict[str, dict[str, str]]:
    """Returns split or `all` -> role -> the name of the array, of names that say it.

    Raises:
      DataError: two arrays take one place, or one of a pair is missing.
    """
    roles: dict[str, dict[str, str]] = {}
    for name in found:
        parsed = parse_name(name)
        if parsed is None:
            continue
        role, word = parsed
        other = roles.setdefault(word, {}).setdefault(role, name)
        if other != name:
            raise DataError(
                f"{where}: expected one array of {role}, found '{other}' and '{name}'. "
                "Choose with `arrays`."
            )
    for each in roles.values():
        missing = [role for role in ("images", "labels") if role not in each]
        if missing:
            raise DataError(
                f"{where}: expected images and labels, found {shortened(each.values())} and no "
                f"{missing[0]} with it. Say which with `arrays`."
            )
    return roles


def target_of_y(targets: Mapping[str, Target]) -> str | None:
    """Returns the name of the target that an export calls `y`: the first with one value a sample.

    None if there is no such target.
    """
    return next((name for name, kind in targets.items() if isinstance(kind, _AS_Y)), None)


def array_names(targets: Mapping[str, Target]) -> dict[str, str]:
    """Returns stored feature -> what its array is called in an export, before `_` and the split.

    Every array has a name of its own, whatever the targets are called.
    """
    y = target_of_y(targets)
    names = {IMAGE: "x", KEY: "key"}
    if y is not None:
        kind = targets[y]
        names[kind.streamed(y)[0] if isinstance(kind, MultiLabel) else y] = "y"
    taken = set(names.values())
    for name, kind in targets.items():
        for feature, described in kind.features(name).items():
            for stored in (feature, row_splits(feature)) if described.is_ragged else (feature,):
                if stored not in names:
                    names[stored] = _free(stored.replace("/", "-"), taken)
    return names


def class_names_array(name: str, targets: Mapping[str, Target]) -> str:
    """Returns what the array of a target's class names is called in an export."""
    return CLASS_NAMES if name == target_of_y(targets) else f"{name}_{CLASS_NAMES}"


def _free(name: str, taken: set[str]) -> str:
    """Returns a name that no array has yet, and takes it."""
    found, number = name, 2
    while found in taken:
        found, number = f"{name}~{number}", number + 1
    taken.add(found)
    return found
