"""Notes beside a dataset as the next build meets them: damaged, nested or of other types."""

import json
from pathlib import Path

import pytest

from dsbuilder.cache import build_log, index, store

NESTED = "[" * 100_000 + "]" * 100_000
NO_NAMES = (NESTED, "{", "7", '[["a"]]', "[1]", "null", '{"a": "b"}', "\udc80")
NO_INDEX = (NESTED, "{", "7", "[]", "null", '{"FILE": 7}', '{"FILE": {}}')


@pytest.mark.parametrize("text", NO_NAMES)
def test_a_damaged_note_of_what_is_blamed_blames_everything(tmp_path: Path, text: str) -> None:
    build_log.blame(tmp_path, ["a.npy"])
    assert build_log.blamed(tmp_path) == {"a.npy"}
    note = tmp_path / store.LOG / "blamed.json"
    note.write_bytes(text.encode("utf-8", "surrogatepass"))
    assert build_log.blamed(tmp_path) == {store.MANIFEST}


@pytest.mark.parametrize("text", NO_INDEX)
def test_a_damaged_index_has_every_file_read(tmp_path: Path, text: str) -> None:
    path = tmp_path / "image.png"
    path.write_bytes(b"pixels")
    expected = index.content_hashes(tmp_path / "index.json", [str(path)], keep=False)
    (tmp_path / "index.json").write_text(text.replace("FILE", str(path)))
    assert index.content_hashes(tmp_path / "index.json", [str(path)]) == expected


def test_an_entry_of_the_index_without_a_hash_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "image.png"
    path.write_bytes(b"pixels")
    expected = index.content_hashes(tmp_path / "index.json", [str(path)], keep=False)
    entry = [["no hash"], *(index.state(path) or ()), True]
    (tmp_path / "index.json").write_text(json.dumps({str(path): entry}))
    assert index.content_hashes(tmp_path / "index.json", [str(path)]) == expected
