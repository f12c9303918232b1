"""Masks of images larger than what a model takes: answered tile by tile, put together."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from saved_models import IMAGE, ROWS, save_untrained

from dsbuilder.cli.main import main
from dsbuilder.errors import SpecError
from dsbuilder.images.mask import read_ids
from dsbuilder.plugin import Mask, ModelBuilder, Signature

archive = pytest.importorskip("dsbuilder.train.archive")
prediction = pytest.importorskip("dsbuilder.train.prediction")
tiled = pytest.importorskip("dsbuilder.train.tiled")

NAMES = ("ground", "square", "sky")


@dataclass(frozen=True, kw_only=True)
class PixelByPixel(ModelBuilder):
    """Says of a pixel what its own color says, so that no tile matters for it."""

    def build(self, signature: Signature):
        import keras

        inputs = keras.Input(signature.image.shape)
        outputs = keras.layers.Conv2D(len(NAMES), 1, dtype="float32")(inputs)
        return keras.Model(inputs, outputs)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "masks.keras"
    return save_untrained(path, PixelByPixel(), {"mask": Mask(names=NAMES)})


def painted(height: int, width: int) -> np.ndarray:
    rng = np.random.default_rng(height)
    small = Image.fromarray(rng.integers(0, 256, (9, 9, 3), np.uint8))
    return np.asarray(small.resize((width, height), Image.Resampling.BICUBIC))


def said_of_each_pixel(model: Path, image: np.ndarray) -> np.ndarray:
    """Class ids by the model, block by block, without overlap."""
    side, trained = IMAGE.height or 1, archive.load_model(model)
    height, width = image.shape[:2]
    ids = np.zeros((height + side, width + side), np.uint8)
    padded = np.pad(image, ((0, side), (0, side), (0, 0)))
    for y in range(0, height, side):
        for x in range(0, width, side):
            block = trained.model.predict_on_batch(padded[None, y : y + side, x : x + side])
            ids[y : y + side, x : x + side] = np.asarray(block)[0].argmax(axis=-1)
    return ids[:height, :width]


@pytest.mark.parametrize(
    ("suffix", "size", "overlap"),
    [("tif", (100, 75), 8), ("png", (32, 32), 0), ("png", (20, 40), 5)],
)
def test_the_mask_of_a_large_image_is_that_of_its_tiles(
    model: Path, tmp_path: Path, suffix: str, size: tuple[int, int], overlap: int
) -> None:
    image = painted(*size)
    path = tmp_path / f"large.{suffix}"
    Image.fromarray(image).save(path)
    tiling = tiled.Tiling(size=32, overlap=overlap)
    (found,) = prediction.predict(model, [path], tiling=tiling, batch_size=3)
    assert found.value.shape == size
    assert np.array_equal(found.value, said_of_each_pixel(model, image))
    assert dict(found.scores) == pytest.approx(
        {name: (found.value == number).mean() for number, name in enumerate(NAMES)}
    )


def test_the_command_line_writes_the_mask_and_goes_on_after_a_broken_file(
    model: Path, tmp_path: Path
) -> None:
    (tmp_path / "in").mkdir()
    image = painted(70, 90)
    Image.fromarray(image).save(tmp_path / "in" / "b.tif", tiffinfo={278: 16})
    (tmp_path / "in" / "a.png").write_bytes(b"junk")
    options = ["--tile", "32", "--masks", str(tmp_path / "masks"), "--json"]
    result = CliRunner().invoke(main, ["predict", str(model), str(tmp_path / "in"), *options])
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert [Path(each["path"]).name for each in told["failures"]] == ["a.png"]
    (answer,) = told["predictions"]
    ids = read_ids(Path(answer["mask"]).read_bytes(), None)
    assert np.array_equal(ids, said_of_each_pixel(model, image))


def test_what_a_mask_takes_is_bounded_before_it_is_made(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(painted(70, 90)).save(path)
    monkeypatch.setattr(tiled, "_MOST_BYTES", 10_000)
    (found,) = prediction.predict(model, [path], tiling=tiled.Tiling(size=32, overlap=4))
    assert "found one of 90 x 70 pixels and 3 classes" in str(found.error)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--overlap", "3"], "overlap: it is for tiles. Give a size of tiles, too."),
        (["--tile", "8", "--overlap", "4"], "expected tiles of a pixel or more that overlap by"),
    ],
)
def test_options_that_do_not_fit_are_refused(model: Path, options: list[str], message: str) -> None:
    result = CliRunner().invoke(main, ["predict", str(model), str(model), *options])
    assert result.exit_code == 2
    assert message in result.stderr


def test_a_model_of_something_else_is_not_asked_of_tiles(tmp_path: Path) -> None:
    from dsbuilder.builtin.models.mlp import Mlp

    label = {"label": ROWS["label"]}
    path = save_untrained(tmp_path / "rows.keras", Mlp(width=4), label)
    with pytest.raises(SpecError, match="it is for a model of masks, and this one says 'class'"):
        prediction.predict(path, [path], tiling=tiled.Tiling(size=32, overlap=0))
