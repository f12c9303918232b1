"""What a model is compiled with: optimizer, losses, metrics; and batches as these take them."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import keras
import numpy as np

from dsbuilder.errors import TrainError
from dsbuilder.pipelinefile.training import TrainOptions
from dsbuilder.stream.tensorflow_statistics import class_counts
from dsbuilder.tasks import Heads, Recognize, Task
from dsbuilder.train import precision as precisions
from dsbuilder.train.class_weights import weigh, weights_of
from dsbuilder.train.lookup import Chosen
from dsbuilder.train.loop import Ongoing
from dsbuilder.train.losses import ClassLoss, make_loss
from dsbuilder.train.network import by_head, output_shapes, outputs_by_head
from dsbuilder.train.optimizer import make_optimizer
from dsbuilder.train.watching import make_metrics


def compile_model(training: Ongoing, model: keras.Model, optimizer: Any) -> None:
    """Compiles a model, or a part of one that yields what the whole does, for a training."""
    chosen, streams = training.chosen, [training.train, training.validation or training.train]
    most = {
        "samples": max(each.num_samples for each in streams),
        "batches": max(each.steps_per_epoch for each in streams),
    }
    heads, options = training.heads, training.options
    outputs = outputs_by_head(heads, output_shapes(model))
    spec = _finished_spec(training)
    truth = outputs_by_head(heads, spec)
    model.compile(
        optimizer=optimizer,
        loss=by_head(losses_of(options, chosen, heads)),
        loss_weights=by_head({name: options.head(name).weight for name in heads}),
        metrics=by_head(
            {
                name: make_metrics(
                    task,
                    chosen.heads[name],
                    truth=_blank(truth[name].shape, truth[name].dtype.as_numpy_dtype),
                    outputs=_blank(outputs[name], np.float32),
                    **most,
                )
                for name, task in heads.items()
            }
        ),
    )
    training.devices.share(model)
    if training.train.on_device is not None:
        training.train.on_device.into(model, _in_step(training))
        # Else made of the first batch as it is before it is finished.
        blank = keras.tree.map_structure(
            lambda each: _blank(each.shape, each.dtype.as_numpy_dtype), spec
        )
        model._symbolic_build(data_batch=(_blank(model.input_shape, np.float32), blank))


def _finished_spec(training: Ongoing) -> Any:
    """Returns what is true of a batch as losses take it, in shapes and dtypes."""
    train = training.train
    if train.on_device is not None:
        train = training.reopen("train", on_device=False, workers=0)
    return batches_of(training, train).element_spec[1]


def _in_step(training: Ongoing) -> Callable[[Any, Any], tuple[Any, ...]]:
    """Returns what makes of a batch that was finished on the device what a step trains on."""
    heads, weights = training.heads, _class_weights(training)

    def turned(images: Any, truth: Any) -> tuple[Any, ...]:
        ops, found = keras.ops, outputs_by_head(heads, truth)
        for_loss = {
            name: found[name] if _is_text(task) else task.batch(found[name], ops)
            for name, task in heads.items()
        }
        if not weights:
            return images, by_head(for_loss)
        counts = {n: weigh(found[n], weights[n], ops) if n in weights else None for n in heads}
        return images, by_head(for_loss), by_head(counts)

    return turned


def _is_text(task: Task) -> bool:
    """Whether what is true are texts, which no device knows: the stream has made ids of them."""
    return isinstance(task, Recognize)


def optimizer_of(options: TrainOptions, chosen: Chosen, learning_rate: float) -> Any:
    """Returns a new optimizer."""
    scaled = precisions.chosen(options.precision)[0] == "mixed_float16"
    return make_optimizer(
        chosen.optimizer, options.optimizer, learning_rate=learning_rate, scaled=scaled
    )


def losses_of(options: TrainOptions, chosen: Chosen, heads: Heads) -> dict[str, Any]:
    """Returns the loss of each head.

    Raises:
      TrainError: an option of a loss is wrong, or samples count by class in one that is of no
        single sample.
    """
    smoothing = {name: options.head(name).label_smoothing for name in heads}
    losses = {
        name: make_loss(chosen.heads[name].loss, task, smoothing=smoothing[name])
        for name, task in heads.items()
    }
    for name, loss in losses.items():
        if options.head(name).class_weight and isinstance(loss, ClassLoss) and loss.of_batch:
            raise TrainError(
                f"{options.place(name, 'class_weight')}: expected a loss of each sample to weigh, "
                f"found '{loss.name}', which is one of a whole batch. Name another loss, or leave "
                "the weights out."
            )
    return losses


def _blank(shape: Sequence[int | None], dtype: Any) -> np.ndarray:
    """Returns a batch of one sample; a side that varies is 1 long."""
    return np.zeros((1, *(side or 1 for side in tuple(shape)[1:])), dtype)


def batches_of(training: Ongoing, streamed: Any, *, weighted: bool = False) -> Any:
    """Returns batches with what is true as the losses of the heads take it.

    Args:
      weighted: whether samples count by their class, where the options say so.
    """
    heads = training.heads
    if weighted and training.train.on_device is not None:
        return streamed.map(partial(_for_device, heads)) if _texts(heads) else streamed
    weights = _class_weights(training) if weighted else {}
    if not weights and all(type(task).batch is Task.batch for task in heads.values()):
        return streamed

    def turned(images: Any, truth: Any) -> Any:
        found = outputs_by_head(heads, truth)
        for_loss = by_head({name: task.batch(found[name]) for name, task in heads.items()})
        if not weights:
            return images, for_loss
        counts = {n: weigh(found[n], weights[n]) if n in weights else None for n in heads}
        return images, for_loss, by_head(counts)

    return streamed.map(turned)


def _texts(heads: Heads) -> list[str]:
    return [name for name, task in heads.items() if _is_text(task)]


def _for_device(heads: Heads, images: Any, truth: Any) -> tuple[Any, Any]:
    """Returns a batch that is handed to the device, with texts as ids."""
    found = outputs_by_head(heads, truth)
    return images, by_head(
        {n: task.batch(found[n]) if _is_text(task) else found[n] for n, task in heads.items()}
    )


def _class_weights(training: Ongoing) -> dict[str, np.ndarray]:
    """Returns the weights of classes of each head whose options have some, by its name."""
    found = {}
    for name, task in training.heads.items():
        wanted = training.options.head(name).class_weight
        if wanted is not None:
            counts = partial(class_counts, training.dataset, name)
            found[name] = weights_of(wanted, task.target, counts)
    return found
