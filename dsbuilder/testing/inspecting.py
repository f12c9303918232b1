"""What an inspector owes, on images of every mode and on files that do not decode."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from dsbuilder.plugin import Inspector, Record, Seen, Text, View
from dsbuilder.testing.cases import LABEL, noise
from dsbuilder.testing.laws import check_findings, check_measure
from dsbuilder.testing.promises import Check, name_of

_SPLITS = ("train", "validation", "test")


def check_findings_of(plugin: Inspector) -> None:
    """Checks an inspector on images of 1, 3 and 4 channels and on files that do not decode."""
    name = name_of(plugin)
    assert re.fullmatch(r"[A-Z].*\.", plugin.advice), f"{name}: expected advice as a sentence."
    views = {view.record.key: view for view in _views()}
    measures = [check_measure(name, plugin, view) for view in views.values()]
    records = [view.record for view in views.values()]
    seen = Seen(
        records=records,
        measures=measures,
        lost={records[0].key: "two processes died over it"},
        kinds={"label": LABEL, "text": Text()},
        split_of={record.key: _SPLITS[place % 3] for place, record in enumerate(records)},
    )
    check_findings(name, plugin, seen)


def _views() -> Iterator[View]:
    """Yields views of images, of two with the same pixels, and of files that cannot be decoded."""
    from dsbuilder.images.encoding import decode, encode

    for number, channels in enumerate((1, 3, 4, 4)):
        image = noise(40, 56, channels, seed=channels).image
        yield _view(number, encode(image, "png"), lambda data: decode(data, mode="rgba"))
        yield _view(10 + number, image, lambda pixels: pixels)
    png = encode(noise(40, 56).image, "png")
    for number, data in enumerate((b"", png[: len(png) // 2], b"no image at all")):
        yield _view(20 + number, data, lambda data: decode(data, mode="rgb"))


def _view(number: int, stored: bytes | np.ndarray, decode: Callable[[Any], np.ndarray]) -> View:
    raw = {"label": "abc"[number % 3], "text": f"text {number}"}
    return View(
        record=Record(key=f"{number:02d}.png", targets=raw, group=str(number % 2)),
        kinds={"label": LABEL, "text": Text()},
        read=lambda: stored,
        decode=decode,
    )


FINDINGS = Check(
    name="findings",
    promises="measure() is small and the same, judge() names records that there are",
    run=check_findings_of,
)
