"""`predictions.csv`: what a model says of every sample of a split, beside what is true.

A line a sample, in stored order: its key and split, then `truth`, `answer`, `confidence`, and
`right` (true or false), of numbers and keypoints instead the `error`, of masks the `iou`. Of
several heads each has these columns, after its target's name: `word_truth`, `word_answer`, ...
Several classes or numbers of one sample are a JSON list in one cell, keypoints a mapping. It is CSV
as RFC 4180 says, UTF-8, and appears whole or not at all.
"""

import contextlib
import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from dsbuilder.errors import TrainError
from dsbuilder.tasks import Heads

Batch = Mapping[str, Any]
"""What is true of a batch as a stream yields it, or what each head yields, by target."""


class JudgmentWriter:
    """Writes the judgments on one split, batch by batch."""

    def __init__(self, file: TextIO, heads: Heads, split: str) -> None:
        """Writes the headings."""
        self._heads, self._split = heads, split
        self._lines = csv.writer(file, lineterminator="\r\n")
        several = len(heads) > 1
        columns = [
            f"{name}_{column}" if several else column
            for name, task in heads.items()
            for column in ("truth", "answer", "confidence", task.judged_by)
        ]
        self._lines.writerow(["key", "split", *columns])

    def add(self, keys: Sequence[bytes], truth: Batch, outputs: Batch) -> None:
        """Writes a line for each sample of a batch."""
        judgments = [task.judge(truth[name], outputs[name]) for name, task in self._heads.items()]
        for key, *each in zip(keys, *judgments, strict=True):
            cells = (_cell(value) for judgment in each for value in judgment)
            self._lines.writerow([key.decode(), self._split, *cells])


def _cell(value: Any) -> Any:
    """Returns a value as a cell: none is empty."""
    if isinstance(value, (bool, list, dict)):
        return json.dumps(value, ensure_ascii=False)
    return value


@contextlib.contextmanager
def writing(path: Path, heads: Heads, split: str) -> Iterator[JudgmentWriter]:
    """Opens a file of judgments, which appears under its name when the block is done.

    Raises:
      TrainError: the file cannot be written.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        temporary.unlink(missing_ok=True)  # never through a link that somebody left there
        with temporary.open("x", encoding="utf-8", newline="") as file:
            yield JudgmentWriter(file, heads, split)
        temporary.replace(path)
    except OSError as error:
        raise TrainError(
            f"{path}: expected a file that can be written, found that it fails "
            f"({error.strerror or error}). Choose another, or make room."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
