"""What a plugin with a twin promises: that it makes of a batch what it makes of each sample."""

import importlib.util
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dsbuilder.pipelinefile.stages import MixStage
from dsbuilder.plugin import Boxes, BoxSet, Mixer, Params, Sample, Stage, Target, Transform
from dsbuilder.plugin import generator as generator_of
from dsbuilder.plugin.batching import stacked_motions, stacked_params
from dsbuilder.testing.cases import LABEL, POSITIONAL, SIZES, described, noise, with_objects
from dsbuilder.testing.laws import signature_or_refusal
from dsbuilder.testing.promises import Check, name_of, showing

LEVELS = 2
"""Levels of 255 that a twin's pixel may be apart."""
SHARE = 0.001
"""Share of pixels that may be further apart, and of a mask that may be of another class."""
PIXELS = 0.01
"""Pixels that a point may be apart."""
_DRAWS = 6


def check_twin(plugin: Transform | Mixer) -> None:
    """Checks that `apply_batch` makes what `apply` does, and that it needs no pixels to be drawn.

    Without Keras nothing is tried.
    """
    if not plugin.has_twin or importlib.util.find_spec("keras") is None:
        return
    tried = 0
    for place, (channels, size) in enumerate(zip((1, 3, 4), SIZES, strict=True)):
        given = _given(plugin, size, channels, place)
        if given is not None:
            tried += 1
            with showing(described(given[0])):
                check_twin_on(plugin, [given] * _DRAWS)
    assert tried, "expected a twin of uint8 images, found that none is taken. Take apply_batch out."


def _given(
    plugin: Transform | Mixer, size: tuple[int, int], channels: int, seed: int
) -> list[Sample] | None:
    """Returns a sample and its partners, with the targets that can be moved in batches."""
    from dsbuilder.testing.cases import signature_of

    kinds = [name for name, kind in POSITIONAL.items() if kind.has_twin]
    for chosen in ([] if isinstance(plugin, Mixer) else kinds, []):
        count = 1 + getattr(plugin, "partners", 0)
        samples = [
            with_objects(noise(*size, channels, seed=3 * seed + number), chosen)
            for number in range(count)
        ]
        signature = signature_of(samples[0])
        if signature_or_refusal(name_of(plugin), plugin.output_signature, signature) is not None:
            return samples
    return None


def check_twin_on(
    plugin: Transform | Mixer, batch: Sequence[Sequence[Sample]], *, seed: int = 0
) -> None:
    """Checks a twin on samples of one size, each with its partners; the last is left as it is.

    Raises:
      AssertionError: it makes something else than `apply` does.
    """
    drawn = [_draw(plugin, given, seed + place) for place, given in enumerate(batch)]
    blank = [
        _draw(plugin, [_blank(each) for each in given], seed + place)
        for place, given in enumerate(batch)
    ]
    assert drawn == blank, (
        f"expected draw() of a plugin with a twin to look at the size of an image alone, found "
        f"{drawn} of images and {blank} of black ones. The pixels are on the device."
    )
    kinds: dict[str, Target] = {"label": LABEL, **batch[0][0].positional}
    expected = [
        _host(plugin, given, params, kinds) for given, params in zip(batch, drawn, strict=True)
    ]
    params: list[Params | None] = list(drawn)
    same = all(
        e.image.shape == given[0].image.shape for e, given in zip(expected, batch, strict=True)
    )
    if same and expected[0].image.dtype == np.uint8 and len(batch) > 1:
        params[-1] = None
        skipped = batch[-1][0]
        if isinstance(plugin, Mixer):
            mixed = LABEL.mix([skipped.targets["label"]], [1.0])
            skipped = skipped.replace(targets={**skipped.targets, "label": mixed})
        expected[-1] = skipped
    images, labels = on_device(plugin, batch, params, kinds)
    after = plugin.mixed(kinds) if isinstance(plugin, Mixer) else kinds
    compare(expected, images, labels, after)


def _draw(plugin: Transform | Mixer, given: Sequence[Sample], seed: int) -> Params:
    rng = generator_of("kit", "twin", seed)
    if isinstance(plugin, Mixer):
        return plugin.draw(given[0], given[1:], rng)
    return plugin.draw(given[0], rng)


def _blank(sample: Sample) -> Sample:
    return sample.replace(image=np.broadcast_to(np.zeros((), np.uint8), sample.image.shape))


def _host(
    plugin: Transform | Mixer,
    given: Sequence[Sample],
    params: Params,
    kinds: Mapping[str, Target],
) -> Sample:
    if isinstance(plugin, Mixer):
        return plugin.mix(given[0], given[1:], params, kinds)
    return Stage(id="kit", plugin=plugin).apply(given[0], params)


def on_device(
    plugin: Transform | Mixer,
    batch: Sequence[Sequence[Sample]],
    params: Sequence[Params | None],
    kinds: Mapping[str, Target],
) -> tuple[np.ndarray, dict[str, Any]]:
    """Returns images and labels of a batch after a stage's twin; see `check_twin_on`."""
    import keras

    arrays = stacked_params(plugin, params)
    groups = list(zip(*batch, strict=True))
    parts = [_columns(list(group), kinds) for group in groups]
    if isinstance(plugin, Mixer):
        weights = [
            plugin.weights(each) if each is not None else (1.0, *[0.0] * plugin.partners)
            for each in params
        ]
        arrays["weights"] = np.array(weights, np.float32)
        mixing = MixStage(id="kit", plugin=plugin, p=0.5)
        made = mixing.mix_batch(parts[0], parts[1:], _tensors(arrays), kinds, keras.ops)
    else:
        if plugin.geometry == "moves":
            pairs = zip(batch, params, strict=True)
            motions = [None if p is None else plugin.motion(_blank(g[0]), p) for g, p in pairs]
            arrays |= stacked_motions(motions)
        stage = Stage(id="kit", plugin=plugin, p=0.5 if None in params else 1.0)
        made = stage.apply_batch(*parts[0], _tensors(arrays), kinds, keras.ops)
    images, labels = made
    return keras.ops.convert_to_numpy(images), keras.tree.map_structure(
        keras.ops.convert_to_numpy, labels
    )


def _tensors(arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    import keras

    return {name: keras.ops.convert_to_tensor(array) for name, array in arrays.items()}


def _columns(samples: Sequence[Sample], kinds: Mapping[str, Target]) -> tuple[Any, dict[str, Any]]:
    """Returns samples as tensors: images, and columns of targets by name, all of one length."""
    import keras

    labels: dict[str, Any] = {}
    for name, kind in kinds.items():
        rows = [_encoded(name, kind, each.targets[name]) for each in samples]
        parts = {
            part: keras.ops.convert_to_tensor(np.stack([row[part] for row in rows]))
            for part in rows[0]
        }
        labels[name] = parts.get("", parts)
    return keras.ops.convert_to_tensor(np.stack([each.image for each in samples])), labels


def _encoded(name: str, kind: Target, value: Any) -> dict[str, np.ndarray]:
    """Returns what a stream yields of a value, by part; of one part by no name."""
    if kind.of_pixels:
        return {"": value}
    features = kind.encode(name, value)
    wanted = [each for each in kind.streamed(name) if each in features]
    if len(wanted) == 1:
        return {"": np.asarray(features[wanted[0]])}
    return {each.removeprefix(f"{name}/"): np.asarray(features[each]) for each in wanted}


def compare(
    expected: Sequence[Sample],
    images: np.ndarray,
    labels: Mapping[str, Any],
    kinds: Mapping[str, Target],
) -> None:
    """Compares what a host has made of samples with what a device has made of the batch.

    Raises:
      AssertionError: they are further apart than `LEVELS`, `SHARE` and `PIXELS` allow.
    """
    for place, sample in enumerate(expected):
        image = images[place]
        assert image.shape == sample.image.shape and image.dtype == sample.image.dtype, (
            f"expected of apply_batch() an image {sample.image.shape} {sample.image.dtype}, found "
            f"{image.shape} {image.dtype}."
        )
        most = LEVELS if image.dtype == np.uint8 else LEVELS / 255
        apart = np.abs(image.astype(np.float64) - sample.image).max(axis=-1)
        share = float((apart > most).mean())
        assert share <= SHARE, (
            f"expected of apply_batch() what apply() makes, at most {LEVELS} of 255 apart but in "
            f"{SHARE:.1%} of the pixels, found {share:.2%} further apart, up to {apart.max():.3g}."
        )
        for name, kind in kinds.items():
            own = _part(labels[name], place)
            _compare(name, kind, sample, own)


def _part(columns: Any, place: int) -> Any:
    if isinstance(columns, Mapping):
        return {name: values[place] for name, values in columns.items()}
    return columns[place]


def _compare(name: str, kind: Target, sample: Sample, found: Any) -> None:
    value, size = sample.targets[name], sample.image.shape[:2]
    if kind.of_pixels:
        share = float((value != found).mean())
        assert share <= SHARE, (
            f"expected of '{name}' the same classes but in {SHARE:.1%} of the pixels, found other "
            f"ones in {share:.2%}. Correct motion(), or apply_batch()."
        )
        return
    wanted = _encoded(name, kind, value)
    if "" in wanted:
        assert np.allclose(wanted[""], found, atol=1e-5), (
            f"expected of '{name}' {wanted['']}, found {found}."
        )
        return
    if isinstance(kind, Boxes):
        there = found["label"] >= 0
        found = {part: values[there] for part, values in found.items()}
    for part, values in wanted.items():
        if values.dtype.kind == "f":
            sides = np.array([size] * 2).ravel() if isinstance(value, BoxSet) else size[::-1]
            off = (
                np.abs((found[part] - values) * sides)
                if found[part].shape == values.shape
                else None
            )
            assert off is not None and off.max(initial=0.0) <= PIXELS, (
                f"expected of '{name}' {part} within {PIXELS} pixels of {values.tolist()}, found "
                f"{found[part].tolist()}."
            )
        else:
            assert np.array_equal(found[part], values), (
                f"expected of '{name}' {part} {values.tolist()}, found {found[part].tolist()}."
            )


TWIN = Check(
    name="twin",
    promises="apply_batch(), where there is one, makes of a batch what apply() makes of each",
    run=check_twin,
)
