"""Trains a GAN on the train split, snapshot by snapshot, and keeps the one that looks most real.

It is a run as any other: the same folder, killed and resumed at any time, with the same results as
far as no clock decides. Only the loop is its own; see `loop.py`.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Unpack

import keras

from dsbuilder.dataset import StoredDataset, load
from dsbuilder.errors import TrainError, option
from dsbuilder.plugin import ClassLabel
from dsbuilder.registry import discover
from dsbuilder.sample import Signature
from dsbuilder.train import devices
from dsbuilder.train.callbacks import Shown
from dsbuilder.train.gan import networks
from dsbuilder.train.gan.loop import MONITOR, GanTraining
from dsbuilder.train.gan.options import GanOptions
from dsbuilder.train.gan.snapshots import GanNote
from dsbuilder.train.run import CONFIG, Run, config_of


def train_gan(
    dataset: StoredDataset,
    options: GanOptions,
    *,
    run: Run,
    plugins: tuple[Path, ...] = (),
    **shown: Unpack[Shown],
) -> Run:
    """Trains a GAN on a dataset's train split.

    Args:
      run: the folder to write, made if it is not there.
      plugins: folders of plugins that the schedule may be from.
      shown: what is called as it goes on.

    Raises:
      SpecError: something of a name is not there.
      TrainError: the dataset cannot be learnt, or the folder holds a run.
    """
    if (run.path / CONFIG).exists() or run.last.exists():
        raise TrainError(
            f"{run.path}: expected a folder for a new run, found a run. Resume it, or choose "
            "another folder."
        )
    training = _opened(dataset, options, run, plugins, shown)
    run.path.mkdir(parents=True, exist_ok=True)
    _write_config(training, plugins)
    return training.go_on()


def resume_gan(
    run: Run,
    *,
    epochs: int | None = None,
    minutes: float | None = None,
    plugins: tuple[Path, ...] = (),
    **shown: Unpack[Shown],
) -> Run:
    """Goes on with a run that was killed, or that shall be trained for longer.

    Args:
      epochs, minutes: instead of what it was started with.
      plugins, shown: see `train_gan`.

    Raises:
      TrainError: the folder holds no such run, or the dataset is another one by now.
      CacheError: the dataset is not there any more.
    """
    config = run.config()
    if "gan" not in config:
        raise TrainError(
            f"{run.path}: expected a run of `dsbuilder synth train`, found one of `dsbuilder "
            "train`. Resume it with that."
        )
    try:
        options = GanOptions.from_json(config["gan"])
    except (ValueError, TypeError) as error:
        raise TrainError(
            f"{run.path / CONFIG}: expected what a run writes, found another ({error}). Train it "
            "again."
        ) from None
    if epochs is not None or minutes is not None:
        options = replace(options, epochs=epochs, minutes=minutes)
    dataset = load(config["dataset"]["path"])
    if dataset.manifest.fingerprint != config["dataset"]["fingerprint"]:
        raise TrainError(
            f"{run.path}: expected the dataset that it was trained on, found another one in "
            f"{dataset.where}. Start a new run."
        )
    training = _opened(dataset, options, run, plugins, shown)
    _write_config(training, plugins)
    training.restore()
    return training.go_on()


def target_of(where: str, signature: Signature, options: GanOptions) -> str | None:
    """Returns the name of the target that a GAN is told; None of one that learns images alone.

    Raises:
      TrainError: there is none, or several.
    """
    if options.gan == "dcgan":
        if options.target is not None:
            raise TrainError(
                f"{where}: expected no target for dcgan, which learns images alone, found "
                f"'{options.target}'. Leave it out, or train a cgan."
            )
        return None
    known = [
        name
        for name, kind in signature.targets.items()
        if isinstance(kind, ClassLabel) and not kind.soft and options.target in (None, name)
    ]
    if len(known) == 1:
        return known[0]
    asked = f"'{options.target}'" if options.target else ", ".join(known)
    found = f"found {asked}" if asked else "the samples have none"
    raise TrainError(
        f"{where}: expected one class a sample for cgan, {found}. Choose one with "
        f"{option('target NAME', 'target')}, or train a dcgan, which learns images alone."
    )


def _opened(
    dataset: StoredDataset,
    options: GanOptions,
    run: Run,
    plugins: tuple[Path, ...],
    shown: Shown,
) -> GanTraining:
    """Settles all that can be wrong before anything is written."""
    if not dataset.has_samples("train"):
        raise TrainError(f"{dataset.where}: the split 'train' has no samples. Build some.")
    networks.check_image(str(dataset.where), dataset.signature.image)
    seed = dataset.manifest.seed if options.seed is None else options.seed
    target = target_of(str(dataset.where), dataset.signature, options)
    registry = discover(plugins)
    if target is None and options.sampling != "natural":
        raise TrainError(
            f"{dataset.where}: expected no sampling by class for dcgan, which knows none, found "
            f"'{options.sampling}'. Leave it out."
        )
    options = options.settled(dataset.num_samples("train"))
    names = dataset.signature.targets[target].class_names if target else ()
    note = GanNote(
        dataset=f"{dataset.name} {dataset.manifest.version}",
        fingerprint=dataset.manifest.fingerprint,
        target=target,
        class_names=names,
        options=options,
        seed=seed,
    )
    training = GanTraining(
        dataset=dataset,
        run=run.warned(*_warnings(dataset)),
        note=note,
        registry=registry,
        **shown,
    )
    _ = training.schedule, training.train
    return training


def _warnings(dataset: StoredDataset) -> Iterator[str]:
    if not dataset.has_samples("validation"):
        yield (
            f"{dataset.where}: no validation split: train decides which snapshot is the best, "
            "which favors one that has learnt it by heart."
        )


def _write_config(training: GanTraining, plugins: tuple[Path, ...]) -> None:
    options, note = training.note.options, training.note
    config = config_of(
        training.dataset,
        {
            "model": {"use": options.gan},
            "target": note.target,
            "monitor": MONITOR.name,
            "monitor_mode": "min",
        },
        plugins,
        seed=note.seed,
        backend=keras.backend.backend(),
        devices=[devices.first()[0]],
        sampled=training.train.sampled,
    )
    training.run.write_json(CONFIG, {**config, "gan": options.to_json()})
