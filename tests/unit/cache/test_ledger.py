"""Fingerprints are found without reading the rest of a ledger's lines."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsbuilder.cache import ledger
from dsbuilder.errors import CacheError

TRAPS = st.sampled_from(['"fingerprint":"ab"', '\\"fingerprint\\":\\"ab\\"', "\\", '"'])
TEXTS = st.text(max_size=8) | TRAPS


@given(st.lists(st.tuples(TEXTS, st.text("0123456789abcdef", min_size=1, max_size=32))))
def test_fingerprints_are_those_of_the_entries(tmp_path_factory, rows) -> None:
    path: Path = tmp_path_factory.mktemp("ledger") / "a.ledger.jsonl"
    params = {"text": '"fingerprint":"c"', "fingerprint": "d"}
    applied = ledger.Applied(stage="s", plugin="p", version="1", params=params)
    entries = [
        ledger.Entry(
            key=key,
            parents=(key,),
            source=("5",),
            stages=(applied,),
            fingerprint=print_,
            offset=n,
            length=9 * n,
        )
        for n, (key, print_) in enumerate(rows)
    ]
    ledger.write(path, map(ledger.line, entries))
    lines, read = ledger.lines(path), {each.fingerprint: each for each in ledger.read(path)}
    assert set(lines) == set(read)
    assert {name: ledger.line(each) for name, each in read.items()} == lines
    assert all(ledger.place_of(lines[n]) == (each.offset, each.length) for n, each in read.items())
    assert ledger.places(path).tolist() == [[n, 9 * n] for n in range(len(rows))]


@pytest.mark.parametrize(
    "end", ['"offset":1}', '"offset":-1,"length":2}', '"offset":1,"length":2} ']
)
def test_a_line_without_a_place_is_damage_and_a_place_within_is_none(tmp_path: Path, end) -> None:
    path = tmp_path / "a.ledger.jsonl"
    whole = '{"key":"\\"offset\\":3,\\"length\\":4}","offset":1,"length":2}\n'
    path.write_text(whole * 2)
    assert ledger.places(path).tolist() == [[1, 2]] * 2
    path.write_text(f'{whole}{{"key":"a",{end}\n{whole}')
    with pytest.raises(CacheError, match="expected a ledger entry, found a damaged line"):
        ledger.places(path)
    path.unlink()
    with pytest.raises(CacheError, match="ledger is missing"):
        ledger.places(path)


@pytest.mark.parametrize("place", ['"offset":1}', f'"offset":{1 << 63},"length":1}}'])
def test_a_place_that_no_file_has_is_damage(place) -> None:
    with pytest.raises(CacheError, match="found a damaged line"):
        ledger.place_of(f'{{"fingerprint":"ab",{place}')


@pytest.mark.parametrize(
    "lost", ["7", "[]", '{"boxes": "many"}', '{"boxes": null}', '{"boxes": [1]}']
)
def test_losses_that_are_no_numbers_are_refused(tmp_path: Path, lost: str) -> None:
    applied = ledger.Applied(stage="s", plugin="p", version="1", params={}, lost={"boxes": 3})
    entry = ledger.Entry(key="a", parents=(), source=(), stages=(applied,), fingerprint="b")
    path = tmp_path / "a.ledger.jsonl"
    ledger.write(path, [ledger.line(entry)])
    assert ledger.lost(path) == {"s": {"boxes": 3}}
    path.write_text(path.read_text().replace('{"boxes":3}', lost))
    with pytest.raises(CacheError, match="expected a ledger entry, found a damaged line"):
        ledger.lost(path)
