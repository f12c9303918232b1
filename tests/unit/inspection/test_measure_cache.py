"""A second build measures only what is new, and finds what one that measures all does."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plugin_files import DIMMED

import dsbuilder
from dsbuilder.builder import build_dataset
from dsbuilder.inspection.measure_cache import UNKNOWN, MeasureCache

# Each inspector notes what it measures in a file of its own beside the plugins.
INSPECTOR = '''
"""Inspectors that note what they measure."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from dsbuilder.plugin import Finding, Inspector, Seen, View, inspector

LOG = Path({log!r})


def note(name, view):
    with (LOG / name).open("a") as file:
        file.write(view.record.key + "\\n")
    return (name, view.image.mean() > 1000, b"\\x00\\xff", len(view.data))


@inspector("one")
@dataclass(frozen=True, kw_only=True)
class One(Inspector):
    """Notes.

    Attributes:
      level: any number.
    """

    level: int = 0
    advice: ClassVar[str] = "Do nothing."

    def measure(self, view: View):
        return (note("one", view)[3], str(view.targets["label"]))

    def judge(self, seen: Seen) -> Iterator[Finding]:
        for record, (size, label) in seen.measured():
            yield Finding(key=record.key, text=f"{{size}} {{label}}")


@inspector("two")
@dataclass(frozen=True, kw_only=True)
class Two(Inspector):
    """Notes."""

    advice: ClassVar[str] = "Do nothing."

    def measure(self, view: View):
        note("two", view)

    def judge(self, seen: Seen) -> Iterator[Finding]:
        assert all(measure is None for measure in seen.measures)
        yield from ()
'''
PIPELINE = """\
name: pets
source: {use: folder, path: source}
split: {train: 0.6, validation: 0.2, test: 0.2}
finish: [{use: resize, size: [16, 20]}]
"""


@pytest.fixture
def images(make_images, tmp_path: Path) -> Path:
    (tmp_path / "log").mkdir()
    (tmp_path / "plugins").mkdir()
    text = INSPECTOR.format(log=str(tmp_path / "log"))
    (tmp_path / "plugins/noting.py").write_text(text)
    return make_images(classes=("cat", "dog"), count=6, size=(12, 14))


@pytest.fixture
def measured(images, write_pipeline, tmp_path: Path):
    """Builds; returns which keys each inspector measured then, and what was said."""

    def run(inspect: str = "{one: warn, two: warn}", **options) -> tuple[dict, list[str]]:
        for log in (tmp_path / "log").iterdir():
            log.unlink()
        path = write_pipeline(f"{PIPELINE}inspect: {inspect}\n")
        built = build_dataset(path, tmp_path / "out", workers=0, **options)
        found = {log.name: log.read_text().split() for log in (tmp_path / "log").iterdir()}
        return found, list(built.warnings)

    return run


def test_a_second_build_measures_nothing_and_says_the_same(measured) -> None:
    first, said = measured()
    assert {name: len(keys) for name, keys in first.items()} == {"one": 12, "two": 12}
    assert any("12 findings" in each for each in said)
    assert measured() == ({}, said)
    assert measured(rehash=True) == ({}, said)


def test_a_new_a_changed_and_a_moved_file_are_measured(measured, images: Path) -> None:
    measured()
    (images / "cat/new.png").write_bytes((images / "cat/0.png").read_bytes())
    (images / "dog/1.png").write_bytes((images / "dog/2.png").read_bytes())
    (images / "cat/3.png").rename(images / "dog/moved.png")
    found, _ = measured()
    assert set(found["one"]) == set(found["two"]) == {"cat/new.png", "dog/1.png", "dog/moved.png"}
    assert measured()[0] == {}


def test_only_an_inspector_that_changed_measures_again(measured, tmp_path: Path) -> None:
    measured("{two: warn}")
    assert set(measured()[0]) == {"one"}
    assert set(measured("{one: {level: 1}, two: warn}")[0]) == {"one"}
    plugin = tmp_path / "plugins/noting.py"
    plugin.write_text(plugin.read_text() + "\n# changed\n")
    assert set(measured("{one: {level: 1}, two: warn}")[0]) == {"one", "two"}


def test_another_class_changes_what_labels_mean(measured, images: Path) -> None:
    measured()
    (images / "ant").mkdir()
    (images / "ant/0.png").write_bytes((images / "cat/0.png").read_bytes())
    assert len(measured()[0]["one"]) == 13


def test_what_is_damaged_is_measured_again(measured, tmp_path: Path) -> None:
    _, said = measured()
    kept = tmp_path / "out/pets/.builds/measures.jsonl"
    for text in ("", "{}", kept.read_text()[:-40], "[1]\n[]\n", "\x00"):
        kept.write_text(text)
        found, again = measured()
        assert found["one"] and again == said
        assert measured() == ({}, said)


def test_how_a_source_reads_files_changes_what_is_measured(images, write_pipeline, tmp_path):
    plugin = tmp_path / "plugins/dimmed.py"

    def warns(factor: int, by: int) -> bool:
        plugin.write_text(DIMMED.replace("FACTOR", str(factor)))
        text = PIPELINE.replace("use: folder,", f"use: dimmed, by: {by},")
        path = write_pipeline(f"{text}inspect: {{dark: warn}}\n")
        built = build_dataset(path, tmp_path / "out", workers=0)
        return any(each.startswith("inspect: dark") for each in built.warnings)

    assert not warns(1, 1)
    assert warns(1, 20)
    assert not warns(1, 1)
    assert warns(20, 1)


def test_what_is_set_aside_is_so_in_every_build(make_images, write_pipeline, tmp_path) -> None:
    folder = make_images(classes=("cat", "dog"), count=15)
    (folder / "cat/3.png").write_bytes((folder / "cat/3.png").read_bytes()[:200])
    (folder / "dog/99.png").write_bytes((folder / "dog/4.png").read_bytes())
    inspect = "{truncated: quarantine, exact_duplicate: quarantine, near_duplicate: warn}"
    path = write_pipeline(f"{PIPELINE}inspect: {inspect}\n")
    builds = [build_dataset(path, tmp_path / "out", workers=0) for _ in range(3)]
    fresh = build_dataset(path, tmp_path / "fresh", workers=0)
    for built in builds:
        assert {row["key"] for row in built.quarantined} == {"cat/3.png", "dog/99.png"}
        assert built.manifest.fingerprint == fresh.manifest.fingerprint
    dsbuilder.load(fresh.path).verify()


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.lists(st.tuples(PLAIN, PLAIN), max_size=4))
def test_plain_measures_come_back_as_they_were(tmp_path_factory, rows) -> None:
    kept = MeasureCache(
        path=tmp_path_factory.getbasetemp() / "measures.jsonl",
        records=[f"record {place}" for place in range(len(rows))],
        inspectors={"a": "1", "b": "2"},
    )
    columns = {name: [row[place] for row in rows] for place, name in enumerate("ab")}
    kept.save(columns)
    again = {name: [UNKNOWN] * len(rows) for name in "ba"}
    kept.load(again)
    assert repr(again["a"]) == repr(columns["a"])  # tells a tuple from a list, and True from 1
    assert repr(again["b"]) == repr(columns["b"])


def test_what_is_no_plain_value_is_not_kept(tmp_path) -> None:
    kept = MeasureCache(path=tmp_path / "m", records=["r", None], inspectors={"a": "1", "b": "2"})
    kept.save({"a": [{1, 2}, 1], "b": [5, 5]})
    again = {"a": [UNKNOWN] * 2, "b": [UNKNOWN] * 2}
    kept.load(again)
    assert again == {"a": [UNKNOWN, UNKNOWN], "b": [5, UNKNOWN]}
