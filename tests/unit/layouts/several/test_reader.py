"""Several sources as one: keys, shares, classes, and where they do not agree."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dsbuilder
from dsbuilder.builder import build_dataset
from dsbuilder.errors import DataError, SpecError
from dsbuilder.layouts.folder.reader import Folder
from dsbuilder.layouts.several.reader import Several
from dsbuilder.plugin import (
    Boxes,
    Catalog,
    ClassLabel,
    Listing,
    Mask,
    MultiLabel,
    Record,
    Source,
    Target,
    Text,
    Value,
)


@dataclass(frozen=True, kw_only=True)
class Made(Source):
    """Records without files, which know what they are asked.

    Attributes:
      keys: keys of the records.
      kinds: the targets.
      notes: what is told of them.
    """

    keys: tuple[str, ...] = ("a", "b")
    kinds: Mapping[str, Target]
    notes: tuple[str, ...] = ()

    def open(self) -> Catalog:
        return MadeCatalog(self)


class MadeCatalog(Catalog):
    def __init__(self, source: Made) -> None:
        self._source = source

    def scan(self) -> Listing:
        found = [Record(key=key, group=f"group {key}", split="train") for key in self._source.keys]
        return Listing(records=found, targets=self._source.kinds, notes=self._source.notes)

    def read(self, record: Record) -> np.ndarray:
        assert record.key in self._source.keys
        return np.full((2, 2, 3), self._source.keys.index(record.key), np.uint8)

    def identity(self, record: Record) -> str:
        return f"made {record.key}"


def several(**kinds: Target) -> Several:
    """A source of several, each with one target."""
    return Several(sources={name: Made(kinds={"t": kind}) for name, kind in kinds.items()})


def united(**kinds: Target) -> Target:
    return several(**kinds).open().targets["t"]


def test_keys_bear_the_name_of_their_source_which_reads_them():
    catalog = several(one=Text(), two=Text()).open()
    records = catalog.records
    assert [each.key for each in records] == ["one/a", "one/b", "two/a", "two/b"]
    assert {(each.group, each.split) for each in records} == {
        ("group a", "train"),
        ("group b", "train"),
    }
    assert [catalog.read(each).max() for each in records] == [0, 1, 0, 1]
    assert [catalog.identity(each) for each in records][:2] == ["made a", "made b"]


def test_a_record_is_read_by_a_catalog_that_lists_nothing():
    found = several(one=Text(), two=Text()).open().records
    again = several(one=Text(), two=Text()).open()
    assert [again.read(each).max() for each in found] == [0, 1, 0, 1]


keys = st.sets(st.text(st.characters(codec="utf-8", exclude_characters="\0/\\"), min_size=1))


def kept(names: set[str], share: float) -> set[str]:
    made = Made(keys=tuple(sorted(names)), kinds={"t": Text()})
    source = Several(sources={"some": made, "all": made}, shares={"some": share})
    try:
        return {each.key for each in source.open().records if each.key.startswith("some/")}
    except DataError as error:
        assert "found none of" in str(error)
        return set()


@given(keys, keys, st.floats(0.01, 1), st.floats(0.01, 1))
def test_what_a_share_keeps_depends_on_no_other_file(some, more, share, other):
    assert kept(some | more, share) & kept(some, 1.0) == kept(some, share)
    smaller, larger = sorted((share, other))
    assert kept(some, smaller) <= kept(some, larger)


def test_a_share_is_kept_and_the_rest_is_told_with_what_the_sources_tell():
    made = Made(keys=tuple(f"{index}.png" for index in range(10_000)), kinds={"t": Text()})
    told = Made(kinds={"t": Text()}, notes=("1 file was skipped", "another note"))
    catalog = Several(sources={"some": made, "all": told}, shares={"some": 0.25}).open()
    count = len(catalog.records) - 2
    assert count == pytest.approx(2500, abs=200)
    assert catalog.notes == [
        f"{10_000 - count} of 10000 records of 'some' were left out, by its share of 0.25",
        "all: 1 file was skipped",
        "all: another note",
    ]


def test_classes_of_records_that_a_share_leaves_out_keep_their_ids(make_images, tmp_path: Path):
    one = make_images("one", classes=tuple("abcdefgh"), count=1)
    two = make_images("two", classes=("a", "z"), count=1)
    sources = {"one": Folder(path=one), "two": Folder(path=two)}
    catalog = Several(sources=sources, shares={"one": 0.3}).open()
    assert len(catalog.records) < 8
    assert catalog.targets == {"label": ClassLabel(names=tuple("abcdefghz"))}


@pytest.mark.parametrize("kind", [ClassLabel, MultiLabel, Boxes])
def test_classes_are_united_in_the_order_of_the_sources(kind):
    found = united(one=kind(names=("b", "d")), two=kind(names=("a", "b", "c")))
    assert found == kind(names=("b", "d", "a", "c"))


@pytest.mark.parametrize("kind", [Text(), Value(size=2), Mask(names=("sky", "road"), ignore=255)])
def test_equal_targets_are_taken(kind):
    assert united(one=kind, two=kind) == kind


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (Text(), ClassLabel(names=("a", "b"))),
        (ClassLabel(names=("a",)), MultiLabel(names=("a",))),
        (Value(size=2), Value(size=3)),
        (Mask(names=("sky",)), Mask(names=("road",))),
        (Boxes(names=("a",)), Boxes(names=("a",), attributes=(("id", "int64"),))),
    ],
)
def test_targets_that_differ_are_an_error(one, two):
    with pytest.raises(DataError) as caught:
        united(one=one, two=two)
    assert str(caught.value).startswith(
        f"several: expected the target 't' to be the same in every source, found {one!r} in 'one' "
        f"and {two!r} in 'two'."
    )


def test_targets_of_other_names_are_an_error():
    text, value = Made(kinds={"text": Text()}), Made(kinds={"value": Value()})
    source = Several(sources={"one": text, "two": value})
    with pytest.raises(DataError, match="found text in 'one' and value in 'two'"):
        source.open().scan()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sources": {"a": 1}}, "sources: expected at least two, found 1."),
        ({"sources": {"a/b": 1, "c": 2}}, "sources: expected a name without slashes, found 'a/b'."),
        (
            {"sources": {"web": 1, "c": 2}, "shares": {"wbe": 0.5}},
            "shares: expected names of sources, found 'wbe'. Did you mean 'web'?",
        ),
        (
            {"sources": {"a": 1, "b": 2}, "shares": {"a": 0.0}},
            "shares: expected a share in (0, 1] of 'a', found 0.",
        ),
    ],
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(ValueError) as caught:
        Several(**options)
    assert str(caught.value) == message


PIPELINE = """
name: pets
source:
  use: several
  sources:
    photos: {use: folder, path: photos}
    web:
      use: list
      path: web
      list: web/list.txt
  shares: {photos: 0.5}
split: {train: 0.5, test: 0.5}
finish: [{use: resize, size: [16, 20]}]
"""


def test_a_pipeline_of_several_sources_builds(make_images, write_pipeline, tmp_path: Path) -> None:
    make_images("photos", count=20, classes=("cat", "dog"), size=(16, 20))
    web = make_images("web", count=3, classes=("cat", "owl"), size=(16, 20))
    lines = [f"{name}/{index}.png {name}\n" for name in ("cat", "owl") for index in range(3)]
    (web / "list.txt").write_text("".join(lines))
    pipeline = write_pipeline(PIPELINE)
    found = [
        dsbuilder.load(build_dataset(pipeline, tmp_path / out, workers=workers).path)
        for out, workers in (("one", 1), ("two", 2))
    ]
    assert found[0].class_names == ("cat", "dog", "owl")
    keys = {s.key for split in found[0].splits for s in found[0].samples(split)}
    assert {key for key in keys if key.startswith("web/")} == {
        f"web/{line.split()[0]}" for line in lines
    }
    assert 0 < len(keys) - len(lines) < 40
    sums = [(dataset.path / "SHA256SUMS").read_bytes() for dataset in found]
    assert sums[0] == sums[1]


def test_a_wrong_option_of_a_nested_source_is_told_with_its_line(write_pipeline) -> None:
    pipeline = write_pipeline(PIPELINE.replace("      path: web\n", "      paht: web\n"))
    with pytest.raises(SpecError) as caught:
        build_dataset(pipeline, "out")
    assert f"{pipeline}:9: source.sources.web.paht: unknown option 'paht'." in str(caught.value)
    pipeline = write_pipeline(PIPELINE.replace("use: folder", "use: foldr"))
    with pytest.raises(SpecError, match=r"unknown source 'foldr'\. Did you mean 'folder'\?"):
        build_dataset(pipeline, "out")


def test_what_is_watched_is_what_all_watch(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    one, two = Folder(path=tmp_path / "one"), Folder(path=tmp_path / "two")
    source = Several(sources={"one": one, "two": two})
    assert source.open().watches() == [tmp_path / "one", tmp_path / "two"]
    unknown = Made(kinds={"label": Text()})
    assert Several(sources={"one": one, "two": unknown}).open().watches() is None


def test_no_folder_is_recognized_as_several(tmp_path: Path) -> None:
    assert not Several.of_folder
    assert Several.signs(tmp_path).evidence is None
    assert Several(sources={"a": Folder(path=tmp_path), "b": Folder(path=tmp_path)})
