"""What a model says of images as a list of labels: the least confident first.

Whoever labels images lets a model propose (pre-labeling) and looks where it is least sure, which is
where another label teaches it most: least confident sampling, B. Settles, "Active Learning
Literature Survey" (2009). Of several heads an image's confidence is the least; what has none
(numbers) stands in the order of the images.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from dsbuilder.errors import Problem, SpecError
from dsbuilder.layouts.list.columns import CONFIDENCE
from dsbuilder.layouts.list.writer import KINDS, ListRow, WrittenList
from dsbuilder.tasks import Heads

if TYPE_CHECKING:
    from dsbuilder.train.prediction import Failure, Prediction

_DIGITS = 6


@dataclass(frozen=True, kw_only=True)
class Labeling:
    """A list that answers are collected for.

    Attributes:
      heads: heads of the model.
      listed: list that is written.
    """

    heads: Heads
    listed: WrittenList
    _rows: dict[str, tuple[float, ListRow]] = field(default_factory=dict, init=False)

    def noted(self, found: Iterable["Prediction | Failure"]) -> Iterator["Prediction | Failure"]:
        """Yields predictions as they come, and writes the list after the last.

        An image that is not answered is not listed, and one that comes twice is so once.

        Raises:
          DataError: the file cannot be written.
        """
        from dsbuilder.train.prediction import Prediction

        for each in found:
            if isinstance(each, Prediction):
                self._note(each)
            yield each
        rows = sorted(self._rows.values(), key=lambda row: row[0])
        self.listed.write(row for _, row in rows)

    def _note(self, found: "Prediction") -> None:
        image = _below(self.listed.folder, found.path)
        sure = {name: task.confidence(found.answers[name]) for name, task in self.heads.items()}
        known = [each for each in sure.values() if each is not None]
        notes = {
            _column(name, self.heads): round(each, _DIGITS)
            for name, each in sure.items()
            if each is not None
        }
        labels = {name: answer.value for name, answer in found.answers.items()}
        self._rows[image] = min(known, default=0.0), ListRow(image, labels, notes)


def labeling_of(
    heads: Heads, path: Path, paths: Sequence[Path], files: Iterable[tuple[Path, str]]
) -> Labeling:
    """Returns a list that what a model says of images can be written to.

    Args:
      path: the list.
      paths: what was asked for. Names of images are relative to the only one, if that is a folder,
        else to the folder that all have in common.
      files: images, as `reading.image_files` yields them.

    Raises:
      SpecError: a list does not hold such answers.
      DataError: the name of the list says no form, or a name is none that a list can hold.
    """
    wrong = {each.target.kind: each for each in heads.values() if each.target.kind not in KINDS}
    for kind, task in wrong.items():
        advice = "masks writes them as pictures" if "masks" in task.takes else "--json prints them"
        problem = f"expected answers that a list holds, found those of '{kind}'. Leave it out; "
        raise SpecError([Problem("labels", f"{problem}{advice}.")])
    folder = _folder_of(paths)
    listed = WrittenList(
        path=path.absolute(),
        folder=folder,
        targets={name: task.target for name, task in heads.items()},
        notes=[_column(name, heads) for name, task in heads.items() if task.has_confidence],
    )
    listed.check(_below(folder, file) for file, _ in files)
    return Labeling(heads=heads, listed=listed)


def _folder_of(paths: Sequence[Path]) -> Path:
    """Returns the folder that names are relative to, absolute and by no link that is followed."""
    folders = [os.path.abspath(each if each.is_dir() else each.parent) for each in paths]  # noqa: PTH100 - not resolved
    return Path(os.path.commonpath(folders))


def _below(folder: Path, file: Path) -> str:
    return Path(os.path.relpath(file, folder)).as_posix()


def _column(name: str, heads: Heads) -> str:
    return f"{name}_{CONFIDENCE}" if len(heads) > 1 else CONFIDENCE
