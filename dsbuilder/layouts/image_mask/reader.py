"""Images and masks that lie in two folders under the same names."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from dsbuilder.layouts.catalog import SourceCatalog
from dsbuilder.layouts.image_mask.format import ImagesWithMasks, Side, paired
from dsbuilder.layouts.image_mask.signs import signs_of
from dsbuilder.layouts.mask_names import MaskNames
from dsbuilder.layouts.splits import stated_splits
from dsbuilder.layouts.tree import Tree, scan
from dsbuilder.plugin import (
    Catalog,
    DataError,
    Listing,
    Record,
    Signs,
    Source,
    did_you_mean,
    source,
)
from dsbuilder.plugin.sources import told


@source("image_mask")
@dataclass(frozen=True, kw_only=True)
class ImageMask(Source):
    """Reads images with a mask each, which says the class of every pixel.

        path/                   path/                    path/
          images/                 train/                   images/
            a.jpg                   images/a.jpg             train/a.jpg
            in/b.jpg                masks/a.png              test/b.jpg
          masks/                  test/                    masks/
            a.png                   images/b.jpg             train/a.png
            in/b.png                masks/b.png              test/b.png

    A mask belongs to the image whose path is the same but for the folder's name, the ends of the
    names, and the extension. Folders with splits' names at the top, or below those of the images
    and the masks, are splits if every image lies in one. Masks are palettes, gray values, or
    colors that `colors` maps; no JPEG, which does not keep values. Other files are skipped,
    counted, and reported. The key of a record is its image's path below `path`.

    Attributes:
      path: the folder at the top.
      images, masks: names of the folders; `.` stands for any.
      image_suffix, mask_suffix: what names of images and of masks end in beside, before the
        extension, such as _mask.
      classes: class names in id order. Without `colors` the stored values are the ids.
      colors: color or stored value -> class, such as {'#ff0000': road} or {0: road, 7: sky}.
        Without `classes` ids follow the order in which classes first appear here.
      ignore: the color or the stored value of pixels that are of no class, such as 255.
      group_folders: whether the images of one folder below `images` are a group, which never ends
        in two splits, such as those of a patient.
      skip_unpaired: whether images without a mask, and masks without an image, are skipped and
        reported; otherwise they are records with an error.
    """

    path: Path
    images: str = "images"
    masks: str = "masks"
    image_suffix: str = ""
    mask_suffix: str = ""
    classes: tuple[str, ...] | None = None
    colors: Mapping[str, str] | None = None
    ignore: str | None = None
    group_folders: bool = False
    skip_unpaired: bool = False

    def __post_init__(self) -> None:
        _ = self.mask_names
        if self.images == self.masks and self.image_suffix == self.mask_suffix:
            raise ValueError(
                "expected images and masks in two folders or with two suffixes, found the same. "
                "Set mask_suffix."
            )

    @property
    def mask_names(self) -> MaskNames:
        """What the options say of the values in masks."""
        return MaskNames(classes=self.classes, colors=self.colors, ignore=self.ignore)

    @classmethod
    def signs(cls, folder: Path) -> Signs:
        """Looks for images and masks that lie in two folders under the same names.

        A few masks are opened, since their values alone say how many classes there are.
        """
        return signs_of(folder)

    def open(self) -> Catalog:
        """Returns the catalog of the two folders, in the order of the keys.

        Raises (when it is listed):
          DataError: there are no pairs. An image without a mask or with several, and a mask
            without an image, is a record with an error.
        """
        return _ImageMaskCatalog(self)


class _ImageMaskCatalog(SourceCatalog[ImageMask]):
    def scan(self) -> Listing:
        source = self._source
        tree = scan(source.path)
        image = Side(noun="image", folder=source.images, suffix=source.image_suffix)
        mask = Side(noun="mask", folder=source.masks, suffix=source.mask_suffix)
        found = paired(tree.images(), image=image, mask=mask)
        if not found.pairs:
            unclear = [f"{source.path}: {why}" for why in found.unclear.values()]
            raise DataError(told(unclear) if unclear else _nothing_found(source, tree))
        return Listing(
            records=[*_records(source, found), *_unpaired(source, found)],
            targets={"mask": source.mask_names.target},
            notes=_notes(tree, found),
        )

    def watches(self) -> Sequence[Path]:
        return scan(self._source.path).below(self._source.path)


def _records(source: ImageMask, found: ImagesWithMasks) -> Iterator[Record]:
    values = source.mask_names.values
    mapped = {} if values is None else {"values": values}
    splits = stated_splits(list(found.pairs))
    for (common, (image, mask)), split in zip(found.pairs.items(), splits, strict=True):
        folder = PurePosixPath(common).parent.as_posix()
        path = source.path / mask
        yield Record(
            key=image,
            path=source.path / image,
            targets={"mask": {"path": str(path), **mapped}},
            group=folder if source.group_folders and folder != "." else None,
            split=split,
            files=(path,),
        )


def _unpaired(source: ImageMask, found: ImagesWithMasks) -> Iterator[Record]:
    """Yields a record with an error for every file that lacks its other one, or has several."""
    errors = dict(found.unclear)
    for noun, other, alone in (
        ("image", "mask", found.images),
        ("mask", "image", found.masks),
    ):
        if not source.skip_unpaired:
            errors |= {path: _alone(noun, other, path) for path in alone}
    for path, error in errors.items():
        where = source.path / path
        yield Record(key=path, path=where, error=f"{source.path}: {error}")


def _alone(noun: str, other: str, path: str) -> str:
    return (
        f"there is no {other} for the {noun} '{path}'. Add it, say how names differ with "
        "mask_suffix, or set skip_unpaired: true."
    )


def _nothing_found(source: ImageMask, tree: Tree) -> str:
    folders = sorted({PurePosixPath(path).name for path in tree.folders})
    absent = [name for name in (source.images, source.masks) if name not in (".", *folders)]
    hint = did_you_mean(absent[0], folders) if absent else " Say how names differ with mask_suffix."
    return (
        f"{source.path}: expected images below '{source.images}' and masks of the same names below "
        f"'{source.masks}', found no pair among {len(tree.images())} images.{hint}"
    )


def _notes(tree: Tree, found: ImagesWithMasks) -> list[str]:
    """Says what was not read."""
    skipped = tree.skipped(found.read | set(found.images) | set(found.masks))
    unpaired = {"images without a mask": found.images, "masks without an image": found.masks}
    return tree.notes(skipped + Counter({kind: len(paths) for kind, paths in unpaired.items()}))
