"""A class of every pixel: mean intersection over union, and masks of the size of their images."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from dsbuilder.plugin import Mask, Metric, Target
from dsbuilder.tasks import exported, intervals, suspicion
from dsbuilder.tasks.classify import log_softmax
from dsbuilder.tasks.confident_learning import Pruning
from dsbuilder.tasks.evaluation import Evaluation, ScoreTable, scored
from dsbuilder.tasks.exported import ExportedHead
from dsbuilder.tasks.intervals import Interval
from dsbuilder.tasks.keras_losses import CLASSES, IDS
from dsbuilder.tasks.suspicion import Suspicion
from dsbuilder.tasks.task import Answer, Judgment, OfClasses, Shape, Task, log_mean, ranked


@dataclass(frozen=True, kw_only=True)
class MeanIou(Metric):
    """The mean intersection over union of the classes that some pixel is of or was taken for.

    Attributes:
      classes: number of classes.
      ignore: id of pixels that do not count; None counts all that are of a class.
    """

    adds_up: ClassVar[bool] = True

    classes: int
    ignore: int | None = None

    def collect(self, truth: Any, outputs: Any, ops: Any) -> Any:
        """Returns pixels that are of a class, were taken for it, and both, `(B, 3 classes)`."""
        known = (
            ops.less(truth, self.classes)
            if self.ignore is None
            else ops.not_equal(truth, self.ignore)
        )
        taken = ops.argmax(outputs, axis=-1)
        counts = []
        for index in range(self.classes):  # a plane at a time: all at once would not fit
            of_it = ops.logical_and(known, ops.equal(truth, index))
            for_it = ops.logical_and(known, ops.equal(taken, index))
            both = ops.logical_and(of_it, for_it)
            counts += [ops.sum(ops.where(each, 1.0, 0.0), (1, 2)) for each in (of_it, for_it, both)]
        return ops.stack(counts, axis=-1)

    def result(self, rows: np.ndarray) -> float:
        """Returns the mean over classes; 0 if no pixel counts."""
        found = _ious(*rows.sum(axis=0, dtype=np.float64).reshape(-1, 3).T)
        known = [each for each in found if each is not None]
        return float(np.mean(known)) if known else 0.0


@dataclass(frozen=True, kw_only=True)
class RegionScore:
    """How well the pixels of one class are found.

    Attributes:
      name: name of the class.
      pixels: number of pixels that are of it.
      iou: share of the pixels that are of it or were taken for it that are both; None if
        there are none.
      dice: twice the pixels that are both, of those that are of it and those taken for it, which is
        their F1; None if there are none.
      intervals: where each of these lies with 95 %, by its name.
    """

    name: str
    pixels: int
    iou: float | None
    dice: float | None
    intervals: Mapping[str, Interval] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class MaskEvaluation(Evaluation):
    """A model of masks, over all pixels but the ignored.

    Attributes:
      accuracy: share of pixels that are right.
      mean_iou, mean_dice: means over the classes that have one.
      classes: scores by class, in id order.
    """

    kind: ClassVar[str] = Mask.kind
    accuracy: float
    mean_iou: float
    mean_dice: float
    classes: tuple[RegionScore, ...]


@dataclass(frozen=True, kw_only=True)
class Segment(Task):
    """Learns the class of every pixel."""

    learns: ClassVar[type[Target]] = Mask
    headline: ClassVar[str] = "mean_iou"
    of_classes: ClassVar[OfClasses | None] = OfClasses("iou", "mean_iou", by_samples=False)
    takes: ClassVar[frozenset[str]] = frozenset({"masks", "overlays"})
    column: ClassVar[str] = "area"
    judged_by: ClassVar[str] = "iou"
    averages: ClassVar[bool] = True
    mirrors: ClassVar[bool] = True
    scored_by: ClassVar[str] = "share"

    exclusive: ClassVar[bool | None] = True

    target: Mask

    @property
    def outputs(self) -> Shape:
        """A logit of each class for every pixel."""
        return (self.image.height, self.image.width, len(self.target.names))

    def loss(self) -> Any:
        """Cross-entropy from logits of every pixel that is of a known class."""
        import keras

        return keras.losses.SparseCategoricalCrossentropy(
            from_logits=True, ignore_class=self.target.ignore
        )

    @property
    def keras_losses(self) -> frozenset[str]:
        """Those of classes that exclude each other."""
        return CLASSES | IDS

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """The mean intersection over union."""
        return {"mean_iou": MeanIou(classes=len(self.target.names), ignore=self.target.ignore)}

    def by_class(self, truth: Any, ops: Any) -> Any:
        """Returns ids as weights of classes; a pixel that is ignored has none."""
        classes = len(self.target.names)
        ids = ops.cast(truth, "int32")
        known = ids < classes if self.target.ignore is None else ids != self.target.ignore
        weights = ops.one_hot(ops.where(ids < classes, ids, 0), classes)
        return weights * ops.cast(ops.expand_dims(known, -1), weights.dtype)

    def keep(self, truth: np.ndarray, outputs: np.ndarray) -> np.ndarray:
        """Returns of each image's pixels how many are of a class, taken for it, and both.

        int64 `(B, 3, num_classes)`.
        """
        count = len(self.target.names)
        each = (truth.astype(np.int64), outputs.argmax(axis=-1), self._known(truth))
        return np.stack([_counts(*image, count) for image in zip(*each, strict=True)])

    def evaluate(self, kept: np.ndarray, numbers: Mapping[str, Any]) -> MaskEvaluation:
        """Returns accuracy, mean intersection over union, and scores by class."""
        of_it, _, both = sums = kept.sum(axis=0)
        found = _intervals(kept)
        names = self.target.names
        *of_iou, of_mean_iou = found[: len(names) + 1]
        *of_dice, of_mean_dice, of_accuracy = found[len(names) + 1 :]
        classes = tuple(_region_scores(names, sums, of_iou, of_dice))
        dice = [each.dice for each in classes if each.dice is not None]
        return MaskEvaluation(
            accuracy=int(both.sum()) / max(int(of_it.sum()), 1),
            mean_dice=float(np.mean(dice)) if dice else 0.0,
            classes=classes,
            intervals=intervals.known(
                mean_iou=of_mean_iou, mean_dice=of_mean_dice, accuracy=of_accuracy
            ),
            **numbers,
        )

    def answer(self, outputs: np.ndarray) -> Answer:
        """Returns class ids uint8 `(H, W)`, and the share of the area that each class has."""
        return self.answer_of(outputs.argmax(axis=-1).astype(np.uint8))

    def answer_of(self, ids: np.ndarray) -> Answer:
        """Returns the answer that class ids are, uint8 `(H, W)`."""
        counts = np.bincount(ids.ravel(), minlength=len(self.target.names))
        shares = counts[: len(self.target.names)] / ids.size
        return Answer(ids, ranked(self.target.names, shares))

    def pixel_probabilities(self, outputs: np.ndarray) -> np.ndarray:
        """Returns the probability of each class in each pixel, float `(H, W, num_classes)`."""
        return np.asarray(np.exp(log_softmax(outputs)), np.float32)

    @property
    def exported(self) -> ExportedHead:
        """The probability of each class in each pixel."""
        return exported.exclusive("probability of each class in each pixel", self.target.names)

    def averaged(self, outputs: np.ndarray) -> np.ndarray:
        """Returns logits of the mean probabilities: their logarithms."""
        return log_mean(log_softmax(outputs))

    def judge(self, truth: np.ndarray, outputs: np.ndarray) -> Iterator[Judgment]:
        """Yields the classes of each true mask beside those found, with the mean IoU of both.

        The confidence is the mean of that in each pixel which counts.
        """
        names, taken = self.target.names, outputs.argmax(axis=-1)
        for ids, found, logits in zip(truth, taken, outputs, strict=True):
            known = self._known(ids)
            counts = _counts(ids.astype(np.int64), found, known, len(names))
            ious = [each for each in _ious(*counts) if each is not None]
            one, two = (
                [n for n, has in zip(names, each, strict=True) if has] for each in counts[:2]
            )
            if not ious:
                yield Judgment(one, two, None, None)
                continue
            sure = np.exp(log_softmax(logits[known]).max(axis=1)).mean()
            yield Judgment(one, two, float(sure), float(np.mean(ious)))

    def suspicion(
        self, judged: Sequence[Judgment], probabilities: np.ndarray, pruning: Pruning
    ) -> Suspicion:
        """Returns masks whose IoU is an outlier."""
        errors = [None if each.score is None else 1 - each.score for each in judged]
        return suspicion.of_errors([each.truth for each in judged], errors, "1 - IoU")

    def _known(self, ids: np.ndarray) -> np.ndarray:
        """Returns which pixels count, bool as the ids."""
        ignore = self.target.ignore
        known: np.ndarray = ids < len(self.target.names) if ignore is None else ids != ignore
        return known

    @classmethod
    def table(cls, evaluation: Mapping[str, Any]) -> ScoreTable:
        """Returns a row for each class."""
        return ScoreTable(
            headings=("", "IoU", "Dice", "pixels"),
            rows=[
                [each["name"], scored(each, "iou"), scored(each, "dice"), str(each["pixels"])]
                for each in evaluation["classes"]
            ],
            summary=(
                f"mean IoU {scored(evaluation, 'mean_iou')} of {evaluation['samples']} samples, "
                f"mean Dice {scored(evaluation, 'mean_dice')}, "
                f"accuracy {scored(evaluation, 'accuracy')}"
            ),
        )

    @classmethod
    def cells(cls, prediction: Mapping[str, Any]) -> Sequence[str]:
        """Returns one cell with the share of the area that each class has."""
        found = (one for one in prediction["classes"] if one["share"])
        return [", ".join(f"{one['name']} {one['share']:.1%}" for one in found)]


def _ious(of_it: np.ndarray, for_it: np.ndarray, both: np.ndarray) -> list[float | None]:
    """Returns the intersection over union of each class; None where its union is empty.

    Args:
      of_it, for_it, both: `(num_classes,)`, pixels of a class, taken for it, and both.
    """
    pairs = zip(both.tolist(), (of_it + for_it - both).tolist(), strict=True)
    return [hits / either if either else None for hits, either in pairs]


def _counts(truth: np.ndarray, taken: np.ndarray, known: np.ndarray, count: int) -> np.ndarray:
    """Returns how many pixels of one image are of a class, taken for it, and both, `(3, count)`."""
    true, found = truth[known], taken[known]
    each = (true, found, true[true == found])
    return np.stack([np.bincount(ids, minlength=count) for ids in each])


def _region_scores(
    names: Sequence[str],
    counts: np.ndarray,
    of_iou: Sequence[Interval | None],
    of_dice: Sequence[Interval | None],
) -> Iterator[RegionScore]:
    of_it, for_it, both = counts
    areas = zip(both.tolist(), (of_it + for_it).tolist(), strict=True)
    dice = [2 * hits / area if area else None for hits, area in areas]
    columns = zip(names, of_it.tolist(), _ious(*counts), dice, of_iou, of_dice, strict=True)
    for name, pixels, iou, own, for_iou, for_dice in columns:
        found = intervals.known(iou=for_iou, dice=for_dice)
        yield RegionScore(name=name, pixels=pixels, iou=iou, dice=own, intervals=found)


def _intervals(kept: np.ndarray) -> list[Interval | None]:
    """Returns the interval of each class's IoU and of their mean, of Dice alike, of the accuracy.

    Args:
      kept: as `Segment.keep` returns it, of all images.
    """
    classes = kept.shape[2]

    def scores(drawn: np.ndarray) -> np.ndarray:
        sums = (drawn @ kept.reshape(len(kept), -1)).reshape(-1, 3, classes)
        of_it, for_it, both = sums[:, 0], sums[:, 1], sums[:, 2]
        ious = intervals.with_mean(both / (of_it + for_it - both))
        dice = intervals.with_mean(2 * both / (of_it + for_it))
        return np.column_stack([ious, dice, both.sum(axis=1) / of_it.sum(axis=1)])

    return intervals.bootstrap(scores, len(kept), cost=3 * classes)
