"""Records that cannot be read: set aside by name, file and line, by every verb, moving no other."""

import csv
import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import dsbuilder
from dsbuilder.builder import build_dataset
from dsbuilder.errors import DataError, SpecError
from dsbuilder.inspection import exclusion

ROWS = 24


def pictures(folder: Path, count: int = ROWS) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(count):
        noise = np.random.default_rng(index).integers(0, 256, (12, 16, 3), dtype=np.uint8)
        Image.fromarray(noise).save(folder / f"{index:02}.png")


def pipeline(folder: Path, source: Mapping[str, Any], **more: Any) -> Path:
    sections = {"name": "toy", "source": dict(source), "split": {"train": 0.5, "test": 0.5}, **more}
    path = folder / "p.yaml"
    path.write_text(json.dumps(sections))
    return path


def labels(folder: Path, **changed: str) -> Path:
    """A list of images of two classes, with some lines as they are given."""
    pictures(folder / "images")
    lines = {f"{index:02}": f"{index:02}.png,{'ab'[index % 2]}" for index in range(ROWS)} | {
        name.removeprefix("n"): line for name, line in changed.items()
    }
    (folder / "labels.csv").write_text("file_name,label\n" + "\n".join(lines.values()) + "\n")
    return pipeline(folder, {"use": "list", "path": "images", "list": "labels.csv"})


def coco(folder: Path, **changed: Any) -> Path:
    """A COCO set of one box an image, of which one may be changed."""
    pictures(folder)
    boxes = [{"id": n, "image_id": n, "category_id": 1, "bbox": [2, 2, 8, 6]} for n in range(ROWS)]
    images = [{"id": n, "file_name": f"{n:02}.png", "width": 16, "height": 12} for n in range(ROWS)]
    found = {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "cat"}]}
    for part, entry in changed.items():
        found[part][5] = {**found[part][5], **entry}
    (folder / "a.json").write_text(json.dumps(found))
    return pipeline(folder, {"use": "coco", "path": ".", "objects": "a.json"})


def splits(path: Path) -> dict[str, str]:
    """The split of every sample of a dataset, by its key."""
    dataset = dsbuilder.load(path)
    return {each.key: split for split in dataset.splits for each in dataset.samples(split)}


def built(path: Path, *overrides: str) -> Any:
    return build_dataset(path, path.parent / "out", workers=0, overrides=overrides)


CASES: Mapping[str, tuple[Callable[[Path], Path], str, str]] = {
    "a cut line": (lambda to: labels(to, n05="05.png"), "labels.csv:7", "expected 2 cells"),
    "a missing image": (lambda to: labels(to, n05="no.png,a"), "no.png", "labels.csv:7: expected"),
    "no label": (lambda to: labels(to, n05="05.png,"), "05.png", "labels.csv:7: expected a path"),
    "an image twice": (lambda to: labels(to, n05="04.png,b"), "04.png", "which labels.csv:6 lists"),
    "a box outside": (
        lambda to: coco(to, annotations={"bbox": [14, 2, 8, 6]}),
        "05.png",
        "a.json: annotations[5]: expected a box of which half",
    ),
    "an image that is gone": (
        lambda to: coco(to, images={"file_name": "no.png"}),
        "no.png",
        "a.json: expected a file below",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_record_that_cannot_be_read_is_set_aside_by_name_file_and_line(tmp_path, case):
    make, key, told = CASES[case]
    path = make(tmp_path)
    result = built(path)
    (row,) = result.quarantined
    assert (row["key"], row["stage"]) == (key, "source")
    assert told in row["exception"]
    assert str(tmp_path) not in row["exception"]
    assert result.manifest.quarantined == 1
    assert sum("records cannot be read and are set aside" in w for w in result.warnings) == 1
    assert key not in splits(result.path)
    assert dsbuilder.load(result.path).verify().problems == ()


@pytest.mark.parametrize("case", CASES)
def test_no_other_record_changes_its_split(tmp_path, case):
    sound = built((coco if "box" in case or "gone" in case else labels)(tmp_path / "sound"))
    found = splits(built(CASES[case][0](tmp_path / "wrong")).path)
    moved = [key for key, split in found.items() if splits(sound.path)[key] != split]
    assert len(found) == ROWS - 1 - (case == "an image twice")
    assert len(moved) <= 1  # as of a record less in its class; see `split.py`


def test_excluding_a_record_that_cannot_be_read_changes_nothing_else(tmp_path):
    path = labels(tmp_path, n05="05.png,")
    before = splits(built(path).path)
    (tmp_path / "left.txt").write_text("05.png\n")
    result = built(path, "build.exclude=left.txt")
    assert splits(result.path) == before
    assert list(result.quarantined) == []
    assert result.made == 0


def test_stop_ends_the_build_with_all_of_them(tmp_path):
    path = labels(tmp_path, n05="05.png", n07="07.png,")
    with pytest.raises(DataError) as caught:
        built(path, "build.on_error=stop")
    assert "2 of 24 records cannot be read, more than build.on_error: stop allows" in str(
        caught.value
    )
    assert "labels.csv:7" in str(caught.value)
    assert "labels.csv:9" in str(caught.value)
    assert not (tmp_path / "out/toy/1.0.0").exists()


def test_more_than_max_quarantined_end_build_check_and_plan(tmp_path):
    path = labels(tmp_path, n05="05.png", n07="07.png,")
    built(path, "build.max_quarantined=2")
    opened = dsbuilder.open(path, overrides=["build.max_quarantined=1"], out=tmp_path / "x")
    for verb in (opened.build, opened.check, opened.plan):
        with pytest.raises(DataError, match=r"more than build\.max_quarantined: 1 allows"):
            verb()


def test_unreadable_labels_and_images_count_together(tmp_path):
    path = labels(tmp_path, n05="05.png")
    (tmp_path / "images/08.png").write_bytes(b"no image")
    assert len(built(path, "build.max_quarantined=2").quarantined) == 2
    shutil.rmtree(tmp_path / "out")
    with pytest.raises(DataError, match="2 of 24 records cannot be made"):
        built(path, "build.max_quarantined=1")


def test_a_dataset_is_the_same_however_it_came_about(tmp_path):
    path = labels(tmp_path / "a", n05="05.png")
    built(labels(tmp_path / "a"))
    labels(tmp_path / "a", n05="05.png")
    again, new = built(path), built(labels(tmp_path / "b", n05="05.png"))
    assert again.made == 0
    assert (again.path / "SHA256SUMS").read_text() == (new.path / "SHA256SUMS").read_text()


def test_another_error_is_another_row(tmp_path):
    built(labels(tmp_path, n05="05.png"))
    (row,) = built(labels(tmp_path, n05="05.png,")).quarantined
    assert row["key"] == "05.png"


def test_inspect_tells_all_and_writes_them_into_the_list(tmp_path):
    path = labels(tmp_path, n05="05.png", n07="07.png,", n09="no.png,a")
    opened = dsbuilder.open(path, overrides=["build.on_error=stop"])
    found = opened.inspect(exclude=tmp_path / "left.txt", sheet=tmp_path / "sheet.png", workers=0)
    assert found.records == ROWS
    wrong = {each.key: each.text for each in found.findings if each.inspector == "bad_target"}
    assert set(wrong) == {"07.png", "labels.csv:7", "no.png"}
    assert "labels.csv:9" in wrong["07.png"]
    assert set(wrong) <= exclusion.read(tmp_path / "left.txt")
    assert built(path, "build.exclude=left.txt", "build.on_error=stop").quarantined == []


def test_init_goes_on_and_names_them(tmp_path):
    coco(tmp_path / "set", annotations={"bbox": [14, 2, 8, 6]})
    (tmp_path / "set/p.yaml").unlink()
    found = dsbuilder.init(tmp_path / "set", tmp_path / "new.yaml")
    assert found.source["use"] == "coco"
    assert any("05.png: a.json: annotations[5]" in each for each in found.warnings)
    assert sum(found.check.records.values()) == ROWS - 1


# -- corrections -----------------------------------------------------------------------------------


def fixes(folder: Path, *rows: tuple[str, str, str]) -> str:
    with (folder / "fixes.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("key", "target", "value"), *rows])
    return "source.corrections=fixes.csv"


def test_corrections_mend_labels_without_touching_the_source(tmp_path):
    path = labels(tmp_path, n05="05.png,", n06="06.png,b")
    option = fixes(tmp_path, ("05.png", "label", "b"), ("06.png", "label", "a"))
    first, result = built(path), built(path, option)
    assert (first.manifest.corrected, result.manifest.corrected) == (0, 2)
    assert list(result.quarantined) == []
    dataset = dsbuilder.load(result.path)
    values = {
        each.key: dataset.class_names[each.targets["label"]]
        for split in dataset.splits
        for each in dataset.samples(split)
    }
    assert (values["05.png"], values["06.png"]) == ("b", "a")
    assert len(values) == ROWS
    assert result.made <= 4  # of each class one more may change its split
    assert built(path, option).made == 0
    fixes(tmp_path, ("05.png", "label", "b"))
    again = built(path, option)
    assert again.manifest.corrected == 1
    assert again.manifest.fingerprint != result.manifest.fingerprint


def test_boxes_are_corrected_as_json_and_a_sample_is_replayed(tmp_path):
    path = coco(tmp_path, annotations={"bbox": [14, 2, 8, 6]})
    boxes = json.dumps([{"label": "cat", "box": [0.5, 0.5, 1, 1], "iscrowd": 0}])
    result = built(path, fixes(tmp_path, ("05.png", "objects", boxes)))
    assert list(result.quarantined) == []
    assert "05.png" in splits(result.path)
    assert dsbuilder.load(result.path).replay("05.png").equal


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (("5.png", "label", "a"), "fixes.csv:2: there is no record '5.png'. Did you mean '"),
        (("05.png", "lable", "a"), "there is no target 'lable'. Did you mean 'label'?"),
        (("05.png", "label", "aa"), "expected one of the 2 classes, found 'aa'"),
    ],
)
def test_an_unknown_key_target_or_value_is_an_error_with_its_line(tmp_path, row, told):
    path = labels(tmp_path)
    with pytest.raises(DataError) as caught:
        built(path, fixes(tmp_path, row))
    assert told in str(caught.value)


def test_a_table_of_corrections_must_be_there_and_have_its_columns(tmp_path):
    path = labels(tmp_path)
    with pytest.raises(SpecError, match=r"source\.corrections: there is no file .* 'gone\.csv'"):
        built(path, "source.corrections=gone.csv")
    (tmp_path / "fixes.csv").write_text("key,traget,value\n")
    with pytest.raises(DataError, match=r"there is no column 'target'\. Did you mean 'traget'"):
        built(path, "source.corrections=fixes.csv")
    with pytest.raises(SpecError, match="corrections: expected"):
        built(path, "source.corrections=[1]")
