"""What synthesizers have in common that write words in fonts: words, fonts, colors and grounds."""

from collections.abc import Iterator, Mapping
from functools import cached_property

from dsbuilder.builtin.synth.fonts import Fonts, FontSet
from dsbuilder.builtin.synth.grounds import Grounds, Inks
from dsbuilder.builtin.synth.words import Wording
from dsbuilder.plugin import Synthesizer


class Writing(Synthesizer):
    """Writes words in fonts, which its options say as those of `text_line` do."""

    fonts: Fonts

    @cached_property
    def _wording(self) -> Wording:
        return Wording.of(self)

    @cached_property
    def _fonts(self) -> FontSet:
        return FontSet.of(self, self._wording.characters())

    @cached_property
    def _inks(self) -> Inks:
        return Inks.of(self)

    @cached_property
    def _grounds(self) -> Grounds:
        return Grounds.of(self)

    def inputs(self) -> Mapping[str, str]:
        """Returns what each font lacks, and which fonts the machine has."""
        return self._fonts.inputs(of_machine=self.fonts == "system")

    def notes(self) -> Iterator[str]:
        """Yields which fonts are not used for every text."""
        return self._fonts.notes()
