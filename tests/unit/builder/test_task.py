"""A shard task holds what it was made of, here and after it crossed a process boundary."""

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from dsbuilder.builder.task import Located, Lost, Output, Root, ShardContents, ShardTask
from dsbuilder.sample import Record

KEYS = st.text(min_size=1, max_size=12)
LABELS = st.dictionaries(KEYS, st.none() | st.integers() | st.text() | st.lists(st.floats(0, 1)))


@st.composite
def contents(draw: st.DrawFn) -> ShardContents:
    keys = draw(st.lists(KEYS, min_size=1, max_size=5, unique=True))
    roots = [
        Root(
            key=key,
            synthesis=None,
            outputs=tuple(
                Output(key=f"{key}//{copy}", copy=copy, partners=(keys[0],), fingerprint="ab")
                for copy in range(draw(st.integers(0, 3)))
            ),
        )
        for key in keys
    ]
    records = {
        key: Located(
            record=Record(
                key=key,
                path=draw(st.none() | st.just(Path("/photos") / "一 1.png")),
                targets=draw(LABELS),
                split=draw(st.none() | st.just("train")),
                files=(Path("/masks/a.png"),),
                size=draw(st.none() | st.just((3, 4))),
            ),
            source=draw(KEYS),
        )
        for key in keys
    }
    return ShardContents(roots, records)


@given(contents())
def test_a_task_gives_back_its_contents(made_of: ShardContents) -> None:
    task = ShardTask.of(made_of, split="train", stem="a#00000-of-00001", fingerprint="cd")
    assert task.contents() == made_of
    assert task.samples == sum(len(root.outputs) for root in made_of.roots)


@given(contents())
def test_a_task_is_the_same_after_json(made_of: ShardContents) -> None:
    task = ShardTask.of(made_of, split="train", stem="a#00000-of-00001", fingerprint="cd")
    lost = Lost(root=0, output=-1, reason="it died")
    task = ShardTask(**{**vars(task), "earlier": ("x", "y"), "lost": (lost,)})
    assert ShardTask.from_json(json.loads(json.dumps(task.to_json()))) == task


def test_many_roots_come_back_in_their_order() -> None:
    roots = [Root(key=str(number), synthesis=None, outputs=()) for number in range(1000)]
    task = ShardTask.of(ShardContents(roots, {}), split="train", stem="a#0-of-1", fingerprint="")
    assert list(task.contents().roots) == roots
    assert len(task.packed) < 4000


def test_a_key_that_is_no_unicode_survives() -> None:
    """File names that are no UTF-8 come as lone surrogates."""
    key = "caf\udce9.png"
    made_of = ShardContents([Root(key=key, synthesis=None, outputs=())], {})
    task = ShardTask.of(made_of, split="train", stem="a#00000-of-00001", fingerprint="")
    assert task.contents().roots[0].key == key
