"""The code in plugins/README.md is real: it is found, bound and keeps the contract."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dsbuilder.pipelinefile.binding import Binder
from dsbuilder.pipelinefile.document import parse
from dsbuilder.pipelinefile.inspections import Inspection, binder_of
from dsbuilder.pipelinefile.stages import AnyStage, StageBinder
from dsbuilder.plugin import ModelBuilder, Sample, Source, Stage, generator
from dsbuilder.registry import KINDS, Registry, discover
from dsbuilder.testing import check_plugin

FOLDER = Path(__file__).parents[3] / "plugins"
TEXT = (FOLDER / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    folder = tmp_path / "plugins"
    folder.mkdir()
    for block in blocks("python"):
        name = re.match(r"# plugins/(\w+\.py)\n", block)
        assert name, f"expected a block that begins with its file's name, found {block[:40]!r}"
        (folder / name.group(1)).write_text(block, encoding="utf-8")
    found = discover((folder, FOLDER))
    assert not found.broken
    return found


def bind(registry: Registry, text: str, folder: Path) -> Any:
    custom = {**StageBinder(registry).custom, Inspection: binder_of(registry)}
    binder = Binder(parse(text, origin="README.md", folder=folder), custom)
    if text.startswith("inspect:"):
        bound, _ = binder.bind(
            Mapping[str, Inspection], binder.document.root.value["inspect"], "inspect"
        )
        assert not binder.problems, binder.problems
        return next(iter(bound.values())).plugin
    wanted = Source if "prefixed" in text else AnyStage
    bound, _ = binder.bind(wanted, binder.document.root, "")
    assert not binder.problems, binder.problems
    return bound if isinstance(bound, Source) else bound.plugin


def test_every_plugin_of_the_readme_keeps_the_contract(
    registry: Registry, make_images: Callable[..., Path], tmp_path: Path
) -> None:
    images = make_images(count=2)
    for path in images.glob("*/*.png"):
        path.rename(images / f"{path.parent.name}_{path.name}")
    stated = [
        *blocks("yaml"),
        "{use: quantize}",
        "{use: side_by_side}",
        f"{{use: prefixed, path: {images}}}",
    ]
    tried = [bind(registry, text, tmp_path) for text in stated]
    for plugin in tried:
        check_plugin(plugin)
    written = {plugin.name for plugin in registry.plugins if plugin.origin.folder}
    assert {plugin.__dsbuilder__.name for plugin in tried} == written - {
        "focal",
        "salt_pepper",
        "shapes",
        "tiny_resnet",
        "top_k",
    }


def test_quantize_leaves_the_asked_number_of_shades(registry: Registry, tmp_path: Path) -> None:
    plugin = bind(registry, "{use: quantize, bits: [2, 2]}", tmp_path)
    image = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    sample = Sample(key="a", image=image, targets={})
    result = plugin.apply(sample, plugin.draw(sample, generator(1)))
    assert np.unique(result.image).tolist() == [0, 64, 128, 192]


def test_prefixed_recognises_what_it_reads(registry: Registry, make_images) -> None:
    images = make_images(count=2)
    source = registry.get("prefixed").cls
    assert source.signs(images).evidence is None
    for path in images.glob("*/*.png"):
        path.rename(images / f"{path.parent.name}_{path.name}")
    found = source.signs(images)
    assert (found.evidence, found.reason) == ("arranged", "6 images are named class_number.png")


def test_every_kind_has_a_row() -> None:
    for kind in KINDS:
        assert f"| {kind} | `@{kind}(name" in TEXT


@pytest.mark.parametrize(
    ("option", "text"),
    [
        ("int", "3"),
        ("float", "1e-3"),
        ("bool", "true"),
        ("str", "no"),
        ("Path", "a.txt"),
        ('Literal["a", "b"]', "a"),
        ("Range", "[0, 1]"),
        ("tuple[int, int]", "[1, 2]"),
        ("tuple[str, ...]", "[a, b, c]"),
        ("Mapping[str, float]", "{a: 1}"),
        ("int | None", "null"),
        ("int | str", "x"),
        ("Stage", "{use: quantize}"),
        ("tuple[Stage, ...]", "[{use: quantize, p: 0.5}]"),
    ],
)
def test_types_bind_as_the_table_says(
    registry: Registry, tmp_path: Path, option: str, text: str
) -> None:
    names = {"Stage": Stage, "Path": Path, "ModelBuilder": ModelBuilder}
    exec("from collections.abc import Mapping\nfrom typing import Literal", names)
    exec("from dsbuilder.plugin import Range", names)
    wanted = eval(option, names)
    binder = Binder(parse(text, origin="a", folder=tmp_path), StageBinder(registry).custom)
    binder.bind(wanted, binder.document.root, "")
    assert not binder.problems
    row = option.replace("int | None", "X \\| None").replace("int | str", "X \\| Y")
    assert f"`{row}`" in TEXT


def test_the_examples_are_short_and_linked() -> None:
    for path in FOLDER.glob("*.py"):
        assert f"[{path.name}]({path.name})" in TEXT
        assert 20 <= len(path.read_text().splitlines()) <= 60


def test_shapes_are_drawn_whole_and_in_all_classes(registry: Registry) -> None:
    plugin = registry.get("shapes").cls(side=40)
    drawn = [plugin.draw(generator(3, key)) for key in range(60)]
    assert {params["shape"] for params in drawn} == {"circle", "square", "triangle"}
    for params in drawn:
        image = plugin.render("k", params, "gray").image[..., 0].astype(int)
        ground = params["ground"][0]
        frame = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
        assert (np.abs(frame - ground) > 60).sum() <= 12  # it may touch the edge, no more
        area = {"circle": np.pi, "square": 2.0, "triangle": 3 * np.sqrt(3) / 4}[params["shape"]]
        share = (image < (ground + params["front"][0]) / 2).mean()
        assert abs(share - area * params["radius"] ** 2) < 0.02


def test_salt_pepper_replaces_the_stated_share(registry: Registry) -> None:
    plugin = registry.get("salt_pepper").cls()
    image = np.full((200, 200, 4), 100, np.uint8)
    sample = Sample(key="a", image=image, targets={})
    result = plugin.apply(sample, {"density": 0.1, "seed": 3}).image
    assert abs((result[..., 0] != 100).mean() - 0.1) < 0.01
    assert abs((result[..., 0] == 255).mean() - 0.05) < 0.01
    assert (result[..., 3] == 100).all()
    assert np.array_equal(plugin.apply(sample, {"density": 0.0, "seed": 3}).image, image)
    assert Image.fromarray(result).mode == "RGBA"
