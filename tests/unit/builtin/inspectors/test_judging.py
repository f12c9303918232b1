"""What single inspectors make of what they see; the planted set has one fault of each kind."""

from typing import Any

import cv2
import numpy as np
import pytest
from skimage import data

from dsbuilder.builtin.inspectors.blurred import Blurred
from dsbuilder.builtin.inspectors.bright import Bright
from dsbuilder.builtin.inspectors.charset import Charset
from dsbuilder.builtin.inspectors.dark import Dark
from dsbuilder.builtin.inspectors.framed import Framed
from dsbuilder.builtin.inspectors.huge import Huge
from dsbuilder.builtin.inspectors.imbalance import Imbalance
from dsbuilder.builtin.inspectors.leak import Leak
from dsbuilder.builtin.inspectors.odd_aspect import OddAspect
from dsbuilder.builtin.inspectors.odd_size import OddSize
from dsbuilder.builtin.inspectors.out_of_range import OutOfRange
from dsbuilder.builtin.inspectors.rare_class import RareClass
from dsbuilder.builtin.inspectors.similar_names import SimilarNames
from dsbuilder.builtin.inspectors.uniform import Uniform
from dsbuilder.images.encoding import encode
from dsbuilder.plugin import (
    ClassLabel,
    Inspector,
    MultiLabel,
    Record,
    Seen,
    Target,
    Text,
    Value,
    View,
)

NO_TARGETS: dict[str, Target] = {}


def view_of(image: Any = None, kinds=NO_TARGETS, **targets: Any) -> View:
    def decode(pixels: Any) -> np.ndarray:
        assert isinstance(pixels, np.ndarray), "expected that nothing is decoded"
        return pixels

    record = Record(key="a", targets=targets)
    return View(record=record, kinds=kinds, read=lambda: image, decode=decode)


def judged(inspector: Inspector, measures: list[Any], **seen: Any) -> list[int]:
    """The places of the records that have a finding."""
    records = seen.pop("records", [Record(key=f"{n:03d}") for n in range(len(measures))])
    found = inspector.judge(Seen(records=records, measures=measures, **seen))
    return [int(each.key) for each in found]


def test_a_group_in_two_splits_leaks_from_the_one_that_is_guarded_less() -> None:
    groups = ["x", "x", "y", "y", "z", None]
    records = [Record(key=f"{n:03d}", group=group) for n, group in enumerate(groups)]
    splits = ["train", "test", "train", "train", "validation", "test"]
    split_of = {record.key: split for record, split in zip(records, splits, strict=True)}
    seen = Seen(records=records, measures=[None] * 6, split_of=split_of)
    [finding] = Leak().judge(seen)
    assert (finding.key, finding.others) == ("000", ("001",))
    assert finding.text == "in train, is of group x, as is 001 in test"


def test_numbers_are_held_against_the_bounds_that_are_given() -> None:
    values = [(0.5,), (-1.0,), (3.0,), (2.0,)]
    assert judged(OutOfRange(low=0, high=2), values) == [1, 2]
    assert judged(OutOfRange(high=2), [*values, (1.0,), (0.0,)]) == [2]


def test_numbers_of_which_most_are_one_are_no_mistakes() -> None:
    assert judged(OutOfRange(), [(0.0,)] * 90 + [(1.0,)] * 10) == []
    assert judged(OutOfRange(), [(float(n),) for n in range(90)] + [(9999.0,)]) == [90]


def test_each_number_of_several_has_bounds_of_its_own() -> None:
    values = [(float(n), 1000.0 + n) for n in range(50)]
    assert judged(OutOfRange(), [*values, (1000.0, 1000.0)]) == [50]
    kinds = {"value": Value(size=2)}
    assert OutOfRange().measure(view_of(kinds=kinds, value=[1, 2])) == (1.0, 2.0)


@pytest.mark.parametrize(
    ("characters", "text", "expected"),
    [
        (None, "Straße 狗 😀", None),
        (None, "caf\ufffd\x07", "\x07\ufffd"),
        ("0123456789", "12 34a", " a"),
        ("0123456789", "1234", None),
    ],
)
def test_characters_outside_a_set_are_named(characters, text, expected) -> None:
    found = Charset(characters=characters).measure(view_of(kinds={"text": Text()}, text=text))
    assert found == expected


def test_a_set_of_wide_lines_has_its_own_proportions() -> None:
    lines = [float(aspect) for aspect in np.random.default_rng(0).uniform(4, 9, 60)]
    assert judged(OddAspect(), [*lines, 1.0, 60.0]) == [60, 61]
    assert judged(OddAspect(), lines) == []
    assert judged(OddAspect(), [None]) == []


def test_a_thing_on_a_dark_or_a_white_ground_is_neither_dark_nor_bright() -> None:
    image = np.zeros((50, 50, 3), np.uint8)
    image[:8, :8] = 255
    assert Dark().measure(view_of(image)) is None
    assert Bright().measure(view_of(255 - image)) is None
    assert Dark().measure(view_of(image // 9)) == pytest.approx(28 / 255)
    assert Bright().measure(view_of(255 - image // 9)) == pytest.approx(227 / 255)


def test_huge_reads_the_header_alone() -> None:
    data = encode(np.zeros((30, 40, 3), np.uint8), "png")
    assert Huge(megapixels=0.001).measure(view_of(data)) == (30, 40)
    assert Huge().measure(view_of(data)) is None
    assert Huge().measure(view_of(b"no image")) is None


def test_classes_are_counted_by_records_also_where_one_has_several() -> None:
    kinds = {"labels": MultiLabel(names=("a", "b", "c"))}
    raw = [["a", "b"]] * 30 + [["a"]] * 30 + [["b", "c"]] * 2
    measures = [RareClass().measure(view_of(kinds=kinds, labels=each)) for each in raw]
    records = [Record(key=str(n)) for n in range(len(raw))]
    seen = Seen(records=records, measures=measures, kinds=kinds)
    assert [each.text for each in RareClass().judge(seen)] == ["of the class c (labels), found 2"]
    [finding] = Imbalance().judge(seen)
    assert (finding.key, finding.value, finding.threshold) == (None, 30.0, 10.0)
    assert finding.text == "60 records of the class a (labels), 2 of c"


SMEAR = np.eye(13, dtype=np.float32) / 13
SPOILT = {
    "noise": lambda image: np.clip(
        image + np.random.default_rng(0).normal(0, 8, image.shape), 0, 255
    ).astype(np.uint8),
    "bar": lambda image: np.concatenate([image[:-40], 0 * image[-40:]]),
    "date": lambda image: cv2.putText(
        image.copy(), "2024 08 17", (150, 245), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 160, 0), 1
    ),
}


@pytest.mark.parametrize("spoilt", SPOILT)
@pytest.mark.parametrize("name", ["astronaut", "chelsea"])
def test_blur_is_seen_through_noise_bars_and_dates_and_where_it_has_a_direction(name, spoilt):
    spoil = SPOILT[spoilt]
    image = np.ascontiguousarray(getattr(data, name)()[:256, :256])
    assert Blurred().measure(view_of(image)) is None
    assert Blurred().measure(view_of(spoil(image))) is None
    assert Blurred().measure(view_of(spoil(cv2.GaussianBlur(image, (0, 0), 3)))) < 1
    assert Blurred().measure(view_of(spoil(cv2.filter2D(image, -1, SMEAR)))) < 1


@pytest.mark.parametrize("color", [(255, 160, 0), (20, 20, 20), (250, 250, 250)])
def test_lettering_of_any_color_leaves_a_smeared_picture_blurred(color):
    """And a sharp one sharp."""

    def lettered(image):
        font = cv2.FONT_HERSHEY_SIMPLEX
        return cv2.putText(image.copy(), "2024 08 17 12:30", (20, 245), font, 0.6, color, 1)

    image = np.ascontiguousarray(data.astronaut()[:256, :256])
    assert Blurred().measure(view_of(lettered(image))) is None
    for kernel in (np.full((1, 15), 1 / 15), np.full((15, 1), 1 / 15)):
        assert Blurred().measure(view_of(lettered(cv2.filter2D(image, -1, kernel)))) < 1


def test_what_a_cut_border_leaves_is_judged_only_where_it_is_large_enough():
    image = np.full((256, 256, 3), 90, np.uint8)
    image[80:176, 80:176] = cv2.GaussianBlur(data.astronaut()[:96, 100:196], (0, 0), 3)
    assert Blurred().measure(view_of(image)) is None  # the frame's own edges are sharp


def test_an_image_of_another_size_than_nearly_all_is_odd() -> None:
    assert judged(OddSize(), [(28, 28)] * 99 + [(32, 28)]) == [99]
    assert judged(OddSize(share=1), [(28, 28)] * 99 + [(32, 28)]) == []
    assert judged(OddSize(), [(300 + n, 400) for n in range(50)] + [(30, 40), (4000, 900)]) == [
        *(50, 51)
    ]
    assert judged(OddSize(), [(2**n, 2**n) for n in range(4, 12)] * 9) == []


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (("Cat", "cat", "C A T", "dog"), ["Cat", "cat", "C A T"]),
        (("sea_lion", "Sea Lion", "lion"), ["sea_lion", "Sea Lion"]),
        (("A", "a", "1", "-1"), None),
        (("C", "C++", "C#"), None),
    ],
)
def test_classes_that_differ_only_in_how_they_are_written_are_named(names, found) -> None:
    kinds = {"label": ClassLabel(names=names)}
    measures = [SimilarNames().measure(view_of(kinds=kinds, label=name)) for name in names]
    records = [Record(key=str(n)) for n in range(len(names))]
    seen = Seen(records=records, measures=measures, kinds=kinds)
    assert [each.value for each in SimilarNames().judge(seen)] == ([found] if found else [])


def with_frame(image: np.ndarray, sides: tuple[int, int, int, int], gray: int) -> np.ndarray:
    return cv2.copyMakeBorder(image, *sides, cv2.BORDER_CONSTANT, value=(gray,) * 3)


@pytest.mark.parametrize("gray", [255, 0, 128])
@pytest.mark.parametrize("sides", [(8, 8, 8, 8), (20, 20, 0, 0), (0, 0, 30, 12)])
def test_a_frame_or_bars_are_measured_to_the_pixel(sides, gray: int) -> None:
    framed = with_frame(data.astronaut()[100:300, :200], sides, gray)
    frame, share = Framed().measure(view_of(framed))
    assert frame == sides and share == pytest.approx(1 - 200 * 200 / framed[..., 0].size)
    assert Framed(above=share).measure(view_of(framed)) is None


def test_what_lies_on_an_even_ground_is_not_framed() -> None:
    ground = np.full((200, 200, 3), 255, np.uint8)
    assert (
        Framed().measure(view_of(cv2.circle(ground.copy(), (100, 100), 60, (0, 0, 90), -1))) is None
    )
    assert Framed().measure(view_of(ground)) is None
    cut = np.dstack([ground, np.zeros((200, 200), np.uint8)])
    cut[40:160, 40:160] = [*data.astronaut()[0, 0], 255]
    assert Framed().measure(view_of(cut)) is None  # its margins are transparent
    assert Framed().measure(view_of(data.astronaut())) is None


def test_where_many_are_framed_none_is_odd() -> None:
    frame = ((8, 8, 8, 8), 0.1)
    assert judged(Framed(), [frame, *[None] * 9]) == [0]
    assert judged(Framed(), [frame] * 2 + [None] * 8) == []


@pytest.mark.parametrize("gray", [255, 250, 120, 0])
@pytest.mark.parametrize("deviation", [0, 2, 5, 10])
def test_noise_alone_shows_nothing(gray: int, deviation: float) -> None:
    noise = np.random.default_rng(0).normal(gray, deviation, (300, 400, 3))
    empty = np.clip(np.rint(noise), 0, 255).astype(np.uint8)
    assert Uniform().measure(view_of(empty)) is not None
    empty[100:140, 100:300] = abs(gray - 40)
    assert Uniform().measure(view_of(empty)) is None
