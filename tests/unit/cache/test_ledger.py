"""Fingerprints are found without reading the rest of a ledger's lines."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from dsbuilder.cache import ledger

TRAPS = st.sampled_from(['"fingerprint":"ab"', '\\"fingerprint\\":\\"ab\\"', "\\", '"'])
TEXTS = st.text(max_size=8) | TRAPS


@given(st.lists(st.tuples(TEXTS, st.text("0123456789abcdef", min_size=1, max_size=32))))
def test_fingerprints_are_those_of_the_entries(tmp_path_factory, rows) -> None:
    path: Path = tmp_path_factory.mktemp("ledger") / "a.ledger.jsonl"
    params = {"text": '"fingerprint":"c"', "fingerprint": "d"}
    applied = ledger.Applied(stage="s", plugin="p", version="1", params=params)
    entries = [
        ledger.Entry(key=key, parents=(key,), source=("5",), stages=(applied,), fingerprint=print_)
        for key, print_ in rows
    ]
    ledger.write(path, map(ledger.line, entries))
    assert ledger.fingerprints(path) == {entry.fingerprint for entry in ledger.read(path)}
