"""The built-in plugins, one a file. They have no privileges: they import what any author may.

Each lies in the module of its name, so that one can be found without importing all.
"""

from collections.abc import Mapping
from types import MappingProxyType

_NAMES: Mapping[str, tuple[str, ...]] = {
    "transforms": (
        "fused_color",
        "fused_crop_resize_flip",
        "one_of",
        "resize",
        "some_of",
    ),
    "mixers": ("mixup",),
    "synth": ("text_line",),
    "models": (
        "cnn",
        "transfer",
        "unet",
    ),
    "inspectors": (
        "bad_target",
        "blurred",
        "bright",
        "charset",
        "corrupt",
        "dark",
        "empty_class",
        "empty_file",
        "exact_duplicate",
        "flat_box",
        "huge",
        "imbalance",
        "leak",
        "near_duplicate",
        "odd_aspect",
        "out_of_range",
        "rare_class",
        "truncated",
        "two_labels",
        "uniform",
    ),
}
_LAYOUTS = (
    "arrays",
    "coco",
    "folder",
    "idx",
    "image_mask",
    "imagefolder",
    "list",
    "ocr",
    "pixel_csv",
    "several",
    "tfrecord",
    "voc",
    "webdataset",
    "yolo",
)

HOMES: Mapping[str, str] = MappingProxyType(
    {f"{name}": f"dsbuilder.layouts.{name}.reader" for name in _LAYOUTS}
    | {
        name: f"dsbuilder.builtin.{folder}.{name}"
        for folder, names in _NAMES.items()
        for name in names
    }
    | {"A.*": "dsbuilder.builtin.transforms.albumentations"}
)
"""The module of every built-in plugin, by the plugin's name."""
