"""What a build does about what its inspectors found, and about a list of keys to leave out."""

from collections.abc import Callable
from pathlib import Path

import pytest

import dsbuilder
from dsbuilder.builder import Built, build_dataset, load_spec, survey
from dsbuilder.cache import quarantine
from dsbuilder.errors import DataError, SpecError

PIPELINE = """\
name: pets
source: {use: folder, path: source}
split: {train: 0.6, validation: 0.2, test: 0.2}
finish: [{use: resize, size: [16, 20]}]
"""

Built = Callable[..., Built]


@pytest.fixture
def pets(make_images, write_pipeline) -> Path:
    """30 images, of which one ends early and one is there twice."""
    folder = make_images(classes=("cat", "dog"), count=15)
    whole = (folder / "cat/3.png").read_bytes()
    (folder / "cat/3.png").write_bytes(whole[: len(whole) // 2])
    (folder / "dog/99.png").write_bytes((folder / "dog/4.png").read_bytes())
    return folder


@pytest.fixture
def build(pets, write_pipeline, tmp_path: Path) -> Built:
    def run(text: str = "", **options) -> Built:
        path = write_pipeline(PIPELINE + text)
        return build_dataset(path, tmp_path / "out", workers=0, **options)

    return run


def keys(built: Built) -> dict[str, set[str]]:
    opened = dsbuilder.load(built.path)
    return {split: {each.key for each in opened.samples(split)} for split in opened.splits}


def test_what_is_set_aside_stands_in_the_quarantine_and_moves_no_other(build) -> None:
    plain = keys(build("version: 1.0.0\n"))
    built = build("version: 1.0.1\ninspect: {truncated: quarantine, exact_duplicate: quarantine}\n")
    assert [(row["key"], row["stage"]) for row in built.quarantined] == [
        ("cat/3.png", "inspect/truncated"),
        ("dog/99.png", "inspect/exact_duplicate"),
    ]
    assert quarantine.read(built.path) == list(built.quarantined)
    assert built.manifest.quarantined == 2
    gone = {"cat/3.png", "dog/99.png"}
    assert keys(built) == {split: found - gone for split, found in plain.items()}
    dsbuilder.load(built.path).verify()
    assert any("inspect: truncated: cat/3.png: the file ends early" in w for w in built.warnings)


def test_a_file_that_was_repaired_comes_back(build, pets: Path) -> None:
    text = "inspect: {truncated: quarantine}\n"
    assert build(text).quarantined
    whole = (pets / "cat/5.png").read_bytes()
    (pets / "cat/3.png").write_bytes(whole)
    again = build(text)
    assert not again.quarantined
    assert "cat/3.png" in set().union(*keys(again).values())


def test_a_warning_leaves_the_build_as_it_is(build) -> None:
    plain = keys(build())
    for _ in range(2):  # it is told at every build
        built = build("inspect: {exact_duplicate: warn, dark: ignore}\n")
        assert keys(built) == plain
        [warning] = built.warnings
        said = "inspect: exact_duplicate: dog/99.png: the same pixels as dog/4.png."
        assert warning.startswith(said)


def test_an_error_ends_the_build_before_a_sample_is_made(build, tmp_path: Path) -> None:
    message = (
        r"inspect: truncated: expected none, found cat/3.png: the file ends early, after \d+ bytes."
        r" Download or copy .* Or set inspect.truncated to warn."
    )
    with pytest.raises(DataError, match=message):
        build("inspect: {truncated: error}\n")
    assert not list((tmp_path / "out").glob("pets/1.0.0"))


def test_too_many_to_set_aside_end_the_build(build) -> None:
    with pytest.raises(DataError, match=r"expected at most 0.05 records .* found 2 of 31"):
        build(
            "inspect: {truncated: quarantine, exact_duplicate: quarantine}\n"
            "build: {max_quarantined: 0.05}\n"
        )


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("{drak: warn}", "unknown inspector 'drak'. Did you mean 'dark'?"),
        ("{resize: warn}", "expected an inspector, found the transform 'resize'"),
        ("{dark: wran}", "expected one of ignore, warn, quarantine, error, found 'wran'"),
        ("{dark: {below: 3}}", r"below: expected a number in \[0, 1\], found 3"),
        ("{dark: {bellow: 0.1}}", "unknown option 'bellow'. Did you mean 'below'?"),
        ("{imbalance: quarantine}", "names no record to set aside"),
        ("{leak: {ratio: 2}}", r"ratio: expected a number in \[0, 1\), found 2"),
    ],
)
def test_a_wrong_section_is_told_with_its_line(write_pipeline, section: str, message: str) -> None:
    path = write_pipeline(f"{PIPELINE}inspect: {section}\n")
    with pytest.raises(SpecError, match=message) as caught:
        load_spec(path)
    assert "pipeline.yaml:5: inspect" in str(caught.value)


def test_a_list_of_keys_leaves_them_out_and_moves_no_other(build, tmp_path: Path) -> None:
    plain = keys(build("version: 1.0.0\n"))
    (tmp_path / "exclude.txt").write_text("# mine\ndog/4.png\ncat/none.png\n")
    text = "version: 1.0.1\nbuild: {exclude: exclude.txt}\n"
    built = build(text)
    assert keys(built) == {split: found - {"dog/4.png"} for split, found in plain.items()}
    [warning] = built.warnings
    assert warning == f"{tmp_path}/exclude.txt: 1 of 2 keys are of no record: 'cat/none.png'."
    (tmp_path / "exclude.txt").write_text("dog/5.png\n")
    changed = keys(build(text))
    assert changed == {split: found - {"dog/5.png"} for split, found in plain.items()}
    assert keys(build(text)) == changed


def test_what_is_left_out_may_have_a_wrong_label(collection) -> None:
    for number, tile in enumerate(collection.tiles("coffee")):
        collection.add(f"{number}.png", tile)
    collection.rows["3.png"]["targets"]["label"] = "no class"
    (collection.folder / "exclude.txt").write_text("3.png\n")
    (unread,) = survey(load_spec(collection.write())).unread
    assert unread.error.startswith("3.png: label: expected one of the 8")
    spec = load_spec(collection.write("build: {exclude: exclude.txt}"))
    assert len(survey(spec).records) == len(collection.rows) - 1
