"""Where in an image the reason for a class lies: Grad-CAM, and attention where a model has it.

R. Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based
Localization" (2017): each channel of the last convolutional feature map counts as much as the
class's logit grows with it, in the mean over places; where their sum is positive lies the reason.
Before pooling over the image and one dense layer it is the class activation map of Zhou et al.
(2016), but for a factor.

Which map is the last one is told by shapes alone, so it is found in any model: what a kernel of
four axes yields for places and channels, and what layers make of it at the same places.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import keras
import numpy as np

from dsbuilder.errors import TrainError
from dsbuilder.report.overlay import Heat
from dsbuilder.report.strip import Cell
from dsbuilder.tasks import Task
from dsbuilder.train.archive import Trained
from dsbuilder.train.network import outputs_by_head

OPTION = "why"
"""What a task takes whose answers have a reason in the image; see `Task.takes`."""

_ATTENTION = "_place_weights"
"""End of the names of layers that weigh places; see `builtin/models/attention.py`."""
_UNKNOWN_SIDE = 96


@dataclass(frozen=True, kw_only=True)
class Attribution:
    """Where the reason for what a head says of an image lies.

    Attributes:
      gradient: Grad-CAM at the places of the feature map, float32 `(h, w)` in [0, 1]; the greatest
        is 1, or all are 0 where nothing speaks for the class.
      attention: what the model's own last attention gives each place, float32 `(h, w)` in [0, 1];
        None of a model without.
    """

    gradient: np.ndarray
    attention: np.ndarray | None = None

    def cells(self, image: np.ndarray) -> list[Cell]:
        """Returns the image under Grad-CAM, and under the attention from its least to its most."""
        shown = [Cell(image=image, name="Grad-CAM", overlays=[Heat(values=self.gradient)])]
        if self.attention is not None:
            low, high = float(self.attention.min()), float(self.attention.max())
            heat = Heat(values=(self.attention - low) / (high - low or 1.0))
            told = [f"{low:.2f} to {high:.2f}"]
            shown.append(Cell(image=image, name="attention", lines=told, overlays=[heat]))
        return shown


def fault(trained: Trained) -> str | None:
    """Says why a model's reasons cannot be shown; None if they can."""
    height, width, channels = trained.note.signature.image.shape
    sides = (height or _UNKNOWN_SIDE, width or _UNKNOWN_SIDE)
    walk = _Walk()
    walk.run(trained.model, keras.ops.zeros((1, *sides, channels)))
    if not walk.maps():
        return (
            f"{trained.path}: no convolutional feature map, which says where in an image the "
            "reason for a class lies. Ask a convolutional model, such as cnn."
        )
    if keras.backend.backend() not in _GRADIENTS:
        return (
            f"{trained.path}: expected Keras on one of {', '.join(_GRADIENTS)}, which give "
            f"gradients, found {keras.backend.backend()}. Set KERAS_BACKEND."
        )
    return None


def check(trained: Trained) -> None:
    """Refuses a model whose reasons cannot be shown.

    Raises:
      TrainError: it has no map of places, or Keras runs on what gives no gradients here.
    """
    if (wrong := fault(trained)) is not None:
        raise TrainError(wrong)


def attribute(trained: Trained, pixels: np.ndarray) -> list[dict[str, Attribution]]:
    """Returns for each image where the reason for what each head of classes says lies, by head.

    Of several classes at once it is the most probable one.

    Args:
      pixels: `(N, H, W, C)` as the model takes them.
    """
    images = keras.ops.convert_to_tensor(pixels, "float32")
    walk = _Walk()
    outputs = outputs_by_head(trained.note.heads, walk.run(trained.model, images))
    attention = walk.attention()
    found: dict[str, np.ndarray] = {}
    for name, task in trained.note.heads.items():
        if OPTION in task.takes:
            wanted = _said(task, np.asarray(keras.ops.convert_to_numpy(outputs[name])))
            found[name] = _gradient_map(trained, name, images, wanted, walk)
    return [
        {
            name: Attribution(
                gradient=maps[place], attention=None if attention is None else attention[place]
            )
            for name, maps in found.items()
        }
        for place in range(len(pixels))
    ]


def _said(task: Task, logits: np.ndarray) -> np.ndarray:
    """Returns by what logits sum to that of the class that is said, float32 like them.

    It is 1 at the class, or of one logit for two classes its sign.

    Args:
      logits: `(N, num_classes)`, or `(N, 1)` of two classes.
    """
    names = list(task.target.class_names)
    said = [task.answer(row) for row in logits]
    # Of several classes at once those come first that are the most probable.
    of_one = (each.value if each.value in names else each.scores[0][0] for each in said)
    ids = [names.index(name) for name in of_one]
    signs = np.array([[-1], [1]]) if logits.shape[-1] == 1 else np.eye(len(names))
    return np.asarray(signs[ids], np.float32)


def _gradient_map(
    trained: Trained, head: str, images: Any, wanted: np.ndarray, walk: "_Walk"
) -> np.ndarray:
    """Returns Grad-CAM of a head, float32 `(N, h, w)`.

    It is of the last map that the head's logits depend on: a map that leads to another head alone
    has no gradient.
    """

    def logit_and_map(place: int, added: Any) -> tuple[Any, Any]:
        again = _Walk(place=place, added=added)
        outputs = outputs_by_head(trained.note.heads, again.run(trained.model, images))
        return keras.ops.sum(keras.ops.cast(outputs[head], "float32") * wanted), again.tapped

    gradient_of = _GRADIENTS[keras.backend.backend()]
    maps = np.zeros((len(wanted), 1, 1), np.float32)
    for place in reversed(walk.maps()):
        added = keras.ops.zeros(walk.seen[place].shape, walk.seen[place].dtype)
        features, gradients = gradient_of(partial(logit_and_map, place), added)
        channels = gradients.mean(axis=(1, 2), keepdims=True)
        maps = np.maximum((features * channels).sum(axis=-1), 0)
        if gradients.any():
            break
    most = maps.max(axis=(1, 2), keepdims=True)
    return np.asarray(maps / np.where(most > 0, most, 1), np.float32)


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """What one operation yielded.

    Attributes:
      name: name of the operation.
      shape, dtype: shape and type of what it yielded.
      convolves: whether it has a kernel of four axes.
      value: what it yielded, where that is attention over places.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    convolves: bool
    value: Any = None

    @property
    def places(self) -> tuple[int, ...]:
        """Height and width of a map of places; empty of anything else."""
        of_places = len(self.shape) == 4 and min(self.shape[1:3]) > 1
        return self.shape[1:3] if of_places else ()


@dataclass(kw_only=True)
class _Walk:
    """One way through a network, operation by operation, models within it included.

    Attributes:
      place: number of the operation to whose output something is added; None for none.
      added: what is added there: zeros, by which the gradient is taken.
      seen: what the operations yielded, in their order.
      tapped: what the operation at `place` yielded.
    """

    place: int | None = None
    added: Any = None
    seen: list[_Seen] = field(default_factory=list)
    tapped: Any = None

    def run(self, model: Any, inputs: Any) -> Any:
        """Returns what a model yields for inputs."""
        # As `train/features.py` goes through it: there is no other way into models within a model.
        outputs = model._run_through_graph(
            inputs, operation_fn=lambda operation: operation, call_fn=self._call
        )
        alone = isinstance(outputs, (list, tuple)) and len(outputs) == 1
        return outputs[0] if alone else outputs

    def _call(self, operation: Any, *args: Any, **kwargs: Any) -> Any:
        graph = getattr(operation, "_functional", None) or operation  # of a Sequential, its graph
        if hasattr(graph, "_run_through_graph") and len(args) == 1:
            return self.run(graph, args[0])
        outputs = operation(*args, **kwargs)
        if not keras.ops.is_tensor(outputs):
            return outputs
        weighs = operation.name.endswith(_ATTENTION)
        self.seen.append(
            _Seen(
                name=operation.name,
                shape=tuple(outputs.shape),
                dtype=keras.backend.standardize_dtype(outputs.dtype),
                convolves=any(len(w.shape) == 4 for w in getattr(operation, "weights", ())),
                value=outputs if weighs else None,
            )
        )
        if len(self.seen) - 1 == self.place:
            outputs = self.tapped = outputs + self.added
        return outputs

    def maps(self) -> list[int]:
        """Returns the numbers of what yields the convolutional feature maps, one a convolution.

        It is the last operation before the next convolution that keeps places and channels of what
        the convolution yields: its activation, or a sum with what goes around it.
        """
        found: list[int] = []
        for number, each in enumerate(self.seen):
            if each.convolves and each.places:
                found.append(number)
                continue
            last = self.seen[found[-1]] if found else None
            # Attention over places is a convolution of one channel, whose product has them all.
            if last and each.places == last.places and each.shape[3] >= last.shape[3]:
                found[-1] = number
        return found

    def attention(self) -> np.ndarray | None:
        """Returns the last attention over places, float32 `(N, h, w)`; None without any."""
        values = [each.value for each in self.seen if each.value is not None]
        if not values:
            return None
        return np.asarray(keras.ops.convert_to_numpy(values[-1]), np.float32)[..., 0]


_Of = Callable[[Any], tuple[Any, Any]]
_Maps = tuple[np.ndarray, np.ndarray]


def _by_tensorflow(of: _Of, zeros: Any) -> _Maps:
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(zeros)
        total, features = of(zeros)
    found = tape.gradient(total, zeros, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    return _float(features), _float(found)


def _by_jax(of: _Of, zeros: Any) -> _Maps:
    import jax

    (_, features), found = jax.value_and_grad(of, has_aux=True)(zeros)
    return _float(features), _float(found)


def _float(values: Any) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(values), np.float32)


_GRADIENTS: Mapping[str, Callable[[_Of, Any], _Maps]] = {
    "tensorflow": _by_tensorflow,
    "jax": _by_jax,
}
