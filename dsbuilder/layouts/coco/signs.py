"""What of a folder speaks for COCO annotations, and which of its files hold what."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dsbuilder.errors import shortened
from dsbuilder.layouts import sidecar
from dsbuilder.layouts.coco.format import CocoFile, read
from dsbuilder.layouts.coco.kinds import KINDS, written_kinds
from dsbuilder.layouts.faults import FEW
from dsbuilder.layouts.glance import Glance, glance
from dsbuilder.layouts.splits import SPLIT_WORDS, split_in, split_named
from dsbuilder.plugin import DataError, Signs, Target

Option = Mapping[str, str] | str

_MOST_FILES = 200  # sets with a JSON file for every image are others
_READ_BYTES = 1 << 24
_HEAD_BYTES = 1 << 16
_WORDS: Mapping[str, tuple[str, ...]] = {
    "objects": ("instances", "annotations"),
    "instances": ("instances",),
    "mask": ("instances", "stuff"),
    "keypoints": ("keypoints",),
    "text": ("captions",),
}
"""What is read -> words in the usual names of its files, the likeliest first."""
_PROPOSED = tuple(name for name in KINDS if name != "instances")
"""What is proposed of a stranger's files: masks are what can be learnt of segmentations here."""


@dataclass(frozen=True, kw_only=True)
class _SeenFile:
    """What was seen of an annotation file.

    Attributes:
      holds: names of what it holds, of those of `KINDS`.
      content: what it says; None of a file that is too large to be read here.
    """

    holds: tuple[str, ...]
    content: CocoFile | None = None

    @property
    def images(self) -> Collection[str]:
        """What it names, as far as it was read."""
        return self.content.images if self.content is not None else ()

    @property
    def is_empty(self) -> bool:
        """Whether it names images and says nothing of them."""
        if self.content is None or not self.content.images:
            return False
        return not any(self.content.annotations.values())


def signs_of(folder: Path) -> Signs:
    """Returns what speaks for COCO annotations, and the options that read them."""
    seen = glance(folder)
    exported = _exported(folder)
    files: dict[str, _SeenFile] = {}
    faults: list[str] = []
    for path in [each for each in seen.ending("json") if each != sidecar.NAME][:_MOST_FILES]:
        try:
            found = _look(folder / path, exported.get(path.rpartition("_")[0]))
        except (DataError, OSError) as error:
            faults.append(str(error).replace(f"{folder}/", "").partition("\n")[0])
            continue
        if found is not None and (found.holds or found.is_empty):
            files[path] = found
    if not any(found.holds for found in files.values()):
        return Signs(reason=f"no JSON file with images and annotations lies in it{_and(faults)}")
    files = {path: replace(found, holds=_holds(path, files)) for path, found in files.items()}
    return _signs(files, seen, faults)


def _exported(folder: Path) -> dict[str, str]:
    """Returns what files of an export hold, by what their paths begin with, if it is one of ours.

    One that was made for a target has boxes for other readers alone.
    """
    kinds = {type(each) for each in sidecar.stated_targets(folder).values()}
    return {f"annotations/{each.file}": name for name, each in written_kinds(kinds).items()}


def exported_files(folder: Path, targets: Mapping[str, Target]) -> dict[str, dict[str, str]]:
    """Returns the files of an export of ours by what of `KINDS` they hold, and by split.

    Args:
      targets: those that the export holds.
    """
    made = written_kinds({type(each) for each in targets.values()})
    splits = [
        split
        for split in dict.fromkeys(SPLIT_WORDS.values())
        if any((folder / each.place(split)).is_file() for each in made.values())
    ]
    if not splits:
        return {}
    return {name: {split: each.place(split) for split in splits} for name, each in made.items()}


def _holds(path: str, files: Mapping[str, _SeenFile]) -> tuple[str, ...]:
    """Returns what a file holds; an empty one holds what those of other splits under its name do.

    Not so what another such file of its split holds, and captions, which every image must have.
    """
    found, split = files[path], split_in(path)
    if found.holds or not found.is_empty or split is None:
        return found.holds
    alike = [other for other in files if _kind(other) == _kind(path)]
    held = {name for other in alike for name in files[other].holds}
    taken = {name for other in alike if split_in(other) == split for name in files[other].holds}
    return tuple(name for name in KINDS if name in held - taken and name != "text")


def _kind(path: str) -> list[str]:
    """Returns the words in the name of a file that name no split."""
    words = re.findall("[A-Za-z]+", path.rpartition("/")[2])
    return [word for word in words if split_named(word) is None]


def _and(faults: Sequence[str]) -> str:
    return f"; {faults[0]}" if faults else ""


def _look(path: Path, made_for: str | None) -> _SeenFile | None:
    """Returns what a file holds; None if it has no annotations.

    Args:
      made_for: what of `KINDS` an export of ours made it for, if it did.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        ends = file.read(_HEAD_BYTES)
        file.seek(max(0, size - _HEAD_BYTES))
        ends += file.read()
    if b'"images"' not in ends and b'"annotations"' not in ends:
        return None
    made = () if made_for is None else (made_for,)
    if size > _READ_BYTES:
        return _SeenFile(holds=made or _by_name(path.name))
    content = read(path)
    held = tuple(name for name in _PROPOSED if content.holds(name))
    return _SeenFile(holds=made or held, content=content)


def _by_name(name: str) -> tuple[str, ...]:
    """Returns what the name of a file promises; boxes if it says nothing."""
    named = [kind for kind in _PROPOSED if any(word in name for word in _WORDS[kind])]
    return tuple(named) or ("objects",)


def _signs(files: Mapping[str, _SeenFile], seen: Glance, faults: Sequence[str]) -> Signs:
    options = _options(files)
    chosen = sorted({path for option in options.values() for path in _files(option)})
    contents = [content for path in chosen if (content := files[path].content) is not None]
    images = {name for content in contents for name in content.images}
    least = "" if len(contents) == len(chosen) else "at least "
    count = max(sum(len(files[path].images) for path in _files(each)) for each in options.values())
    classes = list(dict.fromkeys(each.name for found in contents for each in found.categories))
    left = sorted(files.keys() - set(chosen))
    shown = f"{least}{count} images, {len(classes)} categories: {shortened(classes)}"
    if not contents:
        shown = "their files are too large to be looked into, so their names are trusted"
    there = {path.rpartition("/")[2] for path in seen.images}
    missing = sum(name.rpartition("/")[2] not in there for name in images) if seen.complete else 0
    few = FEW * len(images)  # a build sets them aside
    return Signs(
        reason=(
            f"{shortened(chosen, limit=2)} annotate {', '.join(options)} ({shown})"
            + (f"; not used: {shortened(left)}" if left else "")
            + _and(faults)
        ),
        evidence="declared",
        explained=1 - missing / len(images) if images else 1.0,
        contradictions=[f"{missing} of these are not there"] if missing > few else [],
        options={"path": ".", **options},
        comments={"path": shown, **{name: _COMMENTS[name] for name in options}},
    )


_COMMENTS: Mapping[str, str] = {
    "objects": "boxes; split: annotation file",
    "instances": "a mask for each object, with its box",
    "mask": "a class for each pixel, made of the segmentations, of which `instances` makes a mask "
    "an object; remove what you do not need",
    "keypoints": "points of every object; remove what you do not need",
    "text": "captions, several on a line each; remove what you do not need",
}


def _is_stuff(path: str) -> bool:
    """Whether a file is one of masks, the boxes of which are those of whole classes."""
    return path.rpartition("/")[2].startswith("stuff_")


def _files(option: Option) -> Sequence[str]:
    return [option] if isinstance(option, str) else list(option.values())


def _options(files: Mapping[str, _SeenFile]) -> dict[str, Option]:
    """Returns, for each target, the file or the files by split that hold it.

    Targets that are not there for all splits of the first are left out.
    """
    options: dict[str, Option] = {}
    for name in KINDS:
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


def _fits(option: Option, first: Option, files: Mapping[str, _SeenFile]) -> bool:
    """Whether two options name files of the same images, split by split."""
    if isinstance(option, str) or isinstance(first, str):
        pairs = [(option, first)] if isinstance(option, str) and isinstance(first, str) else []
    else:
        pairs = [(option[split], first[split]) for split in option if split in first]
        if option.keys() != first.keys():
            return False
    return bool(pairs) and all(_same_images(files[one], files[other]) for one, other in pairs)


def _same_images(one: _SeenFile, other: _SeenFile) -> bool:
    if one.content is None or other.content is None:
        return True
    return one.content.images.keys() == other.content.images.keys()
