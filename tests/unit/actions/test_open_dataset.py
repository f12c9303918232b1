"""A dataset as a person meets it in Python: what it says of itself, and its samples in a row."""

import inspect
import pydoc
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

import dsbuilder
from dsbuilder import CacheError, DataError, Dataset
from dsbuilder.plugin import Sample
from dsbuilder.sample import short

PETS = """\
name: pets
source: {use: folder, path: source}
split: {train: 0.5, validation: 0.25, test: 0.25}
augment: {copies: 1, stages: [{use: A.HorizontalFlip}]}
finish: [{use: resize, size: [16, 20]}]
cache: {shard_mb: 0.005}
"""


@pytest.fixture
def pets(tmp_path: Path, make_images, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    """Three classes of eight images, one of whose names is markup, in several shards."""
    monkeypatch.chdir(tmp_path)
    source = make_images(classes=("cat", "dog", "<b>&"), count=8, size=(24, 30))
    (source / "<b>&/0.png").rename(source / "<b>&/<img onerror=x>.png")
    (tmp_path / "pets.yaml").write_text(PETS)
    dsbuilder.open("pets.yaml").build(workers=0)
    return dsbuilder.load("out/pets")


def test_dir_names_all_that_there_is() -> None:
    assert set(dsbuilder.__all__) <= set(dir(dsbuilder))
    assert all(hasattr(dsbuilder, name) for name in dir(dsbuilder))


def test_a_dataset_says_what_it_is_in_a_few_lines(pets: Dataset) -> None:
    assert repr(pets) == (
        "Dataset pets 1.0.0 in out/pets/1.0.0\n"
        "  24 train, 6 validation, 6 test\n"
        "  image 16x20x3 uint8; label: class of 3\n"
        "  classes: '<b>&', 'cat', 'dog'"
    )


def test_a_dataset_is_as_long_as_it_has_samples_and_yields_all_of_them(pets: Dataset) -> None:
    assert len(pets) == 36
    keys = [sample.key for sample in pets]
    assert len(keys) == len(set(keys)) == 36
    assert keys[:24] == [sample.key for sample in pets["train"]]


def test_a_split_is_a_sequence_in_stored_order(pets: Dataset) -> None:
    train = pets["train"]
    assert len(pets.shards("train")) > 1
    keys = [sample.key for sample in pets.samples("train")]
    assert [train[index].key for index in range(len(train))] == keys
    assert train[-1].key == keys[-1]
    assert [each.key for each in train[3:20:4]] == keys[3:20:4]
    assert np.array_equal(train[5].image, list(train)[5].image)
    assert repr(train) == "<train: 24 samples, image 16x20x3 uint8; label: class of 3>"
    for index in (24, -25):
        with pytest.raises(IndexError):
            train[index]


def test_an_unknown_split_is_an_error_with_the_one_that_was_meant(pets: Dataset) -> None:
    for word in ("val", "valid", "dev", "validaton"):
        with pytest.raises(DataError, match=r"unknown split .* Did you mean 'validation'"):
            pets[word]
    with pytest.raises(DataError, match="Known: test, train, validation"):
        pets["other"]


def test_a_sample_says_what_it_holds_and_no_pixels(pets: Dataset) -> None:
    sample = next(iter(pets["train"]))
    label = sample.targets["label"]
    assert repr(sample) == f"Sample({sample.key!r}, image=<16x20x3 uint8>, label={label})"


def test_values_are_short_whatever_they_hold() -> None:
    assert short(np.arange(3)) == "[0, 1, 2]"
    assert short(np.zeros((2, 40), np.float32)) == "<2x40 float32>"
    assert short({"a": np.float32(0.5), "b": np.zeros(99)}) == "{'a': 0.5, 'b': <99 float64>}"
    assert len(short("x" * 9_000)) <= 80 and len(short(list(range(9_000)))) < 80
    sample = Sample(key="k", image=np.zeros((9, 9, 3)), targets={"many": ["x" * 999] * 999})
    assert len(repr(sample)) < 800


class Page(HTMLParser):
    """What a page is made of."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.images: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.images += [value or "" for name, value in attrs if name == "src"]
        assert not [name for name, _ in attrs if name.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.text += data + "\n"


def test_a_notebook_shows_counts_and_pictures_and_no_markup_of_names(pets: Dataset) -> None:
    page = Page()
    page.feed(pets._repr_html_())
    assert {"table", "img"} <= set(page.tags) and page.tags.count("img") == 1
    assert page.images[0].startswith("data:image/png;base64,")
    assert re.search(r"<b>&\s+8\s+2\s+2\s", page.text)
    assert "out/pets/1.0.0" in page.text


def test_a_damaged_dataset_is_shown_all_the_same(pets: Dataset) -> None:
    for path in pets.path.glob("*.tfrecord-*"):
        path.write_bytes(b"")
    assert "samples" in pets._repr_html_() and "<img" not in pets._repr_html_()
    with pytest.raises(CacheError, match=r"^out/pets/1\.0\.0/pets-train"):
        list(pets["train"])
    assert len(pets) == 36 and repr(pets)


def test_help_of_a_stream_says_all_of_its_options() -> None:
    from dsbuilder.stream.tensorflow import stream

    ours = list(inspect.signature(Dataset.stream).parameters.values())[1:]
    theirs = list(inspect.signature(stream).parameters.values())[1:]
    assert [(each.name, each.default) for each in ours] == [
        (each.name, each.default) for each in theirs
    ]
    told = " ".join(pydoc.render_doc(Dataset.stream, renderer=pydoc.plaintext).split())
    arguments = " ".join(stream.__doc__.partition("Args:")[2].partition("Raises:")[0].split())
    assert arguments in told


def test_what_takes_long_says_how_far_it_is(pets: Dataset, tmp_path: Path) -> None:
    for verb in (pets.verify, lambda **given: pets.export(tmp_path / "npz", to="npz", **given)):
        told: list[tuple[int, int]] = []
        verb(on_progress=lambda done, of, told=told: told.append((done, of)))
        assert told[-1] == (36, 36)
        assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_a_build_is_called_by_the_version_that_stands_for_it(pets: Dataset) -> None:
    link = Path("out/pets/1.0.0").absolute()
    assert dsbuilder.load(pets.path).where == link
    with pytest.raises(DataError, match=rf"^{link}: unknown split"):
        dsbuilder.load(pets.path)["other"]
    link.unlink()
    assert dsbuilder.load(pets.path).where == pets.path
