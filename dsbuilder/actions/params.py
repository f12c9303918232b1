"""The weights of a trained model: what each is like, and their values."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dsbuilder.actions.arguments import path_of, paths_of
from dsbuilder.actions.document import Document
from dsbuilder.actions.plugins import folders_here
from dsbuilder.errors import shortened

if TYPE_CHECKING:
    from dsbuilder.train.parameters import Histogram, WeightStatistics


@dataclass(frozen=True, kw_only=True)
class ParamsDocument(Document):
    """The weights of a model.

    Attributes:
      model: file of the model.
      count: number of all values.
      trainable: number of those that a training changes by gradients.
      weights: weights in the order of the model's layers.
      histogram: distribution of all values.
      values: file that values were written to, or None.
    """

    model: Path
    count: int
    trainable: int
    weights: tuple["WeightStatistics", ...]
    histogram: "Histogram"
    values: Path | None = None


def params(
    model: Path | str,
    *,
    values: Path | str | None = None,
    plugins: Sequence[Path | str] | None = None,
    starting: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> ParamsDocument:
    """Says what the weights of a trained model are like.

    Args:
      model: a run folder, of which the best model is taken, or a `.keras` file that a run wrote.
      values: file to write their values to, `.txt` or `.npz`; see `train/parameters.py`.
      plugins: folders of plugins that layers are from; None takes the nearest `plugins/` folder.
      starting: what surrounds the start of TensorFlow, which takes seconds.

    Raises:
      TrainError: there is no such model, or the file cannot be written.
    """
    folders = folders_here(paths_of(plugins), data=Path(model))
    with starting():
        from dsbuilder.train import parameters
        from dsbuilder.train.archive import load_model
    trained = load_model(model, plugins=folders)
    weights = list(parameters.weights_of(trained.model))
    file = path_of(values)
    if file is not None:
        parameters.write_values(file, weights)
    found = tuple(parameters.statistics_of(each) for each in weights)
    off = [each.name for each in found if each.not_finite]
    return ParamsDocument(
        model=trained.path,
        count=sum(each.count for each in found),
        trainable=sum(each.count for each in found if each.trainable),
        weights=found,
        histogram=parameters.histogram_of([each.values for each in weights]),
        values=file,
        warnings=(f"{trained.path}: {_diverged(off)}",) if off else (),
    )


def _diverged(names: Sequence[str]) -> str:
    return (
        f"expected finite weights, found others in {shortened(names)}: its answers are worth "
        "nothing. Train again at a lower learning rate, or with train.optimizer.clip_norm."
    )
