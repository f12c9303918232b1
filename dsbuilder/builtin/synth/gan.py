"""Images of a bank: what a GAN drew, and the gate let pass.

A build draws nothing anew: it takes images of a sealed bank, so it needs no TensorFlow and has the
same bytes on every machine. Which one a sample gets is drawn by its key; two may get the same one,
as of any set that is drawn from with replacement. The seal is in the fingerprint.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from dsbuilder.images.encoding import decode
from dsbuilder.plugin import (
    CHANNELS,
    ClassLabel,
    ImageSignature,
    Mode,
    Params,
    Sample,
    Signature,
    Synthesizer,
    did_you_mean,
    synthesizer,
)
from dsbuilder.records.bank import Bank, open_bank

_LABEL = "label"


@synthesizer("gan")
@dataclass(frozen=True, kw_only=True)
class BankImages(Synthesizer):
    """Takes images of a bank that `dsbuilder synth sample` drew, judged and sealed.

    A bank that was changed since, or is not sealed, is refused. Classes are equally frequent,
    whatever of each the bank holds.

    Attributes:
      bank: the folder of the bank.
      classes: classes that are taken; all that the bank has images of, if left out.
      label: class that all images of a bank without classes are of.
      names: names of the classes in id order, beside `label`; that one alone, if left out.
    """

    bank: Path
    classes: tuple[str, ...] | None = None
    label: str | None = None
    names: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        has_classes = self._bank.note.target is not None
        if has_classes and (self.label is not None or self.names is not None):
            raise ValueError("label: expected none for a bank with classes. Leave it out.")
        if self.names is not None and self.label not in self.names:
            raise ValueError(f"names: expected '{self.label}' among them. Add it.")
        for each in self.classes or ():
            if each not in self._bank.by_class:
                held = [name for name in self._bank.by_class if name is not None]
                hint = did_you_mean(each, held)
                raise ValueError(f"classes: the bank has no image of '{each}'.{hint}")
        if self.classes == ():
            raise ValueError("classes: at least one is needed. Name one, or leave the option out.")

    @cached_property
    def _bank(self) -> Bank:
        return open_bank(self.bank)

    @cached_property
    def _taken(self) -> list[str | None]:
        """The classes that are taken, in id order."""
        wanted = self._bank.by_class if self.classes is None else self.classes
        order = [*self._bank.note.class_names, None]
        return [name for name in order if name in wanted]

    def inputs(self) -> Mapping[str, str]:
        """The seal of the bank: all that is in it."""
        return {"bank": self._bank.seal}

    def notes(self) -> Iterator[str]:
        """How many images the bank has, and what was turned away."""
        note = self._bank.note
        away = note.turned_away
        yield (
            f"{self.bank}: {len(note.entries)} of {note.drawn} images that {note.gan} drew passed "
            f"the gate{f'; turned away: {away}' if away else ''}"
        )
        missing = [name for name in note.class_names if name not in self._bank.by_class]
        if missing:
            yield f"{self.bank}: no image passed of {', '.join(map(repr, missing))}"

    def output_signature(self, mode: Mode) -> Signature:
        """The images of the bank in a mode, and their classes, where it has some."""
        height, width, _ = self._bank.note.image
        image = ImageSignature(height=height, width=width, channels=CHANNELS[mode])
        return Signature(image=image, targets=self._targets())

    def _targets(self) -> dict[str, ClassLabel]:
        note = self._bank.note
        if note.target is not None:
            return {note.target: ClassLabel(names=note.class_names)}
        if self.label is None:
            return {}
        return {_LABEL: ClassLabel(names=self.names or (self.label,))}

    def draw(self, rng: np.random.Generator) -> Params:
        """Draws a class, and then one of its images."""
        name = self._taken[int(rng.integers(len(self._taken)))]
        own = self._bank.by_class[name]
        return {"entry": own[int(rng.integers(len(own)))]}

    def class_of(self, params: Params) -> str | None:
        """The class of the image."""
        return self.label or self._bank.note.entries[params["entry"]].label

    def content(self, params: Params) -> str:
        """The image, which is not to stand in two splits."""
        return f"{self._bank.seal}/{self._bank.note.entries[params['entry']].key}"

    def render(self, key: str, params: Params, mode: Mode) -> Sample:
        """Returns the image as the bank holds it."""
        entry = self._bank.note.entries[params["entry"]]
        image = decode(self._bank.image(entry), mode=mode)
        targets = {name: self.class_of(params) for name in self._targets()}
        return Sample(key=key, image=image, targets=targets)
