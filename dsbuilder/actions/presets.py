"""Which presets of stages there are, and each as YAML to edit."""

from dataclasses import dataclass

from dsbuilder.actions.document import Document
from dsbuilder.errors import Problem, SpecError, did_you_mean
from dsbuilder.pipelinefile import preset


@dataclass(frozen=True, kw_only=True)
class Preset:
    """A named list of stages.

    Attributes:
      name: its name, as `{preset: NAME}` calls it.
      summary: what it is, in a line.
      text: its stages as YAML, for `augment.stages` or `stream.stages`.
    """

    name: str
    summary: str
    text: str


@dataclass(frozen=True, kw_only=True)
class PresetsDocument(Document):
    """Presets.

    Attributes:
      presets: presets by name.
    """

    presets: tuple[Preset, ...]


def presets(name: str | None = None) -> PresetsDocument:
    """Returns all presets, or the one of a name.

    Raises:
      SpecError: there is none.
    """
    known = preset.names()
    if name is not None and name not in known:
        hint = did_you_mean(name, known)
        raise SpecError([Problem("presets", f"there is no preset '{name}'.{hint}")])
    texts = {each: preset.text_of(each) for each in known if name in (None, each)}
    return PresetsDocument(
        presets=tuple(
            Preset(name=each, summary=text.partition("\n")[0].removeprefix("# "), text=text)
            for each, text in texts.items()
        )
    )
