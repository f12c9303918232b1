"""Says whether a folder holds tar files of samples, and what of these is which label."""

from collections import Counter
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from dsbuilder.errors import shortened
from dsbuilder.layouts.glance import Glance, glance
from dsbuilder.layouts.signature import SIGNATURE, read_targets
from dsbuilder.layouts.tables import read_text
from dsbuilder.layouts.webdataset import format as webdataset
from dsbuilder.layouts.webdataset.fields import JSON, Contents, image_of
from dsbuilder.plugin import DataError, Recognition

_TRIED = 100
_MOST_BYTES = 1 << 20
_KEYS = {
    "label": ("label", "class", "class_name", "category"),
    "labels": ("labels", "classes", "tags"),
    "value": ("value", "score", "price"),
    "text": ("text", "caption"),
}
"""Keys of JSON that say what an image is labelled with, the likeliest first."""


def recognition(folder: Path) -> Recognition:
    """Returns how certain it is that tar files hold samples, and the options that read them."""
    seen = glance(folder)
    shards = seen.ending(webdataset.TAR)
    if not shards:
        return Recognition(certainty=0, reason="no .tar file lies in it")
    places = {path.rpartition("/")[0] for path in shards}
    place = places.pop() if len(places) == 1 else ""
    try:
        if (folder / place / SIGNATURE).is_file():
            return _exported(folder, place, seen, shards)
        tried = list(islice(webdataset.samples(folder / shards[0], Counter()), _TRIED))
        return _plain(folder, place, seen, shards, tried)
    except (DataError, OSError) as error:
        reason = str(error).splitlines()[0].replace(f"{folder}/", "")
        return Recognition(certainty=0, reason=reason)


def _exported(folder: Path, place: str, seen: Glance, shards: Iterable[str]) -> Recognition:
    file = folder / place / SIGNATURE
    targets = read_targets(read_text(file), SIGNATURE)
    shown = ", ".join(targets) or "no targets"
    return Recognition(
        certainty=0.97,
        reason=f"an export of dsbuilder: {seen.count(len(tuple(shards)), 'tar file')} of {shown}",
        options={"path": place or "."},
    )


def _plain(
    folder: Path, place: str, seen: Glance, shards: tuple[str, ...], tried: list[webdataset.Sample]
) -> Recognition:
    endings = Counter(ending for sample in tried for ending in sample.parts)
    count = seen.count(len(shards), "tar file")
    images = sum(_has_image(sample) for sample in tried)
    if not images:
        return Recognition(certainty=0, reason=f"{count}, but no sample with an image in the first")
    shown = shortened(f".{ending}" for ending, _ in endings.most_common())
    found = f"{count}; samples of {shown} in '{shards[0]}'"
    options: dict[str, object] = {"path": place or "."}
    first = tried[0]
    if not {"cls", "txt"} & first.parts.keys():
        guess = _keys_of(folder / shards[0], first)
        if not guess:
            return Recognition(
                certainty=0.4,
                reason=f"{found}, but nothing known that labels them",
                options=options,
            )
        options |= guess
    comments = {"path": found}
    return Recognition(certainty=0.9, reason=found, options=options, comments=comments)


def _has_image(sample: webdataset.Sample) -> bool:
    try:
        return image_of(sample, None, ()) is not None
    except DataError:
        return True  # several; a person says which


def _keys_of(path: Path, sample: webdataset.Sample) -> dict[str, object]:
    """Returns options for the keys of a sample's JSON."""
    part = sample.parts.get(JSON)
    if part is None or part.size > _MOST_BYTES:
        return {}
    found = Contents(path=path, sample=sample).json(JSON)
    if not isinstance(found, dict):
        return {}
    known = {role: [key for key in keys if key in found] for role, keys in _KEYS.items()}
    return {role: f"{JSON}:{keys[0]}" for role, keys in known.items() if keys}
