"""Stages on the device make what they make on the host, image and targets alike."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image
from skimage import data

import dsbuilder
from dsbuilder.builder import build_dataset
from dsbuilder.builtin.mixers.cutmix import Cutmix
from dsbuilder.builtin.mixers.mixup import Mixup
from dsbuilder.builtin.transforms.classic import Classic
from dsbuilder.builtin.transforms.erase import Erase
from dsbuilder.builtin.transforms.fused_color import FusedColor
from dsbuilder.builtin.transforms.fused_crop_resize_flip import FusedCropResizeFlip
from dsbuilder.builtin.transforms.resize import Resize
from dsbuilder.errors import SpecError
from dsbuilder.plugin import (
    ClassLabel,
    ImageSignature,
    Keypoints,
    Mixer,
    Range,
    Sample,
    Signature,
)
from dsbuilder.tasks import heads_of
from dsbuilder.testing import batches
from dsbuilder.testing.cases import with_objects
from dsbuilder.train.class_weights import weigh

MOVED: dict[str, Any] = {
    "rotation_range": 30,
    "width_shift_range": 0.1,
    "shear_range": 10,
    "zoom_range": 0.2,
    "horizontal_flip": True,
}
TWINS = [
    FusedCropResizeFlip(size=(96, 96)),
    FusedCropResizeFlip(size=(64, 80), interpolation="area"),
    FusedCropResizeFlip(size=(96, 96), scale=Range(0.02, 0.1), interpolation="cubic"),
    FusedColor(),
    FusedColor(contrast=Range(0.2, 3.0), hue=Range(-0.4, 0.4)),
    Erase(),
    Erase(fill="mean"),
    Erase(fill=40),
    Mixup(alpha=1.0),
    Cutmix(),
    Classic(**MOVED),
    Classic(**MOVED, fill_mode="constant", cval=90, vertical_flip=True),
    Classic(**MOVED, fill_mode="reflect", brightness_range=(0.3, 1.7)),
    Classic(rotation_range=180, fill_mode="wrap", channel_shift_range=60, rescale=1 / 255),
    Resize(size=(70, 90)),
    Resize(size=(200, 90), fit="pad", background="red"),
]
STAGES = """
name: {name}
seed: 5
source: {source}
split: {{train: 0.8, validation: 0.2}}
finish: [{{use: resize, size: [48, 60]}}]
cache: {{codec: npy}}
stream:
  batch_size: 5
  on: {on}
  stages:
{stages}
  finish: [{{use: resize, size: [40, 40]}}]
train: {{model: {model}, epochs: 2}}
"""
MOVING = """
    - {use: A.RandomBrightnessContrast, p: 0.5, on: host}
    - {use: fused_crop_resize_flip, size: [40, 40]}
    - {use: fused_color, p: 0.5}
    - {use: classic, rotation_range: 20, p: 0.7, except_classes: [light]}
    - {use: classic, rotation_range: 10, p: 0.7}
    - {use: erase, p: 0.5}
"""
MIXED = """
    - {use: fused_crop_resize_flip, size: [40, 40]}
    - {use: mixup, alpha: 1.0, p: 0.7}
    - {use: fused_color, only_classes: [a]}
"""
MIXED_LATER = """
    - {use: A.RandomCrop, height: 40, width: 44, on: host}
    - {use: cutmix, p: 0.7}
    - {use: resize, size: [40, 40]}
"""
FOLDER, TABLE = "{use: folder, path: f}", "{use: imagefolder, path: t, mask_classes: [dark, light]}"
CNN = "{use: cnn, width: 2, depth: 2, convolutions: 1}"
UNET = "{use: unet, width: 2, depth: 2, convolutions: 1}"

Build = Any


def photographs(count: int, size: tuple[int, int]) -> list[np.ndarray]:
    """Returns parts of photographs."""
    whole = [data.astronaut(), data.chelsea(), data.coffee(), data.rocket()]
    found = []
    for number in range(count):
        rng, photo = np.random.default_rng(number), whole[number % len(whole)]
        top, left = rng.integers(0, 60, 2)
        part = Image.fromarray(photo[top : top + 240, left : left + 300])
        found.append(np.asarray(part.resize(size[::-1], Image.Resampling.LANCZOS)))
    return found


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Builds a dataset of 20 photographs in two classes, with masks in the folder `t`."""
    home = tmp_path_factory.mktemp("device")
    (home / "t" / "masks").mkdir(parents=True)
    rows = []
    for number, photo in enumerate(photographs(20, (48, 60))):
        for folder in (home / "t", home / "f" / "ab"[number % 2]):
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(photo).save(folder / f"{number}.png")
        mask = (photo.mean(axis=2) > 110).astype(np.uint8)
        Image.fromarray(mask).save(home / "t" / "masks" / f"{number}.png")
        row = {"file_name": f"{number}.png", "mask_file_name": f"masks/{number}.png"}
        rows.append(json.dumps(row) + "\n")
    (home / "t" / "metadata.jsonl").write_text("".join(rows))

    def make(
        name: str, source: str, stages: str, *, model: str = CNN, on: str = "device"
    ) -> dsbuilder.Dataset:
        path, stages = home / f"{name}.yaml", stages.strip("\n")
        path.write_text(STAGES.format(name=name, source=source, stages=stages, model=model, on=on))
        return dsbuilder.load(build_dataset(path, home / "out", workers=0).path)

    return make


SLOW = pytest.mark.slow
QUICK = {0, 3, 5, 8, 9, 11, 15}
"""One of each plugin."""


@pytest.mark.parametrize("channels", [3, pytest.param(1, marks=SLOW), pytest.param(4, marks=SLOW)])
@pytest.mark.parametrize(
    "number",
    [pytest.param(n, marks=[] if n in QUICK else SLOW) for n in range(len(TWINS))],
    ids=lambda n: type(TWINS[n]).__name__,
)
def test_a_twin_makes_of_photographs_what_its_plugin_does(number: int, channels: int) -> None:
    plugin = TWINS[number]
    photos = photographs(4, (120, 150))
    gray = [photo.mean(axis=2, keepdims=True).astype(np.uint8) for photo in photos]
    alpha = [np.concatenate([p, g], axis=2) for p, g in zip(photos, gray, strict=True)]
    images = {1: gray, 3: photos, 4: alpha}[channels]
    kinds = [] if isinstance(plugin, Mixer) else ["boxes", "keypoints", "mask"]
    samples = [
        with_objects(Sample(key="a", image=image, targets={"label": place % 3}), kinds)
        for place, image in enumerate(images)
    ]
    count = 1 + getattr(plugin, "partners", 0)
    groups = [[samples[(at + step) % 4] for step in range(count)] for at in range(4)]
    batches.check_twin_on(plugin, groups, seed=7)


def finished(stream: Any, batch: Any) -> Any:
    """Returns a batch that was left to the device, finished there."""
    tensors = keras.tree.map_structure(lambda each: each.numpy(), batch)
    return keras.tree.map_structure(np.asarray, stream.on_device(tensors))


def assert_alike(expected: Any, found: Any) -> None:
    """Compares batches (images, labels) as far as twins may differ."""
    apart = np.abs(expected[0].astype(np.int64) - found[0]).max(axis=-1)
    assert found[0].dtype == np.uint8 and (apart > batches.LEVELS).mean() <= batches.SHARE
    assert expected[1].dtype == found[1].dtype
    if expected[1].ndim == 3:
        assert (expected[1] != found[1]).mean() <= batches.SHARE
    else:
        assert np.allclose(expected[1], found[1], atol=1e-6)


@pytest.mark.parametrize(
    ("name", "source", "stages"),
    [
        pytest.param("moving", TABLE, MOVING, marks=SLOW),
        ("mixed", FOLDER, MIXED),
        ("later", FOLDER, MIXED_LATER),
    ],
)
def test_the_device_finishes_batches_as_the_host_does(
    build: Build, name: str, source: str, stages: str
) -> None:
    dataset = build(name, source, stages)
    host = dataset.stream("train", epoch=3, workers=0)
    left = dataset.stream("train", epoch=3, workers=0, on_device=True)
    for expected, batch in zip(host, left, strict=True):
        arrays = keras.tree.map_structure(lambda each: each.numpy(), expected)
        assert_alike(arrays, finished(left, batch))


def test_workers_draw_for_the_device_what_one_thread_does(build: Build) -> None:
    dataset = build("mixed", FOLDER, MIXED)
    streams = [
        dataset.stream("train", epoch=2, workers=workers, on_device=True) for workers in (0, 1, 3)
    ]
    for one, *others in zip(*streams, strict=True):
        flat = [each.numpy() for each in keras.tree.flatten(one)]
        for other in others:
            pairs = zip(flat, keras.tree.flatten(other), strict=True)
            assert all(np.array_equal(a, b.numpy()) for a, b in pairs)


def test_other_splits_and_other_callers_know_no_device(build: Build) -> None:
    dataset = build("mixed", FOLDER, MIXED)
    validation = dataset.stream("validation", on_device=True)
    assert validation.on_device is None
    images, labels = next(iter(validation))
    assert images.shape[1:] == (40, 40, 3) and labels.dtype == "float32"
    assert dataset.stream("train").on_device is None


def test_images_are_scaled_after_the_stages(build: Build) -> None:
    dataset = build("mixed", FOLDER, MIXED)
    asked: dict[str, Any] = {"epoch": 0, "workers": 0, "images": "scale"}
    expected = next(iter(dataset.stream("train", **asked)))[0].numpy()
    left = dataset.stream("train", on_device=True, **asked)
    found = finished(left, next(iter(left)))[0]
    assert (np.abs(expected - found).max(axis=-1) > batches.LEVELS / 255).mean() <= batches.SHARE


def test_a_model_of_one_s_own_trains_on_what_is_left_to_it(build: Build) -> None:
    dataset = build("mixed", FOLDER, MIXED)
    asked: dict[str, Any] = {"workers": 0, "images": "scale"}
    train = dataset.stream("train", on_device=True, **asked)
    keras.utils.set_random_seed(0)  # of some weights a level of 255 moves the loss further
    layers = [keras.layers.Flatten(), keras.layers.Dense(2)]
    model = keras.Sequential([keras.Input((40, 40, 3)), *layers])
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    for _ in range(2):  # as another phase compiles it again
        model.compile(optimizer=keras.optimizers.SGD(0.0), loss=loss)
        assert train.on_device is not None
        train.on_device.into(model)
    told = model.fit(train.epochs(4), steps_per_epoch=1, shuffle=False, verbose=0)
    images, labels = next(iter(dataset.stream("train", epoch=4, **asked)))
    expected = float(loss(labels, model(images)))
    assert told.history["loss"][0] == pytest.approx(expected, rel=0.01)


def test_training_on_the_device_learns_what_the_host_would_show(
    build: Build, tmp_path: Path
) -> None:
    from dsbuilder.train.options import options_of
    from dsbuilder.train.trainer import train_dataset

    dataset = build("mixed", FOLDER, MIXED)
    options = replace(options_of(dataset), devices=1, class_weight={"b": 3.0})
    rows = train_dataset(dataset, options, run=tmp_path / "device").rows()
    dataset = build("hosted", FOLDER, MIXED, on="host")
    assert dataset.stream("train", on_device=True).on_device is None
    expected = train_dataset(dataset, options, run=tmp_path / "host").rows()
    for row, other in zip(rows, expected, strict=True):
        assert row.train["loss"] == pytest.approx(other.train["loss"], rel=0.02)


def test_what_losses_take_is_the_same_in_the_stream_and_in_a_step() -> None:
    points = np.random.default_rng(0).random((3, 1, 2, 2)).astype(np.float32)
    seen = np.array([[[0, 2]], [[1, 1]], [[2, 0]]])
    soft = np.array([[0.25, 0.75], [1.0, 0.0]], np.float32)
    two = ClassLabel(names=("a", "b"))
    pairs: list[tuple[Any, Any]] = [
        (task_of(Keypoints(names=("x", "y"))), {"points": points, "visibility": seen}),
        (task_of(two.mixed()), soft),
        (task_of(two), np.array([0, 1, 1])),
    ]
    for task, truth in pairs:
        expected, found = task.batch(truth), task.batch(truth, keras.ops)
        assert np.array_equal(np.asarray(expected), np.asarray(found)), task
    weights = np.array([1.0, 3.0], np.float32)
    for truth in (soft, np.array([0, 1, 1])):
        expected = np.asarray(weigh(truth, weights))
        assert np.allclose(expected, np.asarray(weigh(truth, weights, keras.ops)))


def task_of(kind: Any) -> Any:
    """Returns the task for one target."""
    image = ImageSignature(height=8, width=8, channels=3)
    return heads_of(Signature(image=image, targets={"it": kind}))["it"]


WRONG = {
    "fused_color, on: device}\n    - {use: erase, on: host": "stages\\[1\\].*on the device",
    "A.HorizontalFlip, on: device": "no twin.*classic, cutmix, .*mixup",
    "fused_crop_resize_flip, size: [40, 40], interpolation: nearest": "no twin",
    "fused_color, on: moon": "one of host, device",
}


@pytest.mark.parametrize("stages", WRONG)
def test_what_cannot_be_on_the_device_is_told(build: Build, stages: str) -> None:
    with pytest.raises(SpecError, match=f"(?s){WRONG[stages]}"):
        build("wrong", FOLDER, f"    - {{use: {stages}}}")


ON_JAX = """
import sys
import dsbuilder, keras, numpy as np
from dataclasses import replace
from dsbuilder.pipelinefile.training import OptimizerOptions
from dsbuilder.train.options import options_of
from dsbuilder.train.trainer import resume_run, train_dataset

assert keras.backend.backend() == "jax"
for path in sys.argv[2:]:
    dataset = dsbuilder.load(path)
    expected = dataset.stream("train", epoch=1, workers=0)
    left = dataset.stream("train", epoch=1, workers=0, on_device=True)
    for one, other in zip(expected, left, strict=True):
        images, truth = keras.tree.map_structure(lambda each: each.numpy(), one)
        found = left.on_device(keras.tree.map_structure(lambda each: each.numpy(), other))
        apart = np.abs(images.astype(int) - np.asarray(found[0]).astype(int)).max(axis=-1)
        assert (apart > 2).mean() <= 0.001, apart.max()
        wrong = np.abs(truth.astype(float) - np.asarray(found[1]))
        assert (wrong > 1e-6).mean() <= 0.001
    run = train_dataset(dataset, options_of(dataset), run=f"{sys.argv[1]}/{dataset.name}")
    resume_run(run, epochs=3)
    assert len(run.rows()) == 3
"""


@pytest.mark.slow
def test_jax_trains_on_stages_on_the_device(build: Build, tmp_path: Path) -> None:
    paths = [build("mixed", FOLDER, MIXED).path, build("moving", TABLE, MOVING, model=UNET).path]
    command = [sys.executable, "-c", ON_JAX, str(tmp_path), *map(str, paths)]
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


class Unchanged(FusedColor):
    """Has a twin that does nothing."""

    def apply_batch(self, images: Any, params: Any, ops: Any) -> Any:
        return images


class Looking(FusedColor):
    """Draws by what it sees."""

    def draw(self, sample: Sample, rng: np.random.Generator) -> Any:
        return {**super().draw(sample, rng), "hue": float(sample.image.mean() / 1000)}


@pytest.mark.parametrize(
    ("plugin", "told"),
    [
        (Unchanged(), "found .* further apart"),
        (Looking(), "the size of an image alone"),
    ],
)
def test_the_kit_tells_of_a_twin_that_is_none(plugin: Any, told: str) -> None:
    with pytest.raises(AssertionError, match=told):
        batches.check_twin(plugin)
