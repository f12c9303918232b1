"""Every sample says how it came to be, from the dataset alone."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from dsbuilder.cache import ledger
from dsbuilder.dataset import explain
from dsbuilder.errors import CacheError, DataError


def test_every_sample_explains_itself_without_its_source(build, folder: Path, keys) -> None:
    dataset = build()
    shutil.rmtree(folder / "source")
    for split in dataset.splits:
        for shard, entry in dataset.entries(split):
            explained = explain(dataset, entry.key)
            assert explained.entry == entry
            assert (explained.split, explained.shard) == (split, shard)
            assert all((dataset.path / name).is_file() for name in explained.files)
            assert set(explained.targets) == {"label"}


def test_a_record_names_what_derives_from_it_and_the_mixes_it_went_into(build) -> None:
    dataset = build()
    entries = [entry for _, entry in dataset.entries("train")]
    mix = next(entry for entry in entries if len(entry.parents) == 2)
    root, partner = mix.parents
    assert explain(dataset, root).derived[:2] == (f"{root}//copy-1", f"{root}//copy-2")
    assert mix.key in explain(dataset, partner).derived
    assert explain(dataset, mix.key).derived == ()


def test_what_is_synthesized_has_no_parents(build) -> None:
    dataset = build()
    explained = explain(dataset, "/synthesize/flag/000000")
    assert explained.entry.synthetic
    assert explained.entry.parents == explained.entry.source == ()
    assert [stage.plugin for stage in explained.entry.stages] == ["flag", "resize"]
    assert explained.targets["label"].startswith("dog")


def test_a_mistyped_key_is_corrected(build) -> None:
    dataset = build()
    with pytest.raises(DataError, match=r"no sample 'cat/O\.png'\. Did you mean 'cat/\d"):
        explain(dataset, "cat/O.png")
    with pytest.raises(DataError, match=r"Did you mean 'cat/1\.png"):
        explain(dataset, "kat/1.png")


def test_a_record_that_is_not_stored_itself_names_what_is_made_of_it(build) -> None:
    dataset = build("out", "augment.original=false")
    root = next(entry for _, entry in dataset.entries("train")).parents[0]
    expected = rf"not stored itself\. Ask for what is made of it: '{root}//copy-1', "
    with pytest.raises(DataError, match=expected):
        explain(dataset, root)


def test_what_was_set_aside_says_why(build, folder: Path) -> None:
    (folder / "source/cat/0.png").write_bytes(b"junk")
    dataset = build("out", "build.max_quarantined=0.5")
    with pytest.raises(DataError, match=r"'cat/0\.png' was set aside \(source: DataError: "):
        explain(dataset, "cat/0.png")


ENTRY = ledger.Entry(key="a", parents=("a",), source=("0",), stages=(), fingerprint="f")


def test_a_key_may_hold_what_other_programs_take_for_the_end_of_a_line(tmp_path: Path) -> None:
    names = ["a\u2028b", "a\x85b", "a\x0cb", 'a"b', "a\\b", "\U0001f600", " "]
    path = tmp_path / "ledger.jsonl"
    ledger.write(path, [ledger.line(replace(ENTRY, key=name)) for name in names])
    assert [entry.key for entry in ledger.read(path)] == names
    for name in names:
        assert [entry.key for entry in ledger.search(path, name)] == [name]
    ledger.write(path, [])
    assert list(ledger.read(path)) == []


def test_a_search_finds_keys_and_parents_alone(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    stage = ledger.Applied(stage="x", plugin="a", version="1", params={"a": "a"})
    rows = [replace(ENTRY, key="b", stages=(stage,), parents=("c",)), ENTRY]
    ledger.write(path, map(ledger.line, [*rows, replace(ENTRY, key="a//copy-1")]))
    assert [entry.key for entry in ledger.search(path, "a")] == ["a", "a//copy-1"]


@pytest.mark.parametrize("line", ["{", "[1]", json.dumps({"key": "a"}), "null"])
def test_a_damaged_line_is_named(line: str, tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    ledger.write(path, [ledger.line(ENTRY)])
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(CacheError, match=r"ledger\.jsonl:2: expected a ledger entry, found a dam"):
        list(ledger.read(path))
