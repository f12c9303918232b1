r"""split/gt.txt with `images/name<TAB>text` a line: what SynthTIGER writes and OCR trainers read.

    out/
      keys.csv               where paths do not say the keys: file,key
      signature.json         of which kind the target is
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
from dsbuilder.export.files import Names, check_images, chosen, stored, write_signature
from dsbuilder.layouts import keys
from dsbuilder.layouts.ocr import format as ocr
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
    found: dict[str, str] = {}
    samples: dict[str, int] = {}
    for split in dataset.splits:
        (folder / split).mkdir()
        pairs = _pairs(dataset, split, folder / split, name, found)
        samples[split] = ocr.write_pairs(folder / split / ocr.LISTS[0], pairs)
    keys.write(folder, found)
    write_signature(dataset, folder)
    return samples


def _pairs(
    dataset: Dataset, split: str, folder: Path, target: str, found: dict[str, str]
) -> Iterator[tuple[str, str]]:
    """Writes the images of a split, yields the path and the text of each and notes its key."""
    names = Names.of(dataset)
    for each in stored(dataset, split):
        place = names.nested(each.key, split=split, folder=_IMAGES)
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).write_bytes(each.image)
        found[f"{split}/{place}"] = each.key
        yield place, each.targets[target]
