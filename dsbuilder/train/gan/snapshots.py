"""Files of a GAN in training: `best.keras`, `last.keras` and `checkpoint.keras`.

Each is the generator as Keras loads it alone, with averaged weights. A member `gan.json` says what
it draws. Those to go on from have a member `gan.npz`, too: all variables of both networks, of the
averages and the optimizers, in their order.
"""

import hashlib
import io
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import keras
import numpy as np

from dsbuilder import typed_json
from dsbuilder.errors import TrainError
from dsbuilder.records import keras_file
from dsbuilder.train import archive
from dsbuilder.train.gan.options import GanOptions
from dsbuilder.train.gan.updates import Networks
from dsbuilder.train.run import Row

MEMBER, STATE = archive.GENERATOR_MEMBER, "gan.npz"
FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class GanNote:
    """What a file says beside the generator.

    Attributes:
      dataset: name and version of the dataset that it was trained on.
      fingerprint: fingerprint of that dataset.
      target: name of the target that it was told; None of images alone.
      class_names: names of its classes in id order; none of images alone.
      options: what was chosen about its training.
      seed: seed of all that is random.
      rows: epochs so far.
      step: number of steps so far.
      begun: number of steps before the epoch that comes next, or is under way.
      seconds: time that the epoch under way took so far.
      before: time that was spent before the first epoch.
      sums: sums of the losses in the epoch under way.
    """

    dataset: str
    fingerprint: str
    target: str | None
    class_names: tuple[str, ...]
    options: GanOptions
    seed: int
    rows: tuple[Row, ...] = ()
    step: int = 0
    begun: int = 0
    seconds: float = 0.0
    before: float = 0.0
    sums: tuple[float, ...] = (0.0, 0.0)

    def to_json(self) -> dict[str, Any]:
        """Returns the note as JSON values."""
        own = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {
            "format": FORMAT,
            **own,
            "options": self.options.to_json(),
            "rows": [row.flat() for row in self.rows],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Returns the note that `to_json` described, whoever wrote it.

        Raises:
          ValueError, or what a wrong row raises: it is none.
        """
        own = {name: value for name, value in data.items() if name != "format"}
        rows = tuple(Row.from_flat(row) for row in own.pop("rows"))
        options = GanOptions.from_json(own.pop("options"))
        told = typed_json.bind(_Told, own)
        return cls(**{name: getattr(told, name) for name in own}, rows=rows, options=options)


@dataclass(frozen=True, kw_only=True)
class _Told:
    """What a note says in plain values."""

    dataset: str
    fingerprint: str
    target: str | None
    class_names: tuple[str, ...]
    seed: int
    step: int
    begun: int
    seconds: float
    before: float
    sums: tuple[float, ...]


def save(networks: Networks, path: Path, note: GanNote, *, state: bool) -> None:
    """Writes a generator and its note, whole or not at all.

    Args:
      state: whether all variables are written, too.

    Raises:
      TrainError: the folder cannot be written.
    """
    temporary = path.with_name(f".{path.stem}.tmp.keras")
    try:
        temporary.unlink(missing_ok=True)  # never through a link that somebody left there
        networks.averaged.save(temporary)
        with zipfile.ZipFile(temporary, "a") as file:
            file.writestr(MEMBER, typed_json.dumps(note.to_json(), indent=1))
            if state:
                file.writestr(STATE, _packed(networks))
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
    except OSError as error:
        raise TrainError(
            f"{path}: expected a file that can be written, found that it fails "
            f"({error.strerror or error}). Make room, then resume the run."
        ) from error


def _packed(networks: Networks) -> bytes:
    data = io.BytesIO()
    values = (keras.ops.convert_to_numpy(each) for each in networks.variables)
    np.savez(data, allow_pickle=False, **{f"v{place}": each for place, each in enumerate(values)})
    return data.getvalue()


def restore(networks: Networks, path: Path) -> None:
    """Gives all variables the values that a file holds.

    Raises:
      TrainError: it is of other networks, or damaged.
    """
    try:
        with zipfile.ZipFile(path) as file:
            values = np.load(io.BytesIO(file.read(STATE)), allow_pickle=False)
            for place, variable in enumerate(networks.variables):
                variable.assign(values[f"v{place}"])
    except (KeyError, ValueError, OSError, zipfile.BadZipFile) as error:
        raise TrainError(
            f"{path}: expected the state of a training of this package's version, found another "
            f"({error}). Train it again."
        ) from None


def read_note(path: Path) -> GanNote:
    """Returns what a file says beside the generator.

    Raises:
      TrainError: there is no such file, or it is none that `synth train` wrote.
    """
    try:
        data = keras_file.read_member(path, MEMBER)
    except FileNotFoundError:
        raise TrainError(
            f"{path}: there is no generator. Give the folder of a run of `dsbuilder synth train`."
        ) from None
    except Exception as error:  # noqa: BLE001 - whatever zipfile raises on a stranger's file
        raise TrainError(
            f"{path}: expected a generator that `dsbuilder synth train` wrote, found another file "
            f"({type(error).__name__}). Give the folder of such a run."
        ) from None
    if (wrong := typed_json.wrong_format(data, FORMAT)) is not None:
        raise TrainError(f"{path}: {wrong}. Train it again.")
    try:
        return GanNote.from_json(data)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise TrainError(
            f"{path}: expected a {MEMBER} that `dsbuilder synth train` wrote, found another "
            f"({error}). Train it again."
        ) from None


def load_generator(path: Path) -> keras.Model:
    """Returns the generator in a file, after `read_note` has read it.

    Raises:
      TrainError: it cannot be loaded, or holds code.
    """
    try:
        keras_file.read_config(path)  # refuses a Lambda layer, by name
        return keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # whatever Keras raises on a stranger's file
        reason = str(error).strip().split("\n")[0] or type(error).__name__
        raise TrainError(
            f"{path}: expected a generator of known layers, found: {reason} Train it again."
        ) from error


def hash_of(path: Path) -> str:
    """Returns the SHA-256 of a file as hexadecimal text."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
