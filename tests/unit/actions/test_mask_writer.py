"""Where masks are written: no two to one file, and none over an image."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from dsbuilder.actions.predict import MaskWriter
from dsbuilder.errors import DataError
from dsbuilder.images.mask import read_ids
from dsbuilder.sample import ImageSignature, Signature
from dsbuilder.targets import Mask
from dsbuilder.tasks import Answer, heads_of

IMAGE = ImageSignature(height=4, width=6, channels=3)


def heads(*names):
    mask = Mask(names=("ground", "thing"))
    return heads_of(Signature(image=IMAGE, targets=dict.fromkeys(names, mask)))


def test_each_of_several_masks_of_an_image_has_a_file_of_its_own(tmp_path):
    path = tmp_path / "a.png"
    Image.new("RGB", (6, 4)).save(path)
    known = heads("roads", "cars")
    writer = MaskWriter(masks=tmp_path / "ids", overlays=tmp_path / "laid", heads=known)
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
    writer = MaskWriter(masks=tmp_path, overlays=tmp_path, heads=heads("roads"))
    with pytest.raises(DataError, match="expected a free place for its mask"):
        writer.check([(tmp_path / "in" / "a.png", "a.png")])
    several = MaskWriter(masks=tmp_path, overlays=None, heads=heads("roads", "cars"))
    several.check([(tmp_path / "a.png", "a.png")])
    with pytest.raises(DataError, match="taken by"):
        several.check([(tmp_path / "roads" / "a.png", "a.png"), (tmp_path / "b.png", "b.png")])
