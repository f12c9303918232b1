"""An export under way: written, tried by those who will read it, and measured with 8 bits."""

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras

from dsbuilder.dataset import StoredDataset
from dsbuilder.errors import DsbuilderError, TrainError
from dsbuilder.train.archive import load_model
from dsbuilder.train.model_formats import FORMATS, trial
from dsbuilder.train.model_formats.answering import answering_model
from dsbuilder.train.model_formats.card import ModelCard, card_of
from dsbuilder.train.model_formats.model_format import Ask, ModelFormat, version_of


@dataclass(frozen=True, kw_only=True)
class ExportCheck:
    """Whether what was written says what the model says.

    Attributes:
      reader: name and version of the package that read it.
      samples: number of images that it was asked.
      split: name of the split that they are of; None of random ones.
      apart: largest difference of two answers: of probabilities, or of numbers in deviations of the
        train split.
    """

    reader: str
    samples: int
    split: str | None
    apart: float


@dataclass(frozen=True, kw_only=True)
class QuantizedScore:
    """What 8 bits cost a head.

    Attributes:
      score: name of the score.
      before, after: score with 32 bits and with 8, on the same samples.
    """

    score: str
    before: float | None
    after: float | None


@dataclass(frozen=True, kw_only=True)
class Quantization:
    """What 8 bits bring and cost.

    Attributes:
      calibrated_on: number of images of the train split by which ranges were chosen.
      size_bytes_before: size with 32 bits.
      split: name of the split that scores are of.
      samples: number of samples that scores are of; 0 where nothing was there to read the file.
      scores: scores by target.
    """

    calibrated_on: int
    size_bytes_before: int
    split: str
    samples: int = 0
    scores: Mapping[str, QuantizedScore]


@dataclass(frozen=True, kw_only=True)
class Exporting:
    """A model on its way into a format.

    Attributes:
      path: file of the model.
      to: name of the format.
      form: the format.
      card: what the export says of itself.
      answers: the model that is written.
      plugins: folders of plugins of the stream's stages.
    """

    path: Path
    to: str
    form: ModelFormat
    card: ModelCard
    answers: keras.Model
    plugins: tuple[Path, ...] = ()

    def write(self, target: Path) -> None:
        """Writes the export.

        Raises:
          TrainError: the format cannot hold the model.
        """
        with self._refusing("its converter refuses it"):
            self.form.write(self.answers, self.card, target)

    def check(self, written: Path, dataset: StoredDataset | None) -> ExportCheck | None:
        """Asks what was written and the model the same; returns None where nothing reads it.

        Args:
          dataset: dataset whose samples both are asked; None for random images.

        Raises:
          TrainError: their answers differ.
        """
        version = version_of(self.form.reader)
        if version is None:
            return None
        asked = trial.trial_of(self.card, dataset, plugins=self.plugins)
        with self._read(written) as ask:
            apart = trial.apart(ask, self.answers, self.card, asked)
        return ExportCheck(
            reader=f"{self.form.reader} {version}",
            samples=len(asked.images),
            split=asked.split,
            apart=apart,
        )

    def quantize(self, target: Path, whole: Path, dataset: StoredDataset) -> Quantization:
        """Writes the export with 8 bits; returns what that brings and costs.

        Args:
          whole: the export with 32 bits.
          dataset: dataset by whose train split ranges of values are chosen.

        Raises:
          TrainError: the format cannot hold the model so.
        """
        images = trial.calibration(self.card, dataset, plugins=self.plugins)
        with self._refusing("its converter refuses it with 8 bits"):
            if self.form.quantize is None:
                raise NotImplementedError("it has no 8 bits")
            self.form.quantize(self.answers, self.card, target, images)
        split = trial.judged_split(dataset)
        scores: dict[str, QuantizedScore] = {}
        if version_of(self.form.reader) is not None:
            before, after = (self._scores(each, dataset) for each in (whole, target))
            scores = {
                name: QuantizedScore(score=task.headline, before=before[name], after=after[name])
                for name, task in self.card.note.heads.items()
            }
        return Quantization(
            calibrated_on=len(images),
            size_bytes_before=size_of(whole),
            split=split,
            samples=dataset.num_samples(split) if scores else 0,
            scores=scores,
        )

    def _scores(self, written: Path, dataset: StoredDataset) -> dict[str, float | None]:
        """Returns the first score of each head, as the reader finds it, by target."""
        with self._read(written) as ask:
            found = trial.measured(ask, self.card, dataset, plugins=self.plugins)
        heads = self.card.note.heads
        return {name: getattr(each, heads[name].headline) for name, each in found.items()}

    @contextlib.contextmanager
    def _read(self, written: Path) -> Iterator[Ask]:
        """Opens what was written with the format's own reader."""
        with (
            self._refusing(f"{self.form.reader} fails on it"),
            self.form.open(written, self.card) as ask,
        ):
            yield ask

    @contextlib.contextmanager
    def _refusing(self, what: str) -> Iterator[None]:
        """Lets whatever a converter or reader raises say which format cannot hold the model."""
        try:
            yield
        except DsbuilderError as error:
            raise TrainError(f"{self.path}: {self.to}: {error}") from error
        except (OSError, MemoryError):
            raise
        except Exception as error:  # they raise whatever they come upon
            raise TrainError(
                f"{self.path}: expected a model that {self.to} can hold, found that {what}: "
                f"{_reason(error)}. Export it in another form."
            ) from error


def begin(model: Path, to: str, *, plugins: Sequence[Path] = ()) -> Exporting:
    """Returns a model that is about to be exported.

    Args:
      model: a path as `archive.load_model` takes it.
      to: name of a format.

    Raises:
      TrainError: there is no such model, or it cannot be exported here or to this format.
    """
    form, backend = FORMATS[to], keras.backend.backend()
    if form.needs_tensorflow and backend != "tensorflow":
        raise TrainError(
            f"{to}: expected Keras on TensorFlow, which writes it, found Keras on {backend}. "
            "Set KERAS_BACKEND=tensorflow; a model is the same on both."
        )
    trained = load_model(model, plugins=plugins)
    card = card_of(trained.note)
    if form.one_size and None in card.image.shape:
        raise TrainError(
            f"{trained.path}: {to}: expected images of one size, found {card.image}. Train on "
            "images that are resized to one in finish, or export to another format."
        )
    return Exporting(
        path=trained.path,
        to=to,
        form=form,
        card=card,
        answers=answering_model(trained, card),
        plugins=tuple(plugins),
    )


def _reason(error: Exception) -> str:
    """Returns why a converter refuses a model: operations that it names, else its first line."""
    text = str(error)
    named = re.search(r"(?:TF Select|Custom|Flex) ops: (.+)", text)
    if named:
        return f"it has operations that the format lacks ({named[1].strip()})"
    lines = [each.strip() for each in text.splitlines() if each.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else 'no reason'}".rstrip(".")


def size_of(path: Path) -> int:
    """Returns the size of a file, or of all files of a folder, in bytes."""
    files = [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]
    return sum(each.stat().st_size for each in files)
