"""Pascal VOC files: annotations, lists, and the colors of masks."""

import contextlib
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsbuilder.errors import DataError
from dsbuilder.layouts.voc import format as voc

WHOLE = """<annotation>
  <folder>VOC2012</folder><filename>2007_000027.jpg</filename>
  <size><width>486</width><height>500</height><depth>3</depth></size>
  <segmented>0</segmented>
  <object>
    <name>person</name><pose>Unspecified</pose><truncated>0</truncated><difficult>1</difficult>
    <bndbox><xmin>174</xmin><ymin>101</ymin><xmax>349</xmax><ymax>351</ymax></bndbox>
    <part><name>head</name>
      <bndbox><xmin>169</xmin><ymin>104</ymin><xmax>209</xmax><ymax>146</ymax></bndbox>
    </part>
  </object>
</annotation>
"""


def read(folder: Path, text: str) -> voc.VocAnnotation:
    path = folder / "a.xml"
    path.write_text(text, encoding="utf-8")
    return voc.read(path)


def with_object(inside: str) -> str:
    return f"<annotation>\n<object>{inside}</object></annotation>"


def test_an_annotation_is_read_with_its_edges_counted_from_zero(tmp_path):
    found = read(tmp_path, WHOLE)
    assert found == voc.VocAnnotation(
        file_name="2007_000027.jpg",
        size=(500, 486),
        objects=(
            voc.VocObject(
                name="person",
                corners=(173.0, 100.0, 349.0, 351.0),
                attributes={"difficult": 1, "truncated": 0},
                line=5,
            ),
        ),
        parts=1,
    )


def test_the_first_and_the_last_pixel_are_the_whole_image(tmp_path):
    text = WHOLE.replace("174", "1").replace("101", "1").replace("349", "486").replace("351", "500")
    assert read(tmp_path, text).objects[0].corners == (0, 0, 486, 500)


def test_a_size_of_zero_counts_as_none(tmp_path):
    assert read(tmp_path, WHOLE.replace("486", "0")).size is None
    assert read(tmp_path, "<annotation/>") == voc.VocAnnotation()


def test_an_object_that_is_there_twice_counts_once(tmp_path):
    each = WHOLE[WHOLE.index("<object>") : WHOLE.index("</object>") + 9]
    found = read(tmp_path, WHOLE.replace("</annotation>", f"{each}</annotation>"))
    assert (len(found.objects), found.repeated) == (1, 1)


BOX = "<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>5</xmax><ymax>5</ymax></bndbox>"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<html/>", "a.xml:1: expected <annotation>, found <html>"),
        (with_object(BOX), "a.xml:2: the object has no <name>"),
        (with_object("<name>x</name>"), "the object has no <bndbox>"),
        (with_object("<name>x</name>" + BOX.replace("1<", "a<", 1)), "in <xmin>, found 'a'"),
        (
            with_object("<name>x</name>" + BOX.replace("1<", "<", 1)),
            "there is no number of pixels in <xmin>",
        ),
        (with_object("<name>x</name>" + BOX.replace("1<", "nan<", 1)), "found 'nan'"),
        (with_object("<name>x</name>" + BOX.replace("1<", "1e999<", 1)), "found '1e999'"),
        (
            with_object(f"<name>x</name><difficult>very</difficult>{BOX}"),
            "expected <difficult> of 0 or 1, found 'very'",
        ),
        (
            "<annotation><size><width>-3</width><height>4</height></size></annotation>",
            "expected width and height in pixels, found '-3'",
        ),
    ],
)
def test_a_wrong_annotation_is_refused_with_file_and_line(tmp_path, text, message):
    with pytest.raises(DataError, match=re.escape(message)):
        read(tmp_path, text)


NAME = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S"]), min_size=1)
PIXEL = st.floats(0, 2000, allow_subnormal=False)
OBJECT = st.builds(
    lambda name, corners, flag: voc.VocObject(
        name=name, corners=corners, attributes={"difficult": flag, "truncated": 1 - flag}
    ),
    NAME,
    st.tuples(PIXEL, PIXEL, PIXEL, PIXEL).map(
        lambda each: (*map(min, each[:2], each[2:]), *map(max, each[:2], each[2:]))
    ),
    st.integers(0, 1),
)


@given(NAME, st.lists(OBJECT, max_size=4, unique_by=lambda each: each.name))
def test_what_is_written_is_read_again(tmp_path_factory, name, objects):
    annotation = voc.VocAnnotation(file_name=f"{name}.png", size=(300, 400), objects=tuple(objects))
    text = voc.written(annotation, depth=3, segmented=False)
    found = read(tmp_path_factory.getbasetemp(), text)
    assert (found.file_name, found.size) == (annotation.file_name, annotation.size)
    for each, original in zip(found.objects, objects, strict=True):
        assert (each.name, each.attributes) == (original.name, original.attributes)
        left, top, right, bottom = original.corners
        wide = right - left >= 1 and bottom - top >= 1
        assert not wide or each.corners == pytest.approx(original.corners, abs=1e-5)
        assert each.corners[0] < each.corners[2]
        assert each.corners[1] < each.corners[3]


PIECES = ["<object>", "</object>", "<name>", "0", "-1", "<xmax>", "&", "&#0;", "é", "<part/>"]


@given(st.integers(0, len(WHOLE)), st.integers(0, 30), st.sampled_from(PIECES))
def test_any_changed_annotation_is_read_or_refused(tmp_path_factory, start, length, piece):
    text = WHOLE[:start] + piece + WHOLE[start + length :]
    with contextlib.suppress(DataError):
        for each in read(tmp_path_factory.getbasetemp(), text).objects:
            assert each.name and len(each.corners) == 4


def test_the_colors_of_masks_are_those_of_the_development_kit():
    assert [voc.color(n) for n in (0, 1, 2, 3, 4, 15, 20, 255)] == [
        (0, 0, 0),
        (128, 0, 0),
        (0, 128, 0),
        (128, 128, 0),
        (0, 0, 128),
        (192, 128, 128),
        (0, 64, 128),
        voc.VOID_COLOR,
    ]
    assert len(set(zip(*[iter(voc.palette())] * 3, strict=True))) == 256


def test_a_labelmap_is_a_class_and_its_color_a_line(tmp_path):
    path = tmp_path / "labelmap.txt"
    path.write_bytes(
        "# label:color_rgb:parts:actions\r\n背景:0,0,0::\r\na:b: 128, 0,0\r\n".encode()
    )
    assert voc.read_labelmap(path) == {"背景": (0, 0, 0), "a:b": (128, 0, 0)}


@given(st.lists(NAME, min_size=1, max_size=6, unique=True))
def test_a_labelmap_that_is_written_is_read_again(tmp_path_factory, names):
    path = tmp_path_factory.getbasetemp() / "labelmap.txt"
    path.write_text(voc.written_labelmap(names), encoding="utf-8")
    assert tuple(voc.read_labelmap(path)) == tuple(names)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file names no class"),
        ("cat\n", "labelmap.txt:1: expected 'name:red,green,blue::', found 'cat'"),
        ("cat:0,0,256::\n", "expected 'name:red,green,blue::'"),
        ("cat:0,0,0::\ncat:1,1,1::\n", "labelmap.txt:2: expected every class and color once"),
        ("cat:0,0,0::\ndog:0,0,0::\n", "labelmap.txt:2: expected every class and color once"),
    ],
)
def test_a_wrong_labelmap_is_refused(tmp_path, text, message):
    path = tmp_path / "labelmap.txt"
    path.write_text(text)
    with pytest.raises(DataError, match=re.escape(message)):
        voc.read_labelmap(path)


def test_an_image_set_is_a_name_a_line(tmp_path):
    path = tmp_path / "train.txt"
    path.write_bytes(b"\xef\xbb\xbf2007_000027\r\n\r\nmy photo 1\r\n")
    assert voc.read_image_set(path) == [(1, "2007_000027"), (3, "my photo 1")]
    assert voc.without_flag("2007_000027 -1") == "2007_000027"
    assert voc.without_flag("my photo") == "my photo"


@pytest.mark.parametrize(
    ("edges", "pixels"),
    [((3.2, 3.6), 4), ((3.9, 4.2), 5), ((0, 0), 1), ((40, 40), 40), ((0, 0.5), 1)],
)
def test_a_box_thinner_than_a_pixel_is_that_pixel(tmp_path, edges, pixels):
    low, high = edges
    thin = voc.VocObject(name="cat", corners=(low, 2, high, 9))
    written = voc.written(
        voc.VocAnnotation(file_name="a.jpg", size=(30, 40), objects=(thin,)),
        depth=3,
        segmented=False,
    )
    assert f"<xmin>{pixels}</xmin><ymin>3</ymin><xmax>{pixels}</xmax><ymax>9</ymax>" in written
    (tmp_path / "a.xml").write_text(written)
    (found,) = voc.read(tmp_path / "a.xml").objects
    assert found.corners == (pixels - 1, 2, pixels, 9)
