"""What is advised for which targets and images, and that it never contradicts them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsbuilder.images.encoding import Header
from dsbuilder.plugin import Record, Target
from dsbuilder.proposal import advice
from dsbuilder.proposal.facts import Appearance, Facts
from dsbuilder.registry import discover
from dsbuilder.targets import Boxes, ClassLabel, Keypoints, Mask, MultiLabel, Text, Value

TARGETS: Mapping[str, Target] = {
    "class": ClassLabel(names=("cat", "dog")),
    "multi_label": MultiLabel(names=("cat", "dog")),
    "value": Value(),
    "text": Text(),
    "mask": Mask(names=("cat", "dog")),
    "boxes": Boxes(names=("cat", "dog")),
    "keypoints": Keypoints(names=("left eye", "right eye")),
}


def header(height: int = 300, width: int = 400, **changes: bool) -> Header:
    looks = {"gray": False, "alpha": False, "lossy": True, **changes}
    return Header(size=(height, width), **looks)


def facts(
    *kinds: str,
    headers: Sequence[Header] = (header(), header(310)),
    labels: Sequence[str] = ("cat", "dog") * 50,
    splits: Sequence[str | None] = (None,),
) -> Facts:
    records = [
        Record(key=f"{n}", targets={"class": label}, split=splits[n % len(splits)])
        for n, label in enumerate(labels)
    ]
    return Facts(
        records=records,
        targets={kind: TARGETS[kind] for kind in kinds or ("class",)},
        appearance=Appearance(headers=tuple(headers), unreadable={}),
    )


def names(of: Facts) -> list[str]:
    return [stage["use"] for stage, _ in advice.stages(of)]


def test_text_and_characters_are_never_mirrored() -> None:
    assert "A.HorizontalFlip" not in names(facts("text"))
    for labels in (("0", "1"), ("a", "B"), ("10", "9"), ("one", "Two")):
        assert "A.HorizontalFlip" not in names(facts(labels=labels * 20))
    assert "A.HorizontalFlip" in names(facts(labels=("cat", "no") * 20))


def test_keypoints_of_two_sides_are_mirrored_only_where_they_are_known_to_swap() -> None:
    assert "A.HorizontalFlip" not in names(facts("keypoints"))
    swapped = Keypoints(names=("left eye", "right eye"), swaps=(("left eye", "right eye"),))
    known = facts()
    known = Facts(records=known.records, targets={"k": swapped}, appearance=known.appearance)
    assert "A.HorizontalFlip" in names(known)


def test_a_value_is_varied_by_color_alone() -> None:
    assert names(facts("value")) == ["A.RandomBrightnessContrast"]


def test_what_is_labeled_by_its_place_is_not_cut_off() -> None:
    for kind in ("boxes", "keypoints", "text"):
        assert advice.fit(facts(kind))[0] == "pad"
        assert "A.RandomResizedCrop" not in names(facts(kind))


@pytest.mark.parametrize(
    ("changes", "mode"),
    [({"gray": True}, "gray"), ({}, "rgb"), ({"gray": True, "alpha": True}, "rgb")],
)
def test_the_mode_is_what_headers_say(changes: dict[str, bool], mode: str) -> None:
    assert advice.mode(facts(headers=[header(**changes)]))[0] == mode


def test_photographs_are_stored_as_jpeg_and_drawings_without_loss() -> None:
    assert advice.storage(facts(), "rgb")[0] == "jpeg"
    assert advice.storage(facts(headers=[header(28, 28)]), "gray")[0] == "png"
    assert advice.storage(facts(headers=[header(lossy=False, alpha=True)]), "rgb")[0] == "png"
    assert advice.storage(facts(), "rgba")[0] == "png"


@pytest.mark.parametrize(
    ("splits", "section"),
    [
        ((None,), {"train": 0.8, "validation": 0.1, "test": 0.1}),
        (("train", "test"), {"method": "layout", "validation": 0.1}),
        (("train",), {"method": "layout", "validation": 0.1, "test": 0.1}),
        (("train", "validation"), None),
        (("train", "validation", "test"), None),
    ],
)
def test_only_what_the_layout_leaves_open_is_split(splits, section) -> None:
    assert advice.split(facts(splits=splits))[0] == section


@pytest.mark.parametrize("splits", [("train", None), ("test",)])
def test_splits_that_cannot_be_followed_are_named(splits) -> None:
    section, why = advice.split(facts(splits=splits))
    assert section["method"] == "stratified"
    assert "are not followed" in why


def test_classes_of_few_records_are_explained() -> None:
    section, why = advice.split(facts(labels=["cat"] * 20 + ["dog"] * 2))
    assert section == {"train": 0.6, "validation": 0.2, "test": 0.2}
    assert "1 class has fewer than 10 records ('dog')" in why


@given(
    st.lists(st.tuples(st.integers(1, 5000), st.integers(1, 5000)), min_size=1, max_size=20),
    st.sampled_from(sorted(TARGETS)),
)
def test_sizes_are_sane_for_any_images(sizes, kind) -> None:
    of = facts(kind, headers=[header(*each) for each in sizes])
    height, width = advice.size(of)[0]
    assert 1 <= height <= 1280
    assert 1 <= width <= 1280
    before, _ = advice.prepare(of, (height, width))
    assert before is None or min(height, width) * 1.25 <= of.appearance.short


def test_images_of_one_small_size_keep_it() -> None:
    assert advice.size(facts(headers=[header(28, 28)] * 5))[0] == (28, 28)
    assert advice.size(facts(headers=[header(60, 100)] * 5))[0] == (60, 100)


def test_few_images_get_many_variants_and_very_many_none() -> None:
    assert advice.copies(facts())[0] == 3
    assert advice.copies(facts(labels=("cat", "dog") * 5000))[0] == 1
    assert advice.copies(facts(labels=("cat", "dog") * 15000))[0] == 0


def test_inspectors_fit_what_is_labeled_and_how_images_look() -> None:
    registry = discover()
    photographs = dict(advice.inspections(facts()))
    assert {"two_labels", "similar_names", "blurred", "leak"} <= set(photographs)
    lines = dict(advice.inspections(facts("text", headers=(header(20, 90), header(20, 90)))))
    assert "charset" in lines and "odd_size" in lines
    assert not {"blurred", "two_labels"} & set(lines)
    assert "flat_box" in dict(advice.inspections(facts("boxes")))
    for name in (*photographs, *lines):
        assert registry.get(name, "inspector")


def test_cut_outs_are_padded_and_never_cropped() -> None:
    for of in (facts(headers=[header(alpha=True)] * 3), even_facts()):
        assert advice.fit(of)[0] == "pad"
        assert "A.RandomResizedCrop" not in names(of)
    assert advice.fit(facts())[0] == "crop"


def even_facts() -> Facts:
    looks = Appearance(headers=(header(),) * 3, unreadable={}, num_even=2)
    return replace(facts(), appearance=looks)
