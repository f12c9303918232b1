"""The annotation files of one split, which are to name the same images."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dsbuilder.errors import DataError
from dsbuilder.layouts.coco.format import CocoFile
from dsbuilder.layouts.coco.kinds import KINDS


@dataclass(frozen=True, kw_only=True)
class CocoSplit:
    """The annotation files of one split.

    Attributes:
      split: its name; None where it is not said.
      files: annotation files by target.
      folder: the one in which the images lie, with a slash behind; empty for the top one.
    """

    split: str | None
    files: Mapping[str, CocoFile]
    folder: str = ""

    @property
    def first(self) -> CocoFile:
        """The file of the first target."""
        return self._different[0]

    @property
    def _different(self) -> Sequence[CocoFile]:
        """The files, each once."""
        return list({id(each): each for each in self.files.values()}.values())

    @property
    def names(self) -> Sequence[str]:
        """The images that any file names, in its order."""
        return list(dict.fromkeys(name for each in self._different for name in each.images))

    @property
    def unnamed(self) -> Mapping[str, str]:
        """What is wrong with entries of images without a name, by file and place."""
        return {
            f"{each.path}: {place}": problem
            for each in self._different
            for place, problem in each.unnamed.items()
        }

    def check(self) -> None:
        """Raises a DataError if two files have no image in common, or one not what it is for."""
        for option, file in self.files.items():
            odd = file.images.keys() ^ self.first.images.keys()
            if odd and not file.images.keys() & self.first.images.keys():
                raise DataError(_alone(file, self.first, min(odd)))
            if any(file.annotations.values()) and not file.holds(option):
                raise DataError(
                    f"{file.path}: no annotation has '{KINDS[option].key}'. "
                    f"Leave `{option}` out or name another file."
                )

    def check_image(self, name: str) -> None:
        """Raises a DataError if what files say of an image is wrong, or one does not name it."""
        files = self._different
        named = [each for each in files if name in each.images]
        problems = [each.errors[name] for each in files if name in each.errors]
        problems += [_alone(each, named[0], name) for each in files if name not in each.images]
        if problems:
            raise DataError(" ".join(problems))


def _alone(file: CocoFile, other: CocoFile, name: str) -> str:
    return (
        f"{file.path}: expected the images of {other.path.name}, found '{name}' in one of them "
        "alone. Name files of the same images."
    )
