"""Kinds of learning task, one file each, with all that belongs to it.

classify.py         one class of several
classify_binary.py  one class of two
multi_label.py      several classes of one sample
regress.py          numbers
locate.py           named points of one object
keras_losses.py     which losses of Keras are for what a head yields
units.py            what numbers are measured in while they are learnt
segment.py          a class of every pixel
recognize.py        a text, by CTC
several.py          what several heads of one model come to
class_scores.py     how good a model of classes is: of answers, of ranks, of probabilities
ranking.py          ROC area, average precision and their curves
calibration.py      whether probabilities are as they say, and the temperature that mends them
decision.py         over which probability a class is said
charts.py           curves as data
intervals.py        how sure a score is
confident_learning.py  which labels of classes are probably wrong, and how many
suspicion.py        which labels are suspect, of each kind
exported.py         what a model says in another program
evaluation.py       what is said of a model on a split, and how a person reads it
task.py             what each of them says: outputs of a head, loss, metrics, what a batch is turned
                    into, scores, how an answer reads and is tabled, the way back to the image

A head is a task for one target of a model; `heads_of` maps the names of targets to tasks. A further
task is a file here and its line in `TASKS`.

Tasks stand below the built-in models and not beside the training, where they are used most: a model
builder asks `outputs_of` what it must yield, and a proposal or `dsbuilder check` whether a target
can be learnt, all without Keras, which is imported in bodies of methods alone.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from dsbuilder.plugin import ClassLabel, Mask, Signature, Target
from dsbuilder.tasks.classify import Classify
from dsbuilder.tasks.classify_binary import ClassifyBinary
from dsbuilder.tasks.evaluation import (
    Confusion,
    ErrorScore,
    Evaluation,
    ModelCost,
    ScoreTable,
    scored,
)
from dsbuilder.tasks.intervals import Interval
from dsbuilder.tasks.locate import Locate, objects_fault, objects_of, without_one_object
from dsbuilder.tasks.multi_label import ClassifyMultiLabel
from dsbuilder.tasks.recognize import Recognize
from dsbuilder.tasks.regress import Regress
from dsbuilder.tasks.segment import Segment
from dsbuilder.tasks.several import SeveralEvaluation, evaluations_of, numbers_of
from dsbuilder.tasks.task import (
    Answer,
    Judgment,
    Measuring,
    OfClasses,
    Scores,
    Shape,
    Statistics,
    Task,
    collected,
    measure,
)

__all__ = [
    "TASKS",
    "Answer",
    "Confusion",
    "ErrorScore",
    "Evaluation",
    "Heads",
    "Interval",
    "Judgment",
    "Locate",
    "Measuring",
    "ModelCost",
    "OfClasses",
    "Recognize",
    "ScoreTable",
    "Scores",
    "SeveralEvaluation",
    "Shape",
    "Statistics",
    "Task",
    "by_origin",
    "can_learn",
    "collected",
    "doubts",
    "error_name",
    "error_of",
    "evaluations_of",
    "heads_of",
    "measure",
    "numbers_of",
    "objects_fault",
    "objects_of",
    "outputs_of",
    "task_of",
    "tells_apart",
    "without_one_object",
]

_FEW = 30
"""Samples below which no interval is trusted."""
_WIDE = 0.15
"""Width over which the interval of a share says little."""

_SHARES = frozenset({"accuracy", "exact_match", "mean_iou"})

Heads = Mapping[str, Task]
"""The heads of a model: tasks by the names of the targets that they learn."""

TASKS: Mapping[str, type[Task]] = {
    task.learns.kind: task
    for task in (Classify, ClassifyMultiLabel, Regress, Locate, Segment, Recognize)
}
"""Tasks by the kind of target that they learn; of two classes, `ClassifyBinary` does."""


def can_learn(target: Target) -> bool:
    """Whether there is a task for a target."""
    return target.kind in TASKS


def tells_apart(target: Target) -> bool:
    """Whether a target of classes has two or more, as a training needs; true of other kinds."""
    return not isinstance(target, ClassLabel | Mask) or len(target.class_names) > 1


def task_of(kind: str) -> type[Task]:
    """Returns the task for a kind of target, of those that can be learnt."""
    return TASKS[kind]


def heads_of(signature: Signature) -> dict[str, Task]:
    """Returns the heads of a model that learns all targets of a signature that can be learnt."""
    return {
        name: _task_for(target)(target=target, image=signature.image)
        for name, target in signature.targets.items()
        if can_learn(target)
    }


def _task_for(target: Target) -> type[Task]:
    if isinstance(target, ClassLabel) and len(target.names) == 2:
        return ClassifyBinary
    return TASKS[target.kind]


def doubts(evaluation: Mapping[str, Any]) -> Iterator[str]:
    """Yields, for a document of `Evaluation.to_json`, of which heads it says too little."""
    for name, each in evaluations_of(evaluation):
        headline = task_of(each["kind"]).headline
        if each[headline] is None:
            continue
        interval = each["intervals"].get(headline)
        wide = interval is not None and interval["high"] - interval["low"] > _WIDE
        if each["samples"] >= _FEW and not (wide and headline in _SHARES):
            continue
        lies = (
            "anything"
            if interval is None
            else f"anything from {interval['low']:.3g} to {interval['high']:.3g} (95 %)"
        )
        place = f"{each['dataset']}, {each['split']}" + (f": {name}" if name else "")
        yield (
            f"{place}: expected enough samples to judge a model by, found {each['samples']}: its "
            f"{headline.replace('_', ' ')} of {each[headline]:.3g} may be {lies}. "
            "Give the split more samples before models are compared by it."
        )


def by_origin(evaluation: Mapping[str, Any]) -> Iterator[str]:
    """Yields, for one head's document, how good it is on real and on synthetic samples."""
    headline = task_of(evaluation["kind"]).headline
    for origin, each in evaluation["by_origin"].items():
        score = scored({headline: None, **each}, headline, ".4g")  # samples of one may have none
        yield f"{origin}: {headline.replace('_', ' ')} {score} of {each['samples']} samples"


def error_of(evaluation: Mapping[str, Any]) -> ErrorScore | None:
    """Returns the headline of one head's document as an error; None where its samples have none."""
    task = task_of(evaluation["kind"])
    value = evaluation[task.headline]
    if value is None:
        return None
    interval = evaluation["intervals"].get(task.headline)
    low, high = (interval["low"], interval["high"]) if interval else (value, value)
    if not task.headline_is_error:
        value, low, high = 1 - value, 1 - high, 1 - low
    return ErrorScore(value=value, low=low, high=high, samples=evaluation["samples"])


def error_name(kind: str) -> str:
    """Returns what the error of a kind of target is called, such as `1 - accuracy`."""
    task = task_of(kind)
    name = task.headline.replace("_", " ")
    return name if task.headline_is_error else f"1 - {name}"


def outputs_of(signature: Signature) -> dict[str, Shape | None]:
    """Returns what a model must yield for a sample, by target: a shape for each head.

    None stands for a target that no task learns, and that a model of one's own may.
    """
    heads = heads_of(signature)
    return {name: heads[name].outputs if name in heads else None for name in signature.targets}
