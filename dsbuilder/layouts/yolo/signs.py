"""What of a folder speaks for a YOLO set, and what its label files hold."""

import contextlib
from collections.abc import Sequence
from pathlib import Path

from dsbuilder.errors import shortened
from dsbuilder.layouts import sidecar
from dsbuilder.layouts.faults import Faults
from dsbuilder.layouts.glance import Glance, glance
from dsbuilder.layouts.yolo import format as yolo
from dsbuilder.layouts.yolo.line import YoloObject
from dsbuilder.plugin import DataError, Instances, Signs

_MOST_BYTES = 1 << 20
_TRIED = 20


def signs_of(folder: Path) -> Signs:
    """Returns what speaks for a YOLO set, and the options that read it."""
    seen = glance(folder)
    candidates = [path for path in seen.ending(*yolo.YAML) if path.count("/") <= 1]
    if not candidates:
        return Signs(reason="no data.yaml lies in it")
    for path in sorted(candidates, key=lambda each: (each.count("/"), "data.yaml" not in each)):
        data = _data_of(folder / path)
        if data is not None:
            return _signs(folder, path, data, seen)
    return Signs(reason=f"{shortened(candidates)}: no names of classes and places of images")


def _signs(folder: Path, path: str, data: yolo.DataYaml, seen: Glance) -> Signs:
    place, slash, name = path.rpartition("/")
    start = place + slash
    below = [each.removeprefix(start) for each in seen.images if each.startswith(start)]
    labels = {each.removeprefix(start) for each in seen.ending("txt") if each.startswith(start)}
    labeled = [image for image in below if yolo.label_path(image) in labels]
    names = tuple(data.names.values())
    found = f"'{path}' names {len(names)} classes and places of {', '.join(data.places)}"
    if not labeled:
        images = seen.count(len(below), "image")
        return Signs(reason=f"{found}, but none of {images} has a label file")
    options: dict[str, object] = {"path": place or "."}
    comments = {"path": f"{len(names)} classes: {shortened(names)}"}
    if name != "data.yaml":
        options["data"] = name
    there = [split for split in data.places if _is_there(data.places[split], below)]
    if there and len(there) < len(data.places):
        options["only"] = there
        missing = shortened(data.places.keys() - set(there))
        comments["only"] = f"data.yaml also names {missing}, of which there is no image"
    tried = [folder / start / yolo.label_path(each) for each in labeled[:_TRIED]]
    polygons = _polygons(folder / place, tried, data)
    if polygons is not None:
        options["polygons"] = polygons
        comments["polygons"] = (
            "boxes, those around polygons; mask, a class for each pixel; both; instances, a mask "
            "for each object"
        )
    if data.pose is not None:
        found += f", {len(data.pose.names)} keypoints"
    return Signs(
        reason=f"{found}; {seen.count(len(labeled), 'image')} with a label file",
        evidence="declared",
        options=options,
        comments=comments,
    )


def _polygons(root: Path, files: Sequence[Path], data: yolo.DataYaml) -> str | None:
    """Returns how polygons should be read, if some label files hold these alone."""
    if data.pose is not None:
        return None
    kinds = {type(each) for each in sidecar.stated_targets(root).values()}
    if Instances in kinds:
        return "instances"
    if yolo.is_of_masks(kinds):
        return "mask"
    objects: list[YoloObject] = []
    for path in files:
        with contextlib.suppress(DataError, OSError):
            if path.stat().st_size <= _MOST_BYTES:
                objects += yolo.read_labels(path, data.names, Faults()).objects
    return "both" if objects and all(each.polygon for each in objects) else None


def _is_there(places: Sequence[str], images: Sequence[str]) -> bool:
    """Whether images lie where places lead, as far as names alone tell."""
    ends = [place.replace("\\", "/").strip("./") for place in places]
    return any(
        end.endswith(".txt") or f"/{end}/" in f"/{image}" for end in ends for image in images
    )


def _data_of(path: Path) -> yolo.DataYaml | None:
    try:
        if path.stat().st_size > _MOST_BYTES:
            return None
        data = yolo.read_data(path)
    except (DataError, OSError):
        return None
    return data if data.places else None
