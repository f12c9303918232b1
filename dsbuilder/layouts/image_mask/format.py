"""Images and masks under the same names: which file belongs to which."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Side:
    """What tells the files of one side.

    Attributes:
      noun: what errors call such a file.
      folder: name of a folder above them, at any depth; `.` stands for any.
      suffix: what their names end in, before the extension.
    """

    noun: str
    folder: str
    suffix: str = ""

    def common(self, path: str) -> str | None:
        """Returns a path without folder, suffix and extension; None if it has not all of them."""
        stem = path[: path.rindex(".")]
        if not stem.endswith(self.suffix):
            return None
        stem = stem.removesuffix(self.suffix)
        if self.folder == ".":
            return stem
        before, found, rest = f"/{stem}".partition(f"/{self.folder.strip('/')}/")
        return f"{before}/{rest}".strip("/") if found else None


@dataclass(frozen=True, kw_only=True)
class ImagesWithMasks:
    """Images and masks of a folder.

    Attributes:
      pairs: what both paths have in common -> (image, mask).
      images, masks: those that have no partner.
      unclear: those that have several, or that another is like -> what is unclear.
    """

    pairs: dict[str, tuple[str, str]] = field(default_factory=dict)
    images: list[str] = field(default_factory=list)
    masks: list[str] = field(default_factory=list)
    unclear: dict[str, str] = field(default_factory=dict)

    @property
    def read(self) -> set[str]:
        """Every file of a pair."""
        return {path for pair in self.pairs.values() for path in pair}


def paired(paths: Iterable[str], *, image: Side, mask: Side) -> ImagesWithMasks:
    """Returns the images and masks among files with an extension; what fits both is a mask.

    Where several files could be the mask of an image, or the image of a mask, it is told of both.
    """
    unclear: dict[str, str] = {}
    found: dict[str, dict[str, str]] = {mask.noun: {}, image.noun: {}}
    for path in paths:
        for side, other in ((mask, image), (image, mask)):
            common = side.common(path)
            if common is None:
                continue
            first = found[side.noun].setdefault(common, path)
            if first != path:
                unclear[common] = (
                    f"expected one {side.noun} for each {other.noun}, found '{first}' and "
                    f"'{path}'. Remove one of them."
                )
            break
    images, masks = found[image.noun], found[mask.noun]
    return ImagesWithMasks(
        pairs={
            each: (images[each], masks[each])
            for each in images
            if each in masks and each not in unclear
        },
        images=[images[each] for each in images if each not in masks],
        masks=[masks[each] for each in masks if each not in images],
        unclear={images.get(each) or masks[each]: why for each, why in unclear.items()},
    )


def likeliest_suffix(paths: Sequence[str], *, image: str, mask: str) -> str:
    """Returns what the first mask whose image is there has behind the image's name; or nothing.

    Args:
      image, mask: names of the two folders.
    """
    images, masks = Side(noun="image", folder=image), Side(noun="mask", folder=mask)
    stems = {stem for path in paths if (stem := images.common(path)) is not None}
    for path in paths:
        stem = masks.common(path)
        if stem is None or stem in stems:
            continue
        longest = next((stem[:end] for end in range(len(stem), 0, -1) if stem[:end] in stems), None)
        if longest is not None:
            return stem.removeprefix(longest)
    return ""
