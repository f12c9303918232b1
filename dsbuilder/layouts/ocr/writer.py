r"""split/gt.txt with `images/name<TAB>text` a line: what SynthTIGER writes and OCR trainers read.

    out/
      dsbuilder.json
      train/
        gt.txt               images/a.png<TAB>Exit 4
        images/a.png
      test/
        ...

The text stands in the list and never in a file's name. Stored JPEG and PNG files are taken over
byte for byte, raw pixels become PNG. Targets beside the text are left out, which is noted.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dsbuilder.layouts.file_names import Names
from dsbuilder.layouts.holding import check_images, chosen, left_out
from dsbuilder.layouts.ocr import format as ocr
from dsbuilder.paths import below
from dsbuilder.plugin import Exportable, Exporter, Text, Written, exporter


@exporter("ocr")
@dataclass(frozen=True, kw_only=True)
class OcrExporter(Exporter):
    """Writes images with a list of their texts, as SynthTIGER does and OCR trainers read.

    A text holds no tabs and line ends. Other targets are left out; `imagefolder` writes them.
    """

    def write(self, dataset: Exportable, folder: Path) -> Written:
        """Writes split/gt.txt and the images.

        Raises:
          DataError: it has no text, a text holds a tab or a line end, or images are of a type that
            no image file holds.
        """
        check_images(dataset)
        name = chosen(dataset, Text)[Text]
        keys: dict[str, str] = {}
        samples: dict[str, int] = {}
        for split in dataset.splits:
            below(folder, split).mkdir()
            pairs = _pairs(dataset, split, folder / split, name, keys)
            samples[split] = ocr.write_pairs(folder / split / ocr.LISTS[0], pairs)
        return Written(samples=samples, keys=keys, targets=[name], notes=left_out(dataset, [name]))


def _pairs(
    dataset: Exportable, split: str, folder: Path, target: str, keys: dict[str, str]
) -> Iterator[tuple[str, str]]:
    """Writes the images of a split, yields the path and the text of each and notes its key."""
    names = Names.of(dataset)
    for each in dataset.samples(split):
        place = names.nested(each.key, split=split, folder=ocr.IMAGES)
        below(folder, place).parent.mkdir(parents=True, exist_ok=True)
        below(folder, place).write_bytes(bytes(each.image))
        keys[f"{split}/{place}"] = each.key
        yield place, each.targets[target]
