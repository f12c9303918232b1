"""Which names of targets are taken, which are legal, and what is said of the others."""

import pytest

from dsbuilder.sample import Target
from dsbuilder.targets import Boxes, ClassLabel, MultiLabel, Text, Value
from dsbuilder.targets.stored import as_file_name, name_faults, stored_arrays, stored_features

ONE = ClassLabel(names=("a", "b"))
SOFT = ClassLabel(names=("a", "b"), soft=True)


def faults(**targets: Target) -> list[str]:
    return list(name_faults(targets))


@pytest.mark.parametrize(
    "name",
    ["label", "offset", "größe 猫", "a.b", "None", "file_name", "Price (EUR)", "%s", "x" * 100],
)
def test_one_line_of_printable_letters_is_a_name(name: str) -> None:
    assert faults(**{name: Value()}) == []


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("", "none"),
        ("a/b", "a slash"),
        ("a\\b", "a slash"),
        ("a\nb", "a letter that cannot be printed"),
        ("a\0", "a letter that cannot be printed"),
        (" a", "a space at an end"),
        ("a ", "a space at an end"),
        (".a", "a dot at its start"),
        ("\udc80", "what is no UTF-8"),
        ("猫" * 34, "more than 100 bytes"),
    ],
)
def test_another_is_refused_by_its_name_and_why(name: str, found: str) -> None:
    [fault] = faults(**{name: Value()})
    assert fault.startswith("target '")
    assert fault.endswith(
        f"': expected a name of printable letters without slashes, found {found}. Rename it: the "
        "column or the option of the source that it is called after."
    )


def test_a_name_breaks_no_message() -> None:
    [fault] = faults(**{"a\nb\x1b[31m": Value()})
    assert fault.startswith(r"target 'a\nb\x1b[31m': expected")


@pytest.mark.parametrize(
    ("targets", "first", "second", "stored"),
    [
        ({"image": ONE}, "image", "the format itself", "image"),
        ({"key": Text()}, "key", "the format itself", "key"),
        ({"key": Boxes(names=("a",))}, "key", "the format itself", "key"),
        ({"label": SOFT, "label_weights": Value()}, "label_weights", "the target 'label'", None),
        ({"label_weights": Value(), "label": SOFT}, "label", "the target 'label_weights'", None),
        ({"o": Boxes(names=("a",)), "o-bbox": Text()}, "o-bbox", "the target 'o'", "o-bbox"),
        (
            {"many": MultiLabel(names=("a",)), "many.row_splits": Value()},
            "many.row_splits",
            "the target 'many'",
            "many.row_splits",
        ),
    ],
)
def test_what_is_taken_is_refused(targets, first, second, stored) -> None:
    assert faults(**targets) == [
        f"target '{first}': expected a name under which nothing else is stored, found that "
        f"{second} stores '{stored or 'label_weights'}'. Rename it: the column or the option of "
        "the source that it is called after."
    ]


def test_parts_of_a_target_have_names_of_their_own() -> None:
    twice = Boxes(names=("a",), attributes=(("bbox.row_splits", "int64"),))
    assert faults(objects=twice) == [
        "target 'objects': expected parts with names of their own, found "
        "'objects-bbox.row_splits' twice."
    ]
    odd = Boxes(names=("a",), attributes=(("a\0b", "int64"),))
    assert "expected another name, found a letter that cannot be printed" in faults(objects=odd)[0]


def test_every_stored_name_is_one_of_its_own() -> None:
    targets = {"label": SOFT, "many": MultiLabel(names=("a",)), "o": Boxes(names=("a",))}
    arrays = stored_arrays(stored_features(targets))
    assert arrays == (
        *("image", "key", "label", "label_weights", "many", "many_weights", "o/bbox", "o/label"),
        *("many.row_splits", "o/bbox.row_splits", "o/label.row_splits"),
    )
    assert len(set(map(as_file_name, arrays))) == len(arrays)
