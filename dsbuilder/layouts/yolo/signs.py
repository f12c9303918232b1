"""Says whether a folder is a YOLO set, and what its label files hold."""

import contextlib
from collections.abc import Sequence
from pathlib import Path

from dsbuilder.errors import shortened
from dsbuilder.layouts.faults import Faults
from dsbuilder.layouts.glance import Glance, glance
from dsbuilder.layouts.yolo import format as yolo
from dsbuilder.layouts.yolo.line import Row
from dsbuilder.plugin import DataError, Recognition

YAML = ("yaml", "yml")
_MOST_BYTES = 1 << 20
_TRIED = 20


def recognition(folder: Path) -> Recognition:
    """Returns how certain it is that a folder is a YOLO set, and the options that read it."""
    seen = glance(folder)
    candidates = [path for path in seen.ending(*YAML) if path.count("/") <= 1]
    if not candidates:
        return Recognition(certainty=0, reason="no data.yaml lies in it")
    for path in sorted(candidates, key=lambda each: (each.count("/"), "data.yaml" not in each)):
        data = _data_of(folder / path)
        if data is not None:
            return _recognition(folder, path, data, seen)
    return Recognition(
        certainty=0, reason=f"{shortened(candidates)}: no names of classes and places of images"
    )


def _recognition(folder: Path, path: str, data: yolo.Data, seen: Glance) -> Recognition:
    place, slash, name = path.rpartition("/")
    start = place + slash
    below = [each.removeprefix(start) for each in seen.images if each.startswith(start)]
    labels = {each.removeprefix(start) for each in seen.ending("txt") if each.startswith(start)}
    labelled = [image for image in below if yolo.label_path(image) in labels]
    names = tuple(data.names.values())
    found = f"'{path}' names {len(names)} classes and places of {', '.join(data.places)}"
    if not labelled:
        images = seen.count(len(below), "image")
        return Recognition(certainty=0, reason=f"{found}, but none of {images} has a label file")
    options: dict[str, object] = {"path": place or "."}
    comments = {"path": f"{len(names)} classes: {shortened(names)}"}
    if name != "data.yaml":
        options["data"] = name
    there = [split for split in data.places if _is_there(data.places[split], below)]
    if there and len(there) < len(data.places):
        options["only"] = there
        missing = shortened(data.places.keys() - set(there))
        comments["only"] = f"data.yaml also names {missing}, of which there is no image"
    tried = [folder / start / yolo.label_path(each) for each in labelled[:_TRIED]]
    if data.pose is None and _has_polygons(tried, data):
        options["polygons"] = "both"
        comments["polygons"] = "boxes, those around polygons; mask, a class for each pixel; both"
    if data.pose is not None:
        found += f", {len(data.pose.names)} keypoints"
    return Recognition(
        certainty=0.95,
        reason=f"{found}; {seen.count(len(labelled), 'image')} with a label file",
        options=options,
        comments=comments,
    )


def _has_polygons(files: Sequence[Path], data: yolo.Data) -> bool:
    """Whether every line of some label files is a polygon, and there is one."""
    rows: list[Row] = []
    for path in files:
        with contextlib.suppress(DataError, OSError):
            if path.stat().st_size <= _MOST_BYTES:
                rows += yolo.read_labels(path, data.names, Faults()).rows
    return bool(rows) and all(row.polygon for row in rows)


def _is_there(places: Sequence[str], images: Sequence[str]) -> bool:
    """Whether images lie where places lead, as far as names alone tell."""
    ends = [place.replace("\\", "/").strip("./") for place in places]
    return any(
        end.endswith(".txt") or f"/{end}/" in f"/{image}" for end in ends for image in images
    )


def _data_of(path: Path) -> yolo.Data | None:
    try:
        if path.stat().st_size > _MOST_BYTES:
            return None
        data = yolo.read_data(path)
    except (DataError, OSError):
        return None
    return data if data.places else None
