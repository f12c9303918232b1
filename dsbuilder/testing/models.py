"""What model builders owe, on every kind of target that they take, alone and together."""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dsbuilder.plugin import (
    ClassLabel,
    ImageSignature,
    Keypoints,
    Loss,
    Mask,
    ModelBuilder,
    MultiLabel,
    Signature,
    Target,
    Text,
    TrainError,
    Value,
)
from dsbuilder.tasks import heads_of, outputs_of
from dsbuilder.testing.laws import check_declaration, check_options
from dsbuilder.testing.promises import name_of

_IMAGE = ImageSignature(height=32, width=32, channels=3)
_NAMES = ("a", "b", "c")
_SAMPLES = 4
_STEPS = 8
_RATE = 3e-3
_TARGETS: Mapping[str, Target] = {
    "label": ClassLabel(names=_NAMES),
    "whether": ClassLabel(names=("no", "yes")),
    "tags": MultiLabel(names=_NAMES[:2]),
    "numbers": Value(size=2),
    "points": Keypoints(names=_NAMES[:2]),
    "mask": Mask(names=_NAMES[:2]),
    "text": Text(alphabet="abc", longest=3),
}
_AS_NUMBERS = "points"
"""What a row answers just as it does numbers, so that it is tried with others alone."""


def check_model(plugin: ModelBuilder, *, image: ImageSignature = _IMAGE) -> None:
    """Checks that a builder makes models that yield what each task asks for, and can be saved.

    It is tried on every kind of target that a task learns, and on all together that its `check`
    lets pass; what that lets pass, `build` must take. See `check_learning`.

    Args:
      image: the images that it is built for.
    """
    import keras

    check_declaration(plugin)
    check_options(plugin)
    name = name_of(plugin)
    for signature in taken_signatures(plugin, image):
        model = plugin.build(signature)
        assert isinstance(model, keras.Model), f"{name}: expected a keras.Model, found {model!r}."
        assert not model.compiled, f"{name}: expected an uncompiled model; the trainer compiles it."
        batch = _images(plugin, signature)
        found = _by_target(name, model(batch), signature)
        for target, shape in outputs_of(signature).items():
            _check_output(f"{name}: {target}", found[target], shape or ())
    again = _saved(model)
    for target, values in _by_target(name, again(batch), signature).items():
        assert np.allclose(values, found[target], rtol=1e-4, atol=1e-5), (
            f"{name}: {target}: expected the same outputs after saving, found others."
        )


def check_learning(plugin: ModelBuilder, *, image: ImageSignature = _IMAGE) -> None:
    """Checks that a few steps make the loss of each task smaller, on what `check_model` tries.

    A builder's options should drop nothing at random, or what is compared is noise.
    """
    import keras

    for signature in taken_signatures(plugin, image):
        keras.utils.set_random_seed(0)
        model, tasks = plugin.build(signature), heads_of(signature)
        losses = {name: _loss(task.loss()) for name, task in tasks.items()}
        truth = {name: _truth(task) for name, task in tasks.items()}
        # Eight steps are not worth a graph, but without one JAX would compile each operation.
        eager = keras.backend.backend() == "tensorflow"
        optimizer = keras.optimizers.Adam(_RATE)
        model.compile(optimizer, loss=_alone(losses), run_eagerly=eager)
        batch, true = _images(plugin, signature), _alone(truth)
        before, *_, after = [_number(model.train_on_batch(batch, true)) for _ in range(_STEPS)]
        assert np.isfinite([before, after]).all() and after < before, (
            f"{name_of(plugin)}: {', '.join(tasks)}: expected a loss that {_STEPS} steps make "
            f"smaller than {before:g}, found {after:g}."
        )


def taken_signatures(plugin: ModelBuilder, image: ImageSignature) -> list[Signature]:
    """Returns what a builder takes: kinds of target alone, and as many as it takes together.

    Raises:
      AssertionError: it takes none, or refuses one without a reason.
    """
    name, found = name_of(plugin), []
    together: dict[str, Target] = {}
    for target in _TARGETS:
        alone = Signature(image=image, targets={target: _TARGETS[target]})
        if _takes(name, plugin, alone):
            found += [alone] if target != _AS_NUMBERS else []
            together[target] = _TARGETS[target]
    assert found, f"{name}: expected to learn some kind of target, found it refuses all."
    for target in _TARGETS:
        more = {**together, target: _TARGETS[target]}
        if _takes(name, plugin, Signature(image=image, targets=more)):
            together = more
    if len(together) > 1:
        found.append(Signature(image=image, targets=together))
    return found


def _takes(name: str, plugin: ModelBuilder, signature: Signature) -> bool:
    try:
        plugin.check(signature)
    except TrainError as error:
        assert str(error), f"{name}: there is no reason for refusing {signature}. Give one."
        return False
    return True


def _images(plugin: ModelBuilder, signature: Signature) -> np.ndarray:
    shape = (_SAMPLES, *(side or 32 for side in signature.image.shape))
    pixels = np.random.default_rng(0).random(shape, np.float32)
    return pixels * 255 if plugin.preprocesses else pixels


def _by_target(name: str, outputs: Any, signature: Signature) -> dict[str, np.ndarray]:
    import keras

    targets = list(signature.targets)
    if len(targets) == 1:
        assert not isinstance(outputs, Mapping), (
            f"{name}: expected a tensor for one target, found a mapping of {', '.join(outputs)}."
        )
        outputs = {targets[0]: outputs}
    assert isinstance(outputs, Mapping) and set(outputs) == set(targets), (
        f"{name}: expected outputs by target, of {', '.join(targets)}, "
        f"found {list(outputs) if isinstance(outputs, Mapping) else type(outputs).__name__}."
    )
    return {target: keras.ops.convert_to_numpy(outputs[target]) for target in targets}


def _check_output(where: str, found: np.ndarray, shape: Sequence[int | None]) -> None:
    expected = (_SAMPLES, *shape)
    fits = len(found.shape) == len(expected) and all(
        side in (None, other) for other, side in zip(found.shape, expected, strict=True)
    )
    assert fits, f"{where}: expected outputs of shape {expected}, found {found.shape}."
    assert np.isfinite(found).all(), f"{where}: expected finite outputs, found {found}."


def _saved(model: Any) -> Any:
    import keras

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        return keras.models.load_model(path, safe_mode=True)


def _alone(values: dict[str, Any]) -> Any:
    return values if len(values) > 1 else next(iter(values.values()))


def _loss(loss: Any) -> Callable[[Any, Any], Any]:
    return loss.compute if isinstance(loss, Loss) else loss


def _truth(task: Any) -> np.ndarray:
    """Returns a batch of what is true, as it goes to the loss."""
    import tensorflow as tf

    values = _values(task.target, task.image)
    batch = tf.nest.map_structure(lambda *each: tf.constant(np.stack(each)), *values)
    return np.asarray(task.batch(batch))


def _values(target: Target, image: ImageSignature) -> Iterator[Any]:
    rng = np.random.default_rng(1)
    for index in range(_SAMPLES):
        match target:
            case ClassLabel():
                yield np.int64(index % len(target.names))
            case MultiLabel():
                yield rng.integers(0, 2, len(target.names)).astype(np.float32)
            case Value():
                yield rng.normal(size=target.size or ()).astype(np.float32)
            case Keypoints():
                places = rng.random((1, len(target.names), 2), np.float32)
                yield {"points": places, "visibility": np.array([[2, index % 2]])}
            case Text():
                yield "cab"[index % 3 :].encode()
            case _:
                size = (image.height or 32, image.width or 32)
                yield rng.integers(0, len(target.class_names), size).astype(np.uint8)


def _number(loss: Any) -> float:
    return float(np.asarray(loss).ravel()[0])
