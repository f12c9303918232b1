"""Plugins with one fault each, and such as have none, at the top of a module as any plugin is."""

import calendar
import datetime
import itertools
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np

from dsbuilder.plugin import (
    CHANNELS,
    ImageSignature,
    Mixer,
    Mode,
    Motion,
    Params,
    Sample,
    Signature,
    Synthesizer,
    Text,
    Transform,
    mixer,
    synthesizer,
    transform,
)

MEBIBYTE = 1 << 20
KEPT: list[bytearray] = []
COUNTED = itertools.count()
LAST: list[tuple[int, ...]] = [()]


class Brightened(Transform):
    """Adds a drawn number to every pixel."""

    def draw(self, sample: Sample, rng: np.random.Generator) -> Params:
        return {"value": int(rng.integers(40))}

    def apply(self, sample: Sample, params: Params) -> Sample:
        return sample.replace(image=sample.image + np.uint8(params["value"]))


class Mirrored(Transform):
    """Mirrors left and right, half of the time."""

    def draw(self, sample: Sample, rng: np.random.Generator) -> Params:
        return {"flip": bool(rng.random() < 0.5)}

    def apply(self, sample: Sample, params: Params) -> Sample:
        image = sample.image[:, ::-1].copy() if params["flip"] else sample.image
        return sample.replace(image=image)


def mirror(sample: Sample, params: Params, *, sign: int = -1) -> Motion:
    height, width = sample.image.shape[:2]
    matrix = np.diag([sign, 1.0, 1.0]) if params["flip"] else np.eye(3)
    matrix[0, 2] = width if params["flip"] else 0
    return Motion(matrix=matrix, before=(height, width), after=(height, width))


@transform("mirrored_right", geometry="moves")
@dataclass(frozen=True, kw_only=True)
class MirroredRight(Mirrored):
    """Has no fault."""

    def motion(self, sample: Sample, params: Params) -> Motion:
        return mirror(sample, params)


@transform("rolled", geometry="moves")
@dataclass(frozen=True, kw_only=True)
class Rolled(Transform):
    """Lets come in on one side what went out on the other; has no fault."""

    def draw(self, sample: Sample, rng: np.random.Generator) -> Params:
        sides = sample.image.shape[:2]
        return {"by": [int(rng.integers(-side // 2, side // 2 + 1)) for side in sides]}

    def apply(self, sample: Sample, params: Params) -> Sample:
        return sample.replace(image=np.roll(sample.image, params["by"], axis=(0, 1)))

    def motion(self, sample: Sample, params: Params) -> Motion:
        matrix, size = np.eye(3), (sample.image.shape[0], sample.image.shape[1])
        matrix[:2, 2] = params["by"][::-1]
        return Motion(matrix=matrix, before=size, after=size)


@transform("by_label", geometry="moves")
@dataclass(frozen=True, kw_only=True)
class ByLabel(MirroredRight):
    """Draws by what the label is; has no fault."""

    def draw(self, sample: Sample, rng: np.random.Generator) -> Params:
        return {"flip": bool(rng.random() < 0.5) and sample.targets["label"] == 0}


@transform("standardized", geometry="fixed")
@dataclass(frozen=True, kw_only=True)
class Standardized(Transform):
    """Makes floats of mean 0, summed up in the order of memory; has no fault."""

    def output_signature(self, signature: Signature) -> Signature:
        image = signature.image
        made = ImageSignature(
            height=image.height, width=image.width, channels=image.channels, dtype="float32"
        )
        return signature.replace(image=made)

    def apply(self, sample: Sample, params: Params) -> Sample:
        image = sample.image.astype(np.float32) / np.float32(255)
        return sample.replace(image=(image - image.mean()) / (image.std() + np.float32(1e-3)))


@transform("left_behind", geometry="moves", moves=("boxes", "keypoints", "mask"))
@dataclass(frozen=True, kw_only=True)
class LeftBehind(Mirrored):
    """Says that it moves all targets, and moves none."""


@transform("left_mask", geometry="moves", moves=("mask",))
@dataclass(frozen=True, kw_only=True)
class LeftMask(Mirrored):
    """Says that it moves masks, and leaves them."""


@transform("left_boxes", geometry="moves", moves=("boxes", "keypoints", "mask"))
@dataclass(frozen=True, kw_only=True)
class LeftBoxes(Mirrored):
    """Moves masks and keypoints, and leaves boxes."""

    def apply(self, sample: Sample, params: Params) -> Sample:
        moved = super().apply(sample, params)
        left = {name: value for name, value in moved.targets.items() if name == "boxes"}
        after = moved.moved(mirror(sample, params)) if sample.positional else moved
        return after.replace(targets={**after.targets, **left})


@transform("wrong_sign", geometry="moves")
@dataclass(frozen=True, kw_only=True)
class WrongSign(Rolled):
    """Moves targets the other way."""

    def motion(self, sample: Sample, params: Params) -> Motion:
        return super().motion(sample, {"by": [-each for each in params["by"]]})


@transform("fixed_flip", geometry="fixed")
@dataclass(frozen=True, kw_only=True)
class FixedFlip(Mirrored):
    """Says that all stays where it is."""


@transform("needs_boxes", geometry="fixed")
@dataclass(frozen=True, kw_only=True)
class NeedsBoxes(Brightened):
    """Looks for the largest box."""

    def draw(self, sample: Sample, rng: np.random.Generator) -> Params:
        boxes = sample.targets.get("boxes")
        largest = 0.0 if boxes is None else float(boxes.corners.max())
        return {"value": int(rng.integers(40) * largest)}


@transform("needs_pixels", geometry="fixed")
@dataclass(frozen=True, kw_only=True)
class NeedsPixels(Brightened):
    """Looks at the second row."""

    def apply(self, sample: Sample, params: Params) -> Sample:
        return super().apply(sample, {"value": int(sample.image[1, 0, 0])})


@transform("not_a_number", geometry="fixed")
@dataclass(frozen=True, kw_only=True)
class NotANumber(Brightened):
    """Draws what no JSON holds."""

    def draw(self, sample: Sample, rng: np.random.Generator) -> Params:
        return {"value": 1, "share": float("nan")}


@transform("numpy_params", geometry="fixed")
@dataclass(frozen=True, kw_only=True)
class NumpyParams(Brightened):
    """Draws a number of numpy's."""

    def draw(self, sample: Sample, rng: np.random.Generator) -> Params:
        return {"value": rng.integers(40)}


@transform("many_params", geometry="fixed")
@dataclass(frozen=True, kw_only=True)
class ManyParams(Brightened):
    """Draws 8 MB of numbers."""

    def draw(self, sample: Sample, rng: np.random.Generator) -> Params:
        return {"value": 1, "noise": rng.integers(40, size=4 * MEBIBYTE // 8).tolist()}


@transform("of_process", geometry="fixed")
@dataclass(frozen=True, kw_only=True)
class OfProcess(Brightened):
    """Is seeded by the process."""

    def apply(self, sample: Sample, params: Params) -> Sample:
        return super().apply(sample, {"value": os.getpid() % 2})


@transform("of_clock", geometry="fixed")
@dataclass(frozen=True, kw_only=True)
class OfClock(Brightened):
    """Is seeded by the hour."""

    def apply(self, sample: Sample, params: Params) -> Sample:
        return super().apply(sample, {"value": int(time.time() // 3600) % 199})


@transform("of_date", geometry="fixed")
@dataclass(frozen=True, kw_only=True)
class OfDate(Brightened):
    """Draws by the day of the year."""

    def draw(self, sample: Sample, rng: np.random.Generator) -> Params:
        return {"value": datetime.datetime.now(datetime.UTC).timetuple().tm_yday % 199}


@transform("of_calendar", geometry="fixed")
@dataclass(frozen=True, kw_only=True)
class OfCalendar(Brightened):
    """Draws by the day of the year, as the calendar on the wall has it."""

    def draw(self, sample: Sample, rng: np.random.Generator) -> Params:
        return {"value": int(time.strftime("%j")) % 199}


def moments(plugin: Transform) -> list[float]:
    """Seconds since 1970, asked of every function that takes the clock's where it is given none."""
    return [
        time.mktime(time.localtime()),
        calendar.timegm(time.gmtime(None)),
        time.mktime(time.strptime(time.ctime())),
        time.mktime(time.strptime(time.asctime())),
        time.mktime(time.strptime(time.strftime("%Y %j %X"), "%Y %j %X")),
        datetime.datetime.now(datetime.UTC).timestamp(),
        time.mktime(datetime.date.today().timetuple()),
        time.time_ns() / 1e9,
    ]


@transform("of_hash", geometry="fixed")
@dataclass(frozen=True, kw_only=True)
class OfHash(Brightened):
    """Is seeded by the hash of the key."""

    def apply(self, sample: Sample, params: Params) -> Sample:
        return super().apply(sample, {"value": hash(sample.key) % 199})


@transform("of_set", geometry="fixed")
@dataclass(frozen=True, kw_only=True)
class OfSet(Brightened):
    """Chooses from a set, which has another order in every process."""

    def draw(self, sample: Sample, rng: np.random.Generator) -> Params:
        return {"value": int(list({str(each) for each in range(99)})[int(rng.integers(99))])}


@transform("slow", geometry="fixed")
@dataclass(frozen=True, kw_only=True)
class Slow(Brightened):
    """Takes 2 seconds a call, of gray images alone."""

    def output_signature(self, signature: Signature) -> Signature:
        if signature.image.channels > 1:
            raise ValueError(f"expected gray images, found {signature.image}.")
        return signature

    def apply(self, sample: Sample, params: Params) -> Sample:
        time.sleep(2)
        return sample


@transform("hoarding", geometry="fixed")
@dataclass(frozen=True, kw_only=True)
class Hoarding(Brightened):
    """Keeps 2 MB of every call."""

    def apply(self, sample: Sample, params: Params) -> Sample:
        KEPT.append(bytearray(2 * MEBIBYTE))
        return super().apply(sample, params)


@lru_cache(maxsize=1)
def last_picture(number: int) -> bytearray:
    return bytearray(12 * MEBIBYTE)


@cache
def every_picture(number: int) -> bytearray:
    return bytearray(2 * MEBIBYTE)


class OfPictures(Brightened):
    """Opens one of very many pictures."""

    def draw(self, sample: Sample, rng: np.random.Generator) -> Params:
        return {"value": int(rng.integers(40)), "picture": int(rng.integers(1 << 30))}


@transform("keeping_one", geometry="fixed")
@dataclass(frozen=True, kw_only=True)
class KeepingOne(OfPictures):
    """Keeps the last picture that it opened; has no fault."""

    def apply(self, sample: Sample, params: Params) -> Sample:
        last_picture(params["picture"])
        return super().apply(sample, params)


@transform("keeping_all", geometry="fixed")
@dataclass(frozen=True, kw_only=True)
class KeepingAll(OfPictures):
    """Keeps every picture that it opened, once."""

    def apply(self, sample: Sample, params: Params) -> Sample:
        every_picture(params["picture"])
        return super().apply(sample, params)


@transform("wrong_shape", geometry="moves")
@dataclass(frozen=True, kw_only=True)
class WrongShape(Brightened):
    """Says that it keeps sizes, and does not."""

    def apply(self, sample: Sample, params: Params) -> Sample:
        return sample.replace(image=np.repeat(sample.image, 2, axis=0))


@transform("counting", geometry="fixed")
@dataclass(frozen=True, kw_only=True)
class Counting(Brightened):
    """Is brighter from call to call."""

    def apply(self, sample: Sample, params: Params) -> Sample:
        return super().apply(sample, {"value": next(COUNTED) % 199})


@transform("remembering", geometry="fixed")
@dataclass(frozen=True, kw_only=True)
class Remembering(Brightened):
    """Is brighter whenever an image has other sides than the one before."""

    def apply(self, sample: Sample, params: Params) -> Sample:
        if LAST[-1] != sample.image.shape:
            LAST.append(sample.image.shape)
        return super().apply(sample, {"value": len(LAST) % 199})


@transform("writing", geometry="fixed")
@dataclass(frozen=True, kw_only=True)
class Writing(Brightened):
    """Writes into its input."""

    def apply(self, sample: Sample, params: Params) -> Sample:
        sample.image[:] = 0
        return sample


@transform("writing_boxes", geometry="fixed")
@dataclass(frozen=True, kw_only=True)
class WritingBoxes(Brightened):
    """Writes into the boxes of its input."""

    def apply(self, sample: Sample, params: Params) -> Sample:
        if "boxes" in sample.targets:
            sample.targets["boxes"].corners[:] = 0
        return super().apply(sample, params)


@mixer("unjust")
@dataclass(frozen=True, kw_only=True)
class Unjust(Mixer):
    """Pastes half of a partner, and says that it is a quarter."""

    def draw(self, sample: Sample, partners: Sequence[Sample], rng: np.random.Generator) -> Params:
        return {}

    def weights(self, params: Params) -> tuple[float, ...]:
        return (0.75, 0.25)

    def apply(self, sample: Sample, partners: Sequence[Sample], params: Params) -> Sample:
        image = sample.image.copy()
        width = image.shape[1]
        image[:, width // 2 :] = partners[0].image[:1, :1]
        return sample.replace(image=image)


@synthesizer("counted_text")
@dataclass(frozen=True, kw_only=True)
class CountedText(Synthesizer):
    """Names what it draws by how much it has drawn."""

    def output_signature(self, mode: Mode) -> Signature:
        image = ImageSignature(height=4, width=4, channels=CHANNELS[mode])
        return Signature(image=image, targets={"text": Text()})

    def draw(self, rng: np.random.Generator) -> Params:
        return {"value": int(rng.integers(256))}

    def render(self, key: str, params: Params, mode: Mode) -> Sample:
        image = np.full((4, 4, CHANNELS[mode]), params["value"], np.uint8)
        return Sample(key=key, image=image, targets={"text": f"line {next(COUNTED)}"})
