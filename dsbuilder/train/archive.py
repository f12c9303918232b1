"""`.keras` files that know their classes.

A `.keras` file is a zip archive. Keras reads its own members and leaves others alone, so one more,
`model.json`, carries what a model alone does not say: class names, the dataset's name and
fingerprint, how images are brought to the model's size, and in `last.keras` the epochs so far. Both
load without dsbuilder:

    model = keras.models.load_model("best.keras")
    note = json.loads(zipfile.ZipFile("best.keras").read("model.json"))
    names, logits = note["class_names"], model.predict(pixels)   # uint8 pixels as they are
"""

import os
import shutil
import zipfile
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

import keras

from dsbuilder import typed_json
from dsbuilder.dataset import StoredDataset
from dsbuilder.errors import DataError, Problem, SpecError, TrainError
from dsbuilder.pipelinefile.training import HeadOptions, TrainOptions
from dsbuilder.records import keras_file
from dsbuilder.registry import discover
from dsbuilder.sample import Signature
from dsbuilder.targets import signature_from_json, signature_to_json
from dsbuilder.tasks import Heads, heads_of
from dsbuilder.train.run import BEST, PIPELINES, Row, no_run
from dsbuilder.trust import noted

MEMBER = "model.json"
GENERATOR_MEMBER = "gan.json"
"""What the file of a generator has in its place; see `gan/snapshots.py`."""
FORMAT = 2


@dataclass(frozen=True, kw_only=True)
class Note:
    """What a model's file says beside the model.

    Attributes:
      dataset: name and version of the dataset it was trained on.
      fingerprint: fingerprint of that dataset.
      class_names: names of the classes in the order of the logits.
      signature: signature of the samples it was trained on; images as they go into the model.
      heads: what it learnt, by target.
      learnt: how each head was learnt, by target: what was named for it.
      normalize: what the model does to its pixels first, in words.
      pipeline: the sections `image`, `prepare` and `finish` that bring a picture into that form.
      plugins: folders of plugins that the model or these stages were from, for errors alone.
      rows: the epochs so far.
    """

    dataset: str
    fingerprint: str
    class_names: tuple[str, ...]
    signature: Signature
    heads: Heads
    learnt: Mapping[str, HeadOptions] = field(default_factory=dict)
    normalize: str
    pipeline: Mapping[str, Any]
    plugins: tuple[Path, ...] = ()
    rows: tuple[Row, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Returns the note as JSON values."""
        return {
            "format": FORMAT,
            "dataset": self.dataset,
            "fingerprint": self.fingerprint,
            "class_names": list(self.class_names),
            "signature": signature_to_json(self.signature),
            "heads": {name: task.state() for name, task in self.heads.items()},
            "learnt": {name: asdict(each) for name, each in self.learnt.items()},
            "normalize": self.normalize,
            "pipeline": dict(self.pipeline),
            "plugins": [str(path) for path in self.plugins],
            "rows": [row.flat() for row in self.rows],
        }


def _note_from_json(data: Mapping[str, Any]) -> Note:
    """Returns the note that `Note.to_json` described, whoever wrote it.

    Raises:
      ValueError, DataError, or what a task raises of a state: it is none.
    """
    signature = signature_from_json(data["signature"])
    told = typed_json.bind(_Told, data, partly=True)
    known = heads_of(signature)
    heads = {name: known[name].with_state(state) for name, state in told.heads.items()}
    if not heads or heads.keys() != told.learnt.keys():
        raise ValueError(f"expected heads and how they were learnt, found {len(heads)}")
    if missing := {"image", "prepare", "finish"} - told.pipeline.keys():
        raise ValueError(f"pipeline: found no '{min(missing)}'")
    return Note(
        **{**{name: getattr(told, name) for name in _Told.__dataclass_fields__}, "heads": heads},
        signature=signature,
        plugins=tuple(map(Path, typed_json.bind(tuple[str, ...], data["plugins"], "plugins"))),
        rows=tuple(Row.from_flat(row) for row in data["rows"]),
    )


@dataclass(frozen=True, kw_only=True)
class _Told:
    """What a note says in plain values."""

    dataset: str
    fingerprint: str
    class_names: tuple[str, ...]
    heads: Mapping[str, Any]
    learnt: Mapping[str, HeadOptions]
    normalize: str
    pipeline: Mapping[str, Any]


def note_of(
    dataset: StoredDataset,
    options: TrainOptions,
    signature: Signature,
    plugins: Sequence[Path],
    *,
    heads: Heads,
) -> Note:
    """Returns what the model's file shall say beside the model, before the first epoch.

    Args:
      signature: of what is streamed to the model, with the targets that it learns.
    """
    pipeline = dataset.pipeline.sections
    image = dict(pipeline.get("image", {}))
    if any(kind.of_pixels for kind in dataset.signature.targets.values()):
        image["reduced_decode"] = False  # as in a build: it would not have the size of a mask
    stream_finish = pipeline.get("stream", {}).get("finish", [])
    names = (kind.class_names for kind in signature.targets.values() if kind.class_names)
    return Note(
        dataset=f"{dataset.name} {dataset.manifest.version}",
        fingerprint=dataset.manifest.fingerprint,
        class_names=next(names, ()),
        signature=signature,
        heads=heads,
        learnt={name: options.head(name) for name in heads},
        normalize="model" if options.model.preprocesses else options.normalize or "scale",
        pipeline={
            "image": image,
            "prepare": pipeline.get("prepare", []),
            "finish": [*pipeline.get("finish", []), *stream_finish],
        },
        plugins=tuple(Path(folder).resolve() for folder in plugins),
    )


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A model with what its file says beside it.

    Attributes:
      model: Keras model from raw pixels `(N, H, W, C)` to what its heads yield: logits, numbers.
      note: see `Note`.
      path: path of the file.
    """

    model: keras.Model
    note: Note
    path: Path

    @property
    def class_names(self) -> tuple[str, ...]:
        """In the order of the logits."""
        return self.note.class_names

    def at(self, threshold: float) -> Self:
        """Returns the model with one threshold, in (0, 1), for the classes that have some.

        Raises:
          SpecError: it is not in (0, 1).
        """
        if not 0 < threshold < 1:
            wrong = f"expected more than 0 and less than 1, found {threshold:g}. Choose another."
            raise SpecError([Problem("threshold", wrong)])
        return self.with_heads({name: each.at(threshold) for name, each in self.note.heads.items()})

    def with_heads(self, heads: Heads) -> Self:
        """Returns the model with other temperatures and thresholds."""
        return replace(self, note=replace(self.note, heads=heads))


def save(
    model: keras.Model,
    path: Path,
    note: Note,
    *,
    optimizer: bool,
    further: Mapping[str, bytes] = MappingProxyType({}),
) -> None:
    """Writes a model and its note as one `.keras` file, which appears whole or not at all.

    Args:
      optimizer: whether the state of the optimizer is kept, to train on; a model for use is smaller
        without, by two thirds for Adam. Loss and metrics are never: a training makes them anew.
      further: further members of the archive, by name.

    Raises:
      TrainError: the model cannot be saved, or the folder cannot be written.
    """
    temporary = path.with_name(f".{path.stem}.tmp.keras")
    temporary.unlink(missing_ok=True)  # never through a link that somebody left there
    kept = keras.Model(model.inputs, model.output, name=model.name)
    if optimizer:
        kept.compile(optimizer=model.optimizer)
    try:
        kept.save(temporary)
        with zipfile.ZipFile(temporary, "a") as file:
            file.writestr(MEMBER, typed_json.dumps(note.to_json(), indent=1))
            for name, data in further.items():
                file.writestr(name, data)
        _put(temporary, path)
    except OSError as error:
        raise _unwritable(path, error) from error


def _put(temporary: Path, path: Path) -> None:
    """Puts a file that is written whole into its place."""
    with temporary.open("rb") as written:
        os.fsync(written.fileno())
    temporary.replace(path)


def _unwritable(path: Path, error: OSError) -> TrainError:
    return TrainError(
        f"{path}: expected a file that can be written, found that it fails "
        f"({error.strerror or error}). Make room, then resume the run."
    )


def rewrite_note(path: Path, note: Note) -> None:
    """Puts another note into a model's file, which is replaced in one step.

    Raises:
      TrainError: the file cannot be written.
    """
    temporary = path.with_name(f".{path.stem}.tmp.keras")
    temporary.unlink(missing_ok=True)  # never through a link that somebody left there
    try:
        with zipfile.ZipFile(path) as old, zipfile.ZipFile(temporary, "x") as new:
            for member in old.infolist():
                if member.filename != MEMBER:
                    with old.open(member) as source, new.open(copy(member), "w") as target:
                        shutil.copyfileobj(source, target)
            new.writestr(MEMBER, typed_json.dumps(note.to_json(), indent=1))
        _put(temporary, path)
    except OSError as error:
        raise _unwritable(path, error) from error


def read_note(path: Path) -> Note:
    """Returns what a model's file says beside the model, without loading the model.

    Raises:
      TrainError: there is no such file, or it is not one that a run wrote.
    """
    try:
        data = keras_file.read_member(path, MEMBER)
    except FileNotFoundError:
        raise TrainError(
            f"{path}: there is no trained model. Give a run folder, or its {BEST}."
            if path.parent.is_dir() and path.name == BEST
            else f"{path}: {no_run(path)}"
        ) from None
    except Exception as error:  # noqa: BLE001 - whatever zipfile raises on a stranger's file
        if isinstance(error, KeyError) and _is_generator(path):
            raise TrainError(
                f"{path}: expected a model that answers, found a generator of images. Draw some "
                "with `dsbuilder synth sample`."
            ) from None
        if path.suffix in PIPELINES:
            raise TrainError(f"{path}: {no_run(path)}") from None
        raise TrainError(
            f"{path}: the model of a run cannot be read ({type(error).__name__}). "
            f"Give a run folder, or its {BEST}."
        ) from None
    if (wrong := typed_json.wrong_format(data, FORMAT)) is not None:
        raise TrainError(f"{path}: {wrong}. Train it again.")
    try:
        return _note_from_json(data)
    except (ValueError, LookupError, TypeError, AttributeError, DataError) as error:
        raise TrainError(
            f"{path}: expected a {MEMBER} that a run wrote, found another ({error}). "
            "Train it again."
        ) from None


def _is_generator(path: Path) -> bool:
    with zipfile.ZipFile(path) as file:
        return GENERATOR_MEMBER in file.namelist()


def load_model(path: Path | str, *, plugins: Sequence[Path] = ()) -> Trained:
    """Returns a trained model with its class names.

    Args:
      path: a run folder, of which the best model is taken, or a `.keras` file.
      plugins: folders of plugins that define layers of the model.

    Raises:
      TrainError: there is no such model, or a layer of it is not known or holds code.
    """
    file = Path(path) / BEST if Path(path).is_dir() else Path(path)
    note = read_note(file)
    discover(plugins)  # layers of plugins are known to Keras once imported
    try:
        keras_file.read_config(file)  # refuses a Lambda layer, by name
    except DataError as error:
        raise TrainError(str(error)) from error
    try:
        model = keras.models.load_model(file, safe_mode=True)
    except Exception as error:  # whatever Keras raises on a stranger's file
        reason = str(error).strip().split("\n")[0] or type(error).__name__
        raise TrainError(
            f"{file}: expected a model of known layers, found: {reason} "
            "A layer of a plugin needs @keras.saving.register_keras_serializable(), and the "
            f"plugin's folder. {noted(note.plugins)}"
        ) from error
    return Trained(model=model, note=note, path=file)
