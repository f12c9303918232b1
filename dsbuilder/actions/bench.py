"""What bounds a training, measured: reading, decoding, the stages, the hand-over, or the model."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dsbuilder.actions.document import Document, distinct
from dsbuilder.actions.find_rate import NO_RUN
from dsbuilder.actions.plugins import folders_here
from dsbuilder.actions.train import Training, prepare_dataset
from dsbuilder.dataset import StoredDataset
from dsbuilder.errors import SpecError, TrainError
from dsbuilder.stream.costs import Costs, measure
from dsbuilder.stream.feed import Feed
from dsbuilder.stream.reading import Reading, plan
from dsbuilder.stream.worker_feed import enough_workers
from dsbuilder.workers import cores

Bound = Literal["model", "reading", "decoding", "stages", "hand_over"]

_LEVEL = 1.1
"""How much faster the stream must be than the model for the model to be what is waited for."""

_LOST = 0.5
"""Share of what the parts would bring together below which the hand-over is to blame."""

_SMALL_BATCH = 32


@dataclass(frozen=True, kw_only=True)
class BenchDocument(Document):
    """What an image takes on its way into a model, and what bounds the training.

    Attributes:
      dataset: folder of the dataset.
      batch_size, workers: samples in a batch, and processes that make batches; 0 for a thread.
      costs: milliseconds of one core that an image takes, by part: `reading`, `decoding`, and the
        id of each stage of the stream.
      stream: images a second that the stream brings to one who does nothing with them.
      model: images a second that a model trains on with all of them in memory; None where none was
        asked for, or can be trained.
      computing: what the model is computed by.
      bound: what the training waits for.
      says: the same in a sentence.
      advice: what to change, the likeliest first.
    """

    dataset: Path
    batch_size: int
    workers: int
    costs: Mapping[str, float]
    stream: float
    model: float | None
    computing: str
    bound: Bound
    says: str
    advice: tuple[str, ...]


def bench(
    dataset: StoredDataset,
    *,
    overrides: Sequence[str] = (),
    plugins: Sequence[Path] | None = None,
    workers: int | None = None,
    seconds: float = 3.0,
    model: bool = True,
    starting: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> BenchDocument:
    """Measures what a training on a dataset waits for; nothing is written.

    Args:
      overrides: `train.key=value` assignments.
      plugins: folders of plugins; None takes the nearest `plugins/` folder.
      workers: processes that make the batches, as of `stream`.
      seconds: time for each of the measurements, above 0; there are four, and one a stage.
      model: whether the steps of the model are measured too.
      starting: what surrounds the start of TensorFlow, which takes seconds.

    Raises:
      CacheError: a shard is missing, cut or corrupt.
      DataError: there is no train split to batch.
      SpecError: an assignment is wrong, or a plugin is missing.
    """
    folders = tuple(folders_here(plugins, data=dataset.path))
    training, doubts = _training(dataset, overrides, folders, workers) if model else (None, ())
    batch_size = None if training is None else training.options.batch_size
    reading = plan(dataset, "train", batch_size=batch_size, plugins=folders)
    costs = measure(Feed(reading), seconds=seconds)
    with starting():
        from dsbuilder.stream.tensorflow import stream
        from dsbuilder.train.step_rate import rates, stream_rate
    found, asked = None, workers
    if training is None:
        brought = stream_rate(
            stream(dataset, "train", plugins=folders, workers=workers), seconds=seconds
        )
    else:
        asked = None if training.options.workers == "auto" else training.options.workers
        brought, found = rates(dataset, training.options, plugins=folders, seconds=seconds)
    used = enough_workers(reading, asked) if reading.refresher is not None else 0
    taken = None if found is None else found.images
    bound = bounded(costs, stream=brought, model=taken, workers=used)
    return BenchDocument(
        dataset=dataset.path,
        batch_size=reading.batch_size,
        workers=used,
        costs={
            "reading": 1e3 * costs.reading,
            "decoding": 1e3 * costs.decoding,
            **{name: 1e3 * each for name, each in costs.stages.items()},
        },
        stream=brought,
        model=taken,
        computing="" if found is None else found.computing,
        bound=bound,
        says=_sentence(bound, costs, stream=brought, model=taken),
        advice=tuple(_advice(bound, costs, reading, used)),
        warnings=distinct(doubts),
    )


def _training(
    dataset: StoredDataset,
    overrides: Sequence[str],
    folders: Sequence[Path],
    workers: int | None,
) -> tuple[Training | None, tuple[str, ...]]:
    """Returns the training of a dataset; None, and why, where there is nothing to learn."""
    try:
        ready = prepare_dataset(
            dataset, overrides=overrides, plugins=folders, run=NO_RUN, workers=workers
        )
        return ready, ()
    except (SpecError, TrainError) as error:
        if overrides:
            raise
        return None, (f"no model was measured: {error}",)


def bounded(costs: Costs, *, stream: float, model: float | None, workers: int) -> Bound:
    """Returns what a training waits for.

    Args:
      stream, model: images a second that come, and that a model would take.
      workers: processes that make batches.
    """
    if model is not None and stream > _LEVEL * model:
        return "model"
    staged = sum(costs.stages.values())
    if costs.stages and stream < _LOST * max(min(workers, cores()), 1) / costs.whole:
        return "hand_over"
    parts: dict[Bound, float] = {
        "reading": costs.reading,
        "decoding": costs.decoding,
        "stages": staged,
    }
    return max(parts, key=lambda name: parts[name])


_WAITS: Mapping[Bound, str] = {
    "model": "the steps of the model",
    "reading": "reading",
    "decoding": "decoding",
    "stages": "the stages of the stream",
    "hand_over": "the hand-over of batches",
}


def _sentence(bound: Bound, costs: Costs, *, stream: float, model: float | None) -> str:
    if bound == "model":
        return (
            f"Training waits for {_WAITS[bound]}: they take {model:,.0f} images a second, and the "
            f"stream brings {stream:,.0f}."
        )
    takes = "" if model is None else f", and the model would take {model:,.0f}"
    return (
        f"Training waits for {_WAITS[bound]}: the stream brings {stream:,.0f} images a second, of "
        f"{1e3 * costs.whole:.2f} ms of a core each{takes}."
    )


def _advice(bound: Bound, costs: Costs, reading: Reading, workers: int) -> list[str]:
    """Returns what to change, the likeliest first."""
    codec, free = reading.dataset.codec, cores() - workers
    if bound == "model":
        found = ["The stream needs no care. Take a faster device, a smaller model or images."]
        if reading.batch_size <= _SMALL_BATCH:
            found.append(f"On a GPU, take a larger batch: train.batch_size={4 * _SMALL_BATCH}.")
        return [*found, "On a GPU, compute in 16 bits: train.precision=auto."]
    if bound == "stages":
        return [
            *([f"Take more workers: {cores()} cores are there."] if free > 0 else []),
            *_of_slowest(costs),
        ]
    if bound == "decoding" and codec.image != "raw":
        smaller = "Store images no larger than the model sees them (finish)."
        return ["Store raw pixels: cache.codec=npy, cache.image=raw.", smaller]
    if bound == "hand_over":
        return [
            "Something else uses the cores, or batches are small: take a larger train.batch_size.",
            *([f"Take more workers: {cores()} cores are there."] if free > 0 else []),
        ]
    return ["Store images no larger than the model sees them (finish), on a faster disk."]


def _of_slowest(costs: Costs) -> list[str]:
    """Returns what to do about the stage that takes the longest."""
    slowest = max(costs.stages, key=lambda name: costs.stages[name])
    share = costs.stages[slowest] / max(costs.whole, 1e-9)
    name = slowest.removeprefix("stream/")
    return [
        f"{name} takes {share:.0%} of an image's time: build its variants once instead "
        "(augment.copies), or do it on smaller images, after a crop."
    ]
