"""A new plugin of any kind passes as it stands, and one that has a fault is told which."""

import importlib.util
import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

import dsbuilder
from dsbuilder.actions.new_plugin import TEMPLATES
from dsbuilder.cli.main import main
from dsbuilder.errors import DataError, PluginError
from dsbuilder.plugin import KINDS
from dsbuilder.testing.files import plugins_of


def test_every_kind_has_one_template_and_no_more() -> None:
    assert {path.stem for path in TEMPLATES.iterdir()} == set(KINDS)


@pytest.mark.parametrize(
    "kind", [pytest.param(k, marks=[pytest.mark.slow] * (k != "transform")) for k in KINDS]
)
def test_what_is_written_passes_as_it_stands(kind: str, tmp_path: Path) -> None:
    written = dsbuilder.new_plugin(f"my_{kind}", kind=kind, folder=tmp_path)
    spec = importlib.util.spec_from_file_location(f"written_{kind}", written.test)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    tests = [each for name, each in vars(module).items() if name.startswith("test_")]
    assert len(tests) == 2
    for test in tests:
        test(*([tmp_path / "out"] if inspect.signature(test).parameters else []))


def test_what_is_written_is_in_the_style_of_the_house(tmp_path: Path) -> None:
    for kind in KINDS:
        dsbuilder.new_plugin(f"my_{kind}", kind=kind, folder=tmp_path)
    config = Path(__file__).parents[3] / "pyproject.toml"
    for verb in (["check"], ["format", "--check"]):
        line = [
            sys.executable,
            "-m",
            "ruff",
            *verb,
            "--config",
            str(config),
            str(tmp_path / "plugins"),
        ]
        run = subprocess.run(line, check=False, capture_output=True, text=True)
        assert run.returncode == 0, run.stdout


def test_nothing_is_overwritten_and_no_name_is_taken_twice(tmp_path: Path) -> None:
    dsbuilder.new_plugin("mine", kind="transform", folder=tmp_path)
    with pytest.raises(DataError, match=r"mine\.py: expected no such file, found one"):
        dsbuilder.new_plugin("mine", kind="loss", folder=tmp_path)
    with pytest.raises(PluginError, match="expected a name that is free, found the transform of"):
        dsbuilder.new_plugin("resize", kind="mixer", folder=tmp_path)
    with pytest.raises(PluginError, match="expected a name of lower-case letters"):
        dsbuilder.new_plugin("My-Plugin", kind="mixer", folder=tmp_path)
    with pytest.raises(PluginError, match="expected a name that YAML takes for a text"):
        dsbuilder.new_plugin("null", kind="loss", folder=tmp_path)
    with pytest.raises(PluginError, match=r"kind: expected one of .*Did you mean 'mixer'"):
        dsbuilder.new_plugin("mine", kind="mixr", folder=tmp_path)


@pytest.mark.parametrize(
    ("name", "kind", "called"),
    [
        ("sample", "synthesizer", "SampleSynthesizer"),
        ("signature", "model", "SignatureModel"),
        ("catalog", "source", "CatalogSource"),
        ("record", "source", "RecordSource"),
        ("listing", "source", "ListingSource"),
        ("value_error", "loss", "ValueErrorLoss"),
        ("none", "mixer", "NoneMixer"),
        ("catalog", "mixer", "Catalog"),
    ],
)
def test_a_class_is_called_as_nothing_else_of_its_file(
    name: str, kind: str, called: str, tmp_path: Path
) -> None:
    written = dsbuilder.new_plugin(name, kind=kind, folder=tmp_path)
    options = [f"path={written.images}"] if kind == "source" else []
    (plugin,) = plugins_of(written.plugin, options)
    assert type(plugin).__name__ == called
    dsbuilder.open(written.pipeline, plugins=[tmp_path / "plugins"]).check()


def test_a_name_that_a_file_of_another_name_defines_is_taken(tmp_path: Path) -> None:
    written = dsbuilder.new_plugin("mine", kind="transform", folder=tmp_path)
    written.plugin.rename(tmp_path / "plugins" / "other.py")
    with pytest.raises(PluginError, match=r"found the transform of .*plugins/other\.py"):
        dsbuilder.new_plugin("mine", kind="mixer", folder=tmp_path)
    assert not written.plugin.exists()
    (tmp_path / "plugins").chmod(0o777)  # whose code nobody runs unasked
    with pytest.raises(DataError, match="expected no such file, found one"):
        dsbuilder.new_plugin("mine", kind="mixer", folder=tmp_path)


def test_a_fault_is_told_with_the_image_and_what_to_do(tmp_path: Path) -> None:
    runner = CliRunner()
    new = runner.invoke(
        main, ["plugins", "new", "mine", "--kind", "transform", "--out", str(tmp_path)]
    )
    assert new.exit_code == 0, new.output
    file = tmp_path / "plugins" / "mine.py"
    assert "Next: edit the plugin, then `dsbuilder plugins test " in new.output
    file.write_text(file.read_text().replace("image = sample.image.copy()", "image = sample.image"))
    found = runner.invoke(main, ["plugins", "test", str(file)])
    assert found.exit_code == 1
    assert "FAILED  inputs" in found.output
    text = " ".join(found.output.split())
    assert "inputs: on a gray image of 32x48 pixels with a label and 2 boxes and" in text
    assert "expected its input image left alone, found it written to. Copy it first" in text
    as_json = json.loads(runner.invoke(main, ["plugins", "test", str(file), "--json"]).stdout)
    (plugin,) = as_json["plugins"]
    failed = [each for each in plugin["checks"] if not each["passed"]]
    assert (as_json["passed"], plugin["kind"], failed[0]["check"]) == (False, "transform", "inputs")
    assert failed[0]["shown"].startswith("a gray image")


def test_a_file_without_a_plugin_and_options_that_are_missing_are_told(tmp_path: Path) -> None:
    written = dsbuilder.new_plugin("mine", kind="source", folder=tmp_path)
    with pytest.raises(dsbuilder.SpecError, match="the option 'path' is missing"):
        dsbuilder.check_plugins(written.plugin)
    with pytest.raises(PluginError, match="expected an option of mine, found 'paht=x'"):
        dsbuilder.check_plugins(written.plugin, options=["paht=x"])
    assert dsbuilder.check_plugins(written.plugin, options=[f"path={written.images}"]).passed
    (tmp_path / "empty.py").write_text("")
    with pytest.raises(PluginError, match=r"there is no plugin\. Put a decorator"):
        dsbuilder.check_plugins(tmp_path / "empty.py")
    (tmp_path / "empty.py").write_text("import nowhere_at_all")
    with pytest.raises(PluginError, match="expected to import it, found ModuleNotFoundError"):
        dsbuilder.check_plugins(tmp_path / "empty.py")


def test_a_picture_shows_before_and_after_in_some_draws(tmp_path: Path) -> None:
    runner, sizes = CliRunner(), {}
    folder = ["--plugins", str(Path(__file__).parents[3] / "plugins")]
    for name in ("salt_pepper", "side_by_side", "shapes"):
        picture = tmp_path / f"{name}.png"
        line = ["plugins", "show", name, *folder, "--picture", str(picture)]
        shown = runner.invoke(main, line)
        assert shown.exit_code == 0, shown.output
        assert re.search(r"^api +1$", shown.output, re.MULTILINE)
        with Image.open(picture) as image:
            sizes[name] = image.size
            assert len(image.convert("RGB").getcolors(1 << 20) or ()) > 100
    assert sizes["salt_pepper"][0] == sizes["side_by_side"][0] > sizes["shapes"][0]
    needed = ["plugins", "show", "resize", "--picture", str(tmp_path / "resize.png")]
    assert runner.invoke(main, needed).exit_code == 2
    assert runner.invoke(main, [*needed, "--set", "short=64"]).exit_code == 0
    alone = runner.invoke(main, ["plugins", "show", "resize", "--set", "short=64"])
    assert alone.exit_code == 2
    assert "--set: expected --picture, which is drawn with it" in alone.stderr
    refused = runner.invoke(main, ["plugins", "show", "cnn", "--picture", "cnn.png"])
    assert refused.exit_code == 1
    assert "found the model 'cnn'" in refused.stderr
