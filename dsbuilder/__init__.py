"""dsbuilder: a plugin-based image dataset builder.

    import dsbuilder

    built = dsbuilder.build_dataset("pipelines/emoji.yaml", "out")
    dataset = dsbuilder.load("out/emoji/1.0.0")
    for images, labels in dataset.stream("train", batch_size=32):
        ...

Importing this package imports nothing else: each name is fetched when it is first asked for.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dsbuilder.actions.dataset import Dataset, load
    from dsbuilder.actions.session import Session, open
    from dsbuilder.builder import Built, build_dataset
    from dsbuilder.errors import (
        CacheError,
        DataError,
        DsbuilderError,
        PluginError,
        SpecError,
        TrainError,
    )

_HOMES = {
    "Built": "dsbuilder.builder",
    "build_dataset": "dsbuilder.builder",
    "Dataset": "dsbuilder.actions.dataset",
    "load": "dsbuilder.actions.dataset",
    "Session": "dsbuilder.actions.session",
    "open": "dsbuilder.actions.session",
    "CacheError": "dsbuilder.errors",
    "DataError": "dsbuilder.errors",
    "DsbuilderError": "dsbuilder.errors",
    "PluginError": "dsbuilder.errors",
    "SpecError": "dsbuilder.errors",
    "TrainError": "dsbuilder.errors",
}

__all__ = [
    "Built",
    "CacheError",
    "DataError",
    "Dataset",
    "DsbuilderError",
    "PluginError",
    "Session",
    "SpecError",
    "TrainError",
    "build_dataset",
    "load",
    "open",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'dsbuilder' has no attribute '{name}'")
    return getattr(importlib.import_module(_HOMES[name]), name)
