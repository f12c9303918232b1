"""What a model says of images: as the files are read, one that cannot be read among them."""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from dsbuilder.errors import DataError
from dsbuilder.tasks import Answer, Scores
from dsbuilder.train import attribution
from dsbuilder.train.archive import Trained, load_model
from dsbuilder.train.attribution import Attribution
from dsbuilder.train.network import outputs_by_head
from dsbuilder.train.reading import Look, Reader, Source, image_files, make_reader, read_ahead
from dsbuilder.train.tiled import Tiling, answers_of, check_heads
from dsbuilder.train.views import PLAIN, AugmentedView, views_for

_BATCHES_AHEAD = 2

Answers = Mapping[str, Answer]
"""What each head says of an image, by the name of its target."""


@dataclass(frozen=True, kw_only=True)
class Reason:
    """Where in an image the reason for what a model says lies.

    Attributes:
      image: the image as the model saw it, `(H, W, C)`.
      heads: what each head of classes says of it, by the name of its target.
    """

    image: np.ndarray
    heads: Mapping[str, Attribution]


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """What a model says of an image file.

    Attributes:
      path: the file.
      name: its path below the folder that was asked for, with `/`; of a file, its name.
      answers: what each head says, by the name of its target: a value and scores. The value is a
        class name; of several classes their names; a number or a list of them; a text; of keypoints
        [x, y] by name, in shares of the upright image's sides, None of one that lies beyond it; of
        a mask the ids, uint8 `(H, W)` of the upright image. What the model did not see of it, since
        the pipeline crops, is the id that the mask ignores, else 0. The scores are classes, the
        largest number first: their probabilities, of a mask their shares of the area that the model
        saw, of a text its own probability; none of numbers and keypoints.
      reason: where the reason lies; None unless it was asked for.
    """

    path: Path
    name: str
    answers: Answers
    reason: Reason | None = None

    @property
    def value(self) -> Any:
        """The value of the only head, or of the first."""
        return next(iter(self.answers.values())).value

    @property
    def scores(self) -> Scores:
        """The scores of the only head, or of the first."""
        return next(iter(self.answers.values())).scores


@dataclass(frozen=True, kw_only=True)
class Failure:
    """An image file that is not answered.

    Attributes:
      path: the file.
      name: name as that of a `Prediction`.
      error: reason: it cannot be read, or the model's answer is not finite.
    """

    path: Path
    name: str
    error: DataError


@dataclass(frozen=True, kw_only=True)
class Predictor:
    """A model that is asked, and how.

    Attributes:
      trained: the model.
      reader: brings images into the model's form.
      top: number of scores of a class; None for all.
      batch_size: number of images that the model sees at once.
      views: views of an image whose answers are averaged; see `train/views.py`.
      tiling: how images are cut into tiles that are answered one by one, of masks alone; None
        answers each whole. See `train/tiled.py`.
      why: whether it is also told where the reason lies, of the image as it is; see
        `train/attribution.py`.
    """

    trained: Trained
    reader: Reader
    top: int | None = None
    batch_size: int = 32
    views: tuple[AugmentedView, ...] = (PLAIN,)
    tiling: Tiling | None = None
    why: bool = False

    def answers(self, sources: Iterable[tuple[Source, str]]) -> Iterator[Answers | DataError]:
        """Yields what the model says of images, in their order, or why it says nothing of one.

        Args:
          sources: images, each with what it is called in errors.
        """
        return (found for found, _ in self._asked(sources))

    def _asked(
        self, sources: Iterable[tuple[Source, str]]
    ) -> Iterator[tuple[Answers | DataError, Reason | None]]:
        """Yields what `answers` does, each with the reason for it where that is wanted."""
        asked, named = itertools.tee(sources)
        looks = read_ahead(self.reader, asked, ahead=_BATCHES_AHEAD * self.batch_size)
        names = (name for _, name in named)
        while batch := list(itertools.islice(zip(looks, names, strict=False), self.batch_size)):
            read = [look for look, _ in batch if isinstance(look, Look)]
            outputs, reasons = iter(self._outputs(read)), iter(self._reasons(read))
            for look, name in batch:
                if isinstance(look, Look):
                    yield self._answers(next(outputs), look, name), next(reasons)
                else:
                    yield look, None

    def files(self, paths: Sequence[Path | str]) -> Iterator[Prediction | Failure]:
        """Yields what the model says of image files, in the order of `paths`, as they are read.

        Args:
          paths: image files, and folders, which stand for all images below them, sorted.

        Raises:
          DataError: now, not when it is iterated: a path leads nowhere, or a folder holds no image.
        """
        if self.tiling is not None:
            return itertools.starmap(partial(self._tiled, self.tiling), image_files(paths))
        files, asked = itertools.tee(image_files(paths))
        answers = self._asked((path, str(path)) for path, _ in asked)
        return itertools.starmap(_told, zip(files, answers, strict=True))

    def _tiled(self, tiling: Tiling, path: Path, name: str) -> Prediction | Failure:
        try:
            found = answers_of(path, tiling, self.reader, self._outputs, batch_size=self.batch_size)
        except DataError as error:
            return Failure(path=path, name=name, error=error)
        except OSError as error:
            wrong = DataError(f"{path}: expected a file to read, found {error.strerror}.")
            return Failure(path=path, name=name, error=wrong)
        return Prediction(path=path, name=name, answers=found)

    def _reasons(self, looks: Sequence[Look]) -> list[Reason | None]:
        """Returns for each image where the reason lies; None where that is not asked."""
        if not (self.why and looks):
            return [None] * len(looks)
        found = attribution.attribute(self.trained, np.stack([look.image for look in looks]))
        return [
            Reason(image=look.image, heads=each) for look, each in zip(looks, found, strict=True)
        ]

    def _outputs(self, looks: Sequence[Look]) -> list[dict[str, np.ndarray]]:
        """Returns what each head yields of each image."""
        if not looks:
            return []
        pixels = np.stack([look.image for look in looks])
        seen = [self._seen(pixels, view) for view in self.views]
        rows = {
            name: task.averaged(np.stack([each[name] for each in seen]))
            if len(seen) > 1
            else seen[0][name]
            for name, task in self.trained.note.heads.items()
        }
        return [{name: rows[name][place] for name in rows} for place in range(len(looks))]

    def _seen(self, pixels: np.ndarray, view: AugmentedView) -> dict[str, np.ndarray]:
        """Returns what each head yields of images that are seen in one way."""
        heads = self.trained.note.heads
        found = outputs_by_head(heads, self.trained.model.predict_on_batch(view.apply(pixels)))
        rows = {name: np.asarray(each) for name, each in found.items()}
        return {n: view.undo(r) if heads[n].target.of_pixels else r for n, r in rows.items()}

    def _answers(
        self, outputs: Mapping[str, np.ndarray], look: Look, name: str
    ) -> Answers | DataError:
        heads = self.trained.note.heads
        if not all(np.isfinite(each).all() for each in outputs.values()):
            return DataError(
                f"{name}: expected finite numbers from the model, found others. Ask a model whose "
                "training did not diverge."
            )
        found = {}
        for head, task in heads.items():
            value, scores = task.answer(outputs[head])
            if look.back is not None and task.target.positional:
                value = task.target.move(value, look.back)
            found[head] = Answer(
                task.told(value), scores[: self.top] if "top" in task.takes else scores
            )
        return found


def _told(
    file: tuple[Path, str], told: tuple[Answers | DataError, Reason | None]
) -> Prediction | Failure:
    (path, name), (found, reason) = file, told
    if isinstance(found, DataError):
        return Failure(path=path, name=name, error=found)
    return Prediction(path=path, name=name, answers=found, reason=reason)


def make_predictor(
    model: Trained | Path | str,
    *,
    threshold: float | None = None,
    tta: str | None = None,
    plugins: Sequence[Path] = (),
    **asked: Any,
) -> Predictor:
    """Returns a model that can be asked.

    Args:
      model: as `archive.load_model` returns it, or a path as that takes it.
      threshold: probability over which classes are said, in (0, 1); None leaves those that the
        model was given by its training.
      tta: views of an image whose answers are averaged, as `views.views_for` takes it.
      plugins: folders of plugins that the pipeline's stages are from.
      asked: how else; see `Predictor`.

    Raises:
      SpecError: answers of the model cannot be averaged.
      TrainError: there is no such model, a stage of its pipeline is not known here, or it is asked
        why and has no map of places.
    """
    trained = load_model(model, plugins=plugins) if isinstance(model, (str, Path)) else model
    trained = trained if threshold is None else trained.at(threshold)
    reader = make_reader(trained.note, origin=trained.path, plugins=plugins)
    views = views_for(trained.note.heads, tta)
    if asked.get("tiling"):
        check_heads(trained.note.heads)
    if asked.get("why"):
        attribution.check(trained)
    return Predictor(trained=trained, reader=reader, views=views, **asked)


def predict(
    model: Trained | Path | str,
    paths: Sequence[Path | str],
    *,
    plugins: Sequence[Path] = (),
    **asked: Any,
) -> Iterator[Prediction | Failure]:
    """Yields what a model says of image files; see `make_predictor` and `Predictor.files`."""
    return make_predictor(model, plugins=plugins, **asked).files(paths)
