"""name/version/: a folder that TensorFlow Datasets opens, of whatever the dataset is stored as.

    out/
      toy/1.0.0/
        dataset_info.json  features.json  label.labels.txt  metadata.json
        toy-train.tfrecord-00000-of-00001

`tfds.load("toy", data_dir="out")` opens it. A dataset of the tfrecord codec opens as it was built;
what is written here stands alone, without the ledger. Stored JPEG and PNG files are taken over byte
for byte; raw pixels of 8 bits become PNG, others stay as they are.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from dsbuilder.cache import ledger, manifest, tfds
from dsbuilder.cache.manifest import Manifest, Shard
from dsbuilder.dataset import Dataset
from dsbuilder.export.files import encoded
from dsbuilder.records import example


def write(dataset: Dataset, folder: Path) -> dict[str, int]:
    """Writes a dataset into an empty folder and returns how many samples of each split it wrote.

    Raises:
      CacheError: a shard is missing, cut or corrupt.
    """
    known = dataset.manifest
    made = replace(known, codec="tfrecord", image=_image(dataset))
    home = folder / known.name / known.version
    home.mkdir(parents=True)
    splits = {
        split: tuple(_write_shard(dataset, shard, made, home) for shard in dataset.shards(split))
        for split in dataset.splits
    }
    made = replace(made, splits=splits)
    tfds.write(home, made)
    manifest.write(home, made)
    return {split: made.num_samples(split) for split in splits}


def _image(dataset: Dataset) -> str:
    is_raw = dataset.manifest.image == "raw" and dataset.signature.image.dtype == "uint8"
    return "png" if is_raw else dataset.manifest.image


def _write_shard(dataset: Dataset, shard: Shard, made: Manifest, home: Path) -> Shard:
    """Writes a shard and returns what it is."""
    codec = made.make_codec()
    codec.write(home, shard.stem, _payloads(dataset, shard, made), shard.samples)
    sizes = {name: (home / name).stat().st_size for name in codec.files(shard.stem)}
    return replace(shard, sizes=sizes, size_bytes=sum(sizes.values()))


def _payloads(dataset: Dataset, shard: Shard, made: Manifest) -> Iterator[bytes]:
    reader = dataset.codec.open(dataset.path, shard.stem)
    for entry in ledger.read(dataset.path / ledger.file_name(shard.stem)):
        payload = reader.read(entry.offset, entry.length)
        if made.image == dataset.manifest.image:
            yield payload
        else:
            features = example.decode(payload)
            image = encoded(dataset, features["image"][0])
            yield example.encode({**features, "image": image})
