"""A built dataset as an exporter sees it."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from dsbuilder.cache import ledger
from dsbuilder.cache.codec import fixed_shape
from dsbuilder.images import encoding as image_format
from dsbuilder.plugin import Exportable, StoredSample
from dsbuilder.records import example


class OpenedDataset(Exportable):
    """The samples of a dataset as they are stored; see `Exportable`."""

    def __init__(self, dataset: Any) -> None:
        self._dataset = dataset
        self.name, self.version = dataset.name, dataset.manifest.version
        self.where = str(dataset.path)
        self.signature, self.image = dataset.signature, dataset.manifest.image
        self.splits = dataset.splits

    def shards(self, split: str) -> Sequence[int]:
        """Returns how many samples each shard of a split holds, in order."""
        return [shard.samples for shard in self._dataset.shards(split)]

    def samples(self, split: str, shard: int | None = None) -> Iterator[StoredSample]:
        """Yields the samples of a split, or of one shard of it, in the stored order."""
        shards = self._dataset.shards(split)
        kinds = self.signature.targets
        for each in shards if shard is None else shards[shard : shard + 1]:
            reader = self._dataset.codec.open(self._dataset.path, each.stem)
            for entry in ledger.read(self._dataset.path / ledger.file_name(each.stem)):
                features = example.decode(reader.read(entry.offset, entry.length))
                yield StoredSample(
                    key=entry.key,
                    image=self._image(features["image"][0]),
                    targets={name: kind.decode(name, features) for name, kind in kinds.items()},
                )

    def _image(self, image: bytes) -> bytes | np.ndarray:
        if self.image != "raw":
            return image
        dtype = self.signature.image.dtype
        pixels = np.frombuffer(image, dtype).reshape(fixed_shape(self.signature))
        return image_format.encode(pixels, "png") if dtype == "uint8" else pixels
