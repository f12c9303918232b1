"""The train section as plain data, and bound again: what a run keeps and a resumed one reads."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dsbuilder.cache import store
from dsbuilder.dataset import Dataset
from dsbuilder.errors import CacheError, SpecError, TrainError
from dsbuilder.pipelinefile.binding import Binder, to_plain
from dsbuilder.pipelinefile.document import from_data, override
from dsbuilder.pipelinefile.schema import TrainOptions
from dsbuilder.pipelinefile.stages import StageBinder
from dsbuilder.registry import discover


def to_data(options: TrainOptions) -> dict[str, Any]:
    """Returns options as JSON values with every default filled in; `from_data` binds them."""
    data: dict[str, Any] = to_plain(options)
    return {**data, "model": {"use": options.model.__dsbuilder__.name, **data["model"]}}  # type: ignore[attr-defined]


def bind(
    data: Mapping[str, Any],
    *,
    origin: Path,
    plugins: Sequence[Path] = (),
    overrides: Sequence[str] = (),
) -> TrainOptions:
    """Returns the options of a train section.

    Args:
      origin: the file that holds it, for errors; its folder is what relative paths start from.
      plugins: folders of plugins that the model may be from.
      overrides: `train.key=value` assignments, as `--set` takes them.

    Raises:
      SpecError: the section is wrong.
    """
    tree = from_data({"train": dict(data)}, origin=str(origin), folder=origin.parent)
    document = override(tree, overrides)
    binder = Binder(document, StageBinder(discover(plugins)).custom)
    options: TrainOptions
    options, _ = binder.bind(TrainOptions, document.root.value["train"], "train")
    if binder.problems:
        raise SpecError(binder.problems)
    return options


def options_of(
    dataset: Dataset, *, plugins: Sequence[Path] = (), overrides: Sequence[str] = ()
) -> TrainOptions:
    """Returns the train section of the pipeline that a dataset was built from.

    Paths in it must be absolute: the folder they were relative to is not known any more.

    Raises:
      TrainError: the pipeline had none.
      SpecError: it is wrong, or a plugin is missing.
    """
    path = dataset.path / store.PIPELINE
    section = pipeline_of(dataset).get("train")
    if section is None:
        raise TrainError(f"{path}: expected a train section, found none. Add one to the pipeline.")
    return bind(section, origin=path, plugins=plugins, overrides=overrides)


def pipeline_of(dataset: Dataset) -> dict[str, Any]:
    """Returns the pipeline of a dataset as plain data.

    Raises:
      CacheError: there is none to read.
    """
    path = dataset.path / store.PIPELINE
    try:
        pipeline: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CacheError(
            f"{path}: expected the pipeline of the dataset, found none to read "
            f"({type(error).__name__}). Build the dataset again."
        ) from None
    return pipeline
