"""Pictures that show one scene are like each other by their features, others are not."""

import subprocess
import sys

import cv2
import numpy as np
import pytest
from skimage import data
from sklearn.datasets import load_sample_image

from dsbuilder.builtin.inspectors import bursts, scenes
from dsbuilder.builtin.inspectors.crossing_groups import CrossingGroups
from dsbuilder.builtin.models.backbones import efficientnet_lite0, lite0_features
from dsbuilder.images.capture import ALIKE
from dsbuilder.plugin import Record, Seen, View

pytestmark = pytest.mark.skipif(not scenes.is_installed(), reason="needs the pretrained features")
NAMES = ("astronaut", "chelsea", "coffee", "rocket", "hubble_deep_field", "retina", "cat")


def photographs() -> dict[str, np.ndarray]:
    found = {name: getattr(data, name)() for name in NAMES if name != "cat"}
    found |= {f"{name}.jpg": load_sample_image(f"{name}.jpg") for name in ("china", "flower")}
    found["motorcycle"] = data.stereo_motorcycle()[0]
    return {name: halved(np.ascontiguousarray(each[..., :3])) for name, each in found.items()}


def halved(image: np.ndarray) -> np.ndarray:
    ratio = 400 / max(image.shape)
    return cv2.resize(image, None, fx=ratio, fy=ratio, interpolation=cv2.INTER_AREA)


def view_of(image: np.ndarray, key: str = "a") -> View:
    return View(record=Record(key=key), kinds={}, read=lambda: image, decode=lambda pixels: pixels)


def burst(image: np.ndarray) -> list[np.ndarray]:
    """Frames of one scene: two crops, in other light, with noise."""
    height, width = (size // 8 for size in image.shape[:2])
    noise = np.random.default_rng(0).normal(0, 8, image.shape)
    return [
        np.ascontiguousarray(image[: -height or None, : -width or None]),
        np.clip(image[height:, width:] * 1.3, 0, 255).astype(np.uint8),
        np.clip(image * 0.6 + noise, 0, 255).astype(np.uint8),
    ]


@pytest.fixture(scope="module")
def described() -> dict[str, bytes]:
    """Three frames of each of nine scenes, by `scene/frame`."""
    frames = {
        f"{name}/{n}": frame
        for name, image in photographs().items()
        for n, frame in enumerate(burst(image))
    }
    found = {key: scenes.describe(view_of(frame)) for key, frame in frames.items()}
    return {key: each for key, each in found.items() if each is not None}


def test_frames_of_a_scene_are_one_group_and_scenes_are_apart(described) -> None:
    assert len(described) == 27 and {len(each) for each in described.values()} == {640}
    expected = [[f"{name}/{n}" for n in range(3)] for name in sorted({k[:-2] for k in described})]
    assert scenes.groups(described, ALIKE) == expected


def test_a_picture_that_is_added_changes_no_other_group(described) -> None:
    whole = scenes.groups(described, ALIKE)
    for key in described:
        rest = {each: value for each, value in described.items() if each != key}
        found = scenes.groups(rest, ALIKE)
        assert [group for group in whole if key not in group] == [
            group for group in found if group[0].split("/")[0] != key.split("/")[0]
        ]


def test_what_is_small_or_even_stands_for_nothing() -> None:
    photograph = data.astronaut()
    assert scenes.describe(view_of(photograph[:120, :300])) is None
    assert scenes.describe(view_of(np.full((200, 200, 3), 90, np.uint8))) is None


def test_features_are_the_same_for_any_number_of_threads(described) -> None:
    """Sums of floats would not be; whole numbers are."""
    code = (
        "import numpy as np; from skimage import data\n"
        "from dsbuilder.builtin.models.backbones import efficientnet_lite0, lite0_features\n"
        "network = lite0_features.load(efficientnet_lite0.weights_path())\n"
        "print(network(np.ascontiguousarray(data.chelsea()[:160, :160])).tobytes().hex())"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"OPENBLAS_NUM_THREADS": threads, "OPENBLAS_CORETYPE": kernel, "PATH": ""},
            capture_output=True,
            check=True,
        ).stdout
        for threads, kernel in (("1", "HASWELL"), ("4", "PRESCOTT"))
    }
    assert len(found) == 1


def test_sums_of_whole_numbers_are_exact_in_float32() -> None:
    network = lite0_features.load(efficientnet_lite0.weights_path())
    mixings = [network.stem, network.head]
    for block in network.blocks:
        mixings += [block.project, *([block.expand] if block.expand else [])]
    for each in mixings:
        assert np.array_equal(each.steps, np.rint(each.steps))
        assert np.abs(each.steps).sum(axis=0).max() * 128 <= 2**24


def test_the_split_that_cuts_scenes_is_said_and_the_rule(described) -> None:
    keys = sorted(described)
    measures = [((key[0],), None, described[key]) for key in keys]
    split_of = {key: ("train", "test")[n % 5 == 0] for n, key in enumerate(keys)}
    records = [Record(key=key) for key in keys]
    of_one = [(("x",), None, each) for _, _, each in measures]

    def judged(found) -> list[str]:
        seen = Seen(records=records, measures=found, split_of=split_of)
        return [each.text for each in CrossingGroups().judge(seen)]

    [text] = judged(of_one)
    assert text.startswith("the split cuts 6 of 9 groups of pictures that show nearly the same")
    assert text.endswith("split: {group: likeness} keeps each whole")
    assert not judged([((key[:3],), None, described[key]) for key in keys])  # scenes are classes


def test_a_set_of_which_all_are_alike_is_no_evidence(described) -> None:
    keys = [key for key in described if key.startswith("coffee")]
    shown = {f"{key}{n}": described[key] for key in keys for n in range(20)}
    assert not list(bursts.proposals(dict.fromkeys(shown, ("a",)), {}, shown))
