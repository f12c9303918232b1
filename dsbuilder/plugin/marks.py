"""What a decorator notes on a plugin's class."""

from dataclasses import dataclass
from typing import Literal

Geometry = Literal["fixed", "moves", "breaks"]


@dataclass(frozen=True, kw_only=True)
class Mark:
    """What a decorator notes on a plugin's class.

    Attributes:
      kind: its name in the table of `kinds.py`, such as `source`.
      name: how pipelines call it. A name that ends in `.*` is a family: it answers to every name
        with that prefix, and its class has two fields, `member` (the rest of the name) and
        `options` (a mapping).
      geometry: geometry of a transform: `fixed` changes the image alone, `moves` also moves the
        positional targets it names, `breaks` loses them and is refused where such targets exist.
      moves: kinds of positional target that a transform moves along.
    """

    kind: str
    name: str
    geometry: Geometry = "fixed"
    moves: tuple[str, ...] = ()

    @property
    def is_family(self) -> bool:
        """Whether the plugin answers to every name with its prefix."""
        return self.name.endswith(".*")
