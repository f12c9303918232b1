"""What transforms and mixers owe of the sizes of images: announced, one pixel, no objects."""

import numpy as np

from dsbuilder.errors import DsbuilderError
from dsbuilder.plugin import Mixer, Transform, generator
from dsbuilder.testing.cases import SIZES, cases_of, described, noise, signature_of
from dsbuilder.testing.laws import check_shrinking, signature_or_refusal
from dsbuilder.testing.promises import Check, name_of, showing

_SMALL = ((1, 1), (1, 40), (40, 1))
_WEIGHT_APART, _BLEND_APART = 0.03, 0.3
_DRAWS = 2


def check_sides(plugin: Transform) -> None:
    """Checks what a transform says of sizes before any image is opened."""
    name = name_of(plugin)
    assert 0 <= plugin.default_p <= 1, f"expected default_p in [0, 1], found {plugin.default_p}."
    for channels in (1, 3, 4):
        for height, width in SIZES:
            signature = signature_of(noise(height, width, channels))
            after = signature_or_refusal(name, plugin.output_signature, signature)
            if after is None:
                continue
            with showing(described(noise(height, width, channels))):
                if plugin.geometry == "fixed":
                    assert after.image.shape[:2] == (height, width), (
                        f"expected geometry 'fixed' to keep {signature.image}, found {after.image}."
                        " Say geometry='moves' of what resizes or crops."
                    )
                varying = signature.resized(None, None)
                unknown = signature_or_refusal(name, plugin.output_signature, varying)
                sides = unknown.image.shape if unknown else ()
                for before, now in zip(sides, after.image.shape, strict=False):
                    assert before in (None, now), (
                        f"expected {signature.image} to end as images of unknown sides do, found "
                        f"{after.image} and {unknown.image if unknown else None}. Correct "
                        "output_signature()."
                    )
                check_shrinking(name, plugin, height, width)


def check_empty(plugin: Transform | Mixer) -> None:
    """Checks that a plugin takes an image that could have objects and has none."""
    _check_taken(plugin, SIZES[:1])


def check_small(plugin: Transform | Mixer) -> None:
    """Checks that a plugin takes images of one pixel, or of one row or column, or refuses them."""
    _check_taken(plugin, _SMALL)


def _check_taken(plugin: Transform | Mixer, sizes: tuple[tuple[int, int], ...]) -> None:
    for case in cases_of(plugin, sizes, count=0):
        for seed in range(_DRAWS):
            with showing(case.shown):
                given = case.fresh()
                try:
                    case.make(given, case.draw(given, generator("kit", "small", seed)))
                except DsbuilderError:
                    continue  # refused, with a reason for whoever has such an image


def check_weights(plugin: Mixer) -> None:
    """Checks weights, and that as much is seen of the sample: black among white partners."""
    assert plugin.partners >= 1, f"expected 1 partner or more, found {plugin.partners}."
    for channels in (1, 3, 4):
        black = noise(32, 48, channels)
        if signature_or_refusal(name_of(plugin), plugin.output_signature, signature_of(black)):
            for seed in range(2 * _DRAWS):
                with showing(described(black)):
                    _check_weights_on(plugin, channels, seed)


def _check_weights_on(plugin: Mixer, channels: int, seed: int) -> None:
    black, colors = noise(32, 48, channels), min(channels, 3)
    opaque = np.full_like(black.image, 255)
    dark = opaque.copy()
    dark[..., :colors] = 0
    white = [black.replace(image=opaque)] * plugin.partners
    black = black.replace(image=dark)
    params = plugin.draw(black, white, generator("kit", "weights", seed))
    weights = plugin.weights(params)
    assert len(weights) == plugin.partners + 1 and abs(sum(weights) - 1) < 1e-6, (
        f"expected {plugin.partners + 1} weights that sum to 1, found {weights}. Correct weights()."
    )
    mixed = plugin.apply(black, white, params).image[..., :colors]
    seen = 1.0 - float(mixed.mean()) / 255
    pastes = bool(np.isin(mixed, (0, 255)).all())  # what blends may do so by a curve of its own
    assert abs(seen - weights[0]) <= (_WEIGHT_APART if pastes else _BLEND_APART), (
        f"expected as much of a sample as weights() says, {weights[0]:.3f}, found that {seen:.3f} "
        "of a black one is seen among white ones. Correct one of them, or labels would be wrong."
    )


SIDES = Check(
    name="sides",
    promises="output_signature() says of sizes what is so, also of sides that vary",
    run=check_sides,
)
EMPTY = Check(
    name="empty",
    promises="an image without boxes, keypoints or anything in its mask is taken",
    run=check_empty,
)
SMALL = Check(
    name="small",
    promises="an image of one pixel, row or column is taken, or refused with a DataError",
    run=check_small,
)
WEIGHTS = Check(
    name="weights",
    promises="weights() sum to 1, and are the shares of the pixels",
    run=check_weights,
)
