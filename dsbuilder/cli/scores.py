"""How good a model is, as a table."""

from collections.abc import Mapping, Sequence
from typing import Any

from dsbuilder.cli.screen import line, table

_SCORES = ("precision", "recall", "f1")
_MOST_CLASSES = 40
_MOST_CONFUSED = 3


def draw_scores(evaluation: Mapping[str, Any]) -> None:
    """Prints the scores of every class or number, those over all, and what is confused most.

    Args:
      evaluation: as `Measured.to_json` returns it.
    """
    _DRAWN[evaluation["kind"]](evaluation)


def _draw_classes(evaluation: Mapping[str, Any]) -> None:
    rows = [
        [each["name"], *(f"{each[key]:.3f}" for key in _SCORES), str(each["samples"])]
        for each in evaluation["classes"]
    ]
    _draw_table(("", "precision", "recall", "F1", "samples"), rows)
    _draw_total(
        evaluation,
        f"accuracy {evaluation['accuracy']:.4f} of {evaluation['samples']} samples, "
        f"mean F1 {evaluation['macro_f1']:.4f}",
    )
    for count, true, predicted in confused(evaluation)[:_MOST_CONFUSED]:
        line(f"{count} of '{true}' {'were' if count > 1 else 'was'} taken for '{predicted}'")


def _draw_labels(evaluation: Mapping[str, Any]) -> None:
    keys = (*_SCORES, "average_precision")
    rows = [
        [each["name"], *(_number(each[key]) for key in keys), str(each["samples"])]
        for each in evaluation["classes"]
    ]
    _draw_table(("", "precision", "recall", "F1", "average precision", "samples"), rows)
    _draw_total(
        evaluation,
        f"accuracy {evaluation['accuracy']:.4f} of {evaluation['samples']} samples, "
        f"mean F1 {evaluation['macro_f1']:.4f}, "
        f"mean average precision {_number(evaluation['mean_average_precision'])}",
    )


def _draw_values(evaluation: Mapping[str, Any]) -> None:
    errors = evaluation["by_number"]
    if len(errors) > 1:
        rows = [[str(place), f"{error:.4g}"] for place, error in enumerate(errors)]
        _draw_table(("", "mean absolute error"), rows)
    _draw_total(
        evaluation,
        f"mean absolute error {evaluation['mean_absolute_error']:.4g} of {evaluation['samples']} "
        f"samples, R2 {_number(evaluation['r2'])}",
    )


def _draw_masks(evaluation: Mapping[str, Any]) -> None:
    rows = [
        [each["name"], _number(each["iou"]), str(each["pixels"])] for each in evaluation["classes"]
    ]
    _draw_table(("", "IoU", "pixels"), rows)
    _draw_total(
        evaluation,
        f"mean IoU {evaluation['mean_iou']:.4f} of {evaluation['samples']} samples, "
        f"accuracy {evaluation['accuracy']:.4f}",
    )


_DRAWN = {
    "class": _draw_classes,
    "multi_label": _draw_labels,
    "value": _draw_values,
    "mask": _draw_masks,
}


def _draw_table(head: tuple[str, ...], rows: Sequence[list[str]]) -> None:
    table(head, rows[:_MOST_CLASSES], right=tuple(range(1, len(head))))
    if len(rows) > _MOST_CLASSES:
        line(f"{len(rows) - _MOST_CLASSES} more; --json lists all {len(rows)}.")
    line()


def _draw_total(evaluation: Mapping[str, Any], scores: str) -> None:
    where = f"{evaluation['dataset']}, {evaluation['split']}"
    line(f"{where}: {scores}, loss {evaluation['loss']:.4f}")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def confused(evaluation: Mapping[str, Any]) -> list[tuple[int, str, str]]:
    """Returns (count, true class, predicted class) of all errors, the most frequent first."""
    names = [each["name"] for each in evaluation["classes"]]
    errors = [
        (count, names[true], names[predicted])
        for true, row in enumerate(evaluation["confusion"])
        for predicted, count in enumerate(row)
        if count and true != predicted
    ]
    return sorted(errors, key=lambda error: (-error[0], error[1:]))
