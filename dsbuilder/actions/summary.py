"""The network that a training would train: its layers, shapes and parameter counts."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dsbuilder.actions.check_training import fitted
from dsbuilder.actions.chosen import ChosenTraining, completed, completed_dataset
from dsbuilder.actions.document import Document, distinct
from dsbuilder.actions.opened import OpenedPipeline
from dsbuilder.actions.plugins import folders_here
from dsbuilder.actions.train import learnt_from
from dsbuilder.builder.survey import survey
from dsbuilder.dataset import StoredDataset
from dsbuilder.errors import TrainError
from dsbuilder.pipelinefile.training import TrainOptions
from dsbuilder.sample import Signature
from dsbuilder.tasks import heads_of
from dsbuilder.train.options import options_of

if TYPE_CHECKING:
    from dsbuilder.train.summary import Layer

Starting = Callable[[], AbstractContextManager[None]]


@dataclass(frozen=True, kw_only=True)
class SummaryDocument(Document):
    """A network, before it is trained.

    Attributes:
      signature: shape of the images that it takes, and the targets that it learns.
      layers: its layers in the order of their calls.
      parameters: number of all weights.
      trainable: number of those that a training changes, before fine-tuning.
      chosen: reasons for task, model and epochs, where nothing was said of the training.
    """

    signature: Signature
    layers: tuple["Layer", ...]
    parameters: int
    trainable: int
    chosen: tuple[str, ...] = ()


def summarize(opened: OpenedPipeline, *, starting: Starting = nullcontext) -> SummaryDocument:
    """Says what the network of a pipeline's train section is made of; builds no dataset.

    Args:
      starting: what surrounds the start of TensorFlow, which takes seconds.

    Raises:
      SpecError: the pipeline is wrong, or what is to be learnt does not fit.
      TrainError: nothing is said of a training and no built-in model learns the targets, or
        weights of the model are missing.
    """
    opened, chosen = completed(opened)
    spec = opened.spec()
    if spec.settings.train is None:
        raise TrainError(f"{opened.pipeline}: there is no train section. Add one.")
    surveyed = survey(spec)
    return _summary(spec.settings.train, fitted(surveyed), surveyed.warnings, starting, chosen)


def summarize_dataset(
    dataset: StoredDataset,
    *,
    overrides: Sequence[str] = (),
    plugins: Sequence[Path] | None = None,
    starting: Starting = nullcontext,
) -> SummaryDocument:
    """Says what the network is made of that `train` would train on a dataset; see `summarize`.

    Args:
      overrides: `train.key=value` assignments.
      plugins: folders of plugins; None takes the nearest `plugins/` folder.
    """
    folders = folders_here(plugins, data=dataset.path)
    assigned, chosen = completed_dataset(dataset, overrides, folders)
    options = options_of(dataset, plugins=folders, overrides=assigned)
    return _summary(options, learnt_from(dataset, options, folders), (), starting, chosen)


def _summary(
    options: TrainOptions,
    learnt: Signature,
    warnings: Sequence[str],
    starting: Starting,
    chosen: ChosenTraining | None,
) -> SummaryDocument:
    with starting():
        from dsbuilder.train.summary import layers_of, untrained
    layers = layers_of(untrained(options, learnt, heads_of(learnt)))
    return SummaryDocument(
        signature=learnt,
        layers=layers,
        parameters=sum(each.parameters for each in layers),
        trainable=sum(each.trainable for each in layers),
        chosen=chosen.why if chosen is not None else (),
        warnings=distinct(warnings, options.model.warnings(learnt)),
    )
