"""The epochs of a GAN: what every batch is made of, and what an epoch came to.

Two networks learn in turn, and what an epoch came to is not a loss, which says nothing here, but
what the judge makes of images drawn: whether it recognizes their classes, and how far their
features are from those of validation.
"""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import keras
import numpy as np

from dsbuilder.dataset import StoredDataset
from dsbuilder.errors import TrainError
from dsbuilder.plugin import Moment
from dsbuilder.registry import Registry
from dsbuilder.seeding import generator as seeded
from dsbuilder.stream.tensorflow import Stream, stream
from dsbuilder.train import devices
from dsbuilder.train.callbacks import Step
from dsbuilder.train.drawing import draw_progress
from dsbuilder.train.gan import drawing, networks, snapshots
from dsbuilder.train.gan import judge as judges
from dsbuilder.train.gan.diff_augment import NUMBERS
from dsbuilder.train.gan.judge import RealJudge
from dsbuilder.train.gan.options import MOST_EPOCH_STEPS, GanOptions
from dsbuilder.train.gan.reference import Reference, reference_of
from dsbuilder.train.gan.snapshots import GanNote
from dsbuilder.train.gan.updates import Batch, Networks, networks_of, set_rates, updates_of
from dsbuilder.train.lookup import find_schedule
from dsbuilder.train.monitor import Monitor
from dsbuilder.train.phases import best_row
from dsbuilder.train.rates import make_schedule
from dsbuilder.train.run import Row, Run

JUDGE = "judge.keras"
SHEETS = "samples"
MONITOR = Monitor(name="distance")
"""What says which snapshot is the best: how far it is from validation."""

_LEAST_DRAWN, _MOST_DRAWN, _OF_EACH = 256, 1024, 64
_TICKS = 1000
"""Steps that a training by the clock is cut into for its schedule."""


@dataclass(kw_only=True)
class GanTraining:
    """A training under way.

    Attributes:
      dataset: what is trained on.
      run: folder of the run.
      note: what is told of it so far.
      registry: plugins that the schedule may be from.
    """

    dataset: StoredDataset
    run: Run
    note: GanNote
    registry: Registry
    on_start: Any = lambda computing: None
    on_batch: Any = lambda step: None
    on_epoch: Any = lambda row: None
    on_features: Any = lambda done, of: None
    on_evaluated: Any = lambda done, of: None
    _sums: np.ndarray = field(default_factory=lambda: np.zeros(2))
    _judging: float = 0.0
    """Seconds that judging the last snapshot took."""

    @property
    def options(self) -> GanOptions:
        """What was chosen."""
        return self.note.options

    @property
    def classes(self) -> int:
        """Number of classes; 0 of images alone."""
        return len(self.note.class_names)

    @cached_property
    def schedule(self) -> Any:
        """What says the share of the learning rate.

        Raises:
          SpecError: there is none of that name.
        """
        found = find_schedule(self.options.schedule, self.registry, "schedule")
        return make_schedule(found)

    @cached_property
    def train(self) -> Stream:
        """The train split, as it is stored."""
        options, target = self.options, self.note.target
        size = min(options.batch_size, self.dataset.num_samples("train"))
        sampled: dict[str, Any] = {}
        if options.sampling != "natural":
            sampled = {"sampling": options.sampling, "sampled_by": target}
        return stream(
            self.dataset,
            "train",
            images="uint8",
            batch_size=size,
            seed=self.note.seed,
            drop_remainder=True,
            stages=False,
            targets=[target] if target else [],
            **sampled,
        )

    @property
    def epoch_steps(self) -> int:
        """Batches of an epoch."""
        return self.options.epoch_steps or min(MOST_EPOCH_STEPS, self.train.steps_per_epoch)

    @cached_property
    def networks(self) -> Networks:
        """What learns."""
        image, options = self.dataset.signature.image, self.options
        keras.utils.set_random_seed(self.note.seed % 2**32)  # whether or not a judge was trained
        return networks_of(
            lambda: networks.generator(image, self.classes, options),
            networks.discriminator(image, self.classes, options),
            options,
        )

    @cached_property
    def judge(self) -> RealJudge:
        """The judge, which is trained where the run has none yet."""
        path = self.run.path / JUDGE
        if path.exists():
            return judges.load(path, classes=self.classes)
        began = time.monotonic()
        made = judges.train_judge(self.dataset, self.note.target, seed=self.note.seed)
        judges.save(made, path)
        spent = time.monotonic() - began
        self.note = replace(self.note, before=self.note.before + spent)
        return made

    @cached_property
    def reference(self) -> Reference:
        """What real images are like."""
        return reference_of(self.dataset, self.note.target, self.judge)

    def restore(self) -> None:
        """Takes up where the run was left."""
        files = [each for each in (self.run.checkpoint, self.run.last) if each.exists()]
        notes = {each: snapshots.read_note(each) for each in files}
        if notes:
            newest = max(notes, key=lambda each: notes[each].step)
            self.note = replace(notes[newest], options=self.options)
            self._sums = np.array(self.note.sums)
            snapshots.restore(self.networks, newest)

    def go_on(self) -> Run:
        """Trains what is left."""
        computing = f"{keras.backend.backend()} on {devices.first()[0]}, float32"
        self.run = replace(self.run, computing=computing)
        self.on_start(computing)
        _ = self.judge, self.reference
        if not self._is_over(self.note.seconds):
            step = updates_of(self.networks, self.options)
            batches = self._batches()
            while not self._is_over(self.note.seconds):
                self._epoch(batches, step)
        self._write_progress()
        return self.run

    def _batches(self) -> Iterator[Batch]:
        """Yields the batches from the next step on."""
        steps, number = self.train.steps_per_epoch, self.note.step
        endless = self.train.epochs(number // steps, step=number % steps)
        for given in endless.as_numpy_iterator():
            images, labels = given if self.note.target else (given, None)
            rng = seeded(self.note.seed, "gan", number)
            yield Batch(
                images=images,
                labels=None if labels is None else np.asarray(labels, np.int32),
                latent=rng.standard_normal((len(images), self.options.latent), dtype=np.float32),
                drawn=rng.random((2, len(images), NUMBERS), dtype=np.float32),
            )
            number += 1

    def _is_over(self, seconds: float) -> bool:
        """Whether there is no epoch, or no time, left.

        Args:
          seconds: time that the epoch under way took.
        """
        options, rows = self.options, self.note.rows
        if options.epochs is not None and len(rows) >= options.epochs:
            return True
        return self._spent(seconds) >= self._limit

    @property
    def _limit(self) -> float:
        return math.inf if self.options.minutes is None else self.options.minutes * 60

    def _spent(self, seconds: float) -> float:
        return self.note.before + sum(row.seconds for row in self.note.rows) + seconds

    def _epoch(self, batches: Iterator[Batch], step: Any) -> None:
        """Trains to the end of an epoch, or as far as there is time, and keeps what it came to."""
        began = time.monotonic() - self.note.seconds
        checked = time.monotonic()
        while True:
            share = self._share(time.monotonic() - began)
            set_rates(self.networks, self.options, share)
            number = self.note.step
            self._sums += self._checked(step(next(batches), self._kept(number)))
            now = time.monotonic()
            self.note = replace(
                self.note, step=number + 1, seconds=now - began, sums=tuple(self._sums.tolist())
            )
            done = self.note.step - self.note.begun
            self.on_batch(self._told(done))
            if done >= self.epoch_steps or self._spent(now - began) + self._judging >= self._limit:
                break
            if now - checked >= self.options.checkpoint_minutes * 60:
                snapshots.save(self.networks, self.run.checkpoint, self.note, state=True)
                checked = time.monotonic()
        self._keep(self._row(share, began, done))

    def _kept(self, number: int) -> float:
        """Returns the share of the average that stays: little of the first steps, which know
        nothing.
        """
        return min(self.options.average, (1 + number) / (10 + number))

    def _share(self, seconds: float) -> float:
        """Returns the share of the learning rates of the next step."""
        epochs, steps = self.options.epochs, self.epoch_steps
        past = tuple(MONITOR.value(row) for row in self.note.rows)
        if epochs is None:
            step = min(_TICKS - 1, int(_TICKS * self._spent(seconds) / self._limit))
            moment = Moment(step=step, steps_per_epoch=1, epochs=_TICKS, monitored=past)
        else:
            step = min(self.note.step, steps * epochs - 1)
            moment = Moment(step=step, steps_per_epoch=steps, epochs=epochs, monitored=past)
        share: float = self.schedule.share(moment)
        return share

    def _checked(self, losses: np.ndarray) -> np.ndarray:
        if not np.isfinite(losses).all():
            raise TrainError(
                f"{self.run.path}: expected finite losses, found others in step "
                f"{self.note.step + 1}. Lower the learning rate, or resume with fewer minutes."
            )
        return losses

    def _told(self, done: int) -> Step:
        return Step(
            epoch=len(self.note.rows) + 1,
            phase="train",
            step=done,
            steps=self.epoch_steps,
            samples=done * self.train.batch_size,
            metrics=self._losses(done),
        )

    def _losses(self, done: int) -> dict[str, float]:
        means = (self._sums / max(1, done)).tolist()
        return dict(zip(("discriminator_loss", "generator_loss"), means, strict=True))

    def _row(self, share: float, began: float, done: int) -> Row:
        """Returns what an epoch came to, of which a sheet is drawn."""
        asked = time.monotonic()
        generator, seed = self.networks.averaged, self.note.seed
        count = min(_MOST_DRAWN, max(_LEAST_DRAWN, _OF_EACH * self.classes))
        numbers = drawing.numbered(self.classes, count)
        images = drawing.draw(generator, numbers, seed=seed, what="snapshot")
        labels = np.array([each for each, _ in numbers], np.int64)
        found = self.reference.measured(self.judge, images, labels)
        epoch = len(self.note.rows) + 1
        sheet = self.run.path / SHEETS / f"epoch-{epoch:04d}.png"
        drawing.write_sheet(generator, sheet, classes=self.classes, seed=seed)
        self._judging = time.monotonic() - asked
        return Row(
            epoch=epoch,
            phase="train",
            learning_rate=self.options.learning_rate * share,
            train=self._losses(done),
            validation=found,
            seconds=round(time.monotonic() - began, 3),
        )

    def _keep(self, row: Row) -> None:
        """Writes an epoch; `last.keras` after `best.keras`, so that none is lost in between."""
        self._sums = np.zeros(2)
        self.note = replace(
            self.note,
            rows=(*self.note.rows, row),
            begun=self.note.step,
            seconds=0.0,
            sums=(0.0, 0.0),
        )
        if best_row(self.note.rows, MONITOR) is row:
            snapshots.save(self.networks, self.run.best, self.note, state=False)
        snapshots.save(self.networks, self.run.last, self.note, state=True)
        self.run.checkpoint.unlink(missing_ok=True)
        self._write_progress()
        self.on_epoch(row)

    def _write_progress(self) -> None:
        rows = self.note.rows
        self.run.write_rows(rows)
        draw_progress(self.run, rows, self.dataset, best=best_row(rows, MONITOR))
