"""The train section as plain data, and bound again: what a run keeps and a resumed one reads."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from dsbuilder.binding import PlainPipeline
from dsbuilder.dataset import StoredDataset
from dsbuilder.dataset.variants import variants_of
from dsbuilder.errors import Problem, SpecError, TrainError
from dsbuilder.pipelinefile.binding import to_plain
from dsbuilder.pipelinefile.training import AUTO, MOST_WORKERS, TrainOptions
from dsbuilder.proposal.defaults import length_from_scratch, length_of_head


def to_data(options: TrainOptions) -> dict[str, Any]:
    """Returns options as JSON values with every default filled in; `from_data` binds them."""
    data: dict[str, Any] = to_plain(options)
    return {**data, "model": {"use": options.model.__dsbuilder__.name, **data["model"]}}  # type: ignore[attr-defined]


def bind(
    data: Mapping[str, Any],
    *,
    origin: Path,
    plugins: Sequence[Path] = (),
    hint: str = "",
) -> TrainOptions:
    """Returns the options of a train section.

    Args:
      origin: the file that holds it, for errors; its folder is what relative paths start from.
      plugins: folders of plugins that the model may be from.
      hint: sentence that ends an error about a plugin that is missing.

    Raises:
      SpecError: the section is wrong.
    """
    plain = PlainPipeline(
        sections={"train": data}, origin=str(origin), folder=origin.parent, plugins=tuple(plugins)
    )
    options: TrainOptions = plain.bind({"train": TrainOptions}, hint=hint)["train"]
    return options


def options_of(
    dataset: StoredDataset, *, plugins: Sequence[Path] = (), overrides: Sequence[str] = ()
) -> TrainOptions:
    """Returns the train section of the pipeline that a dataset was built from.

    Paths in it must be absolute: the folder they were relative to is not known any more.

    Args:
      overrides: `train.key=value` assignments.

    Raises:
      TrainError: the pipeline had none, nor is any assigned.
      SpecError: it is wrong, or a plugin is missing, or an assignment is to another section.
    """
    plain = dataset.pipeline.only("train").with_plugins(plugins)
    others = [each for each in overrides if not (is_of_train(each) or is_of_tune(each))]
    if others:
        message = (
            "expected assignments to the train section alone, as the dataset is built, found "
            f"'{others[0]}'. Build it with that, or leave it out."
        )
        raise SpecError([Problem(str(dataset.where), message)])
    if plain.sections.get("train") is None and not overrides:
        raise TrainError(f"{plain.origin}: there is no train section. Add one to the pipeline.")
    options: TrainOptions = plain.bind({"train": TrainOptions}, overrides)["train"]
    return options


def settled(options: TrainOptions, dataset: StoredDataset) -> tuple[TrainOptions, tuple[str, ...]]:
    """Returns options that leave no length to the data, and why they are so, where it decided.

    A network from scratch is trained for a number of batches, a head on frozen features until
    validation gets no better, and from many samples the last layers of the features after it. What
    is said stays; so does patience with said epochs.

    Raises:
      DataError: the dataset has no train split.
    """
    validated, freezes = dataset.has_samples("validation"), options.model.freezes
    if freezes:
        found, why = length_of_head(variants_of(dataset).originals, validated=validated)
    else:
        found, why = length_from_scratch(dataset.num_samples("train"), validated=validated)
    chosen = ["fine_tune"] if freezes and options.fine_tune == AUTO else []
    if options.epochs == AUTO:
        chosen += ["epochs", *(["patience"] if options.patience == AUTO else [])]
    length = replace(options.length, **{name: getattr(found, name) for name in chosen})
    return replace(options, **vars(length)), tuple(why[n] for n in why if n in chosen)


def is_of_train(assignment: str) -> bool:
    """Whether an assignment such as `train.epochs=3` is to the train section."""
    return _section(assignment) == "train"


def is_of_tune(assignment: str) -> bool:
    """Whether an assignment is to the section `tune`, on which no dataset or run depends."""
    return _section(assignment) == "tune"


def _section(assignment: str) -> str:
    return assignment.partition("=")[0].partition(".")[0]


def with_workers(options: TrainOptions, workers: int | None) -> TrainOptions:
    """Returns options with so many processes that make batches; None leaves what they say."""
    return options if workers is None else replace(options, workers=min(workers, MOST_WORKERS))
