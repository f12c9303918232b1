"""Images beside a list of their labels: an exporter."""

import csv
from dataclasses import dataclass
from pathlib import Path

from dsbuilder.layouts.holding import check_images, chosen, left_out
from dsbuilder.plugin import ClassLabel, Exportable, Exporter, Written, exporter


@exporter("csv_list")
@dataclass(frozen=True, kw_only=True)
class CsvList(Exporter):
    """Writes numbered images and `labels.csv`, with the columns file, label and split.

    Attributes:
      separator: letter between the columns.
    """

    separator: str = ","

    def __post_init__(self) -> None:
        if len(self.separator) != 1 or self.separator in '\r\n"':
            raise ValueError(f"separator: expected one letter, found {self.separator!r}.")

    def write(self, dataset: Exportable, folder: Path) -> Written:
        """Writes the class of each sample, of mixed classes the dominant one."""
        check_images(dataset)
        name = chosen(dataset, ClassLabel)[ClassLabel]  # or a DataError that says what is missing
        kind, keys, rows = dataset.signature.targets[name], dict[str, str](), []
        ending = "jpg" if dataset.image == "jpeg" else "png"
        for split in dataset.splits:
            for sample in dataset.samples(split):
                file = f"{len(keys):06d}.{ending}"
                (folder / file).write_bytes(bytes(sample.image))
                keys[file] = sample.key
                rows.append((file, kind.classes(sample.targets[name])[0], split))
        with (folder / "labels.csv").open("w", encoding="utf-8", newline="") as table:
            writer = csv.writer(table, delimiter=self.separator, lineterminator="\n")
            writer.writerows([("file", "label", "split"), *rows])
        counts = {split: dataset.num_samples(split) for split in dataset.splits}
        return Written(samples=counts, keys=keys, notes=left_out(dataset, [name]))
