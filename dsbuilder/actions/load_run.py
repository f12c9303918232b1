"""A trained model as Python opens it: asked for arrays, pictures and files alike."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageOps

from dsbuilder.actions.arguments import paths_of
from dsbuilder.actions.plugins import folders_here
from dsbuilder.errors import DataError
from dsbuilder.sample import Signature

if TYPE_CHECKING:
    from dsbuilder.train.prediction import Failure, Prediction, Predictor
    from dsbuilder.train.reading import Source

_AS_THEY_ARE = ("L", "RGB", "RGBA")
_AS_PNG = ("1", "LA", "P", "I;16")


@dataclass(frozen=True, kw_only=True)
class LoadedRun:
    """A trained model, with what brings an image into its form; `load_run` opens it.

    Attributes:
      predictor: the model, and how it is asked.
    """

    predictor: "Predictor"

    @property
    def path(self) -> Path:
        """The file of the model."""
        return self.predictor.trained.path

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the first target with classes, in id order; none of a model of numbers."""
        return self.predictor.trained.class_names

    @property
    def signature(self) -> Signature:
        """The signature of the samples that it was trained on."""
        return self.predictor.trained.note.signature

    def predict(self, images: Any) -> Any:
        """Says what the model makes of an image, or of several.

        Args:
          images: an array uint8 `(H, W)` or `(H, W, C)` with C in 1, 3, 4; a `PIL.Image`; a path;
            or a list of these, or an array `(N, H, W, C)`. Images may be of any size.

        Returns:
          An answer: its `value`, and its `scores`; of several images a list of answers. A model of
          several targets answers with a dict of answers by target.

        Raises:
          DataError: an image cannot be read. `predict_files` goes on with the others instead.
        """
        several = isinstance(images, (list, tuple)) or getattr(images, "ndim", 0) == 4
        given = list(images) if several else [images]
        named = ((_source(each), _name(each, place)) for place, each in enumerate(given))
        answers = []
        for found in self.predictor.answers(named):
            if isinstance(found, DataError):
                raise found
            answers.append(found if len(found) > 1 else next(iter(found.values())))
        return answers if several else answers[0]

    def predict_files(self, *paths: Path | str) -> Iterator["Prediction | Failure"]:
        """Yields what the model says of image files, as they are read, however many there are.

        Args:
          paths: image files, and folders, which stand for all images below them.

        Raises:
          DataError: a path leads nowhere, or a folder holds no image.
        """
        return self.predictor.files(paths)


def load_run(
    run: Path | str,
    *,
    top: int | None = None,
    threshold: float | None = None,
    tta: str | None = None,
    why: bool = False,
    batch_size: int = 32,
    plugins: Sequence[Path | str] | None = None,
) -> LoadedRun:
    """Returns the model of a run, to be asked again and again; this starts TensorFlow.

    Args:
      run: a run folder, of which the best model is taken, or a `.keras` file.
      top: of a class: how many scores an answer has; None for all.
      threshold: as `predict` takes it, in (0, 1).
      tta: as `predict` takes it.
      why: whether `predict_files` also tells where in an image the reason for its class lies.
      batch_size: images that the model sees at once.
      plugins: as `predict` takes them.

    Raises:
      SpecError: answers of the model cannot be averaged.
      TrainError: there is no such model, or it is asked why and has no feature map.
    """
    from dsbuilder.train.prediction import make_predictor

    folders = folders_here(paths_of(plugins), data=Path(run))
    asked: dict[str, Any] = {"top": top, "threshold": threshold, "batch_size": batch_size}
    return LoadedRun(predictor=make_predictor(run, tta=tta, why=why, plugins=folders, **asked))


def _source(image: Any) -> "Source":
    if isinstance(image, (str, Path)):
        return Path(image)
    return _pixels(image) if isinstance(image, Image.Image) else np.asarray(image)


def _name(image: Any, place: int) -> str:
    return str(image) if isinstance(image, (str, Path)) else f"images[{place}]"


def _pixels(picture: Image.Image) -> "Source":
    """Returns a picture upright; in another form than the usual ones as the file it would be."""
    upright = ImageOps.exif_transpose(picture)
    if upright.mode in _AS_THEY_ARE:
        return np.asarray(upright)
    file = io.BytesIO()
    upright.save(file, format="PNG" if upright.mode in _AS_PNG else "TIFF")
    return file.getvalue()
