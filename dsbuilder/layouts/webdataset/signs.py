"""What of a folder speaks for tar files of samples, and what of these is which label."""

from collections import Counter
from itertools import islice
from pathlib import Path

from dsbuilder.errors import shortened
from dsbuilder.layouts import sidecar
from dsbuilder.layouts.glance import Glance, glance
from dsbuilder.layouts.webdataset.format import CLASS, JSON, TAR, TEXT, TarSample, samples
from dsbuilder.plugin import DataError, Signs

_TRIED = 100
_MOST_BYTES = 1 << 20
_KEYS = {
    "label": ("label", "class", "class_name", "category"),
    "labels": ("labels", "classes", "tags"),
    "value": ("value", "score", "price"),
    "text": ("text", "caption"),
}
"""Keys of JSON that say what an image is labeled with, the likeliest first."""


def signs_of(folder: Path) -> Signs:
    """Returns what speaks for samples in tar files, and the options that read them."""
    seen = glance(folder)
    shards = seen.ending(TAR)
    if not shards:
        return Signs(reason="no .tar file lies in it")
    places = {path.rpartition("/")[0] for path in shards}
    place = places.pop() if len(places) == 1 else ""
    options: dict[str, object] = {"path": place or "."}
    try:
        stated = sidecar.read(folder / place)
        if stated is not None:
            shown = ", ".join(stated.targets) or "no targets"
            reason = f"an export of dsbuilder: {seen.count(len(shards), 'tar file')} of {shown}"
            return Signs(reason=reason, evidence="declared", options=options)
        return _plain(folder, seen, shards, options)
    except (DataError, OSError) as error:
        return Signs(reason=str(error).splitlines()[0].replace(f"{folder}/", ""))


def _plain(
    folder: Path, seen: Glance, shards: tuple[str, ...], options: dict[str, object]
) -> Signs:
    tried = list(islice(samples(folder / shards[0], Counter(), {}), _TRIED))
    count = seen.count(len(shards), "tar file")
    if not any(map(_has_image, tried)):
        return Signs(reason=f"{count}, but no sample with an image in the first")
    endings = Counter(ending for sample in tried for ending in sample.files)
    shown = shortened(f".{ending}" for ending, _ in endings.most_common())
    found = f"{count}; samples of {shown} in '{shards[0]}'"
    contradictions = seen.loose_images(len(shards))
    first = tried[0]
    if not {CLASS, TEXT} & first.files.keys():
        guess = _keys_of(first)
        if not guess:
            contradictions.append("nothing known labels them")
        options = {**options, **guess}
    return Signs(
        reason=found,
        evidence="arranged",
        contradictions=contradictions,
        options=options,
        comments={"path": found},
    )


def _has_image(sample: TarSample) -> bool:
    try:
        return sample.image(None, ()) is not None
    except DataError:
        return True  # several; a person says which


def _keys_of(sample: TarSample) -> dict[str, object]:
    """Returns options for the keys of a sample's JSON."""
    file = sample.files.get(JSON)
    if file is None or file.length > _MOST_BYTES:
        return {}
    found = sample.json(JSON)
    if not isinstance(found, dict):
        return {}
    known = {role: [key for key in keys if key in found] for role, keys in _KEYS.items()}
    return {role: f"{JSON}:{keys[0]}" for role, keys in known.items() if keys}
