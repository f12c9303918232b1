"""The checks, one for each kind of plugin."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dsbuilder.errors import DsbuilderError
from dsbuilder.layouts.keys import fault
from dsbuilder.plugin import (
    CHANNELS,
    Catalog,
    ClassLabel,
    Exporter,
    ImageSignature,
    Inspector,
    Loss,
    Metric,
    Mixer,
    Mode,
    ModelBuilder,
    Params,
    Record,
    Sample,
    Schedule,
    Seen,
    Signature,
    Source,
    Stage,
    Synthesizer,
    Target,
    Text,
    Transform,
    View,
    generator,
)
from dsbuilder.testing.exporting import check_exporter
from dsbuilder.testing.laws import (
    check_declaration,
    check_findings,
    check_fits,
    check_json,
    check_measure,
    check_names,
    check_options,
    check_shrinking,
    drawn,
    made,
    name_of,
    signature_or_refusal,
    sound_records,
)
from dsbuilder.testing.models import check_model
from dsbuilder.testing.positions import check_positions, picture_of, without_objects
from dsbuilder.testing.training import check_loss, check_metric, check_schedule

_SIZES = ((32, 48), (40, 40), (37, 29))
_SMALL = ((1, 1), (1, 40), (32, 48))
_SPLITS = ("train", "validation", "test")
_LABEL = ClassLabel(names=("a", "b", "c"))
_WEIGHT_APART, _BLEND_APART = 0.03, 0.3
_READ = 20
_DRAWS = 4


def check_plugin(plugin: Any) -> None:
    """Checks a plugin of any kind by the laws of its kind.

    Raises:
      AssertionError: it breaks one; says which.
    """
    for base, check in _CHECKS.items():
        if isinstance(plugin, base):
            check(plugin)
            return
    raise AssertionError(f"expected an object of a plugin's class, found {type(plugin).__name__}.")


def noise(
    height: int, width: int, channels: int = 3, *, dtype: str = "uint8", seed: int = 0
) -> Sample:
    """Returns a sample of random pixels with a class label; its image is read-only."""
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (height, width, channels), dtype=np.uint8)
    if np.dtype(dtype).kind == "f":
        image = (image / 255).astype(dtype)
    image = image.astype(dtype)
    image.flags.writeable = False
    return Sample(key=f"noise/{seed}.png", image=image, targets={"label": seed % 3})


def check_transform(plugin: Transform) -> None:
    """Checks a transform on images of 1, 3 and 4 channels, which it takes or refuses in time."""
    name = name_of(plugin)
    check_declaration(plugin)
    check_options(plugin)
    assert plugin.geometry in ("fixed", "moves", "breaks"), f"{name}: {plugin.geometry=}"
    assert 0 <= plugin.default_p <= 1, f"{name}: {plugin.default_p=}"
    taken = 0
    for channels in (1, 3, 4):
        for height, width in _SIZES:
            signature = _signature(height, width, channels)
            after = signature_or_refusal(name, plugin.output_signature, signature)
            if after is not None:
                taken += 1
                _check_sides(name, plugin, signature, after)
                check_shrinking(name, plugin, height, width)
                _check_transform_on(plugin, noise(height, width, channels), after)
        signature = _signature(*picture_of(channels).shape)
        if signature_or_refusal(name, plugin.output_signature, signature):
            check_positions(plugin, signature)
    assert taken, f"{name}: expected to take some of 1, 3 or 4 channels, found it refuses all."
    for height, width in _SMALL:
        _check_small(name, plugin, height, width)


def _check_small(name: str, plugin: Transform, height: int, width: int) -> None:
    """Checks that a transform takes a small image without any object, or refuses it in time."""
    for channels in (1, 3, 4):
        signature = _signature(height, width, channels)
        if not signature_or_refusal(name, plugin.output_signature, signature):
            continue
        kinds = {"moves": plugin.moves, "breaks": ()}.get(plugin.geometry, ("boxes", "keypoints"))
        sample = without_objects(height, width, channels, kinds)
        try:
            Stage(id="kit", plugin=plugin).apply(sample, plugin.draw(sample, generator("small")))
        except DsbuilderError:
            continue
        except Exception as error:
            raise AssertionError(
                f"{name}: expected to take an image of {height}x{width}x{channels} without boxes "
                f"and keypoints, as its output_signature says, found {error!r}."
            ) from error


def _check_sides(name: str, plugin: Transform, signature: Signature, after: Signature) -> None:
    if plugin.geometry == "fixed":
        assert after.image.shape[:2] == signature.image.shape[:2], (
            f"{name}: expected geometry 'fixed' to keep {signature.image}, found {after.image}."
        )
    unknown = signature_or_refusal(name, plugin.output_signature, signature.resized(None, None))
    for before, now in zip(unknown.image.shape if unknown else (), after.image.shape, strict=False):
        assert before in (None, now), (
            f"{name}: expected {signature.image} to end as images of unknown sides do, "
            f"found {after.image} and {unknown.image if unknown else None}."
        )


def _check_transform_on(plugin: Transform, sample: Sample, after: Signature) -> None:
    name = name_of(plugin)
    other = noise(33, 41, sample.image.shape[2], seed=1)
    for seed in range(_DRAWS):
        params = drawn(name, lambda rng: plugin.draw(sample, rng), seed, unchanged=(sample.image,))
        result = made(name, lambda params: plugin.apply(sample, params), params, [sample])
        check_fits(name, result, after)
        _check_motion(plugin, sample, result, params)
        assert result.key == sample.key, f"{name}: expected the sample's key, found {result.key}."
        check_json(name, "what explain() returns", plugin.explain(sample, params))
        if signature_or_refusal(
            name, plugin.output_signature, _signature(33, 41, sample.image.shape[2])
        ):
            plugin.apply(other, plugin.draw(other, generator("between", seed)))
        strided = sample.replace(image=np.asfortranarray(sample.image))
        again = plugin.apply(strided, params)
        assert np.array_equal(again.image, result.image), (
            f"{name}: expected the same image after another sample was made, or of an array that "
            "is not contiguous, found a different one."
        )


def _check_motion(plugin: Transform, sample: Sample, result: Sample, params: Params) -> None:
    """Checks that a motion leads from the size that an image had to the one it has."""
    motion = plugin.motion(sample, params)
    if motion is None:
        return
    name, sizes = name_of(plugin), (sample.image.shape[:2], result.image.shape[:2])
    assert plugin.geometry == "moves", f"{name}: expected no motion of geometry {plugin.geometry!r}"
    assert (motion.before, motion.after) == sizes, (
        f"{name}: expected a motion between images of {sizes}, found one between "
        f"{(motion.before, motion.after)}."
    )


def check_mixer(plugin: Mixer) -> None:
    """Checks a mixer with partners of the sample's size and of others, and its soft labels."""
    name = name_of(plugin)
    check_declaration(plugin)
    check_options(plugin)
    assert plugin.partners >= 1, f"{name}: expected 1 partner or more, found {plugin.partners}."
    taken = 0
    for channels in (1, 3, 4):
        signature = _signature(32, 48, channels)
        after = signature_or_refusal(name, plugin.output_signature, signature)
        if after is None:
            continue
        taken += 1
        for seed, size in enumerate(((32, 48), *_SIZES)):
            partners = [noise(*size, channels, seed=index + 1) for index in range(plugin.partners)]
            _check_mixer_on(plugin, noise(32, 48, channels), partners, signature, after, seed)
            _check_weights(plugin, channels, seed)
    assert taken, f"{name}: expected to take some of 1, 3 or 4 channels, found it refuses all."


def _check_weights(plugin: Mixer, channels: int, seed: int) -> None:
    """Checks that as much is seen of the sample as its weight says: black among white partners."""
    name, black = name_of(plugin), noise(32, 48, channels)
    colors = min(channels, 3)
    opaque = np.full_like(black.image, 255)
    dark = opaque.copy()
    dark[..., :colors] = 0
    white = [black.replace(image=opaque)] * plugin.partners
    black = black.replace(image=dark)
    params = plugin.draw(black, white, generator("kit", "weights", seed))
    weight = plugin.weights(params)[0]
    mixed = plugin.apply(black, white, params).image[..., :colors]
    seen = 1.0 - float(mixed.mean()) / 255
    pastes = bool(np.isin(mixed, (0, 255)).all())  # what blends may do so by a curve of its own
    assert abs(seen - weight) <= (_WEIGHT_APART if pastes else _BLEND_APART), (
        f"{name}: expected as much of a sample as weights() says, {weight:.3f}, found that "
        f"{seen:.3f} of a black one of 32x48x{channels} is seen among white ones. Correct one of "
        "them, or labels would be wrong."
    )


def _check_mixer_on(
    plugin: Mixer,
    sample: Sample,
    partners: Sequence[Sample],
    signature: Signature,
    after: Signature,
    seed: int,
) -> None:
    name = name_of(plugin)
    params = drawn(name, lambda rng: plugin.draw(sample, partners, rng), seed)
    weights = plugin.weights(params)
    assert len(weights) == plugin.partners + 1 and abs(sum(weights) - 1) < 1e-6, (
        f"{name}: expected {plugin.partners + 1} weights that sum to 1, found {weights}."
    )
    result = made(
        name,
        lambda params: plugin.mix(sample, partners, params, signature.targets),
        params,
        [sample, *partners],
    )
    check_fits(name, result, after)
    label = result.targets["label"]
    assert abs(float(np.sum(label)) - 1) < 1e-5, f"{name}: expected a soft label, found {label}."


def check_synthesizer(plugin: Synthesizer) -> None:
    """Checks a synthesizer in every mode, or that it refuses the mode in `output_signature`."""
    name = name_of(plugin)
    check_declaration(plugin)
    check_options(plugin)
    taken = 0
    for mode in CHANNELS:
        after = signature_or_refusal(name, plugin.output_signature, mode)
        if after is not None:
            taken += 1
            assert after.targets, f"{name}: at least one target is needed."
            check_names(name, after.targets)
            for seed in range(_DRAWS):
                _check_synthesizer_on(plugin, mode, after, seed)
    assert taken, f"{name}: expected to draw in some mode, found it refuses all."


def _check_synthesizer_on(plugin: Synthesizer, mode: Mode, after: Signature, seed: int) -> None:
    name = name_of(plugin)
    params = drawn(name, plugin.draw, seed)
    result = made(name, lambda params: plugin.render("a//1", params, mode), params, [])
    assert result.key == "a//1", f"{name}: expected the key it was given, found {result.key}."
    other = plugin.render("b//2", params, mode)
    assert np.array_equal(other.image, result.image), (
        f"{name}: expected an image of the params alone, found one that depends on the key."
    )
    parsed = {key: after.targets[key].parse(raw) for key, raw in result.targets.items()}
    check_fits(name, result.replace(targets=parsed), after)
    told = [each for key, kind in after.targets.items() for each in kind.classes(parsed[key])]
    label = plugin.class_of(params)
    assert label is None or label in told, (
        f"{name}: expected class_of() to tell a class of what is rendered, {told}, found {label!r}."
    )
    content = plugin.content(params)
    assert content is None or isinstance(content, str), f"{name}: {content=}"


def check_source(plugin: Source) -> None:
    """Checks a source, made with the path of a layout that exists; reads its first records.

    It lists the same every time, and a catalog that never listed reads a record by its place.
    """
    name = name_of(plugin)
    check_declaration(plugin)
    check_options(plugin)
    listed = plugin.open().scan()
    keys = [record.key for record in listed.records]
    assert keys, f"{name}: the source lists no records."
    assert len(set(keys)) == len(keys), f"{name}: expected each key once."
    faults = {key: fault(key) for key in keys if fault(key)}
    assert not faults, f"{name}: expected keys that a dataset can hold, found {faults}."
    assert {record.split for record in listed.records} <= {None, *_SPLITS}, f"{name}: odd splits."
    again = plugin.open().scan()
    assert (list(again.records), dict(again.targets), list(again.notes)) == (
        list(listed.records),
        dict(listed.targets),
        list(listed.notes),
    ), f"{name}: expected the same listing every time it is opened."
    check_names(name, listed.targets)
    for note in listed.notes:
        assert isinstance(note, str) and note.strip() and not note.endswith("."), (
            f"{name}: expected notes without a full stop, found {note!r}."
        )
    catalog = plugin.open()  # as a worker has it: it is told the records
    for record in sound_records(name, listed.records)[:_READ]:
        _check_labels(name, record, listed.targets)
        _check_read(name, catalog, record)
    _check_watches(name, plugin.open())


def _check_labels(name: str, record: Record, targets: Mapping[str, Target]) -> None:
    where = f"{name}: {record.key}"
    assert set(record.targets) >= set(targets), f"{where}: expected a value of every target."
    for target_name, target in targets.items():
        value = target.parse(record.targets[target_name])
        encoded = target.encode(target_name, value)
        assert encoded.keys() == target.features(target_name).keys(), where


def _check_read(name: str, catalog: Catalog, record: Record) -> None:
    from dsbuilder.images.encoding import decode

    where = f"{name}: {record.key}"
    check_json(where, "place", dict(record.place))
    try:
        pixels = catalog.read(record)
    except Exception as error:
        raise AssertionError(
            f"{where}: expected that a catalog which never listed reads a record by its path and "
            f"place, found {type(error).__name__}: {error}."
        ) from error
    image = decode(pixels, mode="rgb") if isinstance(pixels, bytes) else pixels
    assert image.ndim == 3 and image.dtype == np.uint8, f"{where}: {image.shape} {image.dtype}"
    assert image.shape[2] in (1, 3, 4), (
        f"{where}: expected 1, 3 or 4 channels, found {image.shape}."
    )
    identity = catalog.identity(record)
    assert isinstance(identity, str) or (identity is None and record.path is not None), (
        f"{where}: expected a path, or identity() to say in a text what stands for the pixels."
    )


def _check_watches(name: str, catalog: Catalog) -> None:
    watched = catalog.watches()
    assert watched is None or all(isinstance(path, Path) for path in watched), (
        f"{name}: expected paths to watch, or None, found {watched}."
    )


def _signature(height: int, width: int, channels: int) -> Signature:
    image = ImageSignature(height=height, width=width, channels=channels)
    return Signature(image=image, targets={"label": _LABEL})


def check_inspector(plugin: Inspector) -> None:
    """Checks an inspector on images of 1, 3 and 4 channels and on files that do not decode."""
    name = name_of(plugin)
    check_declaration(plugin)
    check_options(plugin)
    assert re.fullmatch(r"[A-Z].*\.", plugin.advice), f"{name}: expected advice as a sentence."
    views = {view.record.key: view for view in _views()}
    measures = [check_measure(name, plugin, view) for view in views.values()]
    records = [view.record for view in views.values()]
    seen = Seen(
        records=records,
        measures=measures,
        lost={records[0].key: "two processes died over it"},
        kinds={"label": _LABEL, "text": Text()},
        split_of={record.key: _SPLITS[place % 3] for place, record in enumerate(records)},
    )
    check_findings(name, plugin, seen)


def _views() -> Iterator[View]:
    """Yields views of images, of two with the same pixels, and of files that cannot be decoded."""
    from dsbuilder.images.encoding import decode, encode

    for number, channels in enumerate((1, 3, 4, 4)):
        image = noise(40, 56, channels, seed=channels).image
        yield _view(number, encode(image, "png"), lambda data: decode(data, mode="rgba"))
        yield _view(10 + number, image, lambda pixels: pixels)
    png = encode(noise(40, 56).image, "png")
    for number, data in enumerate((b"", png[: len(png) // 2], b"no image at all")):
        yield _view(20 + number, data, lambda data: decode(data, mode="rgb"))


def _view(number: int, stored: bytes | np.ndarray, decode: Callable[[Any], np.ndarray]) -> View:
    raw = {"label": "abc"[number % 3], "text": f"text {number}"}
    return View(
        record=Record(key=f"{number:02d}.png", targets=raw, group=str(number % 2)),
        kinds={"label": _LABEL, "text": Text()},
        read=lambda: stored,
        decode=decode,
    )


_CHECKS: Mapping[type, Callable[[Any], None]] = {
    Transform: check_transform,
    Mixer: check_mixer,
    Synthesizer: check_synthesizer,
    Source: check_source,
    Exporter: check_exporter,
    ModelBuilder: check_model,
    Inspector: check_inspector,
    Loss: check_loss,
    Metric: check_metric,
    Schedule: check_schedule,
}
