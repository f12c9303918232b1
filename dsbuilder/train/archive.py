"""`.keras` files that know their classes.

A `.keras` file is a zip archive. Keras reads its own members and leaves others alone, so one more,
`dsbuilder.json`, carries what a model alone does not say: class names, the dataset's name and
fingerprint, how images are brought to the model's size, and in `last.keras` the epochs so far. Both
load without dsbuilder:

    model = keras.models.load_model("best.keras")
    note = json.loads(zipfile.ZipFile("best.keras").read("dsbuilder.json"))
    names, logits = note["class_names"], model.predict(pixels)   # uint8 pixels as they are
"""

import json
import os
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras

from dsbuilder.errors import TrainError
from dsbuilder.registry import discover
from dsbuilder.sample import SampleSpec
from dsbuilder.targets import signature_from_json, signature_to_json
from dsbuilder.train.run import BEST, Row
from dsbuilder.train.units import Units

MEMBER = "dsbuilder.json"
FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class Note:
    """What a model's file says beside the model.

    Attributes:
      dataset: name and version of the dataset it was trained on.
      fingerprint: of that dataset.
      class_names: in the order of the logits.
      signature: of the samples it was trained on; images as they go into the model.
      normalize: what the model does to its pixels first, in words.
      pipeline: the sections `image`, `prepare` and `finish` that bring a picture into that form.
      plugins: folders of plugins that the model or these stages are from.
      rows: the epochs so far.
      units: in which numbers were learnt; the model yields them in their own. None for other kinds.
    """

    dataset: str
    fingerprint: str
    class_names: tuple[str, ...]
    signature: SampleSpec
    normalize: str
    pipeline: Mapping[str, Any]
    plugins: tuple[Path, ...] = ()
    rows: tuple[Row, ...] = field(default=())
    units: Units | None = None

    def to_json(self) -> dict[str, Any]:
        """Returns the note as JSON values."""
        return {
            "format": FORMAT,
            "dataset": self.dataset,
            "fingerprint": self.fingerprint,
            "class_names": list(self.class_names),
            "signature": signature_to_json(self.signature),
            "normalize": self.normalize,
            "pipeline": dict(self.pipeline),
            "plugins": [str(path) for path in self.plugins],
            "rows": [row.flat() for row in self.rows],
            "units": None if self.units is None else self.units.to_json(),
        }


def _note_from_json(data: Mapping[str, Any]) -> Note:
    return Note(
        dataset=data["dataset"],
        fingerprint=data["fingerprint"],
        class_names=tuple(data["class_names"]),
        signature=signature_from_json(data["signature"]),
        normalize=data["normalize"],
        pipeline=data["pipeline"],
        plugins=tuple(Path(folder) for folder in data["plugins"]),
        rows=tuple(Row.from_flat(row) for row in data["rows"]),
        units=Units.from_json(data["units"]) if data.get("units") else None,
    )


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A model with what its file says beside it.

    Attributes:
      model: from raw pixels `(N, H, W, C)` to what the kind of target says: logits, numbers.
      note: see `Note`.
      path: the file.
    """

    model: keras.Model
    note: Note
    path: Path

    @property
    def class_names(self) -> tuple[str, ...]:
        """In the order of the logits."""
        return self.note.class_names


def save(model: keras.Model, path: Path, note: Note, *, optimizer: bool) -> None:
    """Writes a model and its note as one `.keras` file, which appears whole or not at all.

    Args:
      optimizer: whether the state of the optimizer is kept, to train on; a model for use is smaller
        without, by two thirds for Adam.

    Raises:
      TrainError: the model cannot be saved, or the folder cannot be written.
    """
    temporary = path.with_name(f".{path.stem}.tmp.keras")
    kept = model if optimizer else keras.Model(model.inputs, model.outputs, name=model.name)
    try:
        kept.save(temporary)
        with zipfile.ZipFile(temporary, "a") as file:
            file.writestr(MEMBER, json.dumps(note.to_json(), indent=1, ensure_ascii=False))
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
    except OSError as error:
        raise TrainError(
            f"{path}: expected a file that can be written, found that it fails "
            f"({error.strerror or error}). Make room, then resume the run."
        ) from error


def read_note(path: Path) -> Note:
    """Returns what a model's file says beside the model, without loading the model.

    Raises:
      TrainError: there is no such file, or it is not one that a run wrote.
    """
    try:
        with zipfile.ZipFile(path) as file:
            data = json.loads(file.read(MEMBER))
    except FileNotFoundError:
        raise TrainError(
            f"{path}: expected a trained model, found no file. Give a run folder, or its {BEST}."
        ) from None
    except (OSError, zipfile.BadZipFile, KeyError, ValueError) as error:
        raise TrainError(
            f"{path}: expected a model that a run wrote, found none ({type(error).__name__}). "
            f"Give a run folder, or its {BEST}."
        ) from None
    if data.get("format") != FORMAT:
        raise TrainError(
            f"{path}: expected format {FORMAT}, found {data.get('format')}. Train it again."
        )
    return _note_from_json(data)


def load_model(path: Path | str, *, plugins: Sequence[Path] | None = None) -> Trained:
    """Returns a trained model with its class names.

    Args:
      path: a run folder, of which the best model is taken, or a `.keras` file.
      plugins: folders of plugins that define layers of the model; None takes those that its run
        used, as far as they are still there.

    Raises:
      TrainError: there is no such model, or a layer of it is not known.
    """
    file = Path(path) / BEST if Path(path).is_dir() else Path(path)
    note = read_note(file)
    folders = [each for each in note.plugins if each.is_dir()] if plugins is None else plugins
    discover(folders)  # a plugin's own layers are known to Keras once its file was imported
    try:
        model = keras.models.load_model(file)
    except (TypeError, ValueError, KeyError) as error:
        reason = str(error).strip().split("\n")[0]
        raise TrainError(
            f"{file}: expected a model of known layers, found: {reason} "
            "A layer of a plugin needs @keras.saving.register_keras_serializable(), and the "
            "plugin's folder."
        ) from error
    return Trained(model=model, note=note, path=file)
