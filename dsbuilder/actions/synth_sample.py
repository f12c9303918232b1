"""A trained generator -> a bank: images drawn once, judged by the gate, and sealed."""

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsbuilder.actions.document import Document
from dsbuilder.builder.bank import DrawnImage, check_free, write_bank
from dsbuilder.dataset import load
from dsbuilder.errors import Problem, SpecError, TrainError, tallied
from dsbuilder.proposal.drafting import dataset_name
from dsbuilder.records.bank import BankNote
from dsbuilder.train.run import CONFIG, Run

if TYPE_CHECKING:
    import numpy as np

    from dsbuilder.dataset import StoredDataset
    from dsbuilder.train.gan.gate import GateVerdict, Limits
    from dsbuilder.train.gan.snapshots import GanNote

_MOST, _LEAST = 1_000_000, 10
"""Images in all, and of each class: of fewer the gate cannot say how far they are apart."""


@dataclass(frozen=True, kw_only=True)
class SynthSampleDocument(Document):
    """A bank that was drawn.

    Attributes:
      bank: folder of the bank.
      seal: hash of all that is in it.
      drawn: number of images that were drawn.
      passed: number of those that are in the bank.
      turned_away: number of images that are not, by reason.
      recognition: share of all drawn images whose intended class the judge says; None without
        classes.
      classes: what the gate found of each class, by its name.
    """

    bank: Path
    seal: str
    drawn: int
    passed: int
    turned_away: Mapping[str, int]
    recognition: float | None
    classes: Mapping[str, Any]


def synth_sample(
    run: Path | str,
    output: Path | str,
    *,
    count: int | None = None,
    per_class: int | None = None,
    seed: int = 0,
    least_diversity: float = 0.6,
    least_recognition: float = 0.5,
    starting: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> SynthSampleDocument:
    """Draws images of a GAN into a bank, as far as the gate lets them pass.

    Args:
      run: folder of a run of `synth_train`.
      output: folder of the bank, which is made.
      count: number of images in all, as many of each class as can be.
      per_class: number of images of each class instead.
      seed: seed of what is drawn: another one draws others.
      least_diversity: least distance of two images of a class, in shares of that of real ones.
      least_recognition: least share of a class that the judge must recognize.
      starting: what surrounds the start of TensorFlow, which takes seconds.

    Raises:
      SpecError: an argument is wrong.
      TrainError: there is no trained generator, or none of its images passes.
      CacheError: the dataset that it was trained on is gone, or the bank cannot be written.
    """
    _check(count, per_class, {"diversity": least_diversity, "recognition": least_recognition})
    check_free(Path(output).absolute())  # told now, not after all is drawn
    folder = Run(path=Path(run))
    config = folder.config()
    with starting():
        from dsbuilder.train.gan import drawing, gate, snapshots
        from dsbuilder.train.gan import judge as judges
        from dsbuilder.train.gan.loop import JUDGE
    note = snapshots.read_note(folder.best)
    dataset = load(config["dataset"]["path"])
    if dataset.manifest.fingerprint != note.fingerprint:
        raise TrainError(
            f"{folder.path / CONFIG}: expected the dataset that the generator was trained on, "
            f"found another one in {dataset.where}. Train it again."
        )
    classes = len(note.class_names)
    numbers = drawing.numbered(classes, count or (per_class or 0) * max(1, classes))
    least = min(Counter(each for each, _ in numbers).get(own, 0) for own in range(max(1, classes)))
    if least < _LEAST:
        wrong = (
            f"expected {_LEAST} images or more of each class, by which the gate judges it, found "
            f"{least}. Draw more."
        )
        raise SpecError([Problem("count", wrong)])
    generator = snapshots.load_generator(folder.best)
    images = drawing.draw(generator, numbers, seed=seed, what="bank")
    judge = judges.load(folder.path / JUDGE, classes=classes)
    limits = gate.Limits(diversity=least_diversity, recognition=least_recognition)
    labels = _labels(numbers)
    verdict = gate.examine(
        images, labels, dataset=dataset, target=note.target, judge=judge, limits=limits
    )
    sampled = _Sampled(folder, dataset, note, numbers, images, verdict, limits, seed)
    return sampled.write(Path(output), snapshots.hash_of(folder.best))


def _labels(numbers: list[tuple[int, int]]) -> "np.ndarray":
    import numpy as np

    return np.array([each for each, _ in numbers], np.int64)


def _check(count: int | None, per_class: int | None, shares: Mapping[str, float]) -> None:
    if (count is None) == (per_class is None):
        wrong = "expected either a count or one per class. Give one of the two."
        raise SpecError([Problem("count", wrong)])
    if not 1 <= (count or per_class or 0) <= _MOST:
        wrong = f"expected 1 to {_MOST:,} images, found {count or per_class or 0}."
        raise SpecError([Problem("count", wrong)])
    for name, share in shares.items():
        if not 0 <= share <= 1:
            wrong = f"expected a share in [0, 1], found {share:g}."
            raise SpecError([Problem(f"least_{name}", wrong)])


@dataclass(frozen=True)
class _Sampled:
    """Images that were drawn and judged."""

    run: Run
    dataset: "StoredDataset"
    note: "GanNote"
    numbers: list[tuple[int, int]]
    images: "np.ndarray"
    verdict: "GateVerdict"
    limits: "Limits"
    seed: int

    def write(self, output: Path, model: str) -> SynthSampleDocument:
        """Writes the bank of those that passed.

        Args:
          model: hash of the generator's file.
        """
        from dsbuilder.train.gan import gate

        counts = self.verdict.counts
        passed = int(self.verdict.passed.sum())
        if not passed:
            raise TrainError(
                f"{self.run.path}: expected images that pass the gate, found that all of "
                f"{len(self.images)} were turned away ({tallied(counts)}). Train for longer, or on "
                "more images."
            )
        names, signature = self.note.class_names, self.dataset.signature
        target = self.note.target
        findings = gate.to_json(self.verdict, self.limits, names)
        told = {target: signature.targets[target]} if target else {}
        found = BankNote(
            gan=self.note.options.gan,
            model=model,
            dataset=self.note.dataset,
            fingerprint=self.note.fingerprint,
            seed=self.seed,
            drawn=len(self.images),
            target=target,
            class_names=names,
            image=tuple(self.images.shape[1:]),
            gate=findings,
            rejected=tuple(self._rejected()),
            entries=(),
        )
        warnings = self._warnings(passed)
        seal = write_bank(
            output.absolute(),
            self._passed(),
            name=dataset_name(output.absolute()),
            note=found,
            signature=signature.replace(targets=told),
            sections=self.dataset.pipeline.sections,
            warnings=warnings,
        )
        return SynthSampleDocument(
            bank=output.absolute(),
            seal=seal,
            drawn=len(self.images),
            passed=passed,
            turned_away=counts,
            recognition=self.verdict.recognition,
            classes=findings["classes"],
            warnings=tuple(warnings),
        )

    def _label(self, place: int) -> int | None:
        return self.numbers[place][0] if self.note.target else None

    def _passed(self) -> list[DrawnImage]:
        return [
            DrawnImage(
                number=place,
                image=self.images[place],
                label=self._label(place),
                drawn={
                    "seed": self.seed,
                    "class": self._label(place),
                    "number": self.numbers[place][1],
                },
            )
            for place, reason in enumerate(self.verdict.reasons)
            if reason is None
        ]

    def _rejected(self) -> list[dict[str, Any]]:
        names = self.note.class_names
        return [
            {
                "number": place,
                "label": names[self.numbers[place][0]] if names else None,
                "reason": reason,
                "closeness": round(float(self.verdict.closeness[place]), 4),
                "nearest": int(self.verdict.nearest[place]),
            }
            for place, reason in enumerate(self.verdict.reasons)
            if reason is not None
        ]

    def _warnings(self, passed: int) -> list[str]:
        """Returns what the manifest of the bank says of images that are not in it."""
        counts = self.verdict.counts
        found = []
        if counts:
            found.append(
                f"{passed} of {len(self.images)} images passed the gate; turned away: "
                f"{tallied(counts)}."
            )
        for each, own in self.verdict.classes.items():
            if not own.passed:
                name = self.note.class_names[each] if self.note.class_names else "images"
                said = "" if own.recognition is None else f", {own.recognition:.0%} recognized"
                found.append(
                    f"'{name}': none of {own.drawn} images passed the gate (diversity "
                    f"{own.diversity:.2f} of real ones{said})."
                )
        return found
