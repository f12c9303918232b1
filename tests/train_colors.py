"""A small real dataset of three classes that a small model learns within seconds."""

from pathlib import Path

import numpy as np
from PIL import Image

import dsbuilder
from dsbuilder import builder

CLASSES = ("blue", "green", "red")

PIPELINE = """
name: colors
seed: 3
source: {{use: folder, path: {source}}}
split: {split}
{augment}
finish: [{{use: resize, size: [16, 16]}}]
cache: {{codec: {codec}, image: {image}}}
stream: {{batch_size: 8, stages: {stages}}}
train:
  model: {{use: cnn, width: 4, depth: 2, convolutions: 1, dropout: 0.2}}
  optimizer: {{use: adam, learning_rate: 0.01}}
  normalize: standardize
  epochs: 3
"""


def write_images(root: Path, *, count: int = 20, side: int = 20) -> Path:
    """Writes `root/<class>/<i>.png`: noise, brighter in the channel of its class."""
    rng = np.random.default_rng(0)
    for channel, name in enumerate(reversed(CLASSES)):
        (root / name).mkdir(parents=True)
        for index in range(count):
            image = rng.integers(0, 160, (side, side, 3), dtype=np.uint8)
            image[:, :, channel] += 80
            Image.fromarray(image).save(root / name / f"{index}.png")
    return root


def build(
    folder: Path,
    *,
    source: Path,
    split: str = "{train: 0.6, validation: 0.2, test: 0.2}",
    augment: str = "",
    codec: str = "npy",
    stages: str = "[]",
) -> dsbuilder.Dataset:
    """Builds a dataset of the images and opens it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "colors.yaml"
    image = "raw" if codec == "npy" else "png"
    text = PIPELINE.format(
        source=source, split=split, augment=augment, codec=codec, image=image, stages=stages
    )
    path.write_text(text)
    return dsbuilder.load(builder.build_dataset(path, folder / "out", workers=0).path)
