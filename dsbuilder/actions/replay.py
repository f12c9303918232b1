"""A sample made again from its recorded params, against the stored bytes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from dsbuilder.actions.document import Document
from dsbuilder.actions.plugins import folders_here
from dsbuilder.builder.replay import replay_sample
from dsbuilder.dataset import StoredDataset
from dsbuilder.report.canvas import to_uint8
from dsbuilder.report.sheet import write_png
from dsbuilder.sample import Sample


@dataclass(frozen=True, kw_only=True)
class ReplayDocument(Document):
    """What making a sample again came to.

    Attributes:
      key: key of the sample.
      equal: whether its bytes are those that are stored.
      length: number of bytes that are stored.
      differences: what is not here as it was when it was built, in words; where bytes differ, at
        least one.
      largest_difference: between two pixel values of the stored images; None if they differ in
        size.
      output: picture file that was written; None if none was.
    """

    key: str
    equal: bool
    length: int
    differences: tuple[str, ...]
    largest_difference: float | None
    output: Path | None


def replay(
    dataset: StoredDataset,
    key: str,
    *,
    source: Path | None = None,
    plugins: Sequence[Path] | None = None,
    output: Path | None = None,
) -> ReplayDocument:
    """Makes a sample again and compares its bytes; nothing is drawn at random.

    Args:
      source: where the source's files lie now; None takes where they lay when it was built.
      plugins: folders of plugins; None takes the nearest `plugins/` folder.
      output: PNG file to write the image to, as it was made again.

    Raises:
      DataError: there is no such sample, its record is gone, or the file cannot be written.
      PluginError: a stage raised something.
      CacheError: the shard is damaged, or no one knows where the source lies.
      SpecError: the pipeline cannot be bound here.
    """
    replayed = replay_sample(
        dataset, key, source=source, plugins=folders_here(plugins, data=dataset.path)
    )
    if output is not None:
        _write(replayed.sample, output)
    return ReplayDocument(
        key=replayed.entry.key,
        equal=replayed.is_equal,
        length=replayed.entry.length,
        differences=tuple(replayed.differences),
        largest_difference=replayed.largest_difference,
        output=None if output is None else output.absolute(),
    )


def _write(sample: Sample, output: Path) -> None:
    pixels = to_uint8(sample.image)
    write_png(Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels), output)
