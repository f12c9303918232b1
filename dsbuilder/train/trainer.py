"""Trains a model on a dataset, epoch by epoch, so that it can be killed at any time and resumed."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, Unpack

import keras

from dsbuilder.dataset import StoredDataset, load
from dsbuilder.errors import TrainError
from dsbuilder.pipelinefile.stages import SPLITS
from dsbuilder.pipelinefile.training import LogName, TrainOptions
from dsbuilder.registry import discover
from dsbuilder.stream.tensorflow import Stream, statistics, stream, value_statistics
from dsbuilder.targets import counts_of
from dsbuilder.tasks import Heads, Recognize, doubts, heads_of
from dsbuilder.train import archive, checkpoints
from dsbuilder.train import precision as precisions
from dsbuilder.train.archive import Trained, note_of
from dsbuilder.train.callbacks import Shown
from dsbuilder.train.checkpoints import Within
from dsbuilder.train.compiling import batches_of, compile_model, losses_of, optimizer_of
from dsbuilder.train.devices import choose as choose_devices
from dsbuilder.train.drawing import draw_evaluation
from dsbuilder.train.evaluation import check_objects, evaluate
from dsbuilder.train.features import passed
from dsbuilder.train.fitting import check_fit, learnt_targets, sampling_of, unlearnable
from dsbuilder.train.gallery import draw_mistakes
from dsbuilder.train.logs import Logs
from dsbuilder.train.lookup import Chosen, KerasClass, choose
from dsbuilder.train.loop import Ongoing, fit
from dsbuilder.train.monitor import mode_of, watched_of
from dsbuilder.train.network import build_network
from dsbuilder.train.optimizer import check_accumulated
from dsbuilder.train.options import bind, settled, to_data, with_workers
from dsbuilder.train.phases import (
    Phase,
    extended,
    frozen_layers,
    next_phase,
    phases_of,
    unfreeze,
)
from dsbuilder.train.rates import beyond, make_schedule
from dsbuilder.train.run import (
    CHARTS,
    CONFIG,
    PREDICTIONS,
    Row,
    Run,
    config_of,
    write_evaluation,
)
from dsbuilder.train.run_card import write_card
from dsbuilder.train.run_page import write_run_page
from dsbuilder.train.settling import check_settling, settle
from dsbuilder.trust import noted


def train_dataset(
    dataset: StoredDataset,
    options: TrainOptions,
    *,
    run: Run | Path | str,
    plugins: Sequence[Path] = (),
    stop_after: int | None = None,
    **shown: Unpack[Shown],
) -> Run:
    """Trains a model on a dataset's train split and evaluates the best one.

    The loss on the validation split says which epoch is the best and when to stop; without such a
    split, that on train does, of which the returned run warns. The best model is evaluated on the
    test split, else on validation.

    Args:
      run: the folder to write, made if it is not there; `run.new_run` names a new one.
      plugins: folders of plugins that the model or the stream's stages are from.
      stop_after: number of epochs after which the run is left as if it were killed then: nothing is
        evaluated, and `resume_run` goes on. None for all.
      shown: what is called as it goes on; see `Shown`.

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
    training = prepared(dataset, options, target, plugins, **shown)
    target.path.mkdir(parents=True, exist_ok=True)
    _write_config(training, plugins)
    return _logged(training, (), lambda: (None, None), stop_after=stop_after)


def resume_run(
    run: Run | Path | str,
    *,
    dataset: StoredDataset | None = None,
    epochs: int | None = None,
    schedule_epochs: int | None = None,
    devices: Literal["all"] | int | None = None,
    workers: int | None = None,
    log: Sequence[LogName] | None = None,
    plugins: Sequence[Path] = (),
    stop_after: int | None = None,
    **shown: Unpack[Shown],
) -> Run:
    """Goes on with a run that was killed, or that shall have more epochs, after its last whole one.

    Model, optimizer, order of the data and noise go on where they were, so the run comes to the
    results it would have had without the interruption, as far as the machine computes the same.

    Args:
      run: its folder.
      dataset: None opens the one it was trained on, where that still is.
      epochs: of the first phase, instead of what it was started with. The schedule stays laid over
        those it was started with, so that the learning rate does not jump; of epochs after these,
        the returned run says the rate.
      schedule_epochs: over how many epochs the schedule is laid from now on.
      devices, workers: numbers of devices, and of processes that make batches, from now on, instead
        of what it was started with.
      log: programs that it is told to from now on, instead of those that it was started with; they
        are told of all its epochs.
      plugins: see `train_dataset`; those it was started with are only told of.
      stop_after, shown: see `train_dataset`.

    Raises:
      TrainError: the folder is not a run, or the dataset is another one by now.
      CacheError: the dataset is not there any more.
    """
    target = run if isinstance(run, Run) else Run(path=Path(run))
    config = target.config()
    if "gan" in config:
        raise TrainError(
            f"{target.path}: expected a run of `dsbuilder train`, found one of `dsbuilder synth "
            "train`. Resume it with that."
        )
    options = bind(
        config["train"], origin=target.path / CONFIG, plugins=plugins, hint=noted(config["plugins"])
    )
    options = extended(options, epochs=epochs, schedule_epochs=schedule_epochs)
    options = options if devices is None else replace(options, devices=devices)
    options = options if log is None else replace(options, log=tuple(log))
    options = with_workers(options, workers)
    dataset = load(config["dataset"]["path"]) if dataset is None else dataset
    _check_same(target, config, dataset)
    training = prepared(dataset, options, target, plugins, **shown)
    schedule, steps = make_schedule(training.chosen.schedule), training.train.steps_per_epoch
    training.run = training.run.warned(beyond(options, schedule, steps=steps))
    _write_config(training, plugins)
    rows = archive.read_note(target.last).rows if target.last.exists() else ()
    left = partial(_left, training.run, rows, plugins)
    return _logged(training, rows, left, stop_after=stop_after)


def _left(
    run: Run, rows: Sequence[Row], plugins: Sequence[Path]
) -> tuple[keras.Model | None, Within | None]:
    """Returns the model that a run was left with, if any, and how far it is in the next epoch."""
    begun = checkpoints.load(run.checkpoint, rows=len(rows), plugins=plugins)
    if begun is not None:
        return _trainable(begun[0]), begun[1]
    if not rows:
        return None, None
    return _trainable(archive.load_model(run.last, plugins=plugins)), None


def _trainable(trained: Trained) -> keras.Model:
    """Returns a model that can be trained on."""
    if getattr(trained.model, "optimizer", None) is None:
        raise TrainError(
            f"{trained.path}: expected a model with its optimizer, to train on, found one without. "
            "Train it again."
        )
    return trained.model


def prepared(
    dataset: StoredDataset,
    options: TrainOptions,
    run: Run,
    plugins: Sequence[Path],
    **shown: Unpack[Shown],
) -> Ongoing:
    """Opens the streams and settles all that can be wrong before a model is built."""
    seed = dataset.manifest.seed if options.seed is None else options.seed
    _seed_everything(seed, deterministic=options.deterministic)
    if not dataset.has_samples("train"):
        raise TrainError(f"{dataset.where}: the split 'train' has no samples. Build some.")
    opened: dict[str, Any] = {"images": "uint8", "batch_size": options.batch_size, "seed": seed}
    opened["targets"] = learnt_targets(options, dataset.signature)

    sampled = sampling_of(options, opened["targets"])
    workers = None if options.workers == "auto" else options.workers

    def reopen(split: str, **given: Any) -> Stream:
        of_train = {**sampled, "workers": workers, "on_device": True} if split == "train" else {}
        return stream(dataset, split, plugins=plugins, **{**opened, **of_train, **given})

    train = reopen("train")
    registry = discover(plugins)
    learnt = check_fit(options, train.signature, registry)
    for split in filter(dataset.has_samples, SPLITS):
        check_objects(dataset, split, heads_of(learnt))
    heads = {
        name: task.fit(partial(value_statistics, dataset, name))
        for name, task in heads_of(learnt).items()
    }
    chosen = choose(options, heads, registry)
    _check_made(options, chosen, heads)
    mode = options.monitor_mode or mode_of(options.monitor, watched_of(heads, chosen))
    options, _ = settled(replace(options, monitor_mode=mode), dataset)
    check_accumulated(options.optimizer, steps=train.steps_per_epoch)
    check_settling(options, dataset)
    shared = choose_devices(options.devices, batch_size=train.batch_size)
    validation = reopen("validation") if dataset.has_samples("validation") else None
    return Ongoing(
        options=options,
        chosen=chosen,
        run=replace(
            run,
            warnings=(
                *filter(None, [shared.uneven(train.batch_size)]),
                *_warnings(options, dataset, heads, train, validation),
            ),
        ),
        seed=seed,
        note=note_of(dataset, options, learnt, plugins, heads=heads),
        train=train,
        validation=validation,
        dataset=dataset,
        devices=shared,
        reopen=reopen,
        **shown,
    )


def _check_made(options: TrainOptions, chosen: Chosen, heads: Heads) -> None:
    """Makes what is of Keras once, so that wrong options are told before anything is written."""
    optimizer_of(options, chosen, options.optimizer.learning_rate)
    losses_of(options, chosen, heads)
    named = (each for head in chosen.heads.values() for each in head.metrics.values())
    for each in (chosen.schedule, *named):
        if isinstance(each, KerasClass):
            each.make(initial_learning_rate=1.0)


def _warnings(
    options: TrainOptions,
    dataset: StoredDataset,
    heads: Heads,
    train: Stream,
    validation: Stream | None,
) -> Iterator[str]:
    """Yields what a person should know before the first epoch."""
    _, reason = precisions.chosen(options.precision)
    if reason is not None:
        yield reason
    if train.sampled is not None:
        yield from train.sampled.warnings
    if validation is None:
        yield (
            f"{dataset.where}: no validation split: the loss on train decides which epoch is the "
            "best."
        )
    if not dataset.has_samples("test"):
        yield (
            f"{dataset.where}: no test split: the best model is measured on the samples that it "
            "was chosen by, which flatters it."
        )
    counts = {split: dataset.manifest.class_counts(split) for split in dataset.splits}
    for name, task in heads.items():
        own = partial(counts_of, name, dataset.signature.targets)
        yield from unlearnable(name, task.target, {n: own(each) for n, each in counts.items()})
        if isinstance(task, Recognize):
            alphabet = partial(dataset.manifest.alphabet, name)
            yield from task.unreadable(name, {split: alphabet(split) for split in dataset.splits})


def _write_config(training: Ongoing, plugins: Sequence[Path]) -> None:
    config = config_of(
        training.dataset,
        to_data(training.options),
        plugins,
        seed=training.seed,
        backend=keras.backend.backend(),
        devices=training.devices.names,
        sampled=training.train.sampled,
    )
    training.run.write_json(CONFIG, config)


def _logged(
    training: Ongoing,
    rows: Sequence[Row],
    begun: Callable[[], tuple[keras.Model | None, Within | None]],
    *,
    stop_after: int | None,
) -> Run:
    """Trains as `_finish` does, on the devices that were chosen, and tells the logs how it ends.

    Args:
      begun: returns what `_finish` begins with.
    """
    logs = training.logs = Logs(training.run, training.options.log)
    with logs.ended_by_errors(), training.devices.scope():
        done = _finish(training, rows, *begun(), stop_after=stop_after)
    logs.end("done" if stop_after is None else "left")
    return done.warned(*logs.warnings)


def _finish(
    training: Ongoing,
    rows: Sequence[Row],
    model: keras.Model | None,
    state: Within | None = None,
    *,
    stop_after: int | None = None,
) -> Run:
    """Trains all phases that are left, from the model after `rows`, and evaluates the best.

    Args:
      state: how far the model is in the epoch after these.
      stop_after: number of epochs after which it is left, and nothing evaluated; None for all.
    """
    training.rows.extend(rows)
    phase_done = state.phase if state else rows[-1].phase if rows else None
    if model is not None:
        compile_model(training, model, model.optimizer)
    asked = partial(next_phase, training.options, training.rows, stop_after=stop_after)
    while (following := asked()) is not None:
        phase, left = following
        if model is None:
            model = first_model(training)
        elif phase.name != phase_done:
            _take_best(training, model)
            _begin(training, model, phase)
        elif state is not None:
            left = 1  # what is left of an epoch; Keras has them of one length
        phase_done = phase.name
        compiled = partial(compile_model, training, optimizer=model.optimizer)
        batches = partial(batches_of, training)
        with passed(training, model, phase, left, batches=batches, compiled=compiled) as way:
            fit(training, model, phase, left, way=way, state=state)
        state = None
    training.write_progress()
    if stop_after is None:
        _evaluate(training)
    return training.run


def _new_model(training: Ongoing) -> keras.Model:
    options = training.options
    wanted = options.normalize == "standardize"
    model = build_network(
        options.model,
        training.note.signature,
        heads=training.heads,
        normalize=options.normalize,
        statistics=statistics(training.dataset) if wanted else None,
        precision=precisions.chosen(options.precision)[0],
    )
    if options.length.fine_tune is not None:
        frozen_layers(model)  # told now, not after the first phase
    return model


def first_model(training: Ongoing) -> keras.Model:
    """Returns a new model, ready for the first phase."""
    model = _new_model(training)
    _begin(training, model, phases_of(training.options)[0])
    return model


def _take_best(training: Ongoing, model: keras.Model) -> None:
    """Takes over the weights of the best epoch so far."""
    best = archive.load_model(training.run.best, plugins=training.note.plugins)
    try:
        model.set_weights(best.model.get_weights())
    except ValueError as error:
        raise TrainError(
            f"{training.run.best}: expected the model that is trained, found another ({error}). "
            "Train it again."
        ) from error


def _begin(training: Ongoing, model: keras.Model, phase: Phase) -> None:
    """Makes a model ready for a phase, with an optimizer of its own."""
    unfreeze(model, phase.unfreeze)
    optimizer = optimizer_of(training.options, training.chosen, phase.learning_rate)
    compile_model(training, model, optimizer)


def _evaluate(training: Ongoing) -> None:
    dataset, run = training.dataset, training.run
    split = next(filter(dataset.has_samples, ("test", "validation", "train")), "train")
    best = settle(training)
    judged: dict[str, Any] = {"predictions": run.path / PREDICTIONS, "plugins": best.note.plugins}
    evaluation = evaluate(best, dataset, split=split, on_asked=training.on_evaluated, **judged)
    write_evaluation(run, evaluation)
    write_card(run)
    draw_evaluation(run)
    draw_mistakes(best, dataset, split, folder=run.path / CHARTS, singly=True, **judged)
    training.run = run.warned(*doubts(evaluation.to_json()), *write_run_page(run))


def _seed_everything(seed: int, *, deterministic: bool) -> None:
    keras.utils.set_random_seed(seed % 2**32)
    if deterministic and keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()


def _check_same(run: Run, config: Mapping[str, Any], dataset: StoredDataset) -> None:
    expected, found = config["dataset"]["fingerprint"], dataset.manifest.fingerprint
    if expected != found:
        raise TrainError(
            f"{run.path}: expected the dataset it was trained on ({expected[:12]}), found one with "
            f"the fingerprint {found[:12]} in {dataset.where}. Start a new run."
        )
