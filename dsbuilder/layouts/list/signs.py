"""What of a folder speaks for lists that name its images and their labels."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from dsbuilder.errors import shortened
from dsbuilder.layouts.glance import Glance, glance
from dsbuilder.layouts.list.columns import Columns
from dsbuilder.layouts.list.guess import Beginning, Guess, beginning, guess
from dsbuilder.layouts.sidecar import stated_targets
from dsbuilder.layouts.splits import SPLIT_WORDS, split_named
from dsbuilder.layouts.tree import extension
from dsbuilder.plugin import Signs

LISTS = ("txt", "csv", "tsv", "jsonl", "ndjson")
"""Extensions of the files that may be a list."""

_MOST_LISTS = 50
_MOST_BASES = 60
_SPLITS = tuple(dict.fromkeys(SPLIT_WORDS.values()))

_Parts = Mapping[str | None, Beginning]
"""Split -> the list that is read for it; the only one stands under None."""


def signs_of(folder: Path) -> Signs:
    """Returns what speaks for a list, or one for each split, and what against it."""
    seen = glance(folder)
    candidates = [path for path in seen.ending(*LISTS) if _may_be_a_list(path)][:_MOST_LISTS]
    if not candidates:
        return Signs(reason=f"no list ({', '.join(LISTS)}) lies in it")
    begun = {path: beginning(folder, path, _bases(path, seen)) for path in candidates}
    held = {path: _held(each) for path, each in begun.items()}
    found = {path: each for path, each in held.items() if isinstance(each, Guess)}
    if not found:
        path, why = next(iter(held.items()))
        more = f", nor is another of {len(candidates)}" if len(candidates) > 1 else ""
        return Signs(reason=f"'{path}' {why}{more}")
    lists = [each for each in begun.values() if isinstance(each, Beginning) and each.path in found]
    longest = max(lists, key=len)
    parts, together = _by_split(lists) or ({None: longest}, found[longest.path])
    signs = _told(seen, parts, together, _left(held, parts))
    if not stated_targets(folder):
        return signs
    against = [*signs.contradictions, "it is an export, which has another layout than lists"]
    return replace(signs, contradictions=against)


def _held(found: Beginning | str) -> Guess | str:
    """Returns what a list holds, or why it is none that labels images."""
    held = found if isinstance(found, str) else guess([found])
    if isinstance(held, Guess) and held.num_classes < 2 and held.boxes is None:
        return "names one class alone"
    return held


def _may_be_a_list(path: str) -> bool:
    # What is called metadata says more than a class: that is the source `imagefolder`.
    return path.count("/") <= 1 and PurePosixPath(path).stem != "metadata"


def _bases(path: str, seen: Glance) -> list[str]:
    """Returns the folders that the paths of a list may be relative to, the likeliest first."""
    own, split = str(PurePosixPath(path).parent), _split_of(path)
    near = [each for each in seen.folders if each.count("/") <= 1]
    ordered = sorted(near, key=lambda each: (each.count("/"), _split_of(f"{each}/") != split))
    return list(dict.fromkeys((own, ".", *ordered)))[:_MOST_BASES]


def _split_of(path: str) -> str | None:
    """Returns the split that a word of a list's name says, else one of its folder's."""
    folder, _, name = path.rpartition("/")
    for part in (PurePosixPath(name).stem, folder):
        found = {split_named(word) for word in re.split(r"[-_. /]+", part)} - {None}
        if found:
            return found.pop() if len(found) == 1 else None
    return None


def _by_split(lists: Sequence[Beginning]) -> tuple[_Parts, Guess] | None:
    """Returns split -> list, and what all hold, where names state splits, train among them.

    Of several lists for a split it is the longest; one without the columns of train is left out.
    """
    longest = {_split_of(each.path): each for each in sorted(lists, key=len)}
    train = longest.get("train")
    held = None if train is None else guess([train])
    if train is None or not isinstance(held, Guess):
        return None
    parts: dict[str | None, Beginning] = {
        split: longest[split]
        for split in _SPLITS
        if split in longest and _is_like(longest[split], train, held)
    }
    together = guess(list(parts.values())) if len(parts) > 1 else None
    return (parts, together) if isinstance(together, Guess) else None


def _is_like(other: Beginning, train: Beginning, held: Guess) -> bool:
    """Whether a list has the form of another, and the columns that are read of that."""
    same = other.image == train.image and held.columns.options.keys() <= {*other.cells}
    return same and (extension(other.path) == "txt") == (extension(train.path) == "txt")


def _left(guesses: Mapping[str, Guess | str], parts: _Parts) -> list[str]:
    """Returns what is told of the lists that are not read; of other texts nothing."""
    taken = {each.path for each in parts.values()}
    return [
        f"{path} ({each})" if isinstance(each, str) else path
        for path, each in guesses.items()
        if path not in taken and (isinstance(each, Guess) or extension(path) != "txt")
    ]


def _told(seen: Glance, parts: _Parts, held: Guess, left: Sequence[str]) -> Signs:
    only = parts.get(None)
    shown = shortened(sorted(set(held.labels)))
    counts = ", ".join(f"{each.path}: {_rows(each)}" for each in parts.values())
    if only is not None:
        read = f"{_rows(only)}, {held.noun.format(held.num_classes)}: {shown}"
        reason = f"'{only.path}' lists images that lie in '{only.base}' ({read})"
        options: dict[str, object] = {"path": only.base, "list": only.path}
        comments = {"path": "the folder that the paths in the list are relative to"}
        place = "list"
    else:
        reason = f"lists of images for {len(parts)} splits ({counts})"
        options = {"lists": {split: (each.base, each.path) for split, each in parts.items()}}
        read, comments, place = f"split: [folder of the images, list]; {counts}", {}, "lists"
    if held.others:
        read += f"; columns that are not read: {', '.join(held.others)}"
    if left:
        read += f"; lists that are not read: {', '.join(left)}"
    comments[place] = read
    if held.columns.group is not None:
        comments["group_column"] = "records of one group never end in two splits"
    if held.boxes is not None:
        comments["box_columns"] = "a box a row; box_form and box_unit say how its numbers are meant"
    return Signs(
        reason=reason,
        evidence="declared" if held.is_plain else "possible",
        explained=_explained(seen, parts.values()),
        contradictions=_contradictions(parts, held),
        options={**options, **_columns(held)},
        comments=comments,
    )


def _explained(seen: Glance, parts: Iterable[Beginning]) -> float:
    """Returns the share of the images of the folders with listed ones that are listed.

    Images elsewhere, such as those of a split without labels, speak neither for it nor against.
    """
    found = list(parts)
    if not all(each.whole for each in found):
        return 1.0
    listed = frozenset[str]().union(*(each.images for each in found))
    folders = {path.rpartition("/")[0] for path in listed}
    images = [path for path in seen.images if path.rpartition("/")[0] in folders]
    return seen.share(listed, images)


def _contradictions(parts: _Parts, held: Guess) -> list[str]:
    """A text file has no columns that could say that its labels are no classes."""
    is_text = any(extension(each.path) == "txt" for each in parts.values())
    if not is_text or held.noun == Guess.noun:
        return []
    return [f"a text file lists classes, and these are {held.noun}: make it a table"]


_OPTIONS: Mapping[str, str] = {
    **{role: f"{role}_column" for role in ("image", "label", "labels", "text", "group", "split")},
    "values": "value_columns",
    "one_hot": "one_hot_columns",
    "multi_hot": "multi_hot_columns",
    "boxes": "box_columns",
    "targets": "target_columns",
    "separator": "separator",
}


def _columns(found: Guess) -> dict[str, object]:
    """Returns the options that say which columns are read, as far as they are not the defaults."""
    default = Columns()
    options: dict[str, object] = {
        option: getattr(found.columns, role)
        for role, option in _OPTIONS.items()
        if getattr(found.columns, role) != getattr(default, role)
    }
    if found.boxes is not None:
        options |= {"box_form": found.boxes.form, "box_unit": found.boxes.unit}
    return options


def _rows(found: Beginning) -> str:
    return f"{'' if found.whole else 'at least '}{len(found)} lines"
