"""`plugins/pictures/` shows every plugin that makes images, as the program draws it now.

`dsbuilder plugins pictures plugins/pictures` draws it anew: look at it before a commit. Pillow's
FreeType, OpenCV and albumentations draw a little differently from version to version.
"""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import dsbuilder
from dsbuilder.actions.picture_plugin import PICTURED
from dsbuilder.registry import discover

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "plugins" / "pictures"
PLUGINS = [
    each
    for each in discover([ROOT / "plugins"]).of_kind(*PICTURED)
    if each.origin.package in ("dsbuilder", "local")
]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawn") / "pictures"
    found = dsbuilder.picture_plugins(folder, plugins=[ROOT / "plugins"])
    assert not found.warnings, "\n".join(found.warnings)
    return folder


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda each: each.full_name)
def test_every_plugin_has_its_picture_on_the_page(plugin, drawn: Path) -> None:
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    _, _, part = page.partition(f"### `{plugin.name}`\n\n{plugin.summary}\n")
    assert part, f"{plugin.name} is not on the page"
    picture = re.search(rf"^!\[{re.escape(plugin.name)}\]\((.+)\)$", part, re.MULTILINE)
    assert picture is not None, f"{plugin.name} has no picture"
    recorded, now = pixels(FOLDER / picture[1]), pixels(drawn / picture[1])
    assert recorded.shape == now.shape
    assert (np.abs(recorded - now).max(axis=2) > 48).mean() <= 0.02
    assert np.ptp(recorded.reshape(-1, 3), axis=0).min() > 100, f"{plugin.name}: nothing is seen"


def test_the_page_shows_nothing_else_and_is_small(drawn: Path) -> None:
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert page == (drawn / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"^### `(.+)`$", page, re.MULTILINE) == [
        each.name for kind in PICTURED for each in PLUGINS if each.kind == kind
    ]
    shown = set(re.findall(r"^!\[.*\]\((.+)\)$", page, re.MULTILINE))
    assert {path.name for path in FOLDER.iterdir()} == {"README.md", *shown}
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 300_000
