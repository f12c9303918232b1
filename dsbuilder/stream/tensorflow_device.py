"""Stages of a stream on the device that trains: batches are finished there, inside of its steps.

All is computed by `keras.ops`, on TensorFlow as on JAX, and compiled with the step.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import keras
import numpy as np

from dsbuilder.pipeline.on_device import OnDevice
from dsbuilder.pipelinefile.stages import MixStage
from dsbuilder.sample import Target
from dsbuilder.stream.columns import columns_of
from dsbuilder.stream.device_columns import PREFIX
from dsbuilder.stream.reading import Reading

_BARE = "dsbuilder_bare"
"""Attribute of a step that begins with stages: the step without them."""

Finish = Callable[[Any, Any], tuple[Any, ...]]
"""From images and labels of a finished batch to what a step trains on."""


class DeviceStages:
    """The stages of a stream that are left to whoever trains on it.

    Called with a batch `((images, drawn), labels)`, with further items or without, it returns
    `(images, labels)` with the same ones: what a stream that finishes batches itself yields, up to
    rounding. It is to be called on the device, where `keras.ops` computes, best in a compiled step.
    """

    def __init__(self, reading: Reading, device: OnDevice, statistics: Any) -> None:
        self._device, self._reading = device, reading
        self._statistics = statistics

    def __call__(self, batch: Any) -> Any:
        """Returns a finished batch; see the class."""
        first, *rest = batch if isinstance(batch[0], (tuple, list)) else (batch,)
        images, drawn = first
        names = list(self._reading.signature.targets)
        if not names:
            finished = self._converted(self._applied(images, drawn, {})[0])
            return (finished, *rest) if rest else finished
        found = rest[0] if len(names) > 1 else {names[0]: rest[0]}
        images, labels = self._applied(images, drawn, found)
        return (
            self._converted(images),
            labels if len(names) > 1 else labels[names[0]],
            *rest[1:],
        )

    def into(
        self, model: keras.Model, then: Finish = lambda images, labels: (images, labels)
    ) -> None:
        """Lets the training steps of a compiled model begin with the stages, once if called again.

        Args:
          then: what the steps train on, of a finished batch.
        """
        step = getattr(model.train_step, _BARE, model.train_step)

        def finished(data: Any) -> Any:
            return then(*self(data[:2]))

        def of_tensorflow(data: Any) -> Any:
            return step(finished(data))

        def of_jax(state: Any, data: Any) -> Any:
            return step(state, finished(data))

        begun = of_jax if keras.backend.backend() == "jax" else of_tensorflow
        setattr(begun, _BARE, step)
        model.train_step = begun

    def _applied(
        self, images: Any, drawn: Mapping[str, Any], labels: Mapping[str, Any]
    ) -> tuple[Any, Mapping[str, Any]]:
        device, ops = self._device, keras.ops
        stored = (images, labels)
        for number, stage in enumerate(device.stages):
            begin = f"{PREFIX}{number}/"
            own = {n.removeprefix(begin): v for n, v in drawn.items() if n.startswith(begin)}
            kinds = device.signatures[number].targets
            if isinstance(stage, MixStage):
                partners = _partners(stage.plugin.partners, own, stored, device)
                images, labels = stage.mix_batch((images, labels), partners, own, kinds, ops)
            else:
                images, labels = stage.apply_batch(images, labels, own, kinds, ops)
        return images, labels

    def _converted(self, images: Any) -> Any:
        """Returns images in the form that was asked for; see `StreamOptions.images`."""
        form = self._reading.images
        if form == "uint8":
            return images
        values = keras.ops.cast(images, "float32")
        if form == "scale":
            return values / 255.0
        mean, deviation = (each.astype(np.float32) for each in self._statistics)
        return (values - mean) / deviation


def _partners(
    count: int, own: Mapping[str, Any], stored: tuple[Any, Mapping[str, Any]], device: OnDevice
) -> list[tuple[Any, Mapping[str, Any]]]:
    """Returns images and labels of the first, second, ... partner of every sample."""
    take = partial(keras.ops.take, axis=0)
    if "partner" in own:
        places = [own["partner"][:, number] for number in range(count)]
        return [
            (
                take(stored[0], place),
                keras.tree.map_structure(lambda each, at=place: take(each, at), dict(stored[1])),
            )
            for place in places
        ]
    return [
        (own[f"partner/{number}/image"], _labels(own, f"partner/{number}/", device.cached.targets))
        for number in range(count)
    ]


def _labels(own: Mapping[str, Any], begin: str, kinds: Mapping[str, Target]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, kind in kinds.items():
        parts = {each.part: own[begin + each.name] for each in columns_of(name, kind)}
        found[name] = parts.get(None, parts)
    return found
