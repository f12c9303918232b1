"""What of a folder speaks for images and masks in two folders under the same names."""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from dsbuilder.layouts.glance import Glance, glance
from dsbuilder.layouts.image_mask.format import ImagesWithMasks, Side, likeliest_suffix, paired
from dsbuilder.layouts.mask_names import guessed
from dsbuilder.plugin import Signs

_IMAGES = ("images", "image", "imgs", "img", "jpegimages", "leftimg8bit", "photos", "inputs", "x")
_MASKS = (
    *("masks", "mask", "labels", "label", "annotations", "segmentation", "segmentations", "gt"),
    *("segmentationclass", "gtfine", "groundtruth", "ground_truth", "targets", "trimaps", "y"),
)
"""Names, in small letters, that the two folders have elsewhere, the likeliest first."""


def signs_of(folder: Path) -> Signs:
    """Returns what speaks for images and masks of the two folders that fit best."""
    seen = glance(folder)
    paths = {PurePosixPath(each).name.lower(): each for each in reversed(seen.folders)}
    names = {word: PurePosixPath(path).name for word, path in paths.items()}
    # A folder of masks alone may lie deeper: `annotations/trimaps` beside `images`.
    masks = [names[word] for word in _MASKS if word in names]
    masks += [paths[word] for word in _MASKS if "/" in paths.get(word, "")]
    best = Signs(reason="no folders such as images and masks lie in it")
    for image in (names[word] for word in _IMAGES if word in names):
        for mask in masks:
            guess = _guess(folder, seen, image=image, mask=mask)
            if best.evidence is None or (guess.evidence and guess.explained > best.explained):
                best = guess
    return best


def _guess(folder: Path, seen: Glance, *, image: str, mask: str) -> Signs:
    """Returns how well two folders fit."""
    suffix = likeliest_suffix(seen.images, image=image, mask=mask)
    sides = Side(noun="image", folder=image), Side(noun="mask", folder=mask, suffix=suffix)
    found = paired(seen.images, image=sides[0], mask=sides[1])
    if found.unclear and not found.pairs:
        return Signs(reason=next(iter(found.unclear.values())))
    if not found.pairs:
        return Signs(reason=f"'{image}' and '{mask}' have no names of images in common")
    names = guessed([folder / path for _, path in found.pairs.values()])
    if not names:
        reason = f"what lies in '{mask}' under the names of images are no lossless masks"
        return Signs(reason=reason)
    lone = len(found.images) + len(found.masks)
    count = seen.count(len(found.pairs), "image")
    return Signs(
        reason=f"{count} with a mask of the same name in '{image}' and '{mask}'"
        + (f"; {lone} images or masks have no partner" if lone else ""),
        evidence="arranged",
        explained=len(found.pairs) / (len(found.pairs) + lone),
        contradictions=_contradictions(seen, found),
        options=_options(image, mask, suffix, names, is_whole=not lone),
        comments={
            "path": f"{count} with a mask",
            "colors" if "colors" in names else "classes": "as far as a few masks show; give "
            "them their names",
        },
    )


def _options(
    image: str, mask: str, suffix: str, names: Mapping[str, object], *, is_whole: bool
) -> dict[str, object]:
    """Returns the options that are not the defaults, and the path."""
    found = {"images": image, "masks": mask, "mask_suffix": suffix}
    usual = {"images": "images", "masks": "masks", "mask_suffix": ""}
    odd = {option: value for option, value in found.items() if value != usual[option]}
    return {"path": ".", **odd, **names, **({} if is_whole else {"skip_unpaired": True})}


def _contradictions(seen: Glance, found: ImagesWithMasks) -> list[str]:
    """XML files annotate the images of Pascal VOC, which has masks as well."""
    notes = len(seen.ending("xml"))
    if 2 * notes < len(found.pairs) + len(found.images):
        return []
    return [f"{seen.count(notes, 'XML file')} may say more of them"]
