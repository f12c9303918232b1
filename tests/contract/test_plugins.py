"""The contract kit over the whole registry: built-in plugins and those of `plugins/`, all of them.

A plugin stands in `EXAMPLES` with the options it is tried with, or is tried with its defaults; one
that has options without defaults and no example fails.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import banks
import numpy as np
import pytest
import tools
from PIL import Image
from videos import write_video

from dsbuilder.images import png
from dsbuilder.layouts.webdataset.writer import write_shard
from dsbuilder.pipelinefile.binding import Binder
from dsbuilder.pipelinefile.document import Node, from_data
from dsbuilder.pipelinefile.stages import AnyStage, Inspection, Synthesis, binder_of
from dsbuilder.plugin import (
    KINDS,
    Exporter,
    Loss,
    Metric,
    Mixer,
    ModelBuilder,
    Schedule,
    Source,
    Stage,
)
from dsbuilder.records import tfrecord
from dsbuilder.records.example import encode
from dsbuilder.registry import Plugin, discover
from dsbuilder.testing import check_declaration, check_plugin

ROOT = Path(__file__).parents[2]
REGISTRY = discover((ROOT / "plugins",))
FONT = str(tools.place(tools.DEJAVU))

FLIP, BLUR = {"use": "A.HorizontalFlip", "p": 0.5}, {"use": "A.Blur"}

WIDTH_4 = {"width": 4, "depth": 2}  # networks that are built in no time

# By plugin: the mappings it is bound from, as in a pipeline. `{folder}` is a folder of images.
EXAMPLES: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    "A.*": (
        {"use": "A.GaussNoise"},
        {"use": "A.RandomResizedCrop", "size": [20, 24], "interpolation": "area"},
        {"use": "A.OneOf", "transforms": [FLIP, {"use": "A.Sequential", "transforms": [BLUR]}]},
        {"use": "A.ToFloat"},
    ),
    "arrays": (
        {"path": "{folder}/some.npz"},
        {"path": "{folder}/npy", "arrays": {"train": ["a", "b"]}, "classes": ["x", "y", "z"]},
    ),
    "aug_mix": ({}, {"geometric": False, "severity": 10, "depth": 2}),
    "auto_augment": ({}, {"table": "cifar10", "fill": 0}),
    "captcha": ({"fonts": [FONT], "size": 8, "height": 32, "width": 80},),
    "charset": ({}, {"characters": "0123456789"}),
    "cbam": (WIDTH_4,),
    "cnn": (WIDTH_4, {**WIDTH_4, "attention": "cbam"}),
    "classic": (
        {"rotation_range": 20, "width_shift_range": 0.2, "zoom_range": 0.3, "shear_range": 15},
        {
            "fill_mode": "constant",
            "cval": 9,
            "horizontal_flip": True,
            "vertical_flip": True,
            "brightness_range": [0.5, 1.5],
            "channel_shift_range": 40,
            "rescale": 0.5,
        },
    ),
    "coco": (
        {"path": "{folder}/.coco", "objects": "a.json"},
        {
            "path": "{folder}/.coco",
            "mask": {"train": "a.json"},
            "keypoints": {"train": "a.json"},
            "text": {"train": "a.json"},
            "images": "images",
            "ignore": "dog",
        },
    ),
    "composite": (
        {"objects": "{folder}/../cutouts", "height": 40, "width": 60, "mask": True},
        {
            "objects": "{folder}/../cutouts",
            "height": 40,
            "width": 30,
            "target": "boxes",
            "beyond": 0.5,
            "ground": ["photo"],
            "photos": "{folder}/cat",
        },
    ),
    "crnn": ({**WIDTH_4, "units": 4},),
    "erase": ({}, {"fill": "mean", "area": [0.1, 0.5]}, {"fill": 200}),
    "file": ({"path": "{folder}/../model.keras"},),
    "fold": ({}, {"creases": 3, "strength": [0, 1], "width": 0.5}),
    "folder": ({"path": "{folder}"}, {"path": "{folder}", "classes": ["owl", "dog", "cat"]}),
    "fused_color": ({}, {"hue": [-0.5, 0.5], "saturation": [0, 2]}),
    "fused_crop_resize_flip": (
        {"size": [24, 30]},
        {"size": [60, 20], "scale": [0.5, 1], "ratio": [2, 3], "flip": 0, "interpolation": "area"},
    ),
    "copy_paste": ({}, {"most": 2, "scale": [0.3, 3], "flip": 0, "min_visible": 0}),
    "gan": (
        {"bank": "{folder}/../bank"},
        {"bank": "{folder}/../bank", "classes": ["owl", "cat"]},
        {"bank": "{folder}/../bare", "label": "cat", "names": ["cat", "dog"]},
    ),
    "grid_mix": ({}, {"grid": 7, "alpha": 0.4}),
    "idx": ({"path": "{folder}/idx"}, {"path": "{folder}/idx", "classes": ["cat", "dog", "owl"]}),
    "image_mask": (
        {"path": "{folder}/../pairs", "classes": ["sky", "road"]},
        {"path": "{folder}/../pairs", "colors": {"0": "sky", "1": "road"}, "ignore": "2"},
    ),
    "imagefolder": ({"path": "{folder}"}, {"path": "{folder}", "classes": ["owl", "dog", "cat"]}),
    "images": ({"path": "{folder}"}, {"path": "{folder}", "extensions": ["png"]}),
    "lenet": ({}, {"form": 1998}),
    "leak": ({"difference": 0.3, "ratio": 0.4},),
    "mlp": ({"width": 8},),
    "mosaic": ({}, {"center": [0, 1]}),
    "list": (
        {"path": "{folder}", "list": "{folder}/all.txt"},
        {"lists": {"train": ["{folder}", "{folder}/all.txt"]}},
    ),
    "ocr": ({"path": "{folder}"}, {"path": "{folder}", "file": "gt.txt", "form": "tab"}),
    "one_of": (
        {"stages": [FLIP, BLUR], "weights": [1, 2]},
        {
            "stages": [
                {"use": "one_of", "stages": [BLUR]},
                {"use": "some_of", "stages": [FLIP], "pick": 1},
            ]
        },
    ),
    "pixel_csv": (
        {"path": "{folder}/pixels.csv", "size": [20, 24]},
        {"path": "{folder}/pixels.csv", "size": [24, 20], "classes": ["cat", "dog", "owl"]},
    ),
    "plate": ({"fonts": [FONT], "boxes": ["words", "characters"], "height": 32, "width": 96},),
    "rand_augment": ({}, {"number": 3, "magnitude": 30, "fill": 0}),
    "resnet_small": ({**WIDTH_4, "blocks": 1, "attention": "cbam"},),
    "rnn": (
        *({"width": 4, "cell": cell, "bidirectional": True} for cell in ("simple_rnn", "gru")),
    ),
    "resize": (
        {"short": 20},
        {"size": [24, 30], "fit": "pad", "background": "#336699"},
        {"size": [24, 30], "fit": "stretch", "interpolation": "nearest"},
    ),
    "several": (
        {
            "sources": {
                "one": {"use": "folder", "path": "{folder}"},
                "two": {"use": "list", "path": "{folder}", "list": "{folder}/all.txt"},
            },
            "shares": {"one": 0.9},
        },
    ),
    "shapes": ({}, {"side": 20, "radius": 0.5}),
    "some_of": ({"stages": [FLIP, BLUR, {"use": "salt_pepper"}], "pick": [0, 2]},),
    "text_line": (
        {"fonts": [FONT], "charset": "letters"},
        {"fonts": [FONT], "charset": "01", "length": [1, 1], "label": "class", "width": 40},
        {"fonts": [FONT], "words": ["caf\u00e9", "New York"], "size": [8, 12], "tinted": True},
        {
            "fonts": [FONT],
            "patterns": ["[A-Z]{2}-\\d{3}"],
            "ground": ["plain", "gradient", "noise", "photo"],
            "photos": "{folder}/cat",
            "size": 10,
            **{effect: [-9, 9] for effect in ("slant", "curve")},
            "turn": 9,
            **dict.fromkeys(("weight", "spacing", "perspective", "shadow", "outline"), 0.1),
            "effects": 0.5,
            "boxes": ["words", "characters"],
            "mask": True,
        },
        {
            "fonts": [FONT],
            "frequencies": {"e": 12, "t": 9},
            "direction": "vertical",
            "height": None,
            "pairs": [["yellow", "navy"]],
        },
    ),
    "text_page": (
        {
            "fonts": [FONT],
            "charset": "letters",
            "separator": "",
            "align": ["justified", "center"],
            "indent": [0, 2],
            "size": 10,
            "margin": 5,
            "height": 80,
            "width": 60,
            "boxes": ["lines", "words", "paragraphs"],
            "mask": True,
        },
    ),
    "unet": (WIDTH_4,),
    "vgg_small": ({**WIDTH_4, "dense": 8},),
    "video": (
        {"path": "{folder}/../clips", "every": 3},
        {
            "path": "{folder}/../clips",
            "every_s": 0.2,
            "change": 1,
            "time": False,
            "subtitles": True,
            "intervals": "beside",
            "outside": "other",
        },
    ),
    "voc": (
        {"path": "{folder}/.voc", "images": ".", "annotations": "."},
        {"path": "{folder}/.voc", "images": ".", "mask": True, "objects": False},
    ),
    "yolo": ({"path": "{folder}/.yolo"}, {"path": "{folder}/.yolo", "only": ["train"]}),
    "sprite_sheet": ({"path": "{folder}/cat", "tile": [10, 12]},),
    "step": ({"at": [1, 3]}, {"every": 2, "unit": "steps"}),
    "tiles": (
        {"of": {"use": "folder", "path": "{folder}"}, "size": 16, "overlap": 4},
        {
            "of": {"use": "coco", "path": "{folder}/.coco", "objects": "a.json", "mask": "a.json"},
            "size": [12, 16],
            "overlap": [5, 0],
            "edge": "pad",
            "min_visible": 0.3,
            "keep_empty": 0.5,
        },
    ),
    "tfrecord": ({"path": "{folder}/records"}, {"path": "{folder}/records/a.tfrecord"}),
    "transfer": ({"weights": "none"},),
    "webdataset": ({"path": "{folder}/tars"}, {"path": "{folder}/tars/train-0.tar", "text": None}),
}
QUICK = ("cnn", "crnn", "mlp", "tiny_resnet", "unet")
"""The models that `make test` tries; others are made of the same parts."""

PLACES: Mapping[str, Any] = {
    "source": Source,
    "exporter": Exporter,
    "transform": Stage,
    "mixer": AnyStage,
    "synthesizer": Synthesis,
    "model": ModelBuilder,
    "loss": Loss,
    "metric": Metric,
    "schedule": Schedule,
}


def examples_of(plugin: Plugin) -> tuple[Mapping[str, Any], ...]:
    examples = EXAMPLES.get(f"to {plugin.name}" if plugin.kind == "exporter" else plugin.name)
    needed = [
        each.name
        for each in fields(plugin.cls)
        if each.init and each.default is MISSING and each.default_factory is MISSING
    ]
    if examples is None and needed:
        raise LookupError(
            f"{plugin.kind} '{plugin.name}' has no example in EXAMPLES of this test, and no "
            f"default of {', '.join(needed)}. Add one."
        )
    return ({},) if examples is None else examples


def cases() -> Iterator[Any]:
    for plugin in REGISTRY.plugins:
        for index, example in enumerate(examples_of(plugin)):
            identity = f"{plugin.kind}-{plugin.name}" + (f"-{index + 1}" if index else "")
            slow = plugin.kind == "model" and plugin.name not in QUICK
            yield pytest.param(plugin, example, id=identity, marks=[pytest.mark.slow] * slow)


def bind(plugin: Plugin, data: Mapping[str, Any]) -> tuple[Any, Any]:
    """Binds a mapping at a place of the plugin's kind; returns the plugin and the resolved form."""
    document = from_data(data, origin="example", folder=ROOT)
    binder = binder_of(document, REGISTRY)
    if plugin.kind == "inspector":  # its name is the key of the section, not `use`
        return bind_inspector(binder, plugin, document.root)
    bound, resolved = binder.bind(PLACES[plugin.kind], document.root, "")
    assert not binder.problems, "\n".join(str(problem) for problem in binder.problems)
    return getattr(bound, "plugin", bound), resolved


def bind_inspector(binder: Binder, plugin: Plugin, node: Node) -> tuple[Any, Any]:
    options = Node({name: child for name, child in node.value.items() if name != "use"})
    bound, resolved = binder.bind(Inspection, options, f"inspect.{plugin.name}")
    assert not binder.problems, "\n".join(str(problem) for problem in binder.problems)
    return bound.plugin, {"use": plugin.name, **resolved}


def filled(value: Any, folder: Path) -> Any:
    if isinstance(value, str):
        return value.replace("{folder}", str(folder))
    if isinstance(value, Mapping):
        return {key: filled(each, folder) for key, each in value.items()}
    return [filled(each, folder) for each in value] if isinstance(value, list) else value


@pytest.fixture
def folder(make_images: Callable[..., Path]) -> Path:
    root = make_images(count=3, size=(20, 24))
    paths = sorted(path.relative_to(root) for path in root.glob("*/*.png"))
    (root / "all.txt").write_text("".join(f"{path} {path.parent}\n" for path in paths))
    for part in ("images", "masks"):
        (root.parent / "pairs" / part).mkdir(parents=True)
        Image.fromarray(np.eye(20, 24, dtype=np.uint8)).save(root.parent / "pairs" / part / "a.png")
    rows = [{"file_name": str(path), "label": path.parent.name} for path in paths]
    (root / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (root / "gt.txt").write_text("".join(f"{path}\t{path.stem}\n" for path in paths))
    make_arrays(root)
    make_cutouts(root.parent / "cutouts")
    banks.write(root.parent / "bank", ("cat", "owl", "dog", "cat"))
    banks.write(root.parent / "bare", ("", ""), names=(), channels=1)
    make_yolo(root / ".yolo", paths)
    make_coco(root / ".coco", paths)
    make_voc(root / ".voc", paths)
    make_clips(root.parent / "clips")
    return root


def make_clips(root: Path) -> None:
    root.mkdir()
    write_video(root / "a.avi", count=12)
    (root / "a.srt").write_text("1\n00:00:00,100 --> 00:00:00,700\nTom\n")
    (root / "a.csv").write_text("start,end,label\n0.3,0.9,walk\n")


def make_cutouts(root: Path) -> None:
    """A square of each of two classes, with nothing around it."""
    for name, color in (("one", (255, 0, 0, 255)), ("two", (0, 0, 255, 255))):
        (root / name).mkdir(parents=True)
        image = Image.new("RGBA", (12, 12))
        image.paste(color, (2, 2, 10, 10))
        image.save(root / name / "a.png")


def save_model(path: Path) -> None:
    """A model of Keras, as somebody else saved it."""
    import keras

    inputs = keras.Input((32, 32, 3))
    x = keras.layers.Conv2D(4, 3, padding="same", activation="relu")(inputs)
    keras.Model(inputs, keras.layers.Conv2D(5, 1, activation="softmax")(x)).save(path)


def make_yolo(root: Path, paths: list[Path]) -> None:
    """Copies of the images in the layout of YOLO, where class folders do not see them."""
    for number, path in enumerate(paths):
        image = root / "images" / path
        label = root / "labels" / path.with_suffix(".txt")
        for each in (image, label):
            each.parent.mkdir(parents=True, exist_ok=True)
        image.write_bytes((root.parent / path).read_bytes())
        label.write_text(f"{number % 2} 0.5 0.5 0.25 0.5\n" * min(number, 1))
    (root / "data.yaml").write_text("train: images\nnames: [cat, dog]\n")


def make_voc(root: Path, paths: list[Path]) -> None:
    """Copies of the images, each with an XML file beside it, and with a mask."""
    box = "<xmin>2</xmin><ymin>2</ymin><xmax>9</xmax><ymax>9</ymax>"
    note = f"<annotation><object><name>cat</name><bndbox>{box}</bndbox></object></annotation>"
    (root / "ImageSets" / "Main").mkdir(parents=True)
    (root / "ImageSets/Main/train.txt").write_text(
        "".join(f"{path.with_suffix('')}\n" for path in paths)
    )
    for path in paths:
        for name in (path, Path("SegmentationClass") / path):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes((root.parent / path).read_bytes())
        Image.new("L", (24, 20), 8).save(root / "SegmentationClass" / path)
        (root / path).with_suffix(".xml").write_text(note)


def make_coco(root: Path, paths: list[Path]) -> None:
    """Copies of the images, with an annotation of every kind each."""
    images, annotations = [], []
    for number, path in enumerate(paths):
        image = root / "images" / path
        image.parent.mkdir(parents=True, exist_ok=True)
        image.write_bytes((root.parent / path).read_bytes())
        images.append({"id": number, "file_name": str(path), "width": 24, "height": 20})
        annotations.append(
            {
                "id": number,
                "image_id": number,
                "category_id": 3,
                "bbox": [2, 2, 10, 10],
                "segmentation": [[2, 2, 12, 2, 12, 12]],
                "keypoints": [4, 5, 2],
                "caption": f"image {number}",
            }
        )
    categories = [{"id": 3, "name": "cat", "keypoints": ["nose"]}, {"id": 9, "name": "dog"}]
    found = {"images": images, "annotations": annotations, "categories": categories}
    (root / "a.json").write_text(json.dumps(found))


def make_arrays(root: Path) -> None:
    """The same images and labels in files that hold many."""
    images = np.arange(6 * 20 * 24, dtype=np.uint8).reshape(6, 20, 24)
    labels = np.array([0, 1, 2, 0, 1, 2], np.uint8)
    (root / "idx").mkdir()
    for name, array in (("images-idx3", images), ("labels-idx1", labels)):
        head = bytes((0, 0, 8, array.ndim)) + np.array(array.shape, ">u4").tobytes()
        (root / "idx" / f"train-{name}-ubyte").write_bytes(head + array.tobytes())
    (root / "records").mkdir()
    frames = [
        tfrecord.frame(encode({"image": png.encode(image[..., None]), "label": int(label)}))
        for image, label in zip(images, labels, strict=True)
    ]
    (root / "records" / "a.tfrecord").write_bytes(b"".join(frames))
    packed = [
        (f"{place}", {"png": png.encode(image[..., None]), "cls": str(label).encode()})
        for place, (image, label) in enumerate(zip(images, labels, strict=True))
    ]
    (root / "tars").mkdir()
    write_shard(root / "tars" / "train-0.tar", packed)
    rows = np.column_stack([labels, images.reshape(6, -1)])
    np.savetxt(root / "pixels.csv", rows, fmt="%d", delimiter=",")
    np.savez(root / "some.npz", x_train=images, y_train=labels)
    (root / "npy").mkdir()
    np.save(root / "npy" / "a.npy", images)
    np.save(root / "npy" / "b.npy", labels)


@pytest.mark.parametrize(("plugin", "example"), list(cases()))
def test_every_plugin_keeps_the_contract(
    plugin: Plugin, example: Mapping[str, Any], folder: Path
) -> None:
    if FONT in example.get("fonts", ()):
        tools.check(tools.DEJAVU, "fonts-dejavu-core")
    if plugin.name == "file":
        save_model(folder.parent / "model.keras")
    needs_count = {"count": 5} if plugin.kind == "synthesizer" else {}
    data = {"use": plugin.name, **needs_count, **filled(example, folder)}
    bound, resolved = bind(plugin, data)
    assert bind(plugin, resolved) == (bound, resolved)
    check_plugin(bound)


def test_no_plugin_file_is_broken() -> None:
    assert not REGISTRY.broken


def test_the_examples_are_of_every_kind() -> None:
    local = [each for each in REGISTRY.plugins if each.origin.folder]
    assert {each.kind for each in local} == set(KINDS)


def test_every_kind_of_plugin_has_a_member() -> None:
    assert {plugin.kind for plugin in REGISTRY.plugins} == set(KINDS)


def test_every_example_is_of_a_plugin() -> None:
    names = {each.name for each in REGISTRY.plugins}
    assert {name.removeprefix("to ") for name in EXAMPLES} <= names


@pytest.mark.parametrize("plugin", list(REGISTRY.plugins), ids=lambda plugin: plugin.name)
def test_a_summary_is_one_sentence(plugin: Plugin) -> None:
    assert re.fullmatch(r"[A-Z].*[.:]|[A-Z].*`\.", plugin.summary), plugin.summary
    assert len(plugin.summary) <= 100


def test_a_mixer_s_partners_are_a_class_constant() -> None:
    for plugin in REGISTRY.of_kind("mixer"):
        assert issubclass(plugin.cls, Mixer)
        assert "partners" not in {each.name for each in fields(plugin.cls)}


def test_check_declaration_is_what_the_kit_begins_with(folder: Path) -> None:
    bound, _ = bind(REGISTRY.get("folder", "source"), {"use": "folder", "path": str(folder)})
    check_declaration(bound)
