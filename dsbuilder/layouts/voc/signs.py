"""Says whether a folder is a Pascal VOC set, and where its parts lie."""

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

from dsbuilder.errors import shortened
from dsbuilder.layouts.glance import Glance, glance
from dsbuilder.layouts.voc import format as voc
from dsbuilder.layouts.voc.classes import LABELMAP, stated_by
from dsbuilder.plugin import DataError, Recognition

_TRIED = 20
_IMAGES, _ANNOTATIONS, _MASKS = "JPEGImages", "Annotations", "SegmentationClass"


def recognition(folder: Path) -> Recognition:
    """Returns how certain it is that a folder is a VOC set, and the options that read it."""
    seen = glance(folder)
    files = seen.ending("xml")
    if not files:
        return Recognition(certainty=0, reason="no XML file lies in it")
    good, classes, fault = _tried(folder, files[:: max(1, len(files) // _TRIED)][:_TRIED])
    if not good:
        return Recognition(certainty=0, reason=f"no XML file annotates an image; {fault}")
    return _recognition(folder, seen, files, sorted(classes))


def _tried(folder: Path, files: Iterable[str]) -> tuple[int, set[str], str]:
    """Returns how many of some files are annotations, the classes in them, and a fault."""
    good, classes, fault = 0, set[str](), ""
    for path in files:
        try:
            annotation = voc.read(folder / path)
        except (DataError, OSError) as error:
            fault = fault or str(error).replace(f"{folder}/", "")
            continue
        good += bool(annotation.objects or annotation.size)
        classes.update(each.name for each in annotation.objects)
    return good, classes, fault or "none has objects or a size"


def _recognition(
    folder: Path, seen: Glance, files: tuple[str, ...], classes: list[str]
) -> Recognition:
    tops = {path.partition(f"{_ANNOTATIONS}/")[0] for path in files if f"{_ANNOTATIONS}/" in path}
    devkits = sorted(top for top in tops if any(_below(seen.images, f"{top}{_IMAGES}/")))
    if devkits:
        return _of_devkit(folder, devkits, seen, files, classes)
    stems = {path.rpartition("/")[2].removesuffix(".xml"): path for path in files}
    images = [path for path in seen.images if _stem(path) in stems]
    if not images:
        reason = f"{seen.count(len(files), 'XML file')} of boxes, but no image of the same name"
        return Recognition(certainty=0, reason=reason)
    beside = set(map(_bare, files)) & set(map(_bare, images))
    options: dict[str, object] = {"path": "."}
    if beside:
        options |= {"images": ".", "annotations": "."}
    else:
        options |= {"images": _common(images), "annotations": _common(files)}
    found = seen.count(len(images), "image")
    return Recognition(
        certainty=0.9,
        reason=f"{found} with an XML file of boxes; {_shown(classes)}",
        options=options,
        comments={"path": _shown(classes)},
    )


def _of_devkit(
    folder: Path, tops: list[str], seen: Glance, files: tuple[str, ...], classes: list[str]
) -> Recognition:
    top, *others = tops
    images = list(_below(seen.images, f"{top}{_IMAGES}/"))
    masks = sum(path.endswith(".png") for path in _below(seen.files, f"{top}{_MASKS}/"))
    notes = sum(1 for _ in _below(files, f"{top}{_ANNOTATIONS}/"))
    options: dict[str, object] = {"path": top.rstrip("/") or "."}
    if masks >= len(images):
        options["mask"] = True
        options |= {"objects": False} if _has_masks_alone(folder / top) else {}
    reason = (
        f"{_ANNOTATIONS} and {_IMAGES}: {seen.count(len(images), 'image')}, "
        f"{seen.count(notes, 'XML file')}, {seen.count(masks, 'mask')}; {_shown(classes)}"
        + (f"; not used: {shortened(others)}" if others else "")
    )
    comments = {"path": f"{_shown(classes)}; mask: true reads {masks} masks as well"}
    return Recognition(
        certainty=0.98,
        reason=reason,
        options=options,
        comments={"path": _shown(classes)} if not masks or "mask" in options else comments,
    )


def _has_masks_alone(folder: Path) -> bool:
    """Whether an export of ours says of masks, and of no boxes, what they are."""
    with contextlib.suppress(DataError):
        return set(stated_by(folder / LABELMAP)) == {"mask"}
    return False


def _shown(classes: list[str]) -> str:
    return f"classes such as {shortened(classes)}" if classes else "no object in those looked at"


def _below(paths: Iterable[str], start: str) -> Iterable[str]:
    return (path for path in paths if path.startswith(start))


def _bare(path: str) -> str:
    return path.rpartition(".")[0]


def _stem(path: str) -> str:
    return _bare(path.rpartition("/")[2])


def _common(paths: Iterable[str]) -> str:
    return os.path.commonpath([os.path.dirname(path) for path in paths]) or "."  # noqa: PTH120 - text
