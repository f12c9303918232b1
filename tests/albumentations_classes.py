"""The classes of albumentations: options to try each with, and those that a pipeline refuses."""

from collections.abc import Mapping
from typing import Any

from dsbuilder.builtin.transforms.albumentations_recipe import members

CHILDREN = [{"use": "A.HorizontalFlip", "p": 0.5}, {"use": "A.GaussNoise", "p": 0.5}]

# Options for the classes that have no defaults, or whose defaults fit no small image.
OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "CenterCrop": {"height": 20, "width": 24},
    "Compose": {"transforms": CHILDREN},
    "Crop": {"x_min": 2, "y_min": 3, "x_max": 30, "y_max": 20},
    "CropAndPad": {"px": 4},
    "GridElasticDeform": {"num_grid_xy": [4, 4], "magnitude": 5},
    "LongestMaxSize": {"max_size": 40},
    "OneOf": {"transforms": CHILDREN},
    "PadIfNeeded": {"min_height": 80, "min_width": 90},
    "RandomCrop": {"height": 20, "width": 24},
    "RandomOrder": {"transforms": CHILDREN, "n": 2},
    "RandomResizedCrop": {"size": [20, 24]},
    "RandomSizedCrop": {"min_max_height": [20, 40], "size": [20, 24]},
    "Resize": {"height": 20, "width": 24},
    "SelectiveChannelTransform": {"transforms": [{"use": "A.GaussNoise", "p": 1}], "channels": [0]},
    "Sequential": {"transforms": CHILDREN},
    "SmallestMaxSize": {"max_size": 40},
    "SomeOf": {"transforms": CHILDREN, "n": 1},
    "XYMasking": {"num_masks_x": 2, "mask_x_length": 8},
}
REFERENCED = {"FDA", "HistogramMatching", "PixelDistributionAdaptation"}
REFUSED = {
    "AtLeastOneBBoxRandomCrop": "it needs boxes",
    "BBoxSafeRandomCrop": "it needs boxes",
    "CenterCrop3D": "it works on volumes",
    "CoarseDropout3D": "it works on volumes",
    "ConstrainedCoarseDropout": "it needs a mask or boxes",
    "CropNonEmptyMaskIfExists": "it needs a mask",
    "CubicSymmetry": "it works on volumes",
    "Lambda": "it needs functions, which a pipeline file cannot hold",
    "MaskDropout": "it needs a mask",
    "Mosaic": "it needs other images with every call",
    "OneOrOther": "its p chooses between the two",
    "OverlayElements": "it needs images to lay over with every call",
    "Pad3D": "it works on volumes",
    "PadIfNeeded3D": "it works on volumes",
    "RandomCrop3D": "it works on volumes",
    "RandomCropNearBBox": "it needs a box with every call",
    "RandomSizedBBoxSafeCrop": "it needs boxes",
    "ReplayCompose": "it keeps a record that a pipeline has in its ledger",
    "TextImage": "it needs a text with every call",
}

USED = sorted(set(members()) - set(REFUSED))
