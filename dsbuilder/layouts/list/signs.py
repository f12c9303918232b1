"""What of a folder speaks for lists that name its images and their labels."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

from dsbuilder.errors import shortened
from dsbuilder.layouts.glance import Glance, glance
from dsbuilder.layouts.list.columns import LISTS, Guess, guess
from dsbuilder.layouts.list.format import Columns
from dsbuilder.layouts.sidecar import stated_targets
from dsbuilder.layouts.splits import SPLIT_WORDS, split_named
from dsbuilder.plugin import Signs

_MOST_LISTS = 50
_SPLITS = tuple(dict.fromkeys(SPLIT_WORDS.values()))
_NOUNS = {
    "class": "{} classes",
    "labels": "several classes each",
    "value": "numbers",
    "text": "texts",
}


def signs_of(folder: Path) -> Signs:
    """Returns what speaks for a list, or one for each split, and what against it."""
    seen = glance(folder)
    candidates = [path for path in seen.ending(*LISTS) if _may_be_a_list(path)][:_MOST_LISTS]
    if not candidates:
        return Signs(reason=f"no list ({', '.join(LISTS)}) lies in it")
    guesses = {path: guess(folder, path, _bases(path, seen)) for path in candidates}
    found = {path: each for path, each in guesses.items() if isinstance(each, Guess)}
    classes = {path: each for path, each in found.items() if each.num_classes > 1}
    if not classes:
        path, why = next(iter(guesses.items()))
        why = why if isinstance(why, str) else "names one class alone"
        more = f", nor is another of {len(candidates)}" if len(candidates) > 1 else ""
        return Signs(reason=f"'{path}' {why}{more}")
    by_split = _by_split(classes)
    if by_split is not None:
        signs = _of_splits(seen, {split: (path, classes[path]) for split, path in by_split.items()})
    else:
        path = max(classes, key=lambda each: len(classes[each].labels))
        signs = _of_one(seen, path, classes[path])
    if not stated_targets(folder):
        return signs
    against = [*signs.contradictions, "it is an export, which has another layout than lists"]
    return replace(signs, contradictions=against)


def _may_be_a_list(path: str) -> bool:
    # What is called metadata says more than a class: that is the source `imagefolder`.
    return path.count("/") <= 1 and PurePosixPath(path).stem != "metadata"


def _bases(path: str, seen: Glance) -> list[str]:
    """Returns the folders that the paths of a list may be relative to, the likeliest first."""
    own = str(PurePosixPath(path).parent)
    tops = [each for each in seen.folders if "/" not in each]
    return list(dict.fromkeys((own, ".", *tops)))


def _by_split(found: Mapping[str, Guess]) -> dict[str, str] | None:
    """Returns split -> list where file names state splits, each of them once, train among them."""
    splits: dict[str, str] = {}
    for path in found:
        words = re.split(r"[-_. ]+", PurePosixPath(path).stem)
        named = [split for split in map(split_named, words) if split is not None]
        if len(named) == 1 and splits.setdefault(named[0], path) != path:
            return None
    alike = len({found[path].columns for path in splits.values()}) == 1
    if not alike or "train" not in splits or len(splits) == 1:
        return None
    return {split: splits[split] for split in _SPLITS if split in splits}


def _of_splits(seen: Glance, found: Mapping[str, tuple[str, Guess]]) -> Signs:
    counts = ", ".join(f"{path}: {_rows(each)}" for path, each in found.values())
    lists = {split: (each.base, path) for split, (path, each) in found.items()}
    first = next(iter(found.values()))[1]
    return Signs(
        reason=f"lists of images for {len(found)} splits ({counts})",
        evidence="declared",
        explained=_explained(seen, [each for _, each in found.values()]),
        contradictions=_contradictions(dict(found.values())),
        options={"lists": lists, **_columns(first.columns)},
        comments={"lists": f"split: [folder of the images, list]; {counts}"},
    )


def _of_one(seen: Glance, path: str, found: Guess) -> Signs:
    shown = shortened(sorted(set(found.labels)))
    read = f"{_rows(found)}, {_NOUNS[found.kind].format(found.num_classes)}: {shown}"
    comments = {"path": "the folder that the paths in the list are relative to", "list": read}
    if found.columns.group is not None:
        comments["group_column"] = "records of one group never end in two splits"
    if found.others:
        comments["list"] += f"; columns that are not read: {', '.join(found.others)}"
    return Signs(
        reason=f"'{path}' lists images that lie in '{found.base}' ({read})",
        evidence="declared",
        explained=_explained(seen, [found]),
        contradictions=_contradictions({path: found}),
        options={"path": found.base, "list": path, **_columns(found.columns)},
        comments=comments,
    )


def _explained(seen: Glance, guesses: Iterable[Guess]) -> float:
    """Returns the share of the images of the folders with listed ones that are listed.

    Images elsewhere, such as those of a split without labels, speak neither for it nor against.
    """
    found = list(guesses)
    if not all(each.whole for each in found):
        return 1.0
    listed = frozenset[str]().union(*(each.images for each in found))
    folders = {path.rpartition("/")[0] for path in listed}
    images = [path for path in seen.images if path.rpartition("/")[0] in folders]
    return seen.share(listed, images)


def _contradictions(guesses: Mapping[str, Guess]) -> list[str]:
    """A text file has no columns that could say that its labels are no classes."""
    kind = next(iter(guesses.values())).kind
    if kind == "class" or not any(path.lower().endswith(".txt") for path in guesses):
        return []
    noun = _NOUNS[kind].format("")
    return [f"a text file lists classes, and these are {noun}: make it a table"]


def _columns(columns: Columns) -> dict[str, object]:
    """Returns the options that say which columns are read, as far as they are not the defaults."""
    default = Columns()
    found: dict[str, object] = {
        f"{role}_column": getattr(columns, role)
        for role in ("image", "label", "labels", "text", "group", "split")
        if getattr(columns, role) != getattr(default, role)
    }
    if columns.values:
        found["value_columns"] = columns.values
    if columns.separator != default.separator:
        found["separator"] = columns.separator
    return found


def _rows(found: Guess) -> str:
    return f"{'' if found.whole else 'at least '}{len(found.labels)} lines"
