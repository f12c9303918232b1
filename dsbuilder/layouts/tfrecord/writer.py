"""name/version/: a folder that TensorFlow Datasets opens, written without it.

    out/
      dsbuilder.json
      toy/1.0.0/
        dataset_info.json  features.json  label.labels.txt
        toy-train.tfrecord-00000-of-00001

`tfds.load("toy", data_dir="out")` and `tfds.builder_from_directory("out/toy/1.0.0")` open it by the
files that `description` makes, which lie in a built dataset of the tfrecord codec as well. An
unknown field in the first makes tfds fail, so nothing of ours stands there. Stored JPEG and PNG
files are taken over byte for byte; raw pixels of 8 bits become PNG, others stay as they are.
"""

from dataclasses import dataclass
from pathlib import Path

from dsbuilder.layouts.tfrecord.format import ShardSize, description
from dsbuilder.layouts.tfrecord.tfds import shard_place
from dsbuilder.paths import below
from dsbuilder.plugin import (
    Exportable,
    Exporter,
    Signature,
    StoredSample,
    Written,
    exporter,
)
from dsbuilder.records import example, tfrecord

_BUFFER_BYTES = 1 << 20


@exporter("tfds")
@dataclass(frozen=True, kw_only=True)
class TfdsExporter(Exporter):
    """Writes name/version/, a folder of TFRecord files that TensorFlow Datasets opens."""

    def write(self, dataset: Exportable, folder: Path) -> Written:
        """Writes the shards as they are cut, and the files that describe them.

        Raises:
          CacheError: a shard is missing, cut or corrupt.
        """
        home = below(folder, f"{dataset.name}/{dataset.version}")
        home.mkdir(parents=True)
        splits = {split: _write_split(dataset, split, home) for split in dataset.splits}
        is_encoded = dataset.signature.image.dtype == "uint8"  # raw pixels of 8 bits come as PNG
        image = "png" if dataset.image == "raw" and is_encoded else dataset.image
        described = description(
            name=dataset.name,
            version=dataset.version,
            signature=dataset.signature,
            image=image,
            splits=splits,
        )
        for file, text in described.items():
            (home / file).write_text(text, encoding="utf-8", newline="\n")
        return Written(samples={split: dataset.num_samples(split) for split in splits})


def _write_split(dataset: Exportable, split: str, home: Path) -> list[ShardSize]:
    counts = dataset.shards(split)
    sizes = []
    for index, count in enumerate(counts):
        place = shard_place(index, len(counts))
        path = below(home, f"{dataset.name}-{split}.tfrecord-{place}")
        with path.open("wb", buffering=_BUFFER_BYTES) as file:
            for sample in dataset.samples(split, index):
                file.write(tfrecord.frame(_encoded(sample, dataset.signature)))
        sizes.append(ShardSize(samples=count, size_bytes=path.stat().st_size))
    return sizes


def _encoded(sample: StoredSample, signature: Signature) -> bytes:
    image = sample.image if isinstance(sample.image, bytes) else sample.image.tobytes()
    features: dict[str, example.Value] = {"image": image, "key": sample.key.encode()}
    for name, target in signature.targets.items():
        features.update(target.encode(name, sample.targets[name]))
    return example.encode(features)
