"""What augmentation does to labels is said, each fault by its own question and by no other."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import dsbuilder
from dsbuilder.cli.main import main
from dsbuilder.errors import DataError
from dsbuilder.images import bit_planes
from dsbuilder.inspection.probing import probe, turn_of, turned
from dsbuilder.pipeline.applying import Mixing
from dsbuilder.sample import Sample
from dsbuilder.targets import BoxSet, Instances, InstanceSet

HEAD = """\
name: signs
image: {mode: gray}
split: {train: 1.0}
finish: [{use: resize, size: [32, 48]}]
cache: {image: png}
"""


def arrow(number: int, *, left: bool) -> np.ndarray:
    """A wedge that points to one side, each of its own size, place and gray."""
    rng = np.random.default_rng(number)
    image = np.full((32, 48), rng.integers(20, 60), np.uint8)
    middle, length, half = 16 + rng.integers(-2, 3), rng.integers(26, 34), rng.integers(7, 11)
    tip, tail = (8, 8 + length) if left else (40, 40 - length)
    corners = np.array([[tip, middle], [tail, middle - half], [tail, middle + half]])
    cv2.fillPoly(image, [corners.astype(np.int32)], int(rng.integers(170, 240)))
    return image


@pytest.fixture(scope="module")
def arrows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("arrows")
    for label in ("left", "right"):
        (root / "source" / label).mkdir(parents=True)
        for number in range(12):
            image = arrow(100 * (label == "left") + number, left=label == "left")
            Image.fromarray(image).save(root / f"source/{label}/{number}.png")
    rng = np.random.default_rng(0)
    (root / "boxes").mkdir()
    rows = ["file_name,x_min,y_min,x_max,y_max,label"]
    for number in range(10):
        image = rng.integers(0, 90, (60, 60), np.uint8)
        for left, top in ((4, 4), (40, 36)):
            image[top : top + 16, left : left + 14] = 200
            rows.append(f"{number}.png,{left},{top},{left + 14},{top + 16},thing")
        Image.fromarray(image).save(root / f"boxes/{number}.png")
    (root / "boxes.csv").write_text("\n".join(rows) + "\n")
    words = ["file_name,text", *(f"left/{number}.png,a{number}" for number in range(12))]
    (root / "texts.csv").write_text("\n".join(words) + "\n")
    return root


FOLDER = "source: {use: folder, path: source}\n"
BOXES = """\
source:
  use: list
  path: boxes
  list: boxes.csv
  box_columns: [x_min, y_min, x_max, y_max]
"""
TEXTS = """\
source: {use: list, path: source, list: texts.csv, label_column: null, text_column: text}
"""


def found(root: Path, stages: str, source: str = FOLDER, more: str = "") -> dict[str, list]:
    """The faults of one section of stages, by question."""
    path = root / "signs.yaml"
    path.write_text(f"{HEAD}{source}augment: {{copies: 2, stages: [{stages}]}}\n{more}")
    (section,) = dsbuilder.open(path).inspect_augmentation().sections
    faults: dict[str, list] = {}
    for each in section.findings:
        if each.is_fault:
            faults.setdefault(each.question, []).append(each)
    return faults


def test_a_mirror_that_turns_left_into_right_is_found_and_named(arrows: Path) -> None:
    faults = found(arrows, "{use: A.HorizontalFlip, p: 0.7}, {use: A.GaussNoise}")
    assert {each.text.partition(":")[0] for each in faults["turned"]} == {
        "'left' looks like 'right' in a mirror",
        "'right' looks like 'left' in a mirror",
    }
    assert {each.stage for each in faults["turned"]} == {"augment/A.HorizontalFlip"}


def test_a_half_turn_is_found_and_a_mirror_that_keeps_classes_is_not(arrows: Path) -> None:
    half = "{use: A.Rotate, limit: [180, 180], p: 1}, {use: A.GaussNoise}"
    assert "turned by about 180 degrees" in found(arrows, half)["turned"][0].text
    assert not found(arrows, "{use: A.VerticalFlip, p: 0.9}, {use: A.GaussNoise, p: 1}")


@pytest.mark.parametrize(
    ("stage", "question"),
    [
        ("{use: A.RandomBrightnessContrast, brightness_limit: 0.002, contrast_limit: 0}", "wasted"),
        ("{use: A.RandomBrightnessContrast, brightness_limit: [1, 1], p: 1}", "unrecognisable"),
        ("{use: A.RandomCrop, height: 9, width: 12, p: 1}", "cropped"),
    ],
)
def test_each_fault_is_found_by_its_question(arrows: Path, stage: str, question: str) -> None:
    faults = found(arrows, stage)
    assert question in faults
    assert faults[question][0].stage == f"augment/{stage[6:].partition(',')[0]}"
    assert "turned" not in faults


def test_objects_that_are_lost_or_hidden_are_counted(arrows: Path) -> None:
    lost = found(arrows, "{use: A.CenterCrop, height: 34, width: 20, p: 1}", BOXES)
    assert lost["lost"][0].count == lost["lost"][0].of == 40
    assert "100.0% of 40 of 'objects' are lost" in lost["lost"][0].text
    hidden = found(arrows, "{use: A.Crop, x_min: 16, y_min: 0, x_max: 60, y_max: 60, p: 1}", BOXES)
    assert hidden["hidden"][0].count == 20
    assert hidden["hidden"][0].of == 40
    assert not {"hidden", "lost"} & found(arrows, "{use: A.HorizontalFlip}", BOXES).keys()


def test_nothing_is_said_to_be_lost_of_what_a_mixer_brought_together(arrows: Path) -> None:
    path = arrows / "mixed.yaml"
    stages = "{use: mosaic}, {use: A.CenterCrop, height: 9, width: 9, p: 1}"
    path.write_text(f"{HEAD}{BOXES}augment: {{copies: 1, stages: [{stages}]}}\n")
    (section,) = dsbuilder.open(path).inspect_augmentation(records=2).sections
    assert section.variants == 2
    assert "lost" not in {each.question for each in section.findings}


ODD = '''
from dataclasses import dataclass

from dsbuilder.plugin import Transform, transform
from dsbuilder.targets import BoxSet


@transform("odd", geometry="moves", moves=("boxes",))
@dataclass(frozen=True, kw_only=True)
class Odd(Transform):
    """Fails at one record, and makes boxes anew from all others."""

    def apply(self, sample, params):
        if sample.key.startswith("3.png"):
            raise ZeroDivisionError("no such place")
        boxes = sample.targets["objects"]
        anew = BoxSet(corners=boxes.corners, classes=boxes.classes)
        return sample.replace(image=sample.image // 2, targets={"objects": anew})
'''


def test_a_plugin_that_fails_at_one_record_is_told_and_the_others_looked_at(arrows: Path) -> None:
    (arrows / "plugins").mkdir()
    (arrows / "plugins/odd.py").write_text(ODD)
    path = arrows / "odd.yaml"
    path.write_text(f"{HEAD}{BOXES}augment: {{copies: 2, stages: [{{use: odd}}]}}\n")
    said = dsbuilder.open(path).inspect_augmentation()
    (warning,) = [each for each in said.warnings if each.startswith("3.png")]
    assert "found an error at stage: augment/odd: ZeroDivisionError: no such place." in warning
    (section,) = said.sections
    assert section.variants == 18
    # Boxes without attributes: which of them is which is not known.
    assert "hidden" not in {each.question for each in section.findings}


def test_an_object_without_a_pixel_is_not_looked_for() -> None:
    image = np.random.default_rng(0).integers(60, 190, (40, 40, 3), np.uint8)
    masks = np.zeros((2, 40, 40), bool)
    masks[1, 10:30, 10:30] = True
    corners = np.array([[0.1, 0.1, 0.2, 0.2], [0.25, 0.25, 0.75, 0.75]], np.float32)
    boxes = BoxSet(corners=corners, classes=np.zeros(2, np.int64))
    found = InstanceSet(boxes=boxes, planes=bit_planes.pack(masks, (40, 40)), outlines=((), ()))
    kinds = {"objects": Instances(names=("thing",))}
    sample = Sample(key="a", image=image, targets={"objects": found}, positional=kinds)
    look = probe([], sample, sample, [], Mixing())
    assert (look.objects, look.hidden, look.shown) == (1, 0, 1.0)


def test_texts_in_a_mirror_are_told(arrows: Path) -> None:
    (fault,) = found(arrows, "{use: A.HorizontalFlip, p: 1}", TEXTS)["unreadable"]
    assert (fault.count, fault.of) == (24, 24)


def test_the_stream_is_looked_at_too_and_a_pipeline_without_stages_refused(arrows: Path) -> None:
    path = arrows / "stream.yaml"
    path.write_text(
        f"{HEAD}{FOLDER}stream: {{stages: [{{use: mixup}}, {{use: A.VerticalFlip}}]}}\n"
    )
    (section,) = dsbuilder.open(path).inspect_augmentation(records=4).sections
    assert (section.section, section.records, section.variants) == ("stream.stages", 4, 8)
    path.write_text(f"{HEAD}{FOLDER}")
    with pytest.raises(DataError, match="there is no training record that a stage"):
        dsbuilder.open(path).inspect_augmentation()


def test_the_command_draws_what_it_says(arrows: Path, tmp_path: Path) -> None:
    found(arrows, "{use: A.HorizontalFlip, p: 1}")
    sheet = tmp_path / "sheet.png"
    command = ["inspect", str(arrows / "signs.yaml"), "--augment", "--sheet", str(sheet)]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 0
    assert "'left' looks like 'right' in a mirror" in result.output
    assert sheet.is_file()
    said = json.loads(CliRunner().invoke(main, [*command[:3], "--json"]).stdout)
    assert {each["question"] for each in said["sections"][0]["findings"]} == {
        "cropped",
        "wasted",
        "unrecognisable",
        "turned",
    }
    refused = CliRunner().invoke(main, [*command[:3], "--only", "leak"])
    assert refused.exit_code == 2
    refused = CliRunner().invoke(main, [*command[:3], "--workers", "2"])
    assert refused.exit_code == 2
    assert "leave --workers out" in refused.output


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("angle", [-170.0, -90.0, 0.0, 35.0, 180.0])
def test_a_turn_is_read_from_where_pixels_went(mirrored: bool, angle: float) -> None:
    matrix = cv2.getRotationMatrix2D((10.0, 10.0), angle, 1.3) @ np.vstack(
        [np.array([[-1.0 if mirrored else 1.0, 0, 0], [0, 1, 0]]), [0, 0, 1]]
    )
    found_mirror, found_angle = turn_of(matrix)
    assert found_mirror == mirrored
    assert np.cos(np.radians(found_angle - angle)) == pytest.approx(1)


def test_a_quarter_turn_is_that_of_numpy() -> None:
    image = np.random.default_rng(0).integers(0, 256, (9, 9, 3), np.uint8)
    assert np.array_equal(turned(image, mirrored=False, angle=90.0), np.rot90(image))
    assert np.array_equal(turned(image, mirrored=True, angle=0.0), image[:, ::-1])
