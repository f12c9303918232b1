"""One record, read and decoded once, and measured by every inspector."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from dsbuilder import targets
from dsbuilder.errors import PluginError
from dsbuilder.inspection.choosing import bound
from dsbuilder.pipeline import decode
from dsbuilder.pipelinefile import Spec, load_data
from dsbuilder.pipelinefile.schema import ImageOptions
from dsbuilder.plugin import Inspector, Source, Target, View
from dsbuilder.registry import discover
from dsbuilder.sample import Record

Measures = tuple[Any, ...]
"""What was measured of one record, an entry for each inspector."""


@dataclass(frozen=True, kw_only=True)
class Measurer:
    """Measures records.

    Attributes:
      source: where they are read from.
      image: how they are decoded; always whole, whatever `reduced_decode` says.
      kinds: the targets of the source by name.
      inspectors: by name.
    """

    source: Source
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
            read=lambda: self.source.read(record),
            decode=self._decode,
        )

    def _decode(self, pixels: bytes | np.ndarray) -> np.ndarray:
        return decode(pixels, self.image, ())


def _measure(name: str, inspector: Inspector, view: View) -> Any:
    try:
        return inspector.measure(view)
    except Exception as error:
        raise PluginError(
            f"inspector '{name}': expected a measure of {view.record.key}, found "
            f"{type(error).__name__}: {error}. Correct the plugin."
        ) from error


@dataclass(frozen=True, kw_only=True)
class Task:
    """What a process needs to measure records of a source: plain data.

    Attributes:
      resolved: the pipeline.
      origin, folder: how errors call it, and what its paths are relative to.
      plugin_folders: where plugins are discovered.
      kinds: the targets of the source as JSON values.
      names: of the inspectors, in the order of the measures.
    """

    resolved: Mapping[str, Any]
    origin: str
    folder: str
    plugin_folders: tuple[str, ...]
    kinds: Mapping[str, Any]
    names: tuple[str, ...]

    @classmethod
    def of(cls, spec: Spec, kinds: Mapping[str, Target], names: tuple[str, ...]) -> Self:
        """Returns the task of a pipeline that was bound here."""
        return cls(
            resolved=spec.resolved,
            origin=spec.document.origin,
            folder=str(spec.document.folder),
            plugin_folders=tuple(str(each) for each in spec.registry.folders),
            kinds={name: targets.to_json(kind) for name, kind in kinds.items()},
            names=names,
        )

    def measurer(self) -> Measurer:
        """Binds the pipeline in this process; plugins are discovered again.

        Raises:
          PluginError: the pipeline has no source.
        """
        registry = discover([Path(folder) for folder in self.plugin_folders])
        spec = load_data(self.resolved, registry, origin=self.origin, folder=Path(self.folder))
        kinds = {name: targets.from_json(data) for name, data in self.kinds.items()}
        return measurer(spec, kinds, bound(spec, self.names))


def measurer(
    spec: Spec, kinds: Mapping[str, Target], inspectors: Mapping[str, Inspector]
) -> Measurer:
    """Returns what measures the records of a pipeline's source.

    Raises:
      PluginError: the pipeline has none.
    """
    source = spec.settings.source
    if source is None:
        raise PluginError("expected a source to inspect, found none. Add one to the pipeline.")
    return Measurer(source=source, image=spec.settings.image, kinds=kinds, inspectors=inspectors)
