"""Model files as runs write them, of any builder and targets, without a training."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from dsbuilder.pipelinefile.training import HeadOptions
from dsbuilder.plugin import (
    ClassLabel,
    ImageSignature,
    Keypoints,
    Mask,
    ModelBuilder,
    MultiLabel,
    Signature,
    Target,
    Text,
    Value,
)
from dsbuilder.tasks import heads_of

NAMES = ("cat", "dög", "a b")
ROWS: Mapping[str, Target] = {
    "label": ClassLabel(names=NAMES),
    "whether": ClassLabel(names=("no", "yes")),
    "tags": MultiLabel(names=("x", "y")),
    "numbers": Value(size=2),
    "points": Keypoints(names=("left", "right")),
}
MASK: Mapping[str, Target] = {"mask": Mask(names=("ground", "square"))}
TEXT: Mapping[str, Target] = {"text": Text(alphabet="abc", longest=3)}
IMAGE = ImageSignature(height=32, width=32, channels=3)


def save_untrained(
    path: Path,
    builder: ModelBuilder,
    targets: Mapping[str, Target],
    *,
    image: ImageSignature = IMAGE,
    precision: str = "float32",
) -> Path:
    """Writes a model with random weights and statistics, and its note, as a run does."""
    import keras

    from dsbuilder.train import archive
    from dsbuilder.train.network import build_network

    keras.utils.set_random_seed(7)
    signature = Signature(image=image, targets=dict(targets))
    heads = {name: _with_units(task) for name, task in heads_of(signature).items()}
    network = build_network(
        builder,
        signature,
        heads=heads,
        normalize=None if builder.preprocesses else "standardize",
        statistics=(np.full(image.channels, 120.0), np.full(image.channels, 60.0)),
        precision=precision,
    )
    rng = np.random.default_rng(0)
    # A new network normalizes by nothing and has no bias; one of known weights does and has.
    if not builder.preprocesses:
        for weight in network.weights:
            if "bias" in weight.path or "beta" in weight.path:
                weight.assign(np.abs(rng.normal(0.5, 0.2, weight.shape)).astype("float32"))
        _settle(network, images(8, image))
    names = (kind.class_names for kind in targets.values() if kind.class_names)
    note = archive.Note(
        dataset="things 1.0.0",
        fingerprint="0" * 64,
        class_names=next(names, ()),
        signature=signature,
        heads=heads,
        learnt={name: HeadOptions() for name in targets},
        normalize="standardize",
        pipeline={"image": {}, "prepare": [], "finish": []},
    )
    archive.save(network, path, note, optimizer=False)
    return path


def _settle(network, pixels: np.ndarray) -> None:
    """Gives batch normalization the statistics of what it meets: by others, outputs explode."""
    import keras

    layers = network._flatten_layers(include_self=False)
    normalizing = [each for each in layers if isinstance(each, keras.layers.BatchNormalization)]
    before = [each.momentum for each in normalizing]
    for each in normalizing:
        each.momentum = 0.0
    network(keras.ops.cast(pixels, "float32"), training=True)
    for each, momentum in zip(normalizing, before, strict=True):
        each.momentum = momentum


def _with_units(task):
    if not hasattr(task, "units"):
        return task
    size = task.outputs[0]
    return task.fit(lambda: (np.linspace(0.4, 0.6, size), np.linspace(0.2, 0.3, size)))


def images(count: int = 4, image: ImageSignature = IMAGE) -> np.ndarray:
    """Returns random pixels, as a dataset holds them."""
    return np.random.default_rng(3).integers(0, 256, (count, *image.shape), dtype=np.uint8)
