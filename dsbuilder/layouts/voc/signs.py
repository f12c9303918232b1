"""What of a folder speaks for a Pascal VOC set, and where its parts lie."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from dsbuilder.errors import shortened
from dsbuilder.layouts import sidecar
from dsbuilder.layouts.glance import Glance, glance
from dsbuilder.layouts.voc import format as voc
from dsbuilder.plugin import Boxes, DataError, Mask, Signs

_TRIED = 20


def signs_of(folder: Path) -> Signs:
    """Returns what speaks for a VOC set, and the options that read it."""
    seen = glance(folder)
    files = seen.ending("xml")
    if not files:
        return Signs(reason="no XML file lies in it")
    good, classes, fault = _tried(folder, files[:: max(1, len(files) // _TRIED)][:_TRIED])
    if not good:
        return Signs(reason=f"no XML file annotates an image; {fault}")
    shown = f"classes such as {shortened(classes)}" if classes else "no object in those looked at"
    tops = {path.partition(f"{voc.ANNOTATIONS}/")[0] for path in files if _in_kit(path)}
    kits = sorted(top for top in tops if any(_below(seen.images, f"{top}{voc.IMAGES}/")))
    return _of_kit(folder, kits, seen, shown) if kits else _of_others(seen, files, shown)


def _in_kit(path: str) -> bool:
    return f"{voc.ANNOTATIONS}/" in path


def _tried(folder: Path, files: Iterable[str]) -> tuple[int, list[str], str]:
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
    return good, sorted(classes), fault or "none has objects or a size"


def _of_others(seen: Glance, files: Sequence[str], shown: str) -> Signs:
    """Returns the signs of images and XML files in other folders than those of the kit."""
    stems = {_stem(path) for path in files}
    images = [path for path in seen.images if _stem(path) in stems]
    if not images:
        noted = seen.count(len(files), "XML file")
        return Signs(reason=f"{noted} of boxes, but no image of the same name")
    is_beside = bool({_bare(path) for path in files} & {_bare(path) for path in images})
    return Signs(
        reason=f"{seen.count(len(images), 'image')} with an XML file of boxes; {shown}",
        evidence="arranged",
        explained=len(images) / len(seen.images),
        options={
            "path": ".",
            "images": "." if is_beside else _common(images),
            "annotations": "." if is_beside else _common(files),
        },
        comments={"path": shown},
    )


def _of_kit(folder: Path, tops: Sequence[str], seen: Glance, shown: str) -> Signs:
    """Returns the signs of the folders of the development kit, or of several such."""
    top, *others = tops
    images = list(_below(seen.images, f"{top}{voc.IMAGES}/"))
    masks = sum(path.endswith(".png") for path in _below(seen.files, f"{top}{voc.MASKS}/"))
    notes = sum(1 for _ in _below(seen.ending("xml"), f"{top}{voc.ANNOTATIONS}/"))
    options: dict[str, object] = {"path": top.rstrip("/") or "."}
    comment = shown
    if masks >= len(images):
        options["mask"] = True
        options |= {"objects": False} if _has_masks_alone(folder / top) else {}
    elif masks:
        comment = f"{shown}; mask: true reads {masks} masks as well"
    return Signs(
        reason=(
            f"{voc.ANNOTATIONS} and {voc.IMAGES}: {seen.count(len(images), 'image')}, "
            f"{seen.count(notes, 'XML file')}, {seen.count(masks, 'mask')}; {shown}"
            + (f"; not used: {shortened(others)}" if others else "")
        ),
        evidence="declared",
        options=options,
        comments={"path": comment},
    )


def _has_masks_alone(folder: Path) -> bool:
    """Whether the sidecar of an export states masks and no boxes."""
    kinds = {type(each) for each in sidecar.stated_targets(folder).values()}
    return Mask in kinds and Boxes not in kinds


def _below(paths: Iterable[str], start: str) -> Iterable[str]:
    return (path for path in paths if path.startswith(start))


def _bare(path: str) -> str:
    return path.rpartition(".")[0]


def _stem(path: str) -> str:
    return _bare(path.rpartition("/")[2])


def _common(paths: Iterable[str]) -> str:
    return os.path.commonpath([os.path.dirname(path) for path in paths]) or "."  # noqa: PTH120 - text
