"""What a synthesizer is: it makes samples from nothing."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping

import numpy as np

from dsbuilder.sample import Mode, Params, Sample, Signature


class Synthesizer(ABC):
    """Makes samples from nothing but drawn params."""

    def inputs(self) -> Mapping[str, str]:
        """Returns what else decides the result, beside options and code: versions, hashes."""
        return {}

    def notes(self) -> Iterable[str]:
        """Yields what a user should know before a build, sentences without a full stop."""
        return ()

    @abstractmethod
    def output_signature(self, mode: Mode) -> Signature:
        """Returns the signature of what `render` makes in a mode."""

    @abstractmethod
    def draw(self, rng: np.random.Generator) -> Params:
        """Draws everything random of one sample; JSON values only."""

    @abstractmethod
    def render(self, key: str, params: Params, mode: Mode) -> Sample:
        """Returns the sample of the params; a pure function. Targets hold *raw* labels."""

    def class_of(self, params: Params) -> str | None:
        """Returns the class that `render` gives these params, or None if only rendering tells.

        A pipeline that balances classes by synthesis asks for it, of very many draws.
        """
        return None

    def content(self, params: Params) -> str | None:
        """Returns what must not appear in two splits (say, a text), or None."""
        return None
