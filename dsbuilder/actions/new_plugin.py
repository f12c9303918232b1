"""A plugin to begin with: of any kind, with its test, and a pipeline with images to try it on.

Each kind has one template below `templates/`: the plugin, and behind the line `=== pipeline` what
its pipeline says besides name and source. What is written passes as it stands.
"""

import ast
import keyword
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dsbuilder.actions.document import Document
from dsbuilder.errors import DataError, PluginError, did_you_mean
from dsbuilder.pipelinefile.document import parse
from dsbuilder.plugin import KINDS
from dsbuilder.registry import discover
from dsbuilder.trust import FOLDER, nearest_folder

TEMPLATES = Path(__file__).parent / "templates"
_PIPELINE = "=== pipeline\n"
_IMAGES, _SIDE = 6, 40
_TRAINED = ("model", "loss", "metric", "schedule")
"""The kinds of which a build asks nothing, so that their pipeline is checked and not built."""
_TEST = '''\
"""{name} keeps the contract, and its example pipeline is right."""

from pathlib import Path

import dsbuilder
from dsbuilder.testing.files import check_file

ROOT = Path(__file__).parents[1]


def test_{name}_keeps_the_contract() -> None:
    check_file(ROOT / "plugins" / "{name}.py"{options})


def test_the_pipeline_of_{name}_is_right({fixture}) -> None:
    pipeline = dsbuilder.open(ROOT / "{name}.yaml", plugins=[ROOT / "plugins"])
    {tries}
'''


@dataclass(frozen=True, kw_only=True)
class NewPluginDocument(Document):
    """What was written.

    Attributes:
      name, kind: name and kind of the plugin.
      plugin, test, pipeline: files that were written.
      images: folder of images that the pipeline reads; None of a synthesizer, which needs none.
    """

    name: str
    kind: str
    plugin: Path
    test: Path
    pipeline: Path
    images: Path | None


def new_plugin(name: str, *, kind: str, folder: Path | str = ".") -> NewPluginDocument:
    """Writes a plugin, its test and an example pipeline into a folder; nothing is overwritten.

    Args:
      name: name of the plugin: lower-case letters, digits and underscores.
      kind: kind of the plugin, such as `transform`.
      folder: folder that gets `plugins/`, `tests/` and the pipeline.

    Raises:
      PluginError: there is no such kind, or the name is taken or cannot be one.
      DataError: a file is there already.
    """
    home = Path(folder)
    _check(name, kind, home / FOLDER)
    written = NewPluginDocument(
        name=name,
        kind=kind,
        plugin=home / FOLDER / f"{name}.py",
        test=home / "tests" / f"test_{name}.py",
        pipeline=home / f"{name}.yaml",
        images=None if kind == "synthesizer" else home / f"{name}_images",
    )
    paths = (written.plugin, written.test, written.pipeline, written.images)
    there = next((path for path in paths if path is not None and path.exists()), None)
    if there is not None:
        raise DataError(f"{there}: expected no such file, found one. Choose another name.")
    for path, text in _texts(written).items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    if written.images is not None:
        _write_images(written.images)
    return written


def _check(name: str, kind: str, plugins: Path) -> None:
    if kind not in KINDS:
        raise PluginError(
            f"kind: expected one of {', '.join(KINDS)}, found '{kind}'.{did_you_mean(kind, KINDS)}"
        )
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise PluginError(
            f"'{name}': expected a name of lower-case letters, digits and underscores, as a "
            "module of Python has it."
        )
    if not isinstance(parse(name, origin=name, folder=plugins).root.value, str):
        raise PluginError(
            f"'{name}': expected a name that YAML takes for a text, found one that it does not. "
            "Choose another one."
        )
    places = [each for each, of in KINDS.items() if of.place == KINDS[kind].place]
    nearest = nearest_folder(plugins.parent / f"{name}.yaml")  # of somebody else, none is run
    own = [each for each in nearest.folders if each.resolve() == plugins.resolve()]
    taken = discover(own).plugins.named(name, *places)
    if taken:
        raise PluginError(
            f"'{name}': expected a name that is free, found the {taken[0].kind} of "
            f"{taken[0].origin}. Choose another one."
        )


def _texts(new: NewPluginDocument) -> Mapping[Path, str]:
    template = (TEMPLATES / f"{new.kind}.txt").read_text(encoding="utf-8")
    filled = template.replace("{{name}}", new.name).replace("{{Class}}", _class_name(new, template))
    plugin, _, rest = filled.partition(_PIPELINE)
    has_source = new.kind in ("source", "synthesizer")
    source = "" if has_source else f"source: {{use: folder, path: {new.name}_images}}\n"
    path = f', [f"path={{ROOT}}/{new.name}_images"]' if new.kind == "source" else ""
    built = new.kind not in _TRAINED
    test = _TEST.format(
        name=new.name,
        options=path,
        fixture="tmp_path: Path" if built else "",
        tries="assert pipeline.build(tmp_path).made" if built else "pipeline.check()",
    )
    head = f"# See what comes of it: dsbuilder preview {new.name}.yaml\nname: {new.name}_example\n"
    return {new.plugin: plugin, new.test: test, new.pipeline: f"{head}{source}{rest}"}


def _class_name(new: NewPluginDocument, template: str) -> str:
    """Returns the name of the class: of one that stands for something else there, with its kind."""
    title = "".join(part.capitalize() for part in new.name.split("_"))
    code, _, _ = template.replace("{{Class}}", "_").partition(_PIPELINE)
    nodes = list(ast.walk(ast.parse(code)))
    used = {each.id for each in nodes if isinstance(each, ast.Name)}
    used |= {each.name for each in nodes if isinstance(each, ast.alias)}
    is_taken = title in used or keyword.iskeyword(title)
    return f"{title}{new.kind.capitalize()}" if is_taken else title


def _write_images(folder: Path) -> None:
    """Writes a few images of two classes, disks and squares, the same every time."""
    from dsbuilder.images import png

    for label, image in _images():
        path = folder / label
        path.mkdir(parents=True, exist_ok=True)
        number = len(list(path.iterdir()))
        (path / f"{number}.png").write_bytes(png.encode(image))


def _images() -> Iterator[tuple[str, np.ndarray]]:
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:_SIDE, :_SIDE]
    for label in ("disk", "square"):
        for _ in range(_IMAGES):
            middle, reach = rng.integers(14, _SIDE - 14, 2), int(rng.integers(6, 13))
            far = np.abs([y - middle[0], x - middle[1]])
            inside = (far.max(0) if label == "square" else np.hypot(*far)) <= reach
            ground, color = rng.integers(120, 256, 3), rng.integers(0, 110, 3)
            noise = rng.integers(-8, 9, (_SIDE, _SIDE, 3))
            shade = np.where(inside[..., None], color, ground) + noise
            yield label, shade.clip(0, 255).astype(np.uint8)
