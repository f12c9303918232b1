"""What a model says of image files.

A file is brought to the model as the samples it was trained on were: decoded in the pipeline's
mode, upright, over its background, then through its `prepare` and `finish`, which the model's file
keeps.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dsbuilder.binding import PlainPipeline
from dsbuilder.errors import DataError, DsbuilderError, SpecError, TrainError
from dsbuilder.images.encoding import IMAGE_EXTENSIONS
from dsbuilder.pipeline import Trace, apply_fixed, decode
from dsbuilder.pipelinefile.schema import ImageOptions
from dsbuilder.plugin import Stage
from dsbuilder.sample import Motion
from dsbuilder.tasks import Answer, Scores, Task
from dsbuilder.train.archive import Note, Trained, load_model
from dsbuilder.train.network import outputs_by_head
from dsbuilder.trust import noted


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """What a model says of an image file.

    Attributes:
      path: the file.
      name: its path below the folder that was asked for, with `/`; of a file, its name.
      answers: what each head says, by the name of its target: a value and scores. The value is a
        class name; of several classes their names; a number or a list of them; a text; of a mask
        the ids, uint8 `(H, W)` of the upright image. What the model did not see of it, since the
        pipeline crops, is the id that the mask ignores, else 0. The scores are classes, the largest
        number first: their probabilities, of a mask their shares of the area that the model saw, of
        a text its own probability; none of numbers.
    """

    path: Path
    name: str
    answers: Mapping[str, Answer]

    @property
    def value(self) -> Any:
        """The value of the only head, or of the first."""
        return next(iter(self.answers.values())).value

    @property
    def scores(self) -> Scores:
        """The scores of the only head, or of the first."""
        return next(iter(self.answers.values())).scores


def predict(
    model: Trained | Path | str,
    paths: Sequence[Path | str],
    *,
    top: int | None = None,
    threshold: float = 0.5,
    batch_size: int = 32,
    plugins: Sequence[Path] = (),
) -> Iterator[Prediction]:
    """Yields what a model says of images, in the order of `paths`, batch by batch.

    Args:
      model: as `archive.load_model` returns it, or a path as that takes it.
      paths: image files, and folders, which stand for all images below them, sorted.
      top: how many scores of each; None for all.
      threshold: of several classes, the probability over which one is said, in (0, 1).
      batch_size: images that the model sees at once.
      plugins: folders of plugins that the pipeline's stages are from.

    Raises:
      TrainError: there is no such model.
      DataError: a path leads nowhere, or a folder holds no image; later, a file cannot be read as
        one.
    """
    trained = load_model(model, plugins=plugins) if isinstance(model, (str, Path)) else model
    reader = make_reader(trained.note, origin=trained.path, plugins=plugins)
    files, heads = list(image_files(paths)), trained.note.heads

    def answer(head: str, output: np.ndarray, back: Motion | None) -> Answer:
        value, scores = heads[head].answer(output, threshold=threshold)
        target = heads[head].target
        if back is not None and target.of_pixels:
            value = target.move(value, back)
        return Answer(value, scores[:top])

    def predictions() -> Iterator[Prediction]:
        for start in range(0, len(files), batch_size):
            batch = files[start : start + batch_size]
            looks = [reader.look(path) for path, _ in batch]
            pixels = np.stack([image for image, _ in looks])
            outputs = outputs_by_head(heads, trained.model.predict_on_batch(pixels))
            rows = {name: np.asarray(each) for name, each in outputs.items()}
            for place, ((path, name), (_, back)) in enumerate(zip(batch, looks, strict=True)):
                answers = {head: answer(head, rows[head][place], back) for head in heads}
                yield Prediction(path=path, name=name, answers=answers)

    return predictions()


def image_files(paths: Sequence[Path | str]) -> Iterator[tuple[Path, str]]:
    """Yields image files, those named and of a folder all below it, sorted, with their names.

    Raises:
      DataError: a path leads nowhere, or a folder holds no image.
    """
    for path in map(Path, paths):
        if path.is_dir():
            found = sorted(each for each in path.rglob("*") if _is_image(each))
            if not found:
                raise DataError(f"{path}: the folder has no images. Check the path.")
            yield from ((each, each.relative_to(path).as_posix()) for each in found)
        elif path.is_file():
            yield path, path.name
        else:
            raise DataError(f"{path}: no such image or folder. Check the path.")


def _is_image(path: Path) -> bool:
    hidden = path.name.startswith(".")
    return path.is_file() and not hidden and path.suffix[1:].lower() in IMAGE_EXTENSIONS


@dataclass(frozen=True, kw_only=True)
class Reader:
    """Brings an image file into the form that a model was trained on.

    Attributes:
      image: how it is decoded.
      prepare, finish: the stages it passes then; none of them draws anything.
      note: note of the model.
    """

    image: ImageOptions
    prepare: tuple[Stage, ...]
    finish: tuple[Stage, ...]
    note: Note

    def read(self, path: Path) -> np.ndarray:
        """Returns a file's pixels, `(H, W, C)` as the model's signature says; see `look`."""
        return self.look(path)[0]

    def look(self, path: Path) -> tuple[np.ndarray, Motion | None]:
        """Returns a file's pixels as `read` does, and the way back to the image in the file.

        The way back is None where no answer needs it.

        Raises:
          DataError: the file cannot be read as an image, does not come out in that form, or the way
            back cannot be told.
        """
        try:
            pixels = decode(path.read_bytes(), self.image, self.prepare)
            before = self._task.start(pixels, path.name)
            sample = apply_fixed((*self.prepare, *self.finish), before, Trace())
            back = self._task.way_back(before, sample)
        except OSError as error:
            raise DataError(f"{path}: expected a file to read, found {error.strerror}.") from None
        except DsbuilderError as error:
            raise DataError(f"{path}: {error}") from error
        expected = self.note.signature.image
        if not expected.accepts(sample.image):
            raise DataError(
                f"{path}: expected an image {expected} after the pipeline's finish, "
                f"found {sample.image.shape} {sample.image.dtype}. Resize it to that."
            )
        return sample.image, back

    @property
    def _task(self) -> Task:
        """The head that asks the way back to the image, if one does."""
        heads = list(self.note.heads.values())
        return next((task for task in heads if task.target.of_pixels), heads[0])


def make_reader(note: Note, *, origin: Path, plugins: Sequence[Path] = ()) -> Reader:
    """Returns the reader of a model's images.

    Args:
      origin: the model's file, for errors.
      plugins: as for `predict`.

    Raises:
      TrainError: a stage of the pipeline is not known here.
    """
    plain = PlainPipeline(
        sections=note.pipeline, origin=str(origin), folder=origin.parent, plugins=tuple(plugins)
    )
    stages = tuple[Stage, ...]
    try:
        wanted = {"image": ImageOptions, "prepare": stages, "finish": stages}
        bound = plain.bind(wanted, hint=noted(note.plugins))
    except SpecError as error:
        raise TrainError(
            f"{origin}: expected the stages that its images pass, found that they cannot be made "
            f"here. Give the folder of their plugins. {error}"
        ) from None
    return Reader(**bound, note=note)
