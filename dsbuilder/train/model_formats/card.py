"""What an exported model says of itself: class names, and what pixels it expects.

Each format keeps the card in itself, where its own readers find it: see the format's file. Beside
the JSON document, formats that have a place for them hold lists of names, a line each.
"""

import importlib.metadata
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dsbuilder import typed_json
from dsbuilder.sample import CHANNELS, ImageSignature
from dsbuilder.tasks import Heads
from dsbuilder.tasks.exported import ExportedHead

if TYPE_CHECKING:
    from dsbuilder.train.archive import Note

INPUT = "images"
"""The name of an exported model's only input."""
CARD = "dsbuilder.json"
"""The name of the card where a format has files or members."""
CLASS_NAMES = "class_names"

_FORMAT = 1
_WITHIN = {
    "scale": "the network divides pixels by 255 itself",
    "standardize": "the network standardizes pixels itself, by statistics of its train split",
    "model": "the network preprocesses pixels itself",
}


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """What an exported model says of itself.

    Attributes:
      note: what its file said before.
      outputs: name of each head's output in the exported model, by target.
    """

    note: "Note"
    outputs: Mapping[str, str]

    @property
    def image(self) -> ImageSignature:
        """The images that the model takes."""
        return self.note.signature.image

    @property
    def heads(self) -> dict[str, ExportedHead]:
        """What each head yields, by target."""
        return {name: task.exported for name, task in self.note.heads.items()}

    @property
    def label_files(self) -> dict[str, str]:
        """Names, a line each, by the name of a file; of several heads with names a file each."""
        named = {name: head.names for name, head in self.heads.items() if head.names}
        return {
            "labels.txt" if len(named) == 1 else f"{self.outputs[name]}.labels.txt": "".join(
                f"{each}\n" for each in names
            )
            for name, names in named.items()
        }

    def label_file(self, head: str) -> str | None:
        """Returns the name of the file with the names of a head; None if it has none."""
        named = [name for name, each in self.heads.items() if each.names]
        files = dict(zip(named, self.label_files, strict=True))
        return files.get(head)

    def to_json(self) -> dict[str, Any]:
        """Returns the card as JSON values."""
        note = self.note
        return {
            "format": _FORMAT,
            "made_by": f"dsbuilder {importlib.metadata.version('dsbuilder')}",
            "dataset": note.dataset,
            "fingerprint": note.fingerprint,
            CLASS_NAMES: list(note.class_names),
            "input": {
                "name": INPUT,
                "shape": [None, *self.image.shape],
                "layout": "NHWC",
                "dtype": self.image.dtype,
                "range": [0, 255] if self.image.dtype == "uint8" else None,
                "channels": _mode(self.image.channels),
                "normalize": self.normalize,
                "before": dict(note.pipeline),
            },
            "outputs": {
                name: {
                    "name": self.outputs[name],
                    "kind": note.heads[name].target.kind,
                    "values": head.values,
                    "names": list(head.names),
                    "thresholds": dict(head.thresholds),
                }
                for name, head in self.heads.items()
            },
        }

    @property
    def normalize(self) -> str:
        """What the model does to pixels first, in words."""
        within = _WITHIN.get(self.note.normalize, self.note.normalize)
        return f"pixels go in as the dataset holds them; {within}"

    def dumps(self) -> str:
        """Returns the card as a JSON text."""
        return typed_json.dumps(self.to_json(), indent=1)


def card_of(note: "Note") -> ModelCard:
    """Returns the card of a model that is exported."""
    return ModelCard(note=note, outputs=_output_names(note.heads))


def _output_names(heads: Heads) -> dict[str, str]:
    """Returns a name for the output of each head, by target, that every format can have."""
    found: dict[str, str] = {}
    for place, name in enumerate(heads):
        plain = re.sub("[^A-Za-z0-9_]", "_", name)
        starts_well = plain[:1].isalpha() and plain not in {*found.values(), INPUT}
        found[name] = plain if starts_well else f"output{place}_{plain}"
    return found


def _mode(channels: int) -> str:
    return next(mode for mode, count in CHANNELS.items() if count == channels)
