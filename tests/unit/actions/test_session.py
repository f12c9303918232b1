"""From Python: a pipeline file opened, its verbs, and the dataset that they make."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

import dsbuilder
from dsbuilder import CacheError, PluginError, SpecError

PETS = """\
name: pets
source: {use: folder, path: source}
split: {train: 0.5, validation: 0.25, test: 0.25}
augment: {copies: 1, stages: [{use: A.HorizontalFlip}]}
finish: [{use: resize, size: [16, 20]}]
"""

DIM = '''
from dataclasses import dataclass
from dsbuilder.plugin import Transform, transform

@transform("dim", geometry="fixed")
@dataclass(frozen=True)
class Dim(Transform):
    """Halves every pixel."""

    def apply(self, sample, params):
        return sample.replace(image=sample.image // 2)
'''


@pytest.fixture
def pets(tmp_path: Path, make_images, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder with `source/{cat,dog}/{0..7}.png` and `pets.yaml`."""
    monkeypatch.chdir(tmp_path)
    make_images(classes=("cat", "dog"), count=8, size=(24, 30))
    (tmp_path / "pets.yaml").write_text(PETS)
    return tmp_path


@pytest.fixture
def quiet() -> Iterator[None]:
    """The library's logger, shut for good by whoever uses it."""
    logger = logging.getLogger("dsbuilder")
    level, logger.disabled = logger.level, True
    logger.setLevel(logging.CRITICAL)
    yield
    logger.setLevel(level)
    logger.disabled = False


def test_a_session_has_the_verbs_of_the_command_line(pets: Path) -> None:
    session = dsbuilder.open("pets.yaml")
    checked = session.check()
    assert checked.samples == {"train": 16, "validation": 4, "test": 4}
    assert [stage.use for stage in checked.stages["augment.stages"]] == ["A.HorizontalFlip"]
    assert session.plan(workers=0).to_make == 24
    shown = session.preview("sheet.png", count=2)
    assert shown.output == pets / "sheet.png"
    assert len(shown.originals) == 2
    inspected = session.inspect(only=["empty_class"], workers=0)
    assert (inspected.records, inspected.has_error) == (16, False)
    seen: list[tuple[int, int]] = []
    built = session.build(workers=0, on_progress=lambda done, of: seen.append((done, of)))
    assert (built.path, built.made, built.quarantined) == (pets / "out/pets/1.0.0", 24, ())
    assert seen[-1] == (24, 24)


def test_a_dataset_has_the_verbs_of_the_command_line(pets: Path) -> None:
    session = dsbuilder.open("pets.yaml", out="there")
    first = dsbuilder.load(session.build(workers=0).path)
    assert isinstance(first, dsbuilder.Dataset)
    assert first.verify().samples == 24
    assert first.info().splits["train"].classes == {"cat": 8, "dog": 8}
    key = next(sample.key for sample in first.samples("train") if "//" in sample.key)
    explained = first.explain(key, output="strip.png")
    assert [stage.stage for stage in explained.stages] == [
        "augment/A.HorizontalFlip",
        "finish/resize",
    ]
    assert (pets / "strip.png").is_file()
    assert first.replay(key).equal
    again = dsbuilder.open("pets.yaml", overrides=["version=1.1.0", "augment.copies=0"])
    second = dsbuilder.load(again.build("there", workers=0).path)
    assert sum(first.diff(second).removed.values()) == 8
    assert first.info().versions == ("1.0.0", "1.1.0")
    assert second.clean(dry_run=True).removed == ()
    exported = second.export("folder", to="folder")
    assert (exported.path, sum(exported.samples.values())) == (pets / "folder", 16)


def test_a_damaged_dataset_is_an_error_of_verify(pets: Path) -> None:
    dataset = dsbuilder.load(dsbuilder.open("pets.yaml").build(workers=0).path)
    (dataset.path / "stray").touch()
    with pytest.raises(CacheError, match="found 1 problem"):
        dataset.verify()


def test_a_pipeline_is_read_when_a_verb_needs_it(pets: Path) -> None:
    session = dsbuilder.open("pets.yaml")
    (pets / "pets.yaml").write_text(PETS.replace("resize", "resise"))
    with pytest.raises(SpecError, match="Did you mean 'resize'"):
        session.check()
    (pets / "pets.yaml").write_text(PETS)
    assert session.check().shards == 3


def test_init_writes_a_pipeline_that_opens(pets: Path) -> None:
    written = dsbuilder.init("source")
    assert written.source["use"] == "folder"
    assert dsbuilder.open(written.output).check().samples == written.check.samples


def test_plugins_are_listed_and_shown_from_python(pets: Path) -> None:
    (pets / "plugins").mkdir()
    (pets / "plugins/dim.py").write_text(DIM)
    found = {each.name: each for each in dsbuilder.plugins(kind="transform").plugins}
    assert found["dim"].summary == "Halves every pixel."
    (shown,) = dsbuilder.plugins("resize").plugins
    assert shown.kind == "transform"
    assert "size" in {option["name"] for option in shown.options}
    assert {each.kind for each in dsbuilder.plugins("folder").plugins} == {"source", "exporter"}
    assert "dim" not in {each.name for each in dsbuilder.plugins(plugins=[]).plugins}
    assert [each.name for each in dsbuilder.plugins("dim", plugins=["plugins"]).plugins] == ["dim"]
    with pytest.raises(PluginError, match="Did you mean 'resize'"):
        dsbuilder.plugins("resise")
    with pytest.raises(PluginError, match=r"found 'tranform'.*Did you mean 'transform'"):
        dsbuilder.plugins(kind="tranform")


def test_an_output_folder_is_cleaned_of_what_no_version_stands_for(pets: Path) -> None:
    dsbuilder.open("pets.yaml").build(workers=0)
    built = dsbuilder.open("pets.yaml", overrides=["augment.copies=0"]).build(workers=0)
    (old,) = dsbuilder.clean("out", dry_run=True).removed
    assert old.kind == "build" and old.path.is_dir()
    assert dsbuilder.clean("out").freed_bytes > 0
    assert not old.path.exists()
    assert dsbuilder.load(built.path).verify().samples == 16
    assert dsbuilder.clean("out").removed == ()


@pytest.mark.filterwarnings("ignore:The image is already")  # what albumentations says itself
def test_what_albumentations_warns_of_is_a_value_too(pets: Path, quiet: None) -> None:
    (pets / "pets.yaml").write_text(PETS + "prepare: [{use: A.ToRGB, p: 1}]\n")
    session = dsbuilder.open("pets.yaml")
    text = "pets.yaml:6: prepare[0]: A.ToRGB: The image is already an RGB."
    for verb in (session.check, session.plan, session.preview, session.inspect, session.build):
        assert verb().warnings == (text,), verb
    assert session.build().warnings == (text,)  # also where nothing is left to do


def test_a_warning_is_a_value_whoever_listens_to_the_log(pets: Path, quiet: None) -> None:
    (pets / "source/notes.txt").touch()
    session = dsbuilder.open("pets.yaml")
    text = f"{pets}/source: 1 file was skipped: 1 .txt."
    for verb in (session.check, session.plan, session.preview, session.build):
        assert verb().warnings == (text,), verb
    assert session.build().warnings == (text,)  # also where nothing is left to do
