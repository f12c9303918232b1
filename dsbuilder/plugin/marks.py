"""What a decorator notes on a plugin's class."""

from dataclasses import dataclass
from typing import Literal

Geometry = Literal["fixed", "moves", "breaks"]

API = 1
"""The version of what `dsbuilder.plugin` promises: a change that breaks plugins raises it."""

UNSTATED_API = 1
"""Version that a plugin is for which says none: the first, in which there was none to say.

It stays when `API` rises: a plugin that says nothing was not written for what is installed now.
"""


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
      api: version of `dsbuilder.plugin` that it was written for.
    """

    kind: str
    name: str
    geometry: Geometry = "fixed"
    moves: tuple[str, ...] = ()
    api: int = UNSTATED_API

    @property
    def is_family(self) -> bool:
        """Whether the plugin answers to every name with its prefix."""
        return self.name.endswith(".*")
