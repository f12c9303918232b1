"""Which sections of a pipeline suit what is known of a folder, each with its reason in a few words.

The advice is what a person with experience would begin with, not what is best: it says why, so that
a user can change it.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from dsbuilder.builtin.inspectors.bursts import Proposal
from dsbuilder.errors import shortened
from dsbuilder.plugin import CHANNELS, Mode
from dsbuilder.proposal.facts import Facts
from dsbuilder.targets import to_json

Advice = tuple[Any, str]
"""A value of the pipeline, and why."""

SIDES = (32, 48, 64, 96, 128, 160, 192, 224, 256, 320)
_MOST_SIDE = {"boxes": 320, "instances": 320, "keypoints": 256, "mask": 256}
_SMALLEST_SIDE, _USUAL_SIDE = SIDES[0], 128
_TEXT_HEIGHTS = (32, 48)
_WIDEST_TEXT = 1024
_SHARES = {"train": 0.8, "validation": 0.1, "test": 0.1}
_SHARES_OF_FEW = {"train": 0.6, "validation": 0.2, "test": 0.2}
_FEW = 10
_SIDED = ("left", "right")
_REPEAT_EDGES = 1  # cv2.BORDER_REPLICATE


def mode(facts: Facts) -> tuple[Mode, str]:
    """Returns the mode that all images are brought to."""
    looks = facts.appearance
    if looks.num_alpha:
        part = f"{looks.num_alpha} of {len(looks.headers)} looked at may be transparent"
        return "rgb", f"{part}: laid over white; mode rgba keeps it"
    if looks.gray:
        return "gray", "all that were looked at are gray"
    return "rgb", "what is gray gets three channels"


def split(facts: Facts) -> Advice:
    """Returns the section `split`; None where the layout says all."""
    stated = facts.stated
    shown = ", ".join(f"{name}: {count}" for name, count in stated.items() if name is not None)
    if set(stated) == {None}:
        return _shares(facts)
    if None in stated or "train" not in stated:
        lacking = f"{stated[None]} records in none" if None in stated else "no train"
        shares = {"method": "stratified", **_shares(facts)[0]}
        return shares, f"the layout's splits ({shown}) are not followed: {lacking}"
    taken = {name: 0.1 for name in ("validation", "test") if name not in stated}
    if set(taken) <= {"test"}:
        return None, f"as the layout states: {shown}"
    out = " and ".join(taken) + (" is" if len(taken) == 1 else " are")
    return {"method": "layout", **taken}, f"the layout states {shown}; {out} taken out of train"


def _shares(facts: Facts) -> Advice:
    few = [name for name, count in facts.counts.items() if count < _FEW]
    if not few:
        how = "each class to within one record; " if facts.counts else ""
        return _SHARES, f"{how}a file that is added moves hardly any other"
    plenty = len(facts.records) >= _FEW * _FEW
    what = "1 class has" if len(few) == 1 else f"{len(few)} classes have"
    text = f"{what} fewer than {_FEW} records ({shortened(few, limit=3)}): a split may lack them"
    return (_SHARES if plenty else _SHARES_OF_FEW), f"{text}; below 3 all go to train"


def grouped_split(facts: Facts, together: Proposal) -> Advice:
    """Returns the section `split` that keeps together what belongs together."""
    section, _ = split(facts)
    split_of = {record.key: record.split for record in facts.records}
    cut = any(len({split_of[key] for key in keys}) > 1 for keys in together.groups)
    if section is None or cut:
        section = {"method": "stratified", **_shares(facts)[0]}
    first, other = together.groups[0][:2]
    found = f"At least {len(together.groups)} groups of pictures {together.what}"
    return {**section, "group": together.rule}, f"{found}, such as {first} and {other}."


def inspections(facts: Facts) -> Iterator[tuple[str, str]]:
    """Yields the inspectors whose findings a build should warn of, each with what it finds."""
    yield "truncated", "files that end early"
    yield "exact_duplicate", "the same pixels twice"
    yield "leak", "the same picture in two splits"
    if facts.together is not None:
        yield "crossing_groups", "pictures taken one after another in two splits"
    if facts.kinds & {"class", "multi_label", "boxes", "instances"}:
        yield "similar_names", "classes that differ by case or blanks alone"
    if "class" in facts.kinds:
        yield "two_labels", "the same picture in two classes"
    if facts.kinds & {"boxes", "instances"}:
        yield "flat_box", "boxes without an area"
    if "text" in facts.kinds:
        yield "charset", "texts with characters that cannot be meant"
    if not facts.is_small and "text" not in facts.kinds:
        yield "blurred", "images out of focus or smeared"
    if facts.appearance.only_size is not None:
        yield "odd_size", "images of a size unlike all others"


def size(facts: Facts) -> tuple[tuple[int, int], str]:
    """Returns the (height, width) that every image ends with."""
    looks = facts.appearance
    if "text" in facts.kinds and not facts.positional:
        return _line_size(facts), "the height of a line; width for nine in ten, the rest is shrunk"
    most = max((_MOST_SIDE.get(kind, _USUAL_SIDE) for kind in facts.kinds), default=_USUAL_SIDE)
    if looks.only_size is not None and max(looks.only_size) <= most:
        return looks.only_size, looks.describe()
    short = max((side for side in SIDES if side <= min(most, looks.short)), default=_SMALLEST_SIDE)
    why = f"{looks.describe()}; larger shows more, takes longer"
    if 3 / 4 <= looks.aspect <= 4 / 3:
        return (short, short), why
    if looks.aspect > 1:
        return (short, _whole(short * min(looks.aspect, 4))), why
    return (_whole(short / max(looks.aspect, 1 / 4)), short), why


def _line_size(facts: Facts) -> tuple[int, int]:
    low, high = _TEXT_HEIGHTS
    height = high if facts.appearance.short >= high else low
    return height, min(_WIDEST_TEXT, _whole(height * facts.appearance.widest, step=16))


def _whole(value: float, *, step: int = 8) -> int:
    """Returns the multiple of a step that is nearest, and at least one step."""
    return max(step, round(value / step) * step)


def fit(facts: Facts) -> tuple[str, str]:
    """Returns how an image of other proportions is brought to the size."""
    if facts.kinds & {"text", "boxes", "instances", "keypoints"}:
        return "pad", "pad shows the whole image; crop would cut off what is labeled"
    if "value" in facts.kinds:
        return "pad", "pad shows the whole image; crop cuts off its edges, stretch distorts"
    if facts.appearance.num_alpha * 2 > len(facts.appearance.headers):
        return (
            "pad",
            "pad shows the whole of what is cut out; crop would cut off what reaches an edge",
        )
    if facts.appearance.num_even * 2 > len(facts.appearance.headers):
        return "pad", "pad shows the whole: most are things on an even ground; crop cuts edges off"
    return "crop", "crop fills the size; pad shows the whole image, stretch distorts"


def prepare(facts: Facts, target: tuple[int, int]) -> tuple[dict[str, Any] | None, str]:
    """Returns the stage that brings large images near the size before variants are made."""
    short = round(min(target) * 1.25)
    if fit(facts)[0] == "pad" or facts.appearance.short < 2 * short:
        return None, ""
    return {
        "use": "resize",
        "short": "$short*1.25",
    }, "once for each image, before variants are made of it"


def storage(facts: Facts, chosen: Mode) -> tuple[str, str]:
    """Returns how pixels are stored."""
    if CHANNELS[chosen] == 4:
        return "png", "keeps transparency"
    if facts.appearance.lossy and not facts.is_small:
        return "jpeg", "the images are JPEGs; png stores what stages make without loss"
    if facts.is_small or facts.appearance.num_alpha or facts.kinds & {"mask", "instances"}:
        return "png", "without loss; small images and drawings suffer as jpeg"
    return "png", "without loss, as the images are; jpeg takes a fraction of the room"


def copies(facts: Facts) -> tuple[int, str]:
    """Returns how many variants of a training image are stored; 0 has them made in every epoch."""
    total = len(facts.records)
    if total <= 2_000:
        return 3, f"variants of each training image, beside it: {total} records are few"
    if total <= 20_000:
        return 1, "a variant of each training image, beside it"
    return 0, ""


def stages(facts: Facts) -> Iterator[tuple[dict[str, Any], str]]:
    """Yields the stages that vary an image and keep its targets true."""
    yield from _geometry(facts)
    brightness = {"use": "A.RandomBrightnessContrast", "p": 0.5}
    yield brightness, "alone, as a flip or a turn may change the value" * ("value" in facts.kinds)


def _geometry(facts: Facts) -> Iterator[tuple[dict[str, Any], str]]:
    kinds = facts.kinds
    if "value" in kinds:
        return
    if "text" in kinds:
        yield _affine(rotate=2, move=0.02, scale=(0.95, 1.0)), "no flip: text stays readable"
    elif facts.is_of_characters:
        yield (
            _affine(rotate=10, move=0.08, scale=(0.9, 1.1)),
            "no flip: classes are called like characters",
        )
    elif facts.positional or facts.is_small or fit(facts)[0] == "pad":
        if _may_flip(facts):
            yield {"use": "A.HorizontalFlip", "p": 0.5}, _flip_note(facts)
        moves = "moves what is labeled along" if facts.positional else ""
        varied = _affine(rotate=8, move=0.05, scale=(0.9, 1.1))
        if facts.appearance.num_alpha:  # around it there is the white that it is laid over
            varied = {**{k: v for k, v in varied.items() if k != "border_mode"}, "fill": 255}
        yield varied, moves
    else:
        crop = {"use": "A.RandomResizedCrop", "size": "$size", "scale": [0.6, 1.0]}
        yield crop, "a part of at least 60 % of the image"
        yield {"use": "A.HorizontalFlip", "p": 0.5}, "remove it if left and right matter"


def _affine(*, rotate: int, move: float, scale: tuple[float, float]) -> dict[str, Any]:
    return {
        "use": "A.Affine",
        "rotate": [-rotate, rotate],
        "translate_percent": [-move, move],
        "scale": list(scale),
        "border_mode": _REPEAT_EDGES,
        "p": 0.8,
    }


def _flip_note(facts: Facts) -> str:
    if "keypoints" in facts.kinds:
        return "keypoints of the left and the right change places"
    return "remove it if left and right matter"


def _may_flip(facts: Facts) -> bool:
    """Whether mirroring keeps the names of keypoints true."""
    described = [to_json(target) for target in facts.targets.values()]
    points: list[Mapping[str, Any]] = [each for each in described if each["kind"] == "keypoints"]
    sided = any(
        word in name.lower() for each in points for name in each["names"] for word in _SIDED
    )
    return not sided or all(each["swaps"] for each in points)
