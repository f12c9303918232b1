"""What every evaluation says, whatever kind of target was learnt."""

from dataclasses import asdict, dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A model measured on a split.

    Attributes:
      dataset: name and version.
      split: of it.
      samples: measured.
      loss: what was trained for, without the penalties of a model.
    """

    kind: ClassVar[str]
    """The kind of target that was learnt."""

    dataset: str
    split: str
    samples: int
    loss: float

    def to_json(self) -> dict[str, Any]:
        """Returns the evaluation as JSON values."""
        return {"kind": self.kind, **asdict(self)}
