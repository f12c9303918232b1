"""What a trained model says of images: classes, numbers or masks."""

import contextlib
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from dsbuilder.actions.arguments import path_of, paths_of
from dsbuilder.actions.document import Document
from dsbuilder.actions.plugins import folders_here
from dsbuilder.errors import DataError, Problem, SpecError
from dsbuilder.images import encoding
from dsbuilder.layouts.voc.format import mask_picture
from dsbuilder.report import overlay
from dsbuilder.report.sheet import write_png
from dsbuilder.tasks import Heads, Task

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
      kinds: kinds of the targets that it learnt, by name.
      predictions: mapping for each image: its `path`; its `value`, or of a mask the files it was
        written to, `mask` and `overlay`; and its `classes`, each with `name` and `probability` or,
        of a mask, the `share` of the area. A model of several targets has these by target, in
        `heads`.
    """

    model: Path
    kinds: Mapping[str, str]
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
    heads = trained.note.heads
    takes = frozenset().union(*(task.takes for task in heads.values()))
    given = {"top": top, "threshold": threshold, "masks": masks, "overlays": overlays}
    kinds = {name: task.target.kind for name, task in heads.items()}
    _check_options(takes, ", ".join(kinds.values()), given)
    writer = _Masks(masks=path_of(masks), overlays=path_of(overlays))
    found = answers(
        trained,
        files,
        top=(top or TOP) if "top" in takes else None,
        threshold=THRESHOLD if threshold is None else threshold,
        plugins=folders,
    )
    writer.check(list(image_files(files)))
    return PredictDocument(
        model=model,
        kinds=kinds,
        predictions=tuple(_described(each, heads, writer) for each in found),
    )


def _check_options(takes: frozenset[str], kinds: str, given: Mapping[str, Any]) -> None:
    problems = [
        Problem(option, f"it is not for a model of '{kinds}'. Leave it out.")
        for option, value in given.items()
        if value is not None and option not in takes
    ]
    if problems:
        raise SpecError(problems)


def _described(found: "Prediction", heads: Heads, writer: "_Masks") -> dict[str, Any]:
    """Returns a prediction as JSON values; an array is written, and stands as its path."""
    parts = {name: dict(_answer(found, name, task, writer)) for name, task in heads.items()}
    told = {"heads": parts} if len(parts) > 1 else next(iter(parts.values()))
    return {"path": str(found.path), **told}


def _answer(
    found: "Prediction", head: str, task: Task, writer: "_Masks"
) -> Iterator[tuple[str, Any]]:
    """Yields what one head says, by name."""
    answer = found.answers[head]
    if task.target.of_pixels:
        yield from writer.written(found, answer.value, task)
    else:
        yield "value", answer.value
    if answer.scores:
        yield "classes", [{"name": name, task.scored_by: each} for name, each in answer.scores]


@dataclass(frozen=True, kw_only=True)
class _Masks:
    """Where masks are written.

    Attributes:
      masks: the folder of PNGs whose palette indices are class ids; None writes none.
      overlays: the folder of pictures; None writes none.
    """

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

    def written(
        self, found: "Prediction", ids: np.ndarray, task: Task
    ) -> Iterator[tuple[str, str]]:
        """Writes a mask and its picture; yields where, by `mask` and `overlay`."""
        name = _png(found.name)
        if self.masks is not None:
            yield "mask", _kept(self.masks / name, mask_picture(ids))
        if self.overlays is not None:
            picture = Image.fromarray(encoding.decode(found.path.read_bytes(), mode="rgb"))
            tint = overlay.Tint(ids=ids, ignored=getattr(task.target, "ignore", None))
            yield "overlay", _kept(self.overlays / name, overlay.lay(picture, [tint]))


def _png(name: str) -> str:
    return str(Path(name).with_suffix(".png"))


def _kept(path: Path, picture: Image.Image) -> str:
    with contextlib.suppress(OSError):  # writing says what is wrong
        path.parent.mkdir(parents=True, exist_ok=True)
    write_png(picture, path)
    return str(path)
