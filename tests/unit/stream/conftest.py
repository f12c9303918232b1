"""Real datasets to stream, each built once: every codec, kind of pixels and kind of label."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

import dsbuilder
from dsbuilder import Dataset
from dsbuilder.builder import build_dataset

# The source is of the build alone: nothing that streams gets to see it.
SOURCE = '''
"""Images of random pixels."""
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
import numpy as np
from dsbuilder.plugin import (
    Catalog,
    ClassLabel,
    Listing,
    Record,
    Source,
    Target,
    Text,
    generator,
    source,
)


@source("pixels")
@dataclass(frozen=True, kw_only=True)
class Pixels(Source):
    """Makes images of random pixels."""

    size: tuple[int, int] = (12, 14)
    channels: int = 3
    kinds: tuple[str, ...] = ("label",)
    varied: bool = False
    flat: bool = False

    def open(self) -> Catalog:
        return Opened(self)


@dataclass(frozen=True)
class Opened(Catalog):
    source: Pixels

    def scan(self) -> Listing:
        return Listing(records=[*self._records()], targets=self._targets())

    def _records(self) -> Iterator[Record]:
        for i in range(60):
            values = {"label": "abc"[i % 3], "words": ["", "ü ö", "a\\tb", "猫"][i % 4]}
            raw = {kind: values[kind] for kind in self.source.kinds}
            yield Record(key=f"{i:03d} ä.png", targets=raw)

    def _targets(self) -> Mapping[str, Target]:
        kinds = {"label": ClassLabel(names=("a", "b", "c")), "words": Text()}
        return {kind: kinds[kind] for kind in self.source.kinds}

    def identity(self, record: Record) -> str:
        return record.key

    def read(self, record: Record) -> np.ndarray:
        rng = generator("pixels", record.key)
        height, width = self.source.size
        extra = int(rng.integers(0, 4)) if self.source.varied else 0
        shape = (height + extra, width, self.source.channels)
        image = rng.integers(0, 256, shape, dtype=np.uint8)
        if self.source.flat:
            image[:, :, 0] = 7
        return image
'''

PIPELINE = """
name: toy
seed: 3
image: {{mode: {mode}}}
source: {{use: {use}{source}}}
split: {{train: 0.6, validation: 0.2, test: 0.2}}
finish: {finish}
cache: {{codec: {codec}, image: {image}, shard_mb: {shard_mb}}}
{rest}
"""

CHANNELS = {"rgb": 3, "gray": 1, "rgba": 4}

Build = Callable[..., Dataset]


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Builds a dataset of 60 random images, 36 of them train; equal arguments are built once."""
    folder = tmp_path_factory.mktemp("streamed")
    (folder / "plugins").mkdir()
    (folder / "plugins" / "pixels.py").write_text(SOURCE, encoding="utf-8")
    known: dict[tuple[object, ...], Dataset] = {}

    def make(
        codec: str = "tfrecord",
        image: str = "png",
        *,
        mode: str = "rgb",
        shard_mb: float | None = None,
        source: str = "",
        rest: str = "",
        finish: str = "[{use: resize, size: [12, 14]}]",
        plugins: Sequence[Path] = (),
        use: str = "pixels",
        fresh: bool = False,
    ) -> Dataset:
        image = "raw" if codec == "npy" else image
        if shard_mb is None:  # some shards: each of npy is ops of its own in a graph
            shard_mb = 0.004 if codec == "npy" else 0.001
        if use == "pixels":
            source = f"channels: {CHANNELS[mode]}" + (source and f", {source}")
        asked = (codec, image, mode, shard_mb, use, source, rest, finish, *plugins)
        if fresh or asked not in known:
            path = folder / f"{len(list(folder.iterdir()))}.yaml"
            text = PIPELINE.format(
                codec=codec,
                image=image,
                mode=mode,
                use=use,
                shard_mb=shard_mb,
                source=source and f", {source}",
                rest=rest,
                finish=finish,
            )
            path.write_text(text, encoding="utf-8")
            built = build_dataset(
                path, folder / path.stem, workers=0, plugins=[folder / "plugins", *plugins]
            )
            dataset = dsbuilder.load(built.path)
            if fresh:
                return dataset
            known[asked] = dataset
        return known[asked]

    return make
