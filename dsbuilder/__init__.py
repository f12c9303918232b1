"""dsbuilder: a plugin-based image dataset builder.

    import dsbuilder

    emoji = dsbuilder.open("pipelines/emoji.yaml")
    built = emoji.build()
    dataset = dsbuilder.load(built.path)
    for images, labels in dataset.stream("train", batch_size=32):
        ...

Importing this package imports nothing else: each name is fetched when it is first asked for.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dsbuilder.actions.check_plugins import check_plugins
    from dsbuilder.actions.clean import clean
    from dsbuilder.actions.dataset import Dataset, load
    from dsbuilder.actions.doctor import doctor
    from dsbuilder.actions.export_model import export_model
    from dsbuilder.actions.init import init
    from dsbuilder.actions.join_tiles import join_boxes, join_masks, join_tiles
    from dsbuilder.actions.load_run import LoadedRun, load_run
    from dsbuilder.actions.new_plugin import new_plugin
    from dsbuilder.actions.params import params
    from dsbuilder.actions.picture_plugins import picture_plugins
    from dsbuilder.actions.plugins import plugins
    from dsbuilder.actions.predict import predict
    from dsbuilder.actions.presets import presets
    from dsbuilder.actions.report import report_runs
    from dsbuilder.actions.runs import runs
    from dsbuilder.actions.schema import schema
    from dsbuilder.actions.session import Session, open
    from dsbuilder.actions.synth_sample import synth_sample
    from dsbuilder.errors import (
        CacheError,
        DataError,
        DsbuilderError,
        PluginError,
        SpecError,
        TrainError,
    )

_HOMES = {
    "check_plugins": "dsbuilder.actions.check_plugins",
    "clean": "dsbuilder.actions.clean",
    "Dataset": "dsbuilder.actions.dataset",
    "load": "dsbuilder.actions.dataset",
    "doctor": "dsbuilder.actions.doctor",
    "export_model": "dsbuilder.actions.export_model",
    "init": "dsbuilder.actions.init",
    "join_boxes": "dsbuilder.actions.join_tiles",
    "join_masks": "dsbuilder.actions.join_tiles",
    "join_tiles": "dsbuilder.actions.join_tiles",
    "LoadedRun": "dsbuilder.actions.load_run",
    "load_run": "dsbuilder.actions.load_run",
    "new_plugin": "dsbuilder.actions.new_plugin",
    "params": "dsbuilder.actions.params",
    "picture_plugins": "dsbuilder.actions.picture_plugins",
    "plugins": "dsbuilder.actions.plugins",
    "predict": "dsbuilder.actions.predict",
    "presets": "dsbuilder.actions.presets",
    "report_runs": "dsbuilder.actions.report",
    "runs": "dsbuilder.actions.runs",
    "schema": "dsbuilder.actions.schema",
    "Session": "dsbuilder.actions.session",
    "open": "dsbuilder.actions.session",
    "synth_sample": "dsbuilder.actions.synth_sample",
    "CacheError": "dsbuilder.errors",
    "DataError": "dsbuilder.errors",
    "DsbuilderError": "dsbuilder.errors",
    "PluginError": "dsbuilder.errors",
    "SpecError": "dsbuilder.errors",
    "TrainError": "dsbuilder.errors",
}

__all__ = [
    "CacheError",
    "DataError",
    "Dataset",
    "DsbuilderError",
    "LoadedRun",
    "PluginError",
    "Session",
    "SpecError",
    "TrainError",
    "check_plugins",
    "clean",
    "doctor",
    "export_model",
    "init",
    "join_boxes",
    "join_masks",
    "join_tiles",
    "load",
    "load_run",
    "new_plugin",
    "open",
    "params",
    "picture_plugins",
    "plugins",
    "predict",
    "presets",
    "report_runs",
    "runs",
    "schema",
    "synth_sample",
]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'dsbuilder' has no attribute '{name}'")
    return getattr(importlib.import_module(_HOMES[name]), name)
