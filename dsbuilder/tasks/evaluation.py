"""What is said of a model on a split, and how a person reads it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, ClassVar

from dsbuilder.tasks.charts import Chart
from dsbuilder.tasks.intervals import Interval, shown


@dataclass(frozen=True, kw_only=True)
class ModelCost:
    """Size and speed of a model, on the machine that measured it.

    Attributes:
      parameters: number of weights.
      bytes: size of the model's file.
      single_ms: median time of a prediction of one image that is decoded already, in milliseconds.
      batch_ms: median time per image of a prediction of a batch.
      batch_size: number of images in that batch.
    """

    parameters: int
    bytes: int
    single_ms: float
    batch_ms: float
    batch_size: int


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """A model measured on a split; each task adds its own numbers.

    Attributes:
      dataset: name and version of the dataset.
      split: name of the split.
      samples: number of samples measured.
      loss: what was trained for, as a mean over samples, without the penalties of a model.
      metrics: value of each further metric that the training watched, by name; None where it has
        none for these samples.
      intervals: where each score lies with 95 %, by its name; a score of which these samples do not
        say it has none.
      by_origin: the same scores of the `real` samples and of the `synthetic` ones, where the split
        has both, with `samples` and `intervals` of their own; empty where it has not.
      cost: size and speed of the model; of several heads that of all together.
      charts: curves of the model on the split, which stand beside the evaluation.
    """

    kind: ClassVar[str]
    """The kind of target that was learnt."""

    dataset: str = ""
    split: str = ""
    samples: int
    loss: float | None = None
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    intervals: Mapping[str, Interval] = field(default_factory=dict)
    by_origin: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    cost: ModelCost | None = None
    charts: tuple[Chart, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Returns the evaluation as JSON values, without the charts."""
        values = asdict(replace(self, charts=()))
        del values["charts"]
        return {"kind": self.kind, **values}

    def overall(self) -> dict[str, Any]:
        """Returns the scores over all samples as JSON values, without those of each class."""
        values = self.to_json()
        scores = {
            name: value
            for name, value in values.items()
            if isinstance(value, float) and name not in ("loss", "temperature")
        }
        return {"samples": self.samples, **scores, "intervals": values["intervals"]}

    def by_head(self) -> Iterator[tuple[str, "Evaluation"]]:
        """Yields the evaluation of each head, with the target's name: empty of the only one."""
        yield "", self


@dataclass(frozen=True, kw_only=True)
class ErrorScore:
    """The headline score of an evaluation, told as an error: the less, the better.

    Attributes:
      value: the error: a share of 1, or in the unit of what is learnt.
      low, high: where it lies with 95 %; its own value where its samples do not say.
      samples: number of samples measured.
    """

    value: float
    low: float
    high: float
    samples: int


@dataclass(frozen=True, kw_only=True)
class ScoreTable:
    """An evaluation as a person reads it.

    Attributes:
      headings: headings of the columns; the first names what a row is of.
      rows: cells of each row; none where a line says all.
      summary: scores over all samples, in one line.
      remarks: further lines, such as what is confused with what.
    """

    headings: tuple[str, ...]
    rows: Sequence[Sequence[str]]
    summary: str
    remarks: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """Which class is taken for which.

    Attributes:
      names: names of the classes, in id order.
      cells: true class, predicted class and number of samples, by id, of each pair that there is;
        of many classes their most frequent errors.
    """

    names: Sequence[str]
    cells: Sequence[Sequence[int]]


def scored(scores: Mapping[str, Any], name: str, form: str = ".3f") -> str:
    """Returns a score with its interval, as a table shows it; see `intervals.shown`.

    Args:
      scores: an evaluation or the scores of one class, as a document has them.
    """
    return shown(scores[name], scores.get("intervals", {}).get(name), form)
