"""Where pictures of answers are written: no two to one file, and none over an image."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from dsbuilder.actions.predict import PictureWriter
from dsbuilder.errors import DataError
from dsbuilder.images.mask import read_ids
from dsbuilder.sample import ImageSignature, Signature
from dsbuilder.targets import ClassLabel, Mask
from dsbuilder.tasks import Answer, heads_of

Attribution = pytest.importorskip("dsbuilder.train.attribution").Attribution
Reason = pytest.importorskip("dsbuilder.train.prediction").Reason

IMAGE = ImageSignature(height=4, width=6, channels=3)


def heads(*names):
    mask = Mask(names=("ground", "thing"))
    return heads_of(Signature(image=IMAGE, targets=dict.fromkeys(names, mask)))


def test_each_of_several_masks_of_an_image_has_a_file_of_its_own(tmp_path):
    path = tmp_path / "a.png"
    Image.new("RGB", (6, 4)).save(path)
    known = heads("roads", "cars")
    writer = PictureWriter(
        folders={"masks": tmp_path / "ids", "overlays": tmp_path / "laid"}, heads=known
    )
    writer.check([(path, "in/a.png")])
    ids = {"roads": np.zeros((4, 6), np.uint8), "cars": np.ones((4, 6), np.uint8)}
    answers = {name: Answer(value, ()) for name, value in ids.items()}
    found = SimpleNamespace(path=path, name="in/a.png", answers=answers)
    written = {name: dict(writer.written(found, name)) for name in known}
    assert written["cars"]["mask"] == str(tmp_path / "ids" / "cars" / "in" / "a.png")
    for name, each in written.items():
        assert np.array_equal(read_ids(Path(each["mask"]).read_bytes(), None), ids[name])
    assert len({place for each in written.values() for place in each.values()}) == 4


def test_masks_and_pictures_in_one_folder_are_refused(tmp_path):
    writer = PictureWriter(folders={"masks": tmp_path, "overlays": tmp_path}, heads=heads("roads"))
    with pytest.raises(DataError, match="expected a free place for its picture"):
        writer.check([(tmp_path / "in" / "a.png", "a.png")])
    several = PictureWriter(folders={"masks": tmp_path}, heads=heads("roads", "cars"))
    several.check([(tmp_path / "a.png", "a.png")])
    with pytest.raises(DataError, match="taken by"):
        several.check([(tmp_path / "roads" / "a.png", "a.png"), (tmp_path / "b.png", "b.png")])


def test_reasons_of_one_head_of_classes_need_no_folder_of_their_own(tmp_path):
    targets = {"animal": ClassLabel(names=("cat", "dog", "hen")), "roads": Mask(names=("a", "b"))}
    known = heads_of(Signature(image=IMAGE, targets=targets))
    writer = PictureWriter(folders={"why": tmp_path / "why"}, heads=known)
    pixels = np.zeros((4, 6, 3), np.uint8)
    maps = {"animal": Attribution(gradient=np.eye(2, 3, dtype=np.float32))}
    answers = {"animal": Answer("dog", (("dog", 0.9), ("cat", 0.1)))}
    found = SimpleNamespace(path=tmp_path / "a.jpg", name="in/a.jpg", answers=answers)
    told = writer.reasoned(found, Reason(image=pixels, heads=maps), "animal")
    assert told == str(tmp_path / "why" / "in" / "a.png")
    with Image.open(told) as picture:
        assert picture.width > 2 * 256
