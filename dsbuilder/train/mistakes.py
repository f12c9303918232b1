"""The worst mistakes of a run as pictures of a page, by `predictions.csv` and the dataset alone.

Of classes and texts they are those that the model is surest of, of numbers the largest errors. What
the model would draw, of masks and points, only the training knew: `single_mistakes.py` has it.
"""

import csv
import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dsbuilder.cache import ledger
from dsbuilder.dataset import StoredDataset
from dsbuilder.report.page.blocks import Gallery, Picture, Strip
from dsbuilder.report.page.pictures import Room, file_picture, stored_picture
from dsbuilder.targets import ClassLabel
from dsbuilder.targets.stored import as_file_name
from dsbuilder.tasks import task_of
from dsbuilder.train import single_mistakes
from dsbuilder.train.run import CHARTS, PREDICTIONS, Run

_MOST = 24
_OF_PAIR, _PAIRS = 9, 20
"""Pictures of a pair of classes, and how many pairs have them: those in most errors."""
_FILE = "mistakes.png"
_SINGLY = "mistakes"


@dataclass(frozen=True, kw_only=True, order=True)
class _Mistake:
    """A line of `predictions.csv` that is wrong; greater is worse.

    Attributes:
      weight: how sure the model is, or how large the error is.
      place: place of the sample in stored order, negative: of equals the first is the greatest.
      key, truth, answer, told: cells of the line, and the weight in words.
    """

    weight: float
    place: int
    key: str
    truth: str
    answer: str
    told: str


def mistakes_of(
    run: Run,
    dataset: StoredDataset | None,
    head: str,
    evaluation: Mapping[str, Any],
    room: Room,
) -> Iterator[Gallery]:
    """Yields the gallery of the worst mistakes of a head, if there is any.

    Args:
      dataset: what the run was trained on; None where it is gone.
      head: name of the target among several; empty of the only one.
      evaluation: what was measured of the head.
      room: room that is left for pictures.
    """
    judged_by, of = task_of(evaluation["kind"]).judged_by, f" in {head}" if head else ""
    drawn = judged_by in ("right", "error") and evaluation["kind"] != "keypoints"
    if dataset is None or not drawn:
        yield from _sheet(run, head, of, room)
        return
    paired = evaluation["kind"] == ClassLabel.kind
    pairs = _most_confused(evaluation) if paired else frozenset()
    worst = _worst(run, f"{head}_" if head else "", judged_by, pairs)
    strips = list(_strips(dataset, evaluation["split"], worst, room, paired=paired))
    if strips:
        surest = "that the model is surest of" if judged_by == "right" else "by the error"
        yield Gallery(
            title=f"The worst mistakes{of}, {surest}",
            strips=strips,
            note=f"Samples of {evaluation['split']} as they are stored.",
            joined=True,
        )


def _sheet(run: Run, head: str, of: str, room: Room) -> Iterator[Gallery]:
    """Yields the pictures that the training drew: one by one, else the sheet of them."""
    folder = run.path / CHARTS / (f"{as_file_name(head)}-{_SINGLY}" if head else _SINGLY)
    strips = [
        Strip(pictures=pictures, name=each.key, labels=[each.told])
        for each, pictures in single_mistakes.read(folder)
        if all(map(room.takes, pictures))
    ]
    if strips:
        yield Gallery(title=f"The worst mistakes{of}, by the error", strips=strips)
        return
    path = run.path / CHARTS / (f"{as_file_name(head)}-{_FILE}" if head else _FILE)
    if not path.is_file():
        return
    alt = f"The worst mistakes{of}: samples with what is true and what the model says"
    picture = file_picture(path.read_bytes(), alt=alt)
    if room.takes(picture):
        strip = Strip(pictures=[picture], whole=True)
        yield Gallery(title=f"The worst mistakes{of}", strips=[strip])


def _most_confused(evaluation: Mapping[str, Any]) -> frozenset[tuple[str, str]]:
    """Returns the pairs of classes in most errors: the true one, and what it is taken for."""
    found = task_of(evaluation["kind"]).confusion(evaluation)
    errors = [] if found is None else [each for each in found.cells if each[0] != each[1]]
    most = heapq.nlargest(_PAIRS, errors, key=lambda each: each[2])
    names = () if found is None else found.names
    return frozenset((names[true], names[taken]) for true, taken, _ in most)


def _worst(
    run: Run, before: str, judged_by: str, pairs: frozenset[tuple[str, str]]
) -> Sequence[_Mistake]:
    """Returns the worst mistakes of all, then the worst of some pairs of classes."""
    path = run.path / PREDICTIONS
    if not path.is_file():
        return ()
    with path.open(encoding="utf-8", newline="") as file:
        found = (
            _mistake(n, line, before, judged_by) for n, line in enumerate(csv.DictReader(file))
        )
        return _chosen(filter(None, found), pairs)


def _chosen(mistakes: Iterable[_Mistake], pairs: frozenset[tuple[str, str]]) -> list[_Mistake]:
    worst: list[_Mistake] = []
    of_pair: dict[tuple[str, str], list[_Mistake]] = {}
    for each in mistakes:
        heaps = [(worst, _MOST)]
        if (pair := (each.truth, each.answer)) in pairs:
            heaps.append((of_pair.setdefault(pair, []), _OF_PAIR))
        for heap, most in heaps:
            push = heapq.heappush if len(heap) < most else heapq.heappushpop
            push(heap, each)
    chosen = dict.fromkeys(sorted(worst, reverse=True))
    for found in of_pair.values():
        chosen.update(dict.fromkeys(sorted(found, reverse=True)))
    return list(chosen)


def _mistake(place: int, line: Mapping[str, str], before: str, judged_by: str) -> _Mistake | None:
    """Returns a line that is wrong; None of one that is right, or was not judged."""
    score, sure = line.get(before + judged_by), line.get(before + "confidence")
    if not score or score == "true":
        return None
    right = judged_by == "right"
    weight = float((sure or 0) if right else score)
    if not right and weight <= 0:
        return None
    return _Mistake(
        weight=weight,
        place=-place,
        key=line["key"],
        truth=line[before + "truth"],
        answer=line[before + "answer"],
        told=f"{weight:.0%} sure" if right and sure else "" if right else f"error {weight:.4g}",
    )


def _strips(
    dataset: StoredDataset, split: str, worst: Sequence[_Mistake], room: Room, *, paired: bool
) -> Iterator[Strip]:
    """Yields the picture of each mistake, the worst first; further ones are spare.

    Args:
      paired: whether truth and answer are classes, a pair of which can be picked.
    """
    wanted = {-each.place: each for each in worst}
    found: dict[int, Picture] = {}
    start = 0
    for shard in dataset.shards(split):
        places = [place for place in wanted if start <= place < start + shard.samples]
        if places:
            reader = dataset.codec.open(dataset.path, shard.stem)
            entries = list(ledger.read(dataset.path / ledger.file_name(shard.stem)))
            for place in places:
                entry, each = entries[place - start], wanted[place]
                if entry.key == each.key:  # else the predictions are of another dataset
                    payload = reader.read(entry.offset, entry.length)
                    alt = f"{each.key}: {each.truth}, taken for {each.answer}"
                    said = [f"is {each.truth}", f"answer {each.answer}", each.told, each.key]
                    found[place] = stored_picture(
                        dataset.codec, payload, alt=alt, lines=list(filter(None, said))
                    )
        start += shard.samples
    for number, each in enumerate(worst):
        picture = found.get(-each.place)
        if picture is not None and room.takes(picture):
            yield Strip(
                pictures=[picture],
                classes=list(dict.fromkeys([each.truth, each.answer])),
                pair=(each.truth, each.answer) if paired else None,
                spare=number >= _MOST,
            )
