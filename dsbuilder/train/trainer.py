"""Trains a model on a dataset, epoch by epoch, so that it can be killed at any time and resumed."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import keras

from dsbuilder.dataset import Dataset, load
from dsbuilder.errors import TrainError
from dsbuilder.pipelinefile.schema import TrainOptions
from dsbuilder.stream.tensorflow import Stream, statistics, stream
from dsbuilder.train import archive
from dsbuilder.train.archive import Note
from dsbuilder.train.callbacks import NoiseByPosition, OnBatch, OnEpoch, Schedule, Watch
from dsbuilder.train.evaluation import evaluate
from dsbuilder.train.fitting import check_fit, learnt_target
from dsbuilder.train.network import build_network
from dsbuilder.train.objective import Objective, objective_of
from dsbuilder.train.optimizer import make_optimizer
from dsbuilder.train.options import bind
from dsbuilder.train.phases import Phase, best_row, frozen_layers, is_over, next_phase, unfreeze
from dsbuilder.train.record import config_of, note_of, write_evaluation, write_progress
from dsbuilder.train.run import CONFIG, Row, Run
from dsbuilder.train.units import units_of

_LOGGER = logging.getLogger(__name__)


def train_dataset(
    dataset: Dataset,
    options: TrainOptions,
    *,
    run: Run | Path | str,
    plugins: Sequence[Path] = (),
    on_batch: OnBatch = lambda step: None,
    on_epoch: OnEpoch = lambda row: None,
) -> Run:
    """Trains a model on a dataset's train split and evaluates the best one.

    The loss on the validation split says which epoch is the best and when to stop; without such a
    split, that on train does, which is logged as a warning. The best model is evaluated on the test
    split, else on validation.

    Args:
      run: the folder to write, made if it is not there; `run.new_run` names a new one.
      plugins: folders of plugins that the model or the stream's stages are from.
      on_batch: called after every batch.
      on_epoch: called after every epoch, when it is written.

    Raises:
      SpecError: the dataset does not have what is to be learnt, or the model does not learn it.
      TrainError: the dataset cannot be trained on, weights of the model are missing, or the folder
        holds a run.
    """
    target = run if isinstance(run, Run) else Run(path=Path(run))
    if (target.path / CONFIG).exists() or target.last.exists():
        raise TrainError(
            f"{target.path}: expected a folder for a new run, found a run. "
            "Resume it, or choose another folder."
        )
    training = _prepare(dataset, options, target, plugins, on_batch=on_batch, on_epoch=on_epoch)
    target.path.mkdir(parents=True, exist_ok=True)
    target.write_json(CONFIG, config_of(dataset, options, plugins))
    return _finish(training, (), None)


def resume_run(
    run: Run | Path | str,
    *,
    dataset: Dataset | None = None,
    epochs: int | None = None,
    plugins: Sequence[Path] | None = None,
    on_batch: OnBatch = lambda step: None,
    on_epoch: OnEpoch = lambda row: None,
) -> Run:
    """Goes on with a run that was killed, or that shall have more epochs, after its last whole one.

    Model, optimizer, order of the data and noise go on where they were, so the run comes to the
    results it would have had without the interruption, as far as the machine computes the same.

    Args:
      run: its folder.
      dataset: None opens the one it was trained on, where that still is.
      epochs: of the first phase, instead of what it was started with.
      plugins: see `train_dataset`; None takes the folders it was started with.

    Raises:
      TrainError: the folder is not a run, or the dataset is another one by now.
      CacheError: the dataset is not there any more.
    """
    target = run if isinstance(run, Run) else Run(path=Path(run))
    config = target.config()
    folders = [Path(each) for each in config["plugins"]] if plugins is None else list(plugins)
    options = bind(config["train"], origin=target.path / CONFIG, plugins=folders)
    if epochs is not None:
        options = replace(options, epochs=epochs)
    dataset = load(config["dataset"]["path"]) if dataset is None else dataset
    _check_same(target, config, dataset)
    training = _prepare(dataset, options, target, folders, on_batch=on_batch, on_epoch=on_epoch)
    target.write_json(CONFIG, config_of(dataset, options, folders))
    if not target.last.exists():
        return _finish(training, (), None)
    trained = archive.load_model(target.last, plugins=folders)
    return _finish(training, trained.note.rows, trained.model)


@dataclass(kw_only=True)
class _Training:
    """What every epoch of one training needs."""

    options: TrainOptions
    run: Run
    seed: int
    objective: Objective
    note: Note
    train: Stream
    validation: Stream | None
    dataset: Dataset
    on_batch: OnBatch
    on_epoch: OnEpoch
    rows: list[Row] = field(default_factory=list)


def _prepare(
    dataset: Dataset,
    options: TrainOptions,
    run: Run,
    plugins: Sequence[Path],
    *,
    on_batch: OnBatch,
    on_epoch: OnEpoch,
) -> _Training:
    """Opens the streams and settles all that can be wrong before a model is built."""
    seed = dataset.manifest.seed if options.seed is None else options.seed
    _seed_everything(seed, deterministic=options.deterministic)
    make_optimizer(options.optimizer, learning_rate=options.optimizer.learning_rate)
    if "train" not in dataset.splits or not dataset.num_samples("train"):
        raise TrainError(f"{dataset.path}: expected samples to train on, found none. Build some.")
    opened: dict[str, Any] = {"images": "uint8", "batch_size": options.batch_size, "seed": seed}
    opened["targets"] = [learnt_target(options, dataset.signature)]
    train = stream(dataset, "train", plugins=plugins, **opened)
    learnt = check_fit(options, train.signature)
    units = units_of(dataset, learnt)
    validation = None
    if "validation" in dataset.splits and dataset.num_samples("validation"):
        validation = stream(dataset, "validation", plugins=plugins, **opened)
    else:
        _LOGGER.warning(
            "%s: no validation split: the loss on train decides which epoch is the best.",
            dataset.path,
        )
    return _Training(
        options=options,
        run=run,
        seed=seed,
        objective=objective_of(learnt, units),
        note=note_of(dataset, options, train, plugins, units=units),
        train=train,
        validation=validation,
        dataset=dataset,
        on_batch=on_batch,
        on_epoch=on_epoch,
    )


def _finish(training: _Training, rows: Sequence[Row], model: keras.Model | None) -> Run:
    """Trains all phases that are left, from the model after `rows`, and evaluates the best."""
    training.rows.extend(rows)
    phase_done = rows[-1].phase if rows else None
    while (following := next_phase(training.options, training.rows)) is not None:
        phase, left = following
        if model is None:
            model = _new_model(training)
            _compile(training, model, phase)
        elif phase.name != phase_done:
            model.set_weights(archive.load_model(training.run.best).model.get_weights())
            _compile(training, model, phase)
        phase_done = phase.name
        _fit(training, model, phase, left)
    write_progress(training.run, training.rows)
    _evaluate(training)
    return training.run


def _new_model(training: _Training) -> keras.Model:
    options = training.options
    wanted = options.normalize == "standardize"
    model = build_network(
        options.model,
        training.train.signature,
        outputs=training.objective.outputs,
        normalize=options.normalize,
        statistics=statistics(training.dataset) if wanted else None,
        units=training.note.units,
    )
    if options.fine_tune is not None:
        frozen_layers(model)  # told now, not after the first phase
    return model


def _compile(training: _Training, model: keras.Model, phase: Phase) -> None:
    unfreeze(model, phase.unfreeze)
    model.compile(
        optimizer=make_optimizer(training.options.optimizer, learning_rate=phase.learning_rate),
        loss=training.objective.loss,
        metrics=list(training.objective.metrics),
    )


def _fit(training: _Training, model: keras.Model, phase: Phase, left: int) -> None:
    start = len(training.rows)
    steps = training.train.steps_per_epoch

    def keep(row: Row) -> bool:
        return _keep(training, model, row)

    model.fit(
        training.train.epochs(start),
        initial_epoch=start,
        epochs=start + left,
        steps_per_epoch=steps,
        shuffle=False,
        validation_data=training.validation,
        callbacks=[
            NoiseByPosition(training.seed),
            Schedule(phase, start=start + left - phase.epochs),
            Watch(phase, steps=steps, on_batch=training.on_batch, keep=keep),
        ],
        verbose=0,
    )


def _keep(training: _Training, model: keras.Model, row: Row) -> bool:
    """Writes an epoch down; answers whether its phase is over.

    `last.keras` is written after `best.keras`: killed in between, the epoch is trained again.
    """
    training.rows.append(row)
    note = replace(training.note, rows=tuple(training.rows))
    if best_row(training.rows) is row:
        archive.save(model, training.run.best, note, optimizer=False)
    archive.save(model, training.run.last, note, optimizer=True)
    write_progress(training.run, training.rows)
    training.on_epoch(row)
    return is_over(training.rows, row.phase, training.options.patience)  # type: ignore[arg-type]


def _evaluate(training: _Training) -> None:
    dataset, run = training.dataset, training.run
    split = next(
        (
            each
            for each in ("test", "validation", "train")
            if each in dataset.splits and dataset.num_samples(each)
        ),
        "train",
    )
    evaluation = evaluate(run.path, dataset, split=split, plugins=training.note.plugins)
    write_evaluation(run, evaluation)


def _seed_everything(seed: int, *, deterministic: bool) -> None:
    keras.utils.set_random_seed(seed % 2**32)
    if deterministic and keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()


def _check_same(run: Run, config: Mapping[str, Any], dataset: Dataset) -> None:
    expected, found = config["dataset"]["fingerprint"], dataset.manifest.fingerprint
    if expected != found:
        raise TrainError(
            f"{run.path}: expected the dataset it was trained on ({expected[:12]}), found one with "
            f"the fingerprint {found[:12]} in {dataset.path}. Start a new run."
        )
