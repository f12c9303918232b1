"""One record, read and decoded once, and measured by every inspector.

A measure is plain values, so that it can cross from a worker and be kept between builds; here is
how it is written for both.
"""

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dsbuilder.errors import PluginError
from dsbuilder.pipeline import decode
from dsbuilder.pipelinefile import Spec
from dsbuilder.pipelinefile.schema import ImageOptions
from dsbuilder.plugin import Catalog, Inspector, Target, View
from dsbuilder.sample import Record

Measures = tuple[Any, ...]
"""What was measured of one record, an entry for each inspector."""

Progress = Callable[[int, int], None]
"""Called with (records measured so far, records in all)."""


@dataclass
class MeasuredRecords:
    """What is known of all records so far.

    Attributes:
      measures: measures by place of the record; None where it is not yet measured, or lost.
      lost: reasons why records could not be measured, by place.
    """

    measures: list[Measures | None]
    lost: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Measurer:
    """Measures records.

    Attributes:
      catalog: where they are read from; nothing is listed.
      image: how they are decoded; always whole, whatever `reduced_decode` says.
      kinds: the targets of the source by name.
      inspectors: inspectors by name.
    """

    catalog: Catalog
    image: ImageOptions
    kinds: Mapping[str, Target]
    inspectors: Mapping[str, Inspector]

    def measure(self, record: Record) -> Measures:
        """Returns what each inspector measured of a record.

        Raises:
          PluginError: an inspector or the source failed; names both and the record.
        """
        view = self.view(record)
        return tuple(_measure(name, each, view) for name, each in self.inspectors.items())

    def view(self, record: Record) -> View:
        """Returns a record as inspectors see it."""
        return View(
            record=record,
            kinds=self.kinds,
            read=lambda: self.catalog.read(record),
            decode=self._decode,
        )

    def _decode(self, pixels: bytes | np.ndarray) -> np.ndarray:
        return decode(pixels, self.image, ())


def _measure(name: str, inspector: Inspector, view: View) -> Any:
    try:
        measure = inspector.measure(view)
        to_json(measure)
    except Exception as error:
        raise PluginError(
            f"inspector '{name}': expected a measure of {view.record.key}, found "
            f"{type(error).__name__}: {error}. Correct the plugin."
        ) from error
    return measure


def to_json(value: Any) -> Any:
    """Returns a measure as JSON values, of which `from_json` makes an equal one.

    Raises:
      TypeError: it is none of None, bool, int, float, str, bytes, numpy's scalars, and tuples,
        lists and dicts of them.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or type(value) in (bool, int, float, str):
        return value
    if type(value) is bytes:
        return {"bytes": base64.b85encode(value).decode()}
    if type(value) in (tuple, list):
        return {type(value).__name__: [to_json(each) for each in value]}
    if type(value) is dict:
        return {"dict": [[to_json(key), to_json(each)] for key, each in value.items()]}
    raise TypeError(f"expected plain values, found {type(value).__name__}")


def from_json(value: Any) -> Any:
    """Returns the measure that `to_json` described."""
    if not isinstance(value, dict):
        return value
    ((kind, held),) = value.items()
    if kind == "bytes":
        return base64.b85decode(held)
    if kind == "dict":
        return {from_json(key): from_json(each) for key, each in held}
    return (tuple if kind == "tuple" else list)(map(from_json, held))


def measure_here(
    measurer: Measurer, records: Sequence[Record], on_progress: Progress
) -> MeasuredRecords:
    """Measures records one after the other in this process."""
    measured = MeasuredRecords([None] * len(records))
    for place, record in enumerate(records):
        measured.measures[place] = measurer.measure(record)
        on_progress(place + 1, len(records))
    return measured


def measurer(
    spec: Spec, kinds: Mapping[str, Target], inspectors: Mapping[str, Inspector]
) -> Measurer:
    """Returns what measures the records of a pipeline's source.

    Raises:
      PluginError: the pipeline has none.
    """
    source = spec.settings.source
    if source is None:
        raise PluginError("there is no source to inspect. Add one to the pipeline.")
    return Measurer(
        catalog=source.open(), image=spec.settings.image, kinds=kinds, inspectors=inspectors
    )
