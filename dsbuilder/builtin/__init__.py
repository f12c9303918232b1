"""The built-in plugins, one a file. They have no privileges: they import what any author may.

Each lies in the module of its name, so that one can be found without importing all; sources and
exporters lie side by side in the folder of their layout.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

_FOLDERS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "transform": (
        "transforms",
        (
            *("aug_mix", "auto_augment", "classic", "erase", "fold", "fused_color"),
            *("fused_crop_resize_flip", "one_of", "rand_augment", "resize", "some_of"),
            "trivial_augment",
        ),
    ),
    "mixer": ("mixers", ("copy_paste", "cutmix", "grid_mix", "mixup", "mosaic")),
    "synthesizer": ("synth", ("captcha", "composite", "gan", "plate", "text_line", "text_page")),
    "model": (
        "models",
        (
            *("cbam", "cnn", "crnn", "file", "lenet", "mlp", "resnet_small", "rnn", "transfer"),
            *("unet", "vgg_small"),
        ),
    ),
    "schedule": (
        "schedules",
        ("constant", "cosine", "exponential", "one_cycle", "plateau", "step"),
    ),
    "inspector": (
        "inspectors",
        (
            *("bad_target", "blurred", "bright", "charset", "corrupt", "crossing_groups", "dark"),
            *("empty_class", "empty_file", "exact_duplicate", "flat_box", "framed", "huge"),
            *(
                "imbalance",
                "leak",
                "near_duplicate",
                "odd_aspect",
                "odd_size",
                "out_of_range",
                "rare_class",
            ),
            *("similar_names", "tiny", "truncated", "two_labels", "uniform"),
        ),
    ),
}
"""Kind of plugin -> the folder of its modules, and the names."""

_READ = (
    *("arrays", "coco", "folder", "idx", "image_mask", "imagefolder", "images", "list"),
    *("ocr", "pixel_csv", "several", "tfrecord", "tiles", "video", "voc", "webdataset", "yolo"),
)
"""The layouts that a source reads, which has the name of the folder."""

_WRITTEN = {
    **{
        name: name for name in ("coco", "folder", "imagefolder", "ocr", "voc", "webdataset", "yolo")
    },
    "npz": "arrays",
    "tfds": "tfrecord",
}
"""Exporter -> the folder of the layout that it writes."""


def _homes() -> Iterator[tuple[tuple[str, str], str]]:
    for name in _READ:
        yield ("source", name), f"dsbuilder.layouts.{name}.reader"
    for name, layout in _WRITTEN.items():
        yield ("exporter", name), f"dsbuilder.layouts.{layout}.writer"
    for kind, (folder, names) in _FOLDERS.items():
        yield from (((kind, name), f"dsbuilder.builtin.{folder}.{name}") for name in names)
    yield ("transform", "A.*"), "dsbuilder.builtin.transforms.albumentations"


HOMES: Mapping[tuple[str, str], str] = MappingProxyType(dict(_homes()))
"""The module of every built-in plugin, by kind and name."""
