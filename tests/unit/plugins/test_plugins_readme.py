"""The code in plugins/README.md is real: it is found, bound and keeps the contract."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dsbuilder.layouts import sidecar
from dsbuilder.layouts.keys import of_source
from dsbuilder.pipelinefile import load_document
from dsbuilder.pipelinefile.document import parse
from dsbuilder.pipelinefile.stages import AnyStage, Inspection, binder_of
from dsbuilder.plugin import (
    ModelBuilder,
    Moment,
    Sample,
    Source,
    Stage,
    generator,
)
from dsbuilder.plugin.decorators import RESERVED
from dsbuilder.registry import KINDS, Registry, discover
from dsbuilder.tasks import heads_of
from dsbuilder.testing import ContractError, check_plugin
from dsbuilder.testing.exporting import SmallDataset
from dsbuilder.testing.files import plugins_of
from dsbuilder.testing.places import PLACES
from dsbuilder.train.lookup import Chosen, choose

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


@pytest.fixture
def named_images(tmp_path: Path, make_images: Callable[..., Path]) -> Path:
    """Images that are called as `prefixed` has it."""
    images = make_images(count=2)
    for path in images.glob("*/*.png"):
        path.rename(images / f"{path.parent.name}_{path.name}")
    return images


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    """What `frames` reads: three images, the last without a label."""
    folder = tmp_path / "frames"
    folder.mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (3, 6, 8, 3), np.uint8)
    np.save(folder / "frames.npy", pixels)
    (folder / "labels.txt").write_text("dog\ncat\n")
    return folder


def bind(registry: Registry, text: str, folder: Path) -> Any:
    """Returns the plugin of a stage, an inspector or a source, as a pipeline names it."""
    binder = binder_of(parse(text, origin="README.md", folder=folder), registry)
    root = binder.document.root
    if text.startswith("inspect:"):
        inspections = Mapping[str, Inspection]
        bound = next(iter(binder.bind(inspections, root.value["inspect"], "inspect")[0].values()))
    else:
        of_source = re.search(r"use: (prefixed|frames)", text)
        bound, _ = binder.bind(Source if of_source else AnyStage, root, "")
    assert not binder.problems, binder.problems
    return bound if isinstance(bound, Source) else bound.plugin


def choose_training(registry: Registry, text: str) -> Chosen:
    """Returns what a `train` section names, for a class."""
    pipeline = f"name: readme\nsource: {{use: prefixed, path: .}}\n{text}"
    spec = load_document(parse(pipeline, origin="README.md", folder=FOLDER), registry)
    assert spec.settings.train is not None
    signature = SmallDataset(("label",), "png").signature
    return choose(spec.settings.train, {"label": heads_of(signature)["label"]}, registry)


def test_every_plugin_of_the_readme_keeps_the_contract(
    registry: Registry, named_images: Path, frames: Path, tmp_path: Path
) -> None:
    stated = [text for text in blocks("yaml") if not text.startswith("train:")]
    tried = [
        *(bind(registry, text, tmp_path) for text in stated),
        choose_training(registry, *set(blocks("yaml")) - set(stated)).schedule,
        bind(registry, "{use: quantize}", tmp_path),
        bind(registry, "{use: side_by_side}", tmp_path),
        bind(registry, f"{{use: prefixed, path: {named_images}}}", tmp_path),
        bind(registry, f"{{use: frames, path: {frames}}}", tmp_path),
        registry.get("prefixed", "exporter").cls(),
    ]
    for plugin in tried:
        check_plugin(plugin)
    written = {plugin.cls for plugin in registry.plugins if plugin.origin.folder}
    of_files = {plugin.cls for plugin in registry.plugins if plugin.origin.folder == FOLDER}
    assert {type(plugin) for plugin in tried} >= written - of_files


def test_the_check_that_is_shown_runs(registry: Registry) -> None:
    (code,) = (block for block in blocks("py") if block.startswith("from dsbuilder.testing"))
    exec(compile(code, "README.md", "exec"), {"Quantize": registry.get("quantize").cls})


def test_a_training_may_name_what_the_readme_does(registry: Registry) -> None:
    (text,) = (block for block in blocks("yaml") if block.startswith("train:"))
    chosen = choose_training(registry, text)
    head = chosen.heads["label"]
    assert (head.loss.gamma, head.metrics["top_k"].k) == (1.5, 5)
    moments = [Moment(step=step, steps_per_epoch=2, epochs=10) for step in range(6)]
    assert [chosen.schedule.share(moment) for moment in moments] == [0.25, 0.5, 0.75, 1, 1, 1]


def test_what_prefixed_writes_it_reads_with_its_keys_and_classes(
    registry: Registry, tmp_path: Path
) -> None:
    dataset = SmallDataset(("label", "price"), "jpeg")
    folder = tmp_path / "written"
    folder.mkdir()
    written = registry.get("prefixed", "exporter").cls().write(dataset, folder)
    sidecar.write(folder, dataset.signature, written.keys)
    read = registry.get("prefixed", "source").cls(path=folder).open().scan()
    samples = [each for split in dataset.splits for each in dataset.samples(split)]
    names = dataset.signature.targets["label"].class_names
    labels = {each.key: names[each.targets["label"]] for each in samples}
    found = {record.key: record.targets["label"] for record in read.records}
    assert found == {given: labels[key] for key, given in of_source(labels).items()}
    assert read.targets["label"].class_names == names
    assert written.notes == [
        "left out: 'price'",
        "splits are not held: all images lie in one folder",
    ]


def test_frames_are_read_by_their_place_and_change_one_by_one(
    registry: Registry, frames: Path
) -> None:
    source = registry.get("frames").cls(path=frames)
    listed, catalog = source.open().scan(), source.open()
    assert list(listed.notes) == ["frames without a label at the end, skipped: 1"]
    pixels = np.load(frames / "frames.npy")
    assert [
        np.array_equal(catalog.read(each), pixels[each.place["row"]]) for each in listed.records
    ]
    before = [catalog.identity(each) for each in listed.records]
    pixels[1] ^= 255
    np.save(frames / "frames.npy", pixels)
    after = [source.open().identity(each) for each in listed.records]
    assert [one == other for one, other in zip(before, after, strict=True)] == [True, False]


def test_quantize_leaves_the_asked_number_of_shades(registry: Registry, tmp_path: Path) -> None:
    plugin = bind(registry, "{use: quantize, bits: [2, 2]}", tmp_path)
    image = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    sample = Sample(key="a", image=image, targets={})
    result = plugin.apply(sample, plugin.draw(sample, generator(1)))
    assert np.unique(result.image).tolist() == [0, 64, 128, 192]


def test_the_sources_tell_by_which_signs_they_are_known(
    registry: Registry, named_images: Path, frames: Path
) -> None:
    prefixed, sequence = registry.get("prefixed", "source").cls, registry.get("frames").cls
    found = prefixed.signs(named_images)
    assert (found.evidence, found.explained) == ("arranged", 1)
    assert found.reason == "6 images are named class_number"
    assert prefixed.signs(frames).evidence is None
    assert sequence.signs(frames).evidence == "arranged"
    assert sequence.signs(named_images).reason == "there is no frames.npy"


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
    binder = binder_of(parse(text, origin="a", folder=tmp_path), registry)
    binder.bind(wanted, binder.document.root, "")
    assert not binder.problems
    row = option.replace("int | None", "X \\| None").replace("int | str", "X \\| Y")
    assert f"`{row}`" in TEXT


def test_the_examples_are_short_and_linked() -> None:
    for path in FOLDER.glob("*.py"):
        assert f"[{path.name}]({path.name})" in TEXT
        assert 20 <= len(path.read_text().splitlines()) <= 60


def test_the_failure_that_is_shown_is_what_the_kit_says(tmp_path: Path) -> None:
    text = next(block for block in blocks("python") if block.startswith("# plugins/nudge.py"))
    before, after = '[1, 0, params["x"]]', '[1, 0, -params["x"]]'
    assert text.count(before) == 1
    assert '`-params["x"]`' in TEXT
    file = tmp_path / "nudge.py"
    file.write_text(text.replace(before, after), encoding="utf-8")
    with pytest.raises(ContractError) as raised:
        PLACES.on(*plugins_of(file))
    error = raised.value
    said = f"{error.check}: on {error.shown}\n{error.text}"
    assert f"```text {' '.join(said.split())} ```" in " ".join(TEXT.split()), said


def test_no_option_may_have_a_name_that_the_readme_does_not_tell() -> None:
    (told,) = re.findall(r"at all\. (.*?) are such words of the pipeline", TEXT, re.DOTALL)
    assert set(re.findall(r"`(\w+)`", told)) == RESERVED


def test_a_pipeline_can_balance_by_the_synthesizer_that_is_an_example(registry: Registry) -> None:
    plugin = registry.get("shapes").cls()
    for key in range(9):
        params = plugin.draw(generator(key))
        assert plugin.class_of(params) == plugin.render("k", params, "gray").targets["label"]
    assert "class_of(params)" in TEXT


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
