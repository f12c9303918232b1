"""What a trained model says of images: classes, numbers or masks."""

import contextlib
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from dsbuilder.actions.arguments import path_of, paths_of
from dsbuilder.actions.document import Document
from dsbuilder.actions.plugins import folders_here
from dsbuilder.errors import DataError, Problem, SpecError
from dsbuilder.images import encoding
from dsbuilder.layouts.voc.format import mask_picture
from dsbuilder.report import overlay
from dsbuilder.report.sheet import write_png
from dsbuilder.tasks import Task

if TYPE_CHECKING:
    from dsbuilder.train.prediction import Prediction

TOP = 3
"""How many classes of an image are named where nobody says."""
THRESHOLD = 0.5
"""The probability over which one of several classes is named where nobody says."""


@dataclass(frozen=True, kw_only=True)
class PredictDocument(Document):
    """What a model says of images.

    Attributes:
      model: the model as it was given.
      kind: kind of the target that it learnt.
      predictions: mapping for each image: its `path`; its `value`, or of a mask the files it was
        written to, `mask` and `overlay`; and its `classes`, each with `name` and `probability` or,
        of a mask, the `share` of the area.
    """

    model: Path
    kind: str
    predictions: tuple[Mapping[str, Any], ...]


def predict(
    model: Path | str,
    paths: Sequence[Path | str],
    *,
    top: int | None = None,
    threshold: float | None = None,
    masks: Path | str | None = None,
    overlays: Path | str | None = None,
    plugins: Sequence[Path | str] | None = None,
    starting: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> PredictDocument:
    """Says what a trained model makes of images.

    Args:
      model: a run folder, of which the best model is taken, or a `.keras` file.
      paths: image files, and folders, which stand for all images below them.
      top: of a class: how many to name of an image; None takes `TOP`.
      threshold: of several classes: the probability over which one is named; None takes
        `THRESHOLD`.
      masks: of masks: folder that they are written to, PNGs whose palette indices are class ids.
      overlays: of masks: folder of pictures, each image with its mask over it.
      plugins: folders of plugins that the pipeline's stages are from; None takes the nearest
        `plugins/` folder.
      starting: what surrounds the start of TensorFlow, which takes seconds.

    Raises:
      SpecError: an option is not for the kind of target that the model learnt.
      TrainError: there is no such model.
      DataError: a path leads nowhere, a file cannot be read as an image, or a mask would take the
        place of another or of an image.
    """
    model, files = Path(model), [Path(each) for each in paths]
    folders = folders_here(paths_of(plugins), data=model)
    with starting():
        from dsbuilder.train.archive import load_model
        from dsbuilder.train.prediction import image_files
        from dsbuilder.train.prediction import predict as answers
    trained = load_model(model, plugins=folders)
    (task,) = trained.note.heads.values()
    given = {"top": top, "threshold": threshold, "masks": masks, "overlays": overlays}
    _check_options(task, given)
    writer = _Masks(task=task, masks=path_of(masks), overlays=path_of(overlays))
    found = answers(
        trained,
        files,
        top=(top or TOP) if "top" in task.takes else None,
        threshold=THRESHOLD if threshold is None else threshold,
        plugins=folders,
    )
    writer.check(list(image_files(files)))
    return PredictDocument(
        model=model,
        kind=task.target.kind,
        predictions=tuple(_described(each, task, writer) for each in found),
    )


def _check_options(task: Task, given: Mapping[str, Any]) -> None:
    problems = [
        Problem(option, f"it is not for a model of '{task.target.kind}'. Leave it out.")
        for option, value in given.items()
        if value is not None and option not in task.takes
    ]
    if problems:
        raise SpecError(problems)


def _described(found: "Prediction", task: Task, writer: "_Masks") -> dict[str, Any]:
    """Returns a prediction as JSON values; an array is written, and stands as its path."""
    described: dict[str, Any] = {"path": str(found.path)}
    if task.target.of_pixels:
        described |= writer.write(found)
    else:
        described["value"] = found.value
    if found.scores:
        described["classes"] = [
            {"name": name, task.scored_by: value} for name, value in found.scores
        ]
    return described


@dataclass(frozen=True, kw_only=True)
class _Masks:
    """Where masks are written.

    Attributes:
      task: what they are the answers of.
      masks: the folder of PNGs whose palette indices are class ids; None writes none.
      overlays: the folder of pictures; None writes none.
    """

    task: Task
    masks: Path | None
    overlays: Path | None

    def check(self, files: Sequence[tuple[Path, str]]) -> None:
        """Checks before the first is written that no mask takes the place of another, or an image.

        Args:
          files: images with their names, as `prediction.image_files` yields them.
        """
        taken = {path.resolve(): path for path, _ in files}
        folders = [each for each in (self.masks, self.overlays) if each is not None]
        for folder, (path, name) in itertools.product(folders, files):
            place = folder / _png(name)
            other = taken.setdefault(place.resolve(), path)
            if other is not path or place.resolve() == path.resolve():
                raise DataError(
                    f"{path}: expected a free place for its mask, found that {place} is taken by "
                    f"{other}. Write to another folder, or predict one of them by itself."
                )

    def write(self, found: "Prediction") -> dict[str, str]:
        """Writes a mask and its picture; returns where, by `mask` and `overlay`."""
        return dict(self._written(found))

    def _written(self, found: "Prediction") -> Iterator[tuple[str, str]]:
        name = _png(found.name)
        if self.masks is not None:
            yield "mask", _kept(self.masks / name, mask_picture(found.value))
        if self.overlays is not None:
            yield "overlay", _kept(self.overlays / name, self._overlay(found))

    def _overlay(self, found: "Prediction") -> Image.Image:
        picture = Image.fromarray(encoding.decode(found.path.read_bytes(), mode="rgb"))
        ignored = getattr(self.task.target, "ignore", None)
        return overlay.lay(picture, [overlay.Tint(ids=found.value, ignored=ignored)])


def _png(name: str) -> str:
    return str(Path(name).with_suffix(".png"))


def _kept(path: Path, picture: Image.Image) -> str:
    with contextlib.suppress(OSError):  # writing says what is wrong
        path.parent.mkdir(parents=True, exist_ok=True)
    write_png(picture, path)
    return str(path)
