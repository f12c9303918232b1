"""Keys: what is derived becomes a key that a source may give, and different ones stay different."""

from hypothesis import given
from hypothesis import strategies as st

from dsbuilder.layouts import keys

NAMES = st.text(st.characters(exclude_characters="/\\\0", codec="utf-8"), min_size=1, max_size=8)
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
DERIVED = st.one_of(
    PATHS,
    st.tuples(PATHS, st.integers(1, 3)).map(lambda each: f"{each[0]}//copy-{each[1]}"),
    PATHS.map(lambda path: f"/{path}"),
)


@given(st.lists(DERIVED, unique=True, max_size=20))
def test_different_keys_stay_different_and_those_of_a_source_as_they_are(found: list[str]) -> None:
    made = keys.of_source(found)
    assert made.keys() == set(found)
    assert len(set(made.values())) == len(found)
    for key, given_key in made.items():
        assert keys.fault(given_key) is None
        assert given_key == key or keys.fault(key) is not None


def test_a_mark_that_a_key_has_already_is_doubled() -> None:
    found = ["a.png//copy-1", "a.png@copy-1", "a.png"]
    assert [keys.of_source(found)[key] for key in found] == [
        "a.png@@copy-1",
        "a.png@copy-1",
        "a.png",
    ]


def test_groups_are_there_where_samples_derive_from_one() -> None:
    assert keys.with_groups(["a.png", "b.png"]) == [("a.png", None), ("b.png", None)]
    found = keys.with_groups(["a.png//copy-1", "a.png", "/made/1", "a.png@copy-1"])
    assert found == [
        ("a.png@@copy-1", "a.png"),
        ("a.png", "a.png"),
        ("@made/1", "@made/1"),
        ("a.png@copy-1", "a.png@copy-1"),
    ]


def test_parts_of_one_file_are_a_group_as_what_derives_from_them() -> None:
    tiles = [f"a.png@tile-000000-{left:06d}-8-8" for left in (0, 8)]
    padded, frame = "b/c.tif@tile-000000-000000-3-8-in-8-8", "d.mp4@frame-000012"
    found = keys.with_groups([*tiles, f"{tiles[0]}//copy-1", padded, frame, "e@tile-1.png"])
    assert [group for _, group in found] == [
        *("a.png", "a.png", "a.png", "b/c.tif", "d.mp4"),
        "e@tile-1.png",
    ]
    assert found[2][0] == f"{tiles[0]}@copy-1"
