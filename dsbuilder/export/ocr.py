r"""split/gt.txt with `images/name<TAB>text` a line: what SynthTIGER writes and OCR trainers read.

    out/
      train/
        gt.txt               images/a.png<TAB>Exit 4
        images/a.png
      test/
        ...

The text stands in the list and never in a file's name. Stored JPEG and PNG files are taken over
byte for byte, raw pixels become PNG. Targets beside the text are left out, which the log reports.
"""

from collections.abc import Iterator
from pathlib import Path

from dsbuilder.dataset import Dataset
from dsbuilder.export.files import Names, check_images, chosen, stored
from dsbuilder.formats import ocr
from dsbuilder.targets import Text

_IMAGES = "images/"


def write(dataset: Dataset, folder: Path) -> dict[str, int]:
    """Writes a dataset into an empty folder and returns how many samples of each split it wrote.

    Raises:
      DataError: it has no text, a text holds a tab or a line end, or images are of a type that no
        image file holds.
      CacheError: a shard is missing, cut or corrupt.
    """
    check_images(dataset)
    name = chosen(dataset, Text)[Text]
    return {split: _write_split(dataset, split, folder / split, name) for split in dataset.splits}


def _write_split(dataset: Dataset, split: str, folder: Path, target: str) -> int:
    folder.mkdir()
    return ocr.write_pairs(folder / ocr.LISTS[0], _pairs(dataset, split, folder, target))


def _pairs(dataset: Dataset, split: str, folder: Path, target: str) -> Iterator[tuple[str, str]]:
    """Writes the images of a split and yields the path of each below `folder`, and its text."""
    names = Names.of(dataset)
    for each in stored(dataset, split):
        place = names.nested(each.key, split=split, folder=_IMAGES)
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).write_bytes(each.image)
        yield place, each.targets[target]
