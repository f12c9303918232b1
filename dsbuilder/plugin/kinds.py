"""The kinds of plugin, in one table: a new kind is one entry here, and one example in the kit."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from dsbuilder.plugin.exporters import Exporter
from dsbuilder.plugin.inspectors import Inspector
from dsbuilder.plugin.mixers import Mixer
from dsbuilder.plugin.models import ModelBuilder
from dsbuilder.plugin.sources import Source
from dsbuilder.plugin.synthesizers import Synthesizer
from dsbuilder.plugin.training import Loss, Metric, Schedule
from dsbuilder.plugin.transforms import Transform


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of plugin.

    Attributes:
      base: class that plugins of the kind derive from.
      place: where a user names one. Plugins that may stand at one place never share a name; a
        source and an exporter may, and are then two sides of one layout.
    """

    base: type
    place: str


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "source": Kind(base=Source, place="source"),
        "exporter": Kind(base=Exporter, place="export --to"),
        "transform": Kind(base=Transform, place="stages"),
        "mixer": Kind(base=Mixer, place="stages"),
        "synthesizer": Kind(base=Synthesizer, place="synthesize"),
        "model": Kind(base=ModelBuilder, place="train.model"),
        "inspector": Kind(base=Inspector, place="inspect"),
        "loss": Kind(base=Loss, place="train.loss"),
        "metric": Kind(base=Metric, place="train.metrics"),
        "schedule": Kind(base=Schedule, place="train.optimizer.schedule"),
    }
)
"""Every kind of plugin, by the name that `plugins list --kind` knows."""
