"""How good a model is, as a table."""

from collections.abc import Mapping
from typing import Any

from dsbuilder.cli.screen import line, table

_SCORES = ("precision", "recall", "f1")
_MOST_CLASSES = 40
_MOST_CONFUSED = 3


def draw_scores(evaluation: Mapping[str, Any]) -> None:
    """Prints the scores of every class, the accuracy, and the classes that are confused most.

    Args:
      evaluation: as `Evaluation.to_json` returns it.
    """
    classes = evaluation["classes"]
    rows = [
        [each["name"], *(f"{each[key]:.3f}" for key in _SCORES), str(each["samples"])]
        for each in classes[:_MOST_CLASSES]
    ]
    table(("", "precision", "recall", "F1", "samples"), rows, right=(1, 2, 3, 4))
    if len(classes) > _MOST_CLASSES:
        line(f"{len(classes) - _MOST_CLASSES} more classes; --json lists all {len(classes)}.")
    line()
    line(
        f"{evaluation['dataset']}, {evaluation['split']}: accuracy {evaluation['accuracy']:.4f} "
        f"of {evaluation['samples']} samples, mean F1 {evaluation['macro_f1']:.4f}, "
        f"loss {evaluation['loss']:.4f}"
    )
    for count, true, predicted in confused(evaluation)[:_MOST_CONFUSED]:
        line(f"{count} of '{true}' {'were' if count > 1 else 'was'} taken for '{predicted}'")


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
