"""split/class/image: what Hugging Face `imagefolder`, Keras and torchvision read.

    out/                            out/
      dsbuilder.json                  dsbuilder.json
      train/                          train/
        cat/tom.png                     tom.png
        cat/tom.png@copy-1.png          metadata.csv    file_name,text
        dog/rex.png                   test/
      test/                             ...
        cat/felix.png
        dog/

With a class target, the class is the folder; texts and values stand in `metadata.csv`, each with a
column. Images without labels lie below their split, and there is no table. Other labels are left
out and noted; the exporter `imagefolder` writes them. Stored JPEG and PNG files are taken over byte
for byte, raw pixels become PNG. Every split has a folder for every class, also an empty one: Keras
numbers classes by the folders it finds. A reader numbers them by their sorted names; where the
dataset has another order, that is noted, and so is what a mixed label loses: its sample lies in the
folder of the dominant class.
"""

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dsbuilder.errors import shortened
from dsbuilder.layouts.file_names import Names, folder_names
from dsbuilder.layouts.folder.format import METADATA
from dsbuilder.layouts.holding import check_images, held_if_any, left_out
from dsbuilder.layouts.imagefolder.format import FILE_NAME, column_of
from dsbuilder.paths import below
from dsbuilder.plugin import (
    ClassLabel,
    Exportable,
    Exporter,
    StoredSample,
    Target,
    Text,
    Value,
    Written,
    exporter,
)


@exporter("folder")
@dataclass(frozen=True, kw_only=True)
class FolderExporter(Exporter):
    """Writes images in class folders, for Hugging Face `imagefolder`, Keras and torchvision.

    With a class target, the class is the folder; texts and values stand in `metadata.csv`. Other
    labels are left out; `imagefolder` writes them.
    """

    def write(self, dataset: Exportable, folder: Path) -> Written:
        """Writes split/class/image.

        Raises:
          DataError: there are labels, of which none has a place here, or images are of a type that
            no image file holds.
          CacheError: a shard is missing, cut or corrupt.
        """
        check_images(dataset)
        targets = held_if_any(dataset, ClassLabel, Text, Value)
        found: dict[str, str] = {}
        samples = {
            split: _write_split(dataset, split, below(folder, split), targets, found)
            for split in dataset.splits
        }
        notes = [*left_out(dataset, targets), *_notes(_class_target(targets))]
        return Written(samples=samples, keys=found, targets=list(targets), notes=notes)


def _class_target(targets: Mapping[str, Target]) -> tuple[str, ClassLabel] | None:
    found = ((name, kind) for name, kind in targets.items() if isinstance(kind, ClassLabel))
    return next(found, None)


def _notes(label: tuple[str, ClassLabel] | None) -> Iterator[str]:
    """Yields what other readers will not see as it is."""
    if label is None:
        return
    name, kind = label
    if list(kind.names) != sorted(kind.names):
        yield (
            "the classes are not in sorted order: readers of folders number them otherwise than "
            "this dataset"
        )
    escaped = [given for given, made in folder_names(kind.names).items() if given != made]
    if escaped:
        yield (
            "not every class can be the name of a folder, so in all of them what cannot stand "
            f"there is escaped, and other readers read them so: {shortened(escaped)}; an export "
            "to imagefolder keeps them"
        )
    if kind.soft:
        yield (
            f"'{name}' holds mixed labels: each sample goes to its dominant class, its weights are "
            "left out"
        )


def _write_split(
    dataset: Exportable,
    split: str,
    folder: Path,
    targets: Mapping[str, Target],
    found: dict[str, str],
) -> int:
    """Writes a split's images, and where there is more than a class, the table beside them.

    Args:
      found: takes the key of every file.
    """
    folder.mkdir()
    label = _class_target(targets)
    for name in folder_names(label[1].names).values() if label else ():
        below(folder, name).mkdir()
    rows = []
    for key, row in _write_images(dataset, split, folder, targets):
        found[f"{split}/{row[0]}"] = key
        rows.append(row)
    if targets and (label is None or len(targets) > 1):
        with (folder / METADATA).open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file)
            names = [column_of(name, type(kind)) for name, kind in targets.items()]
            table.writerow([FILE_NAME, *names])
            table.writerows(rows)
    return len(rows)


def _write_images(
    dataset: Exportable, split: str, folder: Path, targets: Mapping[str, Target]
) -> Iterator[tuple[str, list[str]]]:
    """Writes the images of a split and yields of each the key, and its path and its labels."""
    names, label = Names.of(dataset), _class_target(targets)
    folders = folder_names(label[1].names) if label else {}
    for each in dataset.samples(split):
        shown = {name: _shown(name, target, each) for name, target in targets.items()}
        class_name = shown[label[0]] if label else None
        prefix = "" if class_name is None else f"{folders[class_name]}/"
        place = names.place(_below(each.key, class_name), prefix)
        below(folder, place).write_bytes(bytes(each.image))
        yield each.key, [place, *shown.values()]


def _shown(name: str, target: Target, sample: StoredSample) -> str:
    """Returns a label as text; of mixed classes the dominant one, whose id is stored."""
    if isinstance(target, ClassLabel):
        return target.names[int(target.encode(name, sample.targets[name])[name])]
    if isinstance(target, Value):
        return json.dumps(np.asarray(sample.targets[name], np.float64).tolist())
    return str(sample.targets[name])


def _below(key: str, class_name: str | None) -> str:
    """Returns a key without the split's and the class's folders, which the new path has anyway."""
    root, derivation, derived = key.partition("//")
    head, mark, rest = f"/{root}".partition(f"/{class_name}/")
    if class_name is None or not mark or head.count("/") >= 2:
        return key
    return rest + derivation + derived
