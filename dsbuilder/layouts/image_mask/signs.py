"""Whether images and masks lie in two folders, guessed from the names of folders and files."""

from pathlib import Path, PurePosixPath

from dsbuilder.layouts.glance import Glance
from dsbuilder.layouts.image_mask.format import Side, likeliest_suffix, paired
from dsbuilder.layouts.mask_names import guessed
from dsbuilder.plugin import DataError, Recognition

_IMAGES = ("images", "image", "imgs", "img", "jpegimages", "leftimg8bit", "photos", "inputs", "x")
_MASKS = (
    *("masks", "mask", "labels", "label", "annotations", "segmentation", "segmentations", "gt"),
    *("segmentationclass", "gtfine", "groundtruth", "ground_truth", "targets", "trimaps", "y"),
)
"""Names, in small letters, that the two folders have elsewhere, the likeliest first."""
_SHARE = 0.5
_OF_VOC = 0.5
"""How much less certain masks are where XML files annotate the images, as Pascal VOC has both."""


def recognised(folder: Path, seen: Glance) -> Recognition:
    """Returns what speaks for images and masks of the two folders that fit best."""
    paths = {PurePosixPath(each).name.lower(): each for each in reversed(seen.folders)}
    names = {word: PurePosixPath(path).name for word, path in paths.items()}
    # A folder of masks alone may lie deeper: `annotations/trimaps` beside `images`.
    masks = [names[word] for word in _MASKS if word in names]
    masks += [paths[word] for word in _MASKS if "/" in paths.get(word, "")]
    best = Recognition(certainty=0, reason="no folders such as images and masks lie in it")
    for image in (names[word] for word in _IMAGES if word in names):
        for mask in masks:
            guess = _guess(folder, seen, image=image, mask=mask)
            if guess.certainty > best.certainty or not best.certainty:
                best = guess
    return best


def _guess(folder: Path, seen: Glance, *, image: str, mask: str) -> Recognition:
    """Returns how well two folders fit."""
    suffix = likeliest_suffix(seen.images, image=image, mask=mask)
    sides = Side(noun="image", folder=image), Side(noun="mask", folder=mask, suffix=suffix)
    try:
        found = paired(seen.images, image=sides[0], mask=sides[1])
    except DataError as error:
        return Recognition(certainty=0, reason=str(error))
    if not found.pairs:
        reason = f"'{image}' and '{mask}' have no names of images in common"
        return Recognition(certainty=0, reason=reason)
    names = guessed([folder / path for _, path in found.pairs.values()])
    if not names:
        reason = f"what lies in '{mask}' under the names of images are no lossless masks"
        return Recognition(certainty=0, reason=reason)
    lone = len(found.images) + len(found.masks)
    share = len(found.pairs) / (len(found.pairs) + lone)
    options = {"path": ".", "images": image, "masks": mask, "mask_suffix": suffix, **names}
    defaults = {"images": "images", "masks": "masks", "mask_suffix": ""}
    count = seen.count(len(found.pairs), "image")
    notes = len(seen.ending("xml"))
    is_annotated = 2 * notes >= len(found.pairs) + len(found.images)
    certainty = 0.9 * share if share > _SHARE else 0.2
    return Recognition(
        certainty=_OF_VOC * certainty if is_annotated else certainty,
        reason=f"{count} with a mask of the same name in '{image}' and '{mask}'"
        + (f"; {lone} images or masks have no partner" if lone else "")
        + (f"; but {seen.count(notes, 'XML file')} may say more of them" if is_annotated else ""),
        options={
            **{name: value for name, value in options.items() if defaults.get(name) != value},
            **({"skip_unpaired": True} if lone else {}),
        },
        comments={
            "path": f"{count} with a mask",
            "colors" if "colors" in names else "classes": "as far as a few masks show; give "
            "them their names",
        },
    )
