"""Everything that a plugin author needs, and all of it that is promised to stay.

A plugin is one frozen keyword-only dataclass under one decorator. Its fields are the YAML options,
its docstring is the help text, its types are the schema. There are ten kinds:

  Source        finds records on disk              `@source(name)`                  sources.py
  Exporter      writes a dataset for others        `@exporter(name)`                exporters.py
  Transform     changes one sample                 `@transform(name, geometry=...)` transforms.py
  Mixer         mixes a sample with others         `@mixer(name)`                   mixers.py
  Synthesizer   makes samples from nothing         `@synthesizer(name)`             synthesizers.py
  ModelBuilder  builds a Keras model               `@model(name)`                   models.py
  Inspector     says what is wrong with the data   `@inspector(name)`               inspectors.py
  Loss          is what a training makes small     `@loss(name)`                    training.py
  Metric        says how good a model is           `@metric(name)`                  training.py
  Schedule      is the learning rate by step       `@schedule(name)`                training.py

Randomness happens only in `draw`, which returns JSON values; `apply` and `render` are pure
functions of them. This is what makes a sample reproducible, explainable, and testable without
random numbers. A decorator only marks the class (marks.py, decorators.py): nothing is registered by
importing a file. The kinds stand in one table (kinds.py).
"""

from dsbuilder.batches import BatchMotion, BatchParam
from dsbuilder.errors import DataError, PluginError, TrainError, did_you_mean
from dsbuilder.images.size_limit import check_size
from dsbuilder.plugin.decorators import (
    exporter,
    inspector,
    loss,
    metric,
    mixer,
    model,
    schedule,
    source,
    synthesizer,
    transform,
)
from dsbuilder.plugin.exporters import Exportable, Exporter, StoredSample, Written
from dsbuilder.plugin.inspectors import Finding, Inspector, Seen, View
from dsbuilder.plugin.kinds import KINDS, Kind
from dsbuilder.plugin.marks import API, Geometry, Mark
from dsbuilder.plugin.mixers import Mixer
from dsbuilder.plugin.models import ModelBuilder
from dsbuilder.plugin.ranges import Range
from dsbuilder.plugin.sources import (
    Catalog,
    Evidence,
    Listing,
    Signs,
    Source,
    defines,
)
from dsbuilder.plugin.synthesizers import Synthesizer
from dsbuilder.plugin.training import Loss, Metric, Moment, Schedule
from dsbuilder.plugin.transforms import Stage, Transform
from dsbuilder.sample import (
    CHANNELS,
    Feature,
    ImageSignature,
    Mode,
    Motion,
    Params,
    Record,
    Sample,
    Signature,
    Target,
    Tile,
    Window,
)
from dsbuilder.seeding import draw_seed, generator
from dsbuilder.targets import (
    Boxes,
    BoxSet,
    ClassLabel,
    Instances,
    InstanceSet,
    Keypoints,
    Mask,
    MultiLabel,
    PointSet,
    Text,
    Value,
    signature_to_json,
    targets_from_json,
)
from dsbuilder.targets.stored import stored_features

__all__ = [
    "API",
    "CHANNELS",
    "KINDS",
    "BatchMotion",
    "BatchParam",
    "BoxSet",
    "Boxes",
    "Catalog",
    "ClassLabel",
    "DataError",
    "Evidence",
    "Exportable",
    "Exporter",
    "Feature",
    "Finding",
    "Geometry",
    "ImageSignature",
    "Inspector",
    "InstanceSet",
    "Instances",
    "Keypoints",
    "Kind",
    "Listing",
    "Loss",
    "Mark",
    "Mask",
    "Metric",
    "Mixer",
    "Mode",
    "ModelBuilder",
    "Moment",
    "Motion",
    "MultiLabel",
    "Params",
    "PluginError",
    "PointSet",
    "Range",
    "Record",
    "Sample",
    "Schedule",
    "Seen",
    "Signature",
    "Signs",
    "Source",
    "Stage",
    "StoredSample",
    "Synthesizer",
    "Target",
    "Text",
    "Tile",
    "TrainError",
    "Transform",
    "Value",
    "View",
    "Window",
    "Written",
    "check_size",
    "defines",
    "did_you_mean",
    "draw_seed",
    "exporter",
    "generator",
    "inspector",
    "loss",
    "metric",
    "mixer",
    "model",
    "schedule",
    "signature_to_json",
    "source",
    "stored_features",
    "synthesizer",
    "targets_from_json",
    "transform",
]
