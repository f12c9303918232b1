"""How one sample came to be: its parents, its stages, what each drew, and a strip of pictures."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dsbuilder import dataset as datasets
from dsbuilder.actions.document import Document
from dsbuilder.actions.plugins import folders_here
from dsbuilder.builder.replay import Remade, reopen
from dsbuilder.dataset import Explanation, StoredDataset
from dsbuilder.dataset.explanation import stored
from dsbuilder.errors import DsbuilderError
from dsbuilder.report.sheet import SIDE, write_png
from dsbuilder.report.strip import Cell, draw_strip


@dataclass(frozen=True, kw_only=True)
class Parent:
    """A record that a sample is made of.

    Attributes:
      key: key of the record.
      source: hash of its content.
    """

    key: str
    source: str


@dataclass(frozen=True, kw_only=True)
class ExplainedStage:
    """One stage that was applied.

    Attributes:
      stage: id of the stage.
      plugin, version: name of the plugin and version of its package.
      params: values that it drew, as they are recorded.
      drawn: values that albumentations drew from its seed; None if there are none, or if the stage
        could not be applied again.
    """

    stage: str
    plugin: str
    version: str
    params: Mapping[str, Any]
    drawn: Mapping[str, Any] | None


@dataclass(frozen=True, kw_only=True)
class ExplainDocument(Document):
    """How one sample came to be, and where it lies.

    Attributes:
      key: key of the sample.
      split: split that it is in.
      shard: name of the shard that it lies in.
      files: files of the shard.
      offset, length: place of the sample in the shard, and its size in bytes.
      fingerprint: hash of everything that determines its bytes.
      synthetic: whether it has no record.
      targets: labels of the sample as text, by target name.
      parents: records that it is made of, the root first.
      stages: stages that were applied, in order.
      derived: keys of the other samples that are made of the record of this key.
      notes: why the stages could not be applied again, or what is not as it was.
      output: picture file that was drawn; None if none was.
    """

    key: str
    split: str
    shard: str
    files: tuple[str, ...]
    offset: int
    length: int
    fingerprint: str
    synthetic: bool
    targets: Mapping[str, str]
    parents: tuple[Parent, ...]
    stages: tuple[ExplainedStage, ...]
    derived: tuple[str, ...]
    notes: tuple[str, ...]
    output: Path | None


def explain(
    dataset: StoredDataset,
    key: str,
    *,
    source: Path | None = None,
    plugins: Sequence[Path] | None = None,
    output: Path | None = None,
) -> ExplainDocument:
    """Says how a sample came to be.

    Where the source is still there, the stages are applied again: that shows what albumentations
    drew from its seed, and draws the pictures.

    Args:
      source: where the source's files lie now; None takes where they lay when it was built.
      plugins: folders of plugins; None takes the nearest `plugins/` folder.
      output: PNG file to draw the sample's way to, from the source to what is stored.

    Raises:
      DataError: there is no such sample, or the file cannot be written.
      CacheError: a shard is damaged.
    """
    explained = datasets.explain(dataset, key)
    remade, notes = _remake(dataset, explained, source, plugins)
    if output is not None:
        write_png(draw_strip(list(_cells(dataset, explained, remade)), side=SIDE), output)
    entry = explained.entry
    return ExplainDocument(
        key=entry.key,
        split=explained.split,
        shard=explained.shard.stem,
        files=explained.files,
        offset=entry.offset,
        length=entry.length,
        fingerprint=entry.fingerprint,
        synthetic=entry.synthetic,
        targets=explained.targets,
        parents=tuple(
            Parent(key=each, source=content)
            for each, content in zip(entry.parents, entry.source, strict=True)
        ),
        stages=tuple(_stages(explained, remade)),
        derived=explained.derived,
        notes=notes,
        output=None if output is None else output.absolute(),
    )


def _remake(
    dataset: StoredDataset,
    explained: Explanation,
    source: Path | None,
    plugins: Sequence[Path] | None,
) -> tuple[Remade | None, tuple[str, ...]]:
    """Makes the sample again, if that can be done here; notes say why not, or what differs."""
    try:
        reopened = reopen(dataset, source=source, plugins=folders_here(plugins, data=dataset.path))
        return reopened.remake(explained.entry), tuple(reopened.differences(explained.entry))
    except DsbuilderError as error:
        return None, (f"the stages cannot be applied again: {error}",)


def _stages(explained: Explanation, remade: Remade | None) -> Iterator[ExplainedStage]:
    for number, applied in enumerate(explained.entry.stages):
        drawn = None if remade is None else remade.steps[number].drawn
        yield ExplainedStage(
            stage=applied.stage,
            plugin=applied.plugin,
            version=applied.version,
            params=applied.params,
            drawn=drawn or None,
        )


def _cells(dataset: StoredDataset, explained: Explanation, remade: Remade | None) -> Iterator[Cell]:
    if remade is not None:
        if remade.original is not None:
            lines = [explained.entry.parents[0], _sides(remade.original.image)]
            yield Cell.of(remade.original, name="source", lines=lines)
        for step in remade.steps:
            for partner in remade.partners if hasattr(step.stage.plugin, "partners") else ():
                yield Cell.of(partner, name="partner", lines=[partner.key])
            lines = [*numbers({**step.params, **step.drawn}), _sides(step.after.image)]
            yield Cell.of(step.after, name=stage_name(step.stage.id), lines=lines)
    sample = dataset.codec.decode(stored(dataset, explained.shard, explained.entry))
    lines = [explained.entry.key, *explained.targets.values()]
    yield Cell.of(sample, name="stored", lines=lines)


def stage_name(identity: str) -> str:
    """Returns a stage's id without its section."""
    return identity.partition("/")[2] or identity


def numbers(params: Mapping[str, Any]) -> Iterator[str]:
    """Yields the drawn values that a line of text has room for."""
    for name, value in params.items():
        if name != "seed" and value not in ({}, []):
            yield f"{name}={_word(value)}"


def _sides(image: Any) -> str:
    return "x".join(str(side) for side in image.shape)


def _word(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_word(each) for each in value)}]"
    if isinstance(value, Mapping):
        shows = [f"{name}: {_word(each)}" for name, each in value.items() if name != "seed"]
        return f"{{{', '.join(shows)}}}"
    return str(value)
