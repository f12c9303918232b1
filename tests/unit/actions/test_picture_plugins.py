"""`dsbuilder plugins pictures` draws a page of an author's own folder; what it cannot, it tells."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import dsbuilder
from dsbuilder.cli.main import main
from dsbuilder.errors import DataError, PluginError

PLUGIN = '''
"""Shades."""
from dataclasses import dataclass
import numpy as np
from dsbuilder.plugin import Mixer, Params, Sample, Transform, mixer, transform

@transform("shade", geometry="fixed")
@dataclass(frozen=True, kw_only=True)
class Shade(Transform):
    """Darkens an <image>.

    Attributes:
      by: share, in [0, 1].
    """

    by: float

    def draw(self, sample: Sample, rng: np.random.Generator) -> Params:
        return {"by": self.by * float(rng.random())}

    def apply(self, sample: Sample, params: Params) -> Sample:
        return sample.replace(image=(sample.image * (1 - params["by"])).astype(np.uint8))

@transform("Resize", geometry="fixed")
@dataclass(frozen=True, kw_only=True)
class Fails(Transform):
    """Fails."""

    def apply(self, sample: Sample, params: Params) -> Sample:
        raise RuntimeError("no light")
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins/shade.py").write_text(PLUGIN)
    return tmp_path


def call(*line: str | Path) -> "tuple[int, str, str]":
    result = CliRunner().invoke(main, ["plugins", "pictures", *map(str, line)])
    return result.exit_code, result.stdout, result.stderr


def test_a_folder_of_ones_own_gets_a_page_and_what_it_lacks_is_told(folder: Path) -> None:
    page = folder / "page"
    line = (page, "--plugins", folder / "plugins", "--package", "local")
    code, out, err = call(*line)
    assert (code, "0 of 2 plugins" in out) == (0, True)
    assert "shade: no picture: the option 'by' is missing" in err
    assert "Resize: no picture: RuntimeError: no light" in err
    assert "There is no picture: RuntimeError: no light" in (page / "README.md").read_text()
    (folder / "plugins/broken.py").write_text("import nowhere_at_all")
    code, out, err = call(*line, "--set", "shade.by=0.9", "--json")
    assert "broken.py: cannot be imported (ModuleNotFoundError" in err
    found = json.loads(out)
    drawn, failed = sorted(found["plugins"], key=lambda each: each["name"], reverse=True)
    assert (drawn["picture"], failed["picture"]) == (str(page / "shade.webp"), None)
    text = (page / "README.md").read_text()
    assert "Darkens an &lt;image>." in text
    assert "{use: shade, by: 0.9}" in text
    assert "![shade](shade.webp)" in text
    with Image.open(page / "shade.webp") as image:
        columns = np.asarray(image.convert("L")).astype(int)
    means = [columns[20:140, 14 + place * 182 : 176 + place * 182].mean() for place in range(4)]
    assert all(means[0] > each + 10 for each in means[1:])


def test_the_same_plugins_make_the_same_bytes_and_names_are_told_apart(folder: Path) -> None:
    pages = []
    for name in ("one", "two"):
        dsbuilder.picture_plugins(folder / name, kind="mixer", plugins=[folder / "plugins"])
        pages.append({path.name: path.read_bytes() for path in (folder / name).iterdir()})
    assert pages[0] == pages[1]
    assert "mosaic.webp" in pages[0]
    found = dsbuilder.picture_plugins(
        folder / "all", kind="transform", options=["shade.by=1"], plugins=[folder / "plugins"]
    )
    files = {e.picture.name for e in found.plugins if e.picture is not None}
    assert {"A.webp", "shade.webp"} <= files
    assert "resize.webp" not in {path.name.casefold() for path in (folder / "all").iterdir()}
    assert "dsbuilder transform resize.webp" in files


def test_a_page_of_somebody_else_is_not_overwritten(folder: Path) -> None:
    (folder / "README.md").write_text("# Mine\n")
    with pytest.raises(DataError, match="expected a page of pictures or no file, found another"):
        dsbuilder.picture_plugins(folder, kind="mixer", plugins=[folder / "plugins"])
    assert [path.name for path in sorted(folder.iterdir())] == ["README.md", "plugins"]


def test_what_is_not_drawn_is_refused(folder: Path) -> None:
    own = [folder / "plugins"]
    with pytest.raises(PluginError, match="expected one of transform, mixer, synthesizer"):
        dsbuilder.picture_plugins(folder / "x", kind="model", plugins=own)
    with pytest.raises(PluginError, match="expected one of dsbuilder, local, found 'locla'"):
        dsbuilder.picture_plugins(folder / "x", package="locla", plugins=own)
    with pytest.raises(
        PluginError, match=r"with the name of a plugin that is drawn\. Did you mean"
    ):
        dsbuilder.picture_plugins(folder / "x", options=["shde.by=1"], plugins=own)
    assert not (folder / "x").exists()
