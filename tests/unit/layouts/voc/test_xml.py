"""XML from strangers: elements with their lines, and nothing that does harm."""

import contextlib
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsbuilder.errors import DataError
from dsbuilder.layouts.voc import xml


def parsed(folder: Path, text: str | bytes) -> xml.Element:
    path = folder / "a.xml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return xml.read(path)


def test_elements_know_their_text_and_their_line(tmp_path):
    root = parsed(tmp_path, "<a>\n  <b> x &amp; y </b>\r\n  <b/>\n</a>\n")
    assert [(each.tag, each.text, each.line) for each in root.all("b")] == [
        ("b", "x & y", 2),
        ("b", "", 3),
    ]
    assert root.find("b") is root.children[0] and root.find("c") is None


@pytest.mark.parametrize(
    "data",
    [
        "<?xml version='1.0' encoding='utf-8'?><a>斑马</a>".encode(),
        b"\xef\xbb\xbf" + "<a>斑马</a>".encode(),
        "<?xml version='1.0' encoding='utf-16'?><a>斑马</a>".encode("utf-16"),
    ],
)
def test_any_unicode_encoding_is_read(tmp_path, data):
    assert parsed(tmp_path, data).text == "斑马"


BOMB = (
    '<!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;&x;&x;">'
    + "".join(f'<!ENTITY y{n} "{"&y;" * 9}">' for n in range(9))
    + "]><a>&y8;</a>"
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BOMB, "a.xml:1: expected XML without a document type, found one"),
        ('<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "without a document type"),
        ("<a>\n<b></a>", "a.xml:2: expected XML, found an error: mismatched tag"),
        ("", "a.xml:1: expected XML, found an error: no element found"),
        ("<a>&x;</a>", "expected XML, found an error: undefined entity"),
        ("<?xml version='1.0' encoding='klingon'?><a/>", "expected XML"),
        ("<?xml version='1.0' encoding='gb2312'?><a/>", "expected XML in UTF-8"),
        ("<a>" * 200 + "</a>" * 200, "expected elements at most 100 deep"),
        (b"<a>\xe9</a>", "expected XML, found an error: not well-formed"),
    ],
)
def test_what_is_no_plain_xml_is_refused(tmp_path, text, message):
    with pytest.raises(DataError, match=re.escape(message)):
        parsed(tmp_path, text)


@given(st.text("<a/>!DOCTYPE[]&;x \n\"'=?-", max_size=60) | st.binary(max_size=40))
def test_any_bytes_are_read_or_refused(tmp_path_factory, text):
    with contextlib.suppress(DataError):
        assert parsed(tmp_path_factory.getbasetemp(), text).tag
