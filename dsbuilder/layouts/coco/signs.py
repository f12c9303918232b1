"""Says whether a folder is a COCO set, and which of its files hold what."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dsbuilder.errors import shortened
from dsbuilder.layouts.coco import format as coco
from dsbuilder.layouts.coco.targets import stated_by
from dsbuilder.layouts.coco.values import KEYS, holds
from dsbuilder.layouts.glance import Glance, glance
from dsbuilder.layouts.splits import SPLIT_WORDS, split_in, split_named
from dsbuilder.plugin import DataError, Recognition

Option = Mapping[str, str] | str

_MOST_FILES = 200  # sets with a JSON file for every image are others
_READ_BYTES = 1 << 24
_HEAD_BYTES = 1 << 16
_WORDS: Mapping[str, tuple[str, ...]] = {
    "objects": ("instances", "annotations"),
    "mask": ("instances", "stuff"),
    "keypoints": ("keypoints",),
    "text": ("captions",),
}
"""What is read -> words in the usual names of its files, the likeliest first."""


@dataclass(frozen=True, kw_only=True)
class _File:
    """What was seen of an annotation file.

    Attributes:
      holds: of what `KEYS` names.
      document: None of a file that is too large to be read here.
    """

    holds: tuple[str, ...]
    document: coco.Document | None = None

    @property
    def images(self) -> Collection[str]:
        """What it names, as far as it was read."""
        return self.document.images if self.document is not None else ()

    @property
    def is_empty(self) -> bool:
        """Whether it names images and says nothing of them."""
        if self.document is None or not self.document.images:
            return False
        return not any(self.document.annotations.values())


def recognition(folder: Path) -> Recognition:
    """Returns how certain it is that a folder is a COCO set, and the options that read it."""
    seen = glance(folder)
    files: dict[str, _File] = {}
    faults: list[str] = []
    for path in seen.ending("json")[:_MOST_FILES]:
        try:
            found = _look(folder / path)
        except (DataError, OSError) as error:
            faults.append(str(error).replace(f"{folder}/", "").partition("\n")[0])
            continue
        if found is not None and (found.holds or found.is_empty):
            files[path] = found
    if not any(found.holds for found in files.values()):
        reason = f"no JSON file with images and annotations lies in it{_and(faults)}"
        return Recognition(certainty=0, reason=reason)
    files = {path: replace(found, holds=_holds(path, files)) for path, found in files.items()}
    return _recognition(files, seen, faults)


def _holds(path: str, files: Mapping[str, _File]) -> tuple[str, ...]:
    """Returns what a file holds; an empty one holds what those of other splits under its name do.

    Not so what another such file of its split holds, and captions, which every image must have.
    """
    split = split_in(path)
    if not files[path].is_empty or split is None:
        return files[path].holds
    alike = [other for other in files if _kind(other) == _kind(path)]
    held = {name for other in alike for name in files[other].holds}
    taken = {name for other in alike if split_in(other) == split for name in files[other].holds}
    return tuple(name for name in KEYS if name in held - taken and name != "text")


def _kind(path: str) -> list[str]:
    """Returns the words in the name of a file that name no split."""
    words = re.findall("[A-Za-z]+", path.rpartition("/")[2])
    return [word for word in words if split_named(word) is None]


def _and(faults: Sequence[str]) -> str:
    return f"; {faults[0]}" if faults else ""


def _look(path: Path) -> _File | None:
    """Returns what a file holds; None if it has no annotations."""
    size = path.stat().st_size
    with path.open("rb") as file:
        ends = file.read(_HEAD_BYTES)
        file.seek(max(0, size - _HEAD_BYTES))
        ends += file.read()
    if b'"images"' not in ends and b'"annotations"' not in ends:
        return None
    if size > _READ_BYTES:
        return _File(holds=_by_name(path.name))
    document = coco.read(path)
    held = tuple(name for name in KEYS if holds(name, document))
    # What an export of ours made for one target has boxes for other readers alone.
    stated = stated_by(document)
    return _File(holds=tuple(name for name in held if name in stated) or held, document=document)


def _by_name(name: str) -> tuple[str, ...]:
    """Returns what the name of a file promises; boxes if it says nothing."""
    named = [kind for kind, words in _WORDS.items() if any(word in name for word in words)]
    return tuple(named) or ("objects",)


def _recognition(files: Mapping[str, _File], seen: Glance, faults: Sequence[str]) -> Recognition:
    options = _options(files)
    chosen = sorted({path for option in options.values() for path in _files(option)})
    documents = [document for path in chosen if (document := files[path].document) is not None]
    images = {name for document in documents for name in document.images}
    whole = len(documents) == len(chosen)
    least = "" if whole else "at least "
    count = max(sum(len(files[path].images) for path in _files(each)) for each in options.values())
    classes = list(dict.fromkeys(each.name for found in documents for each in found.categories))
    left = sorted(files.keys() - set(chosen))
    shown = f"{least}{count} images, {len(classes)} categories: {shortened(classes)}"
    if not documents:
        shown = "their files are too large to be looked into, so their names are trusted"
    reason = (
        f"{shortened(chosen, limit=2)} annotate {', '.join(options)} ({shown})"
        + (f"; not used: {shortened(left)}" if left else "")
        + _and(faults)
    )
    there = {path.rpartition("/")[2] for path in seen.images}
    missing = sum(name.rpartition("/")[2] not in there for name in images)
    if missing and seen.complete:
        return Recognition(certainty=0.3, reason=f"{reason}; but {missing} of these are not there")
    return Recognition(
        certainty=0.95,
        reason=reason,
        options={"path": ".", **options},
        comments={"path": shown, **{name: _COMMENTS[name] for name in options}},
    )


_COMMENTS: Mapping[str, str] = {
    "objects": "boxes; split: annotation file",
    "mask": "a class for each pixel, made of the segmentations; remove what you do not need",
    "keypoints": "points of every object; remove what you do not need",
    "text": "captions, several on a line each; remove what you do not need",
}


def _is_stuff(path: str) -> bool:
    """Whether a file is one of masks, the boxes of which are those of whole classes."""
    return path.rpartition("/")[2].startswith("stuff_")


def _files(option: Option) -> Sequence[str]:
    return [option] if isinstance(option, str) else list(option.values())


def _options(files: Mapping[str, _File]) -> dict[str, Option]:
    """Returns, for each target, the file or the files by split that hold it.

    Targets that are not there for all splits of the first are left out.
    """
    options: dict[str, Option] = {}
    for name in KEYS:
        holding = [path for path, each in files.items() if name in each.holds]
        if name == "objects":
            holding = [path for path in holding if not _is_stuff(path)]
        option = _option(name, holding)
        if option is not None and _fits(option, next(iter(options.values()), option), files):
            options[name] = option
    return options


def _option(name: str, paths: Sequence[str]) -> Option | None:
    if not paths:
        return None
    by_split: dict[str, list[str]] = {}
    for path in paths:
        by_split.setdefault(split_in(path) or "", []).append(path)
    if "" in by_split:
        return _best(name, by_split[""])
    splits = sorted(by_split, key=list(SPLIT_WORDS.values()).index)
    return {split: _best(name, by_split[split]) for split in splits}


def _best(name: str, paths: Sequence[str]) -> str:
    for word in _WORDS[name]:
        for path in sorted(paths):
            if word in path.rpartition("/")[2]:
                return path
    return min(paths)


def _fits(option: Option, first: Option, files: Mapping[str, _File]) -> bool:
    """Whether two options name files of the same images, split by split."""
    if isinstance(option, str) or isinstance(first, str):
        pairs = [(option, first)] if isinstance(option, str) and isinstance(first, str) else []
    else:
        pairs = [(option[split], first[split]) for split in option if split in first]
        if option.keys() != first.keys():
            return False
    return bool(pairs) and all(_same_images(files[one], files[other]) for one, other in pairs)


def _same_images(one: _File, other: _File) -> bool:
    if one.document is None or other.document is None:
        return True
    return one.document.images.keys() == other.document.images.keys()
