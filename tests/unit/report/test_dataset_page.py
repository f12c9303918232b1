"""The page of a dataset: what it tells is true, whatever anybody is called, at any size."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import MakeImages, WritePipeline
from reports import check_harmless

import dsbuilder
from dsbuilder.builder import build_dataset
from dsbuilder.cache import course
from dsbuilder.cache.course import Course, InspectorFindings, KeyFinding, Origins
from dsbuilder.cache.manifest import Shard
from dsbuilder.report import dataset_page as pages
from dsbuilder.report.page import html
from dsbuilder.report.page.pictures import Room

HOSTILE = "<img src=x onerror=alert(1)>"
PETS = """
name: pets
source: {use: folder, path: source}
split: {train: 0.5, test: 0.5}
prepare: [{use: resize, size: [16, 16]}]
augment: {copies: 2, stages: [{use: A.HorizontalFlip, p: 1.0}]}
inspect: {uniform: quarantine, exact_duplicate: warn}
"""


@pytest.fixture
def pets(make_images: MakeImages, write_pipeline: WritePipeline, tmp_path: Path) -> Path:
    """A pipeline of two classes, one of a hostile name, with a file of such a name."""
    make_images(classes=("cat", HOSTILE), count=6)
    first = tmp_path / "source" / "cat" / "0.png"
    first.rename(first.with_name(f"{HOSTILE.replace('/', '')}.png"))
    return write_pipeline(PETS, "pets")


def page_of(dataset: dsbuilder.Dataset) -> str:
    return html.render(pages.dataset_page(dataset, where="out/pets/1.0.0"))


def test_a_page_tells_what_was_built(pets: Path, tmp_path: Path) -> None:
    built = build_dataset(pets, tmp_path / "out", workers=0)
    page = check_harmless(page_of(dsbuilder.load(built.path)))
    cells = page.texts["td"]
    assert {"6", "18"} <= set(cells), "records and samples of train"
    alts = [attributes["alt"] for tag, attributes in page.tags if tag == "img"]
    originals = [alt for alt in alts if alt.endswith(", original")]
    assert len(originals) == 6
    assert len(alts) == 3 * len(originals), "each original beside its two variants"
    assert any(HOSTILE in alt for alt in alts)
    assert "HorizontalFlip" in page.texts["span"]
    assert "name: pets\n" in page.texts["code"][0]
    assert "reading files" in page.texts["th"]


def test_no_name_becomes_markup(pets: Path, tmp_path: Path) -> None:
    built = build_dataset(pets, tmp_path / "out", workers=0)
    text = page_of(dsbuilder.load(built.path))
    assert "<img src=x" not in text
    page = check_harmless(text)
    assert HOSTILE in page.texts["th"]
    assert any(each.startswith(HOSTILE) for each in page.texts["title"]), "in the chart"


def test_findings_and_what_was_set_aside_are_told(
    pets: Path, tmp_path: Path, make_images: MakeImages
) -> None:
    from PIL import Image

    Image.new("RGB", (40, 50)).save(tmp_path / "source/cat/black.png")
    same = (tmp_path / "source/cat/1.png").read_bytes()
    (tmp_path / "source/cat/again.png").write_bytes(same)
    built = build_dataset(pets, tmp_path / "out", workers=0)
    known = course.read(built.path)
    assert known is not None
    assert {each.inspector: each.action for each in known.findings} == {
        "uniform": "quarantine",
        "exact_duplicate": "warn",
    }
    page = check_harmless(page_of(dsbuilder.load(built.path)))
    assert "cat/black.png" in page.texts["th"], "set aside"
    assert "inspect/uniform" in page.texts["td"]
    assert "quarantine" in page.texts["td"]


def test_the_course_of_a_build_adds_up(pets: Path, tmp_path: Path) -> None:
    built = build_dataset(pets, tmp_path / "out", workers=0)
    known = course.read(built.path)
    assert known is not None
    assert (known.made, known.reused) == (24, 0)
    assert known.splits["train"] == Origins(
        classes={"cat": 3, HOSTILE: 3}, records=6, originals=6, variants=12
    )
    assert known.splits["test"].variants == 0
    assert known.paces["augment/A.HorizontalFlip"].count == 12
    assert known.paces["read"].count == known.paces["decode"].count == 12
    assert known.paces["encode"].count == 24
    assert all(pace.seconds > 0 for pace in known.paces.values())
    assert list(known.steps) == ["survey", "inspect", "plan", "make"]
    assert sorted(known.source_sizes) == sorted([(40 + i % 3, 50) for i in range(6)] * 2)
    (tmp_path / "source/cat/1.png").unlink()
    again = course.read(build_dataset(pets, tmp_path / "out", workers=0).path)
    assert again is not None
    assert again.made + again.reused == 22 or again.made + again.reused == 21
    assert again.reused > 15


def test_what_was_synthesized_is_counted_by_class_and_drawn(build_all_kinds) -> None:
    dataset = build_all_kinds()
    known = course.read(dataset.path)
    assert known is not None
    train = known.splits["train"]
    assert (train.records, train.originals, train.synthetic) == (0, 0, 6)
    assert train.synthesized == dataset.manifest.class_counts("train")
    page = check_harmless(page_of(dataset))
    alts = [attributes["alt"] for tag, attributes in page.tags if tag == "img"]
    assert len(alts) == 6
    assert all(alt.endswith(", synthesized") for alt in alts)
    for title in ("Boxes in an image", "Size of boxes", "Boxes by class"):
        assert title in page.texts["text"]


def test_a_damaged_dataset_is_an_error_and_no_traceback(pets: Path, tmp_path: Path) -> None:
    built = build_dataset(pets, tmp_path / "out", workers=0)
    dataset = dsbuilder.load(built.path)
    for path in built.path.glob("*-train-*.ledger.jsonl"):
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace('"parents":["', '"parents":["no'), encoding="utf-8")
        check_harmless(page_of(dataset))
        path.write_text(text.replace('"parents":[', '"parents":[7,'), encoding="utf-8")
        with pytest.raises(dsbuilder.CacheError):
            pages.dataset_page(dataset, where="out")


def test_a_dataset_without_its_log_has_a_page(pets: Path, tmp_path: Path) -> None:
    built = build_dataset(pets, tmp_path / "out", workers=0)
    for name in ("build.json", "course.json"):
        (built.path / "log" / name).unlink()
    page = check_harmless(page_of(dsbuilder.load(built.path)))
    assert any("its log is not there" in text for text in page.texts["p"])


def test_a_page_of_a_thousand_classes_and_a_million_samples_is_small(
    pets: Path, tmp_path: Path
) -> None:
    built = build_dataset(pets, tmp_path / "out", workers=0)
    dataset = dsbuilder.load(built.path)
    names = [f"class {number:04d} {HOSTILE}" for number in range(1000)]
    first = dataset.manifest.splits["train"][0]
    shards = [
        Shard(
            stem=first.stem if number == 0 else f"pets-train#{number:05d}-of-01024",
            samples=1000,
            size_bytes=64_000_000,
            fingerprint=first.fingerprint,
            classes=dict.fromkeys(names, 1),
        )
        for number in range(1000)
    ]
    splits = {"train": tuple(shards), "test": dataset.manifest.splits["test"]}
    large = replace(dataset, manifest=replace(dataset.manifest, splits=splits))
    rows = [{"key": n * 40, "stage": n * 9, "exception": n * 90} for n in names]
    page = pages._DatasetPage(
        dataset=large,
        where="out",
        log=None,
        course=Course(
            made=1_000_000,
            reused=0,
            steps={},
            paces={},
            splits={"train": Origins(classes=dict.fromkeys(names, 500), records=500_000)},
            findings=tuple(
                InspectorFindings(
                    inspector=f"inspector {number}",
                    action="warn",
                    count=100_000,
                    first=(KeyFinding(key=names[0] * 90, text=names[1] * 900),) * 50,
                )
                for number in range(30)
            ),
            warnings=tuple(f"{name * 100} {number}" for number, name in enumerate(names)),
        ),
        lost=rows,
    ).page()
    text = html.render(page)
    assert len(text.encode()) < html.MOST_BYTES / 2
    told = check_harmless(text)
    assert sum(names[0] == each for each in told.texts["th"]) == 1
    assert "1,000,018" in told.texts["dd"] or "1,000,006" in told.texts["dd"]


def test_a_page_never_takes_more_room_for_pictures_than_it_has(pets: Path, tmp_path: Path) -> None:
    built = build_dataset(pets, tmp_path / "out", workers=0)
    dataset = dsbuilder.load(built.path)
    whole = page_of(dataset).count("<img ")
    room = Room(left=3000)
    page = pages._DatasetPage(
        dataset=dataset, where="out", log=None, course=None, lost=(), room=room
    ).page()
    few = check_harmless(html.render(page))
    sources = [attributes["src"] or "" for tag, attributes in few.tags if tag == "img"]
    assert 0 < len(sources) < whole
    assert sum(map(len, sources)) <= 3000


def test_a_page_that_would_be_too_large_leaves_rows_out_and_says_how_many() -> None:
    from dsbuilder.report.page.blocks import DataRow, DataTable, PageSection, ReportPage

    rows = [DataRow(cells=[f"{n}{HOSTILE * 20}"], classes=["猫" * 300]) for n in range(20_000)]
    table = DataTable(caption="All", headings=["name"], rows=rows)
    sections = [PageSection(mark="a", title="A", blocks=[table])]
    text = html.render(ReportPage(kind="K", title="T", lead=[], sections=sections))
    assert html.MOST_BYTES / 4 < len(text.encode()) <= html.MOST_BYTES
    page = check_harmless(text)
    left = len(page.texts["th"]) - 1
    assert f"{20_000 - left:,} more rows are not shown." in page.texts["p"]


def test_what_a_name_may_hold_cannot_break_a_page() -> None:
    from dsbuilder.report.page.blocks import PageSection, Pairs, ReportPage

    odd = [
        "\x00\x1b[31m",
        "\udce9.png",
        "\u202egnp",
        "]]>",
        "</script><script>",
        "{{ 7*7 }}",
        "&lt;",
    ]
    block = Pairs(pairs=[(name, name) for name in odd])
    sections = [PageSection(mark="a", title=odd[4], blocks=[block])]
    page = ReportPage(kind=odd[5], title=odd[4], lead=odd, sections=sections, classes=odd)
    text = html.render(page)
    told = check_harmless(text)
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "{{ 7*7 }}" in told.texts["dd"]
    assert text.encode("utf-8", "backslashreplace")


def test_the_template_is_compiled_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.dont_write_bytecode", False)
    monkeypatch.setattr(html, "__file__", str(tmp_path / "html.py"))
    monkeypatch.setattr("sys.pycache_prefix", None)
    (tmp_path / "__pycache__").mkdir()
    html._template.cache_clear()
    html._template("page.html.jinja")
    (kept,) = (tmp_path / "__pycache__").iterdir()
    before = kept.stat().st_mtime_ns
    html._template.cache_clear()
    html._template("page.html.jinja")
    assert kept.stat().st_mtime_ns == before
    kept.write_bytes(os.urandom(100))
    html._template.cache_clear()
    assert html._template("page.html.jinja").name == "page.html.jinja"
