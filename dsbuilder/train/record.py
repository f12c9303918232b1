"""What a run folder says of a training: its configuration, its curves, its evaluation."""

import importlib.metadata
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras

from dsbuilder.dataset import Dataset
from dsbuilder.pipelinefile.schema import TrainOptions
from dsbuilder.report import confusion, curves
from dsbuilder.stream.tensorflow import Stream
from dsbuilder.train.archive import Note
from dsbuilder.train.evaluation import Evaluation
from dsbuilder.train.measured import Measured
from dsbuilder.train.options import to_data
from dsbuilder.train.run import CONFUSION, CURVES, EVALUATION, Row, Run
from dsbuilder.train.units import Units

_PACKAGES = ("dsbuilder", "keras", "tensorflow", "numpy")


def config_of(dataset: Dataset, options: TrainOptions, plugins: Sequence[Path]) -> dict[str, Any]:
    """Returns the resolved configuration: what is trained on what, with every default."""
    return {
        "dataset": {
            "path": str(dataset.path),
            "name": dataset.name,
            "version": dataset.manifest.version,
            "fingerprint": dataset.manifest.fingerprint,
        },
        "train": to_data(options),
        "seed": dataset.manifest.seed if options.seed is None else options.seed,
        "plugins": [str(Path(folder).resolve()) for folder in plugins],
        "pipeline": dataset.pipeline.sections,
        "backend": keras.backend.backend(),
        "packages": {name: importlib.metadata.version(name) for name in _PACKAGES},
    }


def note_of(
    dataset: Dataset,
    options: TrainOptions,
    train: Stream,
    plugins: Sequence[Path],
    *,
    units: Units | None,
) -> Note:
    """Returns what the model's file shall say beside the model, before the first epoch."""
    pipeline = dataset.pipeline.sections
    image = dict(pipeline.get("image", {}))
    if any(kind.of_pixels for kind in dataset.signature.targets.values()):
        image["reduced_decode"] = False  # as in a build: it would not have the size of a mask
    stream_finish = pipeline.get("stream", {}).get("finish", [])
    return Note(
        dataset=f"{dataset.name} {dataset.manifest.version}",
        fingerprint=dataset.manifest.fingerprint,
        class_names=train.class_names,
        signature=train.signature,
        normalize="model" if options.model.preprocesses else options.normalize or "scale",
        pipeline={
            "image": image,
            "prepare": pipeline.get("prepare", []),
            "finish": [*pipeline.get("finish", []), *stream_finish],
        },
        plugins=tuple(Path(folder).resolve() for folder in plugins),
        units=units,
    )


def write_progress(run: Run, rows: Sequence[Row]) -> None:
    """Writes the epochs so far, as a table and as curves."""
    run.write_rows(rows)
    run.write_picture(CURVES, curves.draw(panels(rows)))


def panels(rows: Sequence[Row]) -> list[curves.Panel]:
    """Returns the curves of a training, a panel for each value that is measured."""
    epochs = [row.epoch for row in rows]
    changes = [
        (two.epoch - 0.5, two.phase)
        for one, two in itertools.pairwise(rows)
        if one.phase != two.phase
    ]
    names = list(rows[0].train) if rows else []
    return [
        curves.Panel(
            title=name,
            lines=[
                curves.Line(name=split, x=epochs, y=[getattr(row, split)[name] for row in rows])
                for split in ("train", "validation")
                if all(name in getattr(row, split) for row in rows)
            ],
            marks=changes,
        )
        for name in names
    ]


def write_evaluation(run: Run, evaluation: Measured) -> None:
    """Writes an evaluation into a run folder, of classes with a picture of their confusion."""
    run.write_json(EVALUATION, evaluation.to_json())
    if not isinstance(evaluation, Evaluation):
        return
    picture = confusion.draw(evaluation.class_names, evaluation.confusion)
    run.write_picture(CONFUSION, picture)
