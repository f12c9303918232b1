"""Plugins are found where they lie; a name stands for one; what is broken is reported."""

import importlib
import os
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dsbuilder import builtin, layouts
from dsbuilder.actions.plugins import plugins
from dsbuilder.cache.fingerprint import of_code
from dsbuilder.errors import PluginError
from dsbuilder.plugin import decorators
from dsbuilder.plugin_code import Place, source_files
from dsbuilder.registry import KINDS, Registry, discover

PLUGIN = '''
"""A transform."""
from dataclasses import dataclass
{imports}
from dsbuilder.plugin import Params, Sample, Transform, transform


@transform("{name}", geometry="fixed")
@dataclass(frozen=True, kw_only=True)
class Plugin(Transform):
    """Does nothing.

    At all.
    """

    def apply(self, sample: Sample, params: Params) -> Sample:
        return sample
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "plugins").mkdir()
    return tmp_path / "plugins"


def write(path: Path, name: str = "mine", imports: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(PLUGIN.format(name=name, imports=imports))
    return path


def test_every_kind_has_built_in_members() -> None:
    found = discover()
    of_tasks = {"loss", "metric"}  # those of a kind of learning stand in its file of `tasks/`
    assert {plugin.kind for plugin in found.plugins} == set(KINDS) - of_tasks
    assert not found.broken


def test_every_built_in_plugin_is_listed_with_a_sentence_that_fits_a_line() -> None:
    listed = {(each.kind, each.name): each.summary for each in plugins(plugins=[]).plugins}
    assert listed.keys() >= set(builtin.HOMES)
    wrong = {key: text for key, text in listed.items() if not re.fullmatch(r"[A-Z].{8,97}\.", text)}
    assert not wrong


def test_the_table_of_built_in_plugins_says_what_their_files_hold() -> None:
    found = {}
    packages = [(each.__path__, f"{each.__name__}.") for each in (builtin, layouts)]
    for info in (info for path, name in packages for info in pkgutil.walk_packages(path, name)):
        module = importlib.import_module(info.name)
        for value in vars(module).values():
            mark = vars(value).get("__dsbuilder__") if isinstance(value, type) else None
            if mark is not None and value.__module__ == info.name:
                found[mark.kind, mark.name] = info.name
    assert found == dict(builtin.HOMES)


def test_a_built_in_plugin_is_imported_alone() -> None:
    code = (
        "import sys; from dsbuilder.registry import discover; discover().get('folder', 'source')\n"
        "print([name for name in ('folder', 'coco') if f'dsbuilder.layouts.{name}.reader' in "
        "sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert run.stdout == "['folder']\n"


def test_a_file_of_a_folder_is_a_plugin(folder) -> None:
    path = write(folder / "mine.py")
    plugin = discover([folder]).get("mine", "transform")
    assert (plugin.summary, plugin.origin.location) == ("Does nothing.", path)


def test_a_package_of_a_folder_is_a_plugin(folder) -> None:
    write(folder / "mine/__init__.py", imports="from .helper import x")
    (folder / "mine/helper.py").write_text("x = 1\n")
    assert discover([folder]).get("mine").origin.location == folder / "mine/__init__.py"


def test_files_of_a_folder_can_import_each_other(folder) -> None:
    write(folder / "mine.py", imports="from ._shared import x\nfrom . import _other")
    (folder / "_shared.py").write_text("x = 1\n")
    (folder / "_other.py").write_text("y = 2\n")
    assert discover([folder]).broken == ()


def test_a_changed_file_is_read_again(folder) -> None:
    write(folder / "mine.py", "before")
    discover([folder])
    write(folder / "mine.py", "after_")
    found: Registry = discover([folder])
    assert found.plugins.named("after_")
    assert not found.plugins.named("before")


COUNTED = """
from pathlib import Path

with Path(__file__).with_name("count.txt").open("a") as file:
    file.write("executed\\n")
"""


def executions(folder: Path) -> int:
    return len((folder / "count.txt").read_text().split())


def test_an_unchanged_file_is_executed_once_whatever_else_is_discovered(folder, tmp_path) -> None:
    path = write(folder / "mine.py")
    path.write_text(path.read_text() + COUNTED)
    write(tmp_path / "others" / "other.py", "other")
    first = discover([folder]).get("mine").cls
    assert discover([folder, tmp_path / "others"]).get("mine").cls is first
    assert discover([tmp_path / "others", folder]).get("mine").cls is first
    assert executions(folder) == 1


def test_a_file_of_the_same_size_and_time_is_read_again_if_its_content_changed(folder) -> None:
    path = write(folder / "mine.py", "before")
    discover([folder])
    times = path.stat().st_atime_ns, path.stat().st_mtime_ns
    write(path, "after_")
    os.utime(path, ns=times)
    assert discover([folder]).get("after_").origin.location == path


@pytest.mark.parametrize("change", ["change", "remove", "add"])
def test_a_folder_is_read_again_when_any_file_that_was_loaded_changed(folder, change) -> None:
    (folder / "_mine").mkdir(parents=True)
    (folder / "_mine/value.py").write_text("VALUE = 1\n")
    path = write(folder / "mine.py", imports="from ._mine.value import VALUE")
    path.write_text(path.read_text() + COUNTED)
    discover([folder])
    if change == "change":
        (folder / "_mine/value.py").write_text("VALUE = 2\n")
    elif change == "add":
        write(folder / "other.py", "other")
    else:
        (folder / "_mine/value.py").unlink()
    found = discover([folder])
    assert executions(folder) == (1 if change == "remove" else 2)
    assert len(found.broken) == (change == "remove")


def test_a_name_defined_twice_names_both_files(folder) -> None:
    write(folder / "one.py")
    write(folder / "two.py")
    with pytest.raises(PluginError) as error:
        discover([folder])
    assert str(error.value) == (
        f"plugin 'mine' is defined twice: transform in {folder}/one.py and transform in "
        f"{folder}/two.py. Rename one of them."
    )


def test_a_built_in_cannot_be_replaced_unseen(folder) -> None:
    path = write(folder / "mine.py", "resize")
    found = discover([folder])
    with pytest.raises(PluginError) as error:
        found.get("resize", "transform", "mixer")
    assert str(error.value) == (
        f"'resize': expected one plugin, found one of {path} and one of {own()}. Say which: "
        "'local:resize' or 'dsbuilder:resize'."
    )
    assert found.get("local:resize").origin.location == path
    assert found.get("dsbuilder:resize").cls.__module__ == "dsbuilder.builtin.transforms.resize"
    assert found.get("erase").name == "erase"


def own() -> str:
    return str(discover().get("resize").origin)


def test_a_plugin_of_a_folder_hides_no_member_of_a_family(folder) -> None:
    path = write(folder / "mine.py", "A.Blur")
    found = discover([folder])
    assert found.get("dsbuilder:A.Blur").name == "A.*"
    assert found.get("local:A.Blur").origin.location == path
    assert found.get("local:A.Blur", "transform").name == "A.Blur"
    with pytest.raises(PluginError, match=r"Say which: 'local:A.Blur' or 'dsbuilder:A.Blur'\."):
        found.get("A.Blur")
    assert found.get("A.HorizontalFlip").name == found.get("A.*").name == "A.*"
    path = write(folder / "mine.py", "A.Mine")  # which albumentations has not
    assert discover([folder]).get("A.Mine").origin.location == path


def test_a_name_in_a_package_that_has_none_is_said(folder) -> None:
    write(folder / "mine.py")
    with pytest.raises(PluginError, match=r"^unknown plugin 'other:mine'\. Did you mean 'local:mi"):
        discover([folder]).get("other:mine")


def test_two_folders_with_one_name_stop_who_uses_it_alone(folder, tmp_path) -> None:
    write(folder / "mine.py")
    write(tmp_path / "others" / "mine.py")
    found = discover([folder, tmp_path / "others"])
    assert found.get("resize")
    for name in ("mine", "local:mine"):
        with pytest.raises(PluginError, match=r"expected one plugin, found .* Rename one"):
            found.get(name)


@pytest.mark.parametrize(
    ("api", "advice"), [(2, "Install a newer dsbuilder"), (0, "Update the plugin")]
)
def test_a_plugin_of_another_version_of_the_vocabulary_is_refused(folder, api, advice) -> None:
    path = write(folder / "mine.py")
    path.write_text(path.read_text().replace('"fixed")', f'"fixed", api={api})'))
    (broken,) = discover([folder]).broken
    assert broken.error == (
        "PluginError: transform 'mine' (Plugin): expected a plugin for version 1 of "
        f"dsbuilder.plugin, found one for version {api}. {advice}."
    )


def test_a_plugin_that_says_no_version_is_for_the_first_whichever_is_installed(
    folder, monkeypatch
) -> None:
    monkeypatch.setattr(decorators, "API", 2)
    silent = write(folder / "silent.py", "silent")
    for name, api in (("first", 1), ("second", 2)):
        path = write(folder / f"{name}.py", name)
        path.write_text(path.read_text().replace('"fixed")', f'"fixed", api={api})'))
    found = discover([folder])
    assert found.get("second").mark.api == 2
    assert {Path(each.location).stem for each in found.broken} == {"silent", "first"}
    told = next(each.error for each in found.broken if each.location == str(silent))
    assert told.endswith(
        "expected a plugin for version 2 of dsbuilder.plugin, found one for "
        "version 1. Update the plugin."
    )


def test_what_is_built_in_is_for_the_version_that_it_comes_with(monkeypatch) -> None:
    monkeypatch.setattr(decorators, "API", 2)
    module = importlib.import_module("dsbuilder.builtin.transforms.resize")
    code = Path(module.__file__).read_text()
    names = {"__name__": module.__name__}
    exec(compile(code, module.__file__, "exec"), names)
    assert names["Resize"].__dsbuilder__.api == 2


def test_a_broken_file_stops_nothing_and_is_reported(folder) -> None:
    write(folder / "good.py", "good")
    (folder / "bad.py").write_text("import nowhere_at_all\n")
    found = discover([folder])
    assert found.get("good")
    assert [broken.location for broken in found.broken] == [str(folder / "bad.py")]
    assert "nowhere_at_all" in found.broken[0].traceback
    with pytest.raises(PluginError) as error:
        found.get("bda", "transform")
    assert str(error.value).endswith(
        f"Could not be imported: {folder}/bad.py: ModuleNotFoundError: No module named "
        "'nowhere_at_all'. `dsbuilder plugins list` shows why."
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("frozen=True, ", ""), "expected a frozen dataclass"),
        (('"""Does nothing.\n\n    At all.\n    """', "pass"), "expected a docstring"),
        (("class Plugin(Transform)", "class Plugin"), "expected a subclass of Transform"),
        (('"fixed"', '"sideways"'), "expected geometry 'fixed', 'moves' or 'breaks'"),
        (("    def apply", "    use: int = 1\n\n    def apply"), "'use' is a reserved word"),
        (
            ("    def apply", "    sizes: list[int] | None = None\n\n    def apply"),
            "option 'sizes': expected a type that YAML can set, found list[int]. Take str,",
        ),
        (
            ("    def apply", "    size: 'Size' = 1\n\n    def apply"),
            "no type 'Size' is defined above the class",
        ),
    ],
)
def test_a_wrong_class_is_reported_when_it_is_marked(folder, change, message) -> None:
    path = write(folder / "mine.py")
    path.write_text(path.read_text().replace(*change))
    assert message in discover([folder]).broken[0].error


def test_the_code_of_a_plugin_includes_the_packages_on_the_way(folder) -> None:
    write(folder / "mine.py", imports="from ._lib.core import x")
    (folder / "_lib").mkdir()
    (folder / "_lib/__init__.py").write_text("")
    (folder / "_lib/core.py").write_text("x = 1\n")
    origin = discover([folder]).get("mine").origin
    names = {
        str(path.relative_to(folder))
        for path in source_files(origin.location, Place.of_folder(folder))
    }
    assert names == {"mine.py", "_lib/__init__.py", "_lib/core.py"}


def test_a_file_that_would_end_the_program_is_reported(folder) -> None:
    (folder / "bye.py").write_text("import sys\nsys.exit(0)\n")
    assert [broken.error for broken in discover([folder]).broken] == ["SystemExit: 0"]


def test_an_installed_package_adds_plugins_by_its_entry_point(tmp_path, monkeypatch) -> None:
    site = tmp_path / "site"
    write(site / "flowers_plugins.py", "flowers")
    information = site / "flowers-2.3.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: flowers\nVersion: 2.3\n")
    (information / "entry_points.txt").write_text(
        "[dsbuilder.plugins]\nflowers = flowers_plugins\nlost = flowers_lost\n"
    )
    monkeypatch.syspath_prepend(site)
    found = discover()
    origin = found.get("flowers").origin
    assert (origin.distribution, origin.version, origin.folder) == ("flowers", "2.3", None)
    assert of_code(origin).startswith("flowers 2.3 ")
    assert [broken.location for broken in found.broken] == ["flowers_lost of flowers"]


def install(site: Path, name: str, entries: str) -> None:
    """Writes what pip would write of a distribution."""
    information = site / f"{name}-2.3.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 2.3\n")
    (information / "entry_points.txt").write_text(f"[dsbuilder.plugins]\n{entries}")


def test_what_a_package_takes_from_its_modules_is_found_once(tmp_path, monkeypatch) -> None:
    site = tmp_path / "site"
    write(site / "bent_plugins" / "shear.py", "bent_shear")
    (site / "bent_plugins" / "__init__.py").write_text("from .shear import Plugin\nNUMBER = 3\n")
    entries = ("all = bent_plugins", "one = bent_plugins:Plugin", "it = bent_plugins.shear")
    wrong = ("none = bent_plugins:NUMBER", "lost = bent_plugins:Lost", "odd = json")
    install(site, "bent", "\n".join((*entries, *wrong)))
    monkeypatch.syspath_prepend(site)
    found = discover()
    assert found.get("bent_shear") is found.get("bent:bent_shear")
    assert {broken.location: broken.error.partition(":")[0] for broken in found.broken} == {
        "bent_plugins:NUMBER of bent": "PluginError",
        "bent_plugins:Lost of bent": "AttributeError",
        "json of bent": "PluginError",
    }
    assert "expected a decorated class or a module that has one" in found.broken[0].error


def test_two_packages_with_one_name_stop_who_uses_it_alone(tmp_path, monkeypatch) -> None:
    site = tmp_path / "site"
    for name in ("tulips", "roses"):
        write(site / f"{name}_plugins.py", "petals")
        install(site, name, f"all = {name}_plugins\n")
    monkeypatch.syspath_prepend(site)
    found = discover()
    assert found.get("resize")
    with pytest.raises(PluginError, match=r"one of (tulips|roses) 2\.3 and one of"):
        found.get("petals")
    assert found.get("roses:petals").origin.distribution == "roses"


def test_an_unknown_name_has_a_hint() -> None:
    with pytest.raises(
        PluginError, match=r"^unknown transform 'reszie'\. Did you mean 'resize'\?$"
    ):
        discover().get("reszie", "transform")
    with pytest.raises(
        PluginError, match="expected a transform or mixer, found the source 'folder'"
    ):
        discover().get("folder", "transform", "mixer")


def test_the_code_of_a_plugin_is_what_it_imports_below_the_folder(folder) -> None:
    write(folder / "mine.py", imports="from ._shared import x")
    (folder / "_shared.py").write_text("from . import _deep\nx = 1\n")
    (folder / "_deep.py").write_text("y = 1\n")
    (folder / "_unrelated.py").write_text("z = 1\n")
    origin = discover([folder]).get("mine").origin
    names = {path.name for path in source_files(origin.location, Place.of_folder(folder))}
    assert names == {"mine.py", "_shared.py", "_deep.py"}
    before = of_code(origin)
    (folder / "_unrelated.py").write_text("z = 2\n")
    assert of_code(origin) == before
    (folder / "_deep.py").write_text("y = 2\n")
    assert of_code(origin) != before


@pytest.mark.parametrize("name", ["absent", "x" * 5000])
def test_a_folder_that_cannot_be_is_no_folder(tmp_path, name):
    with pytest.raises(PluginError, match="no such folder of plugins"):
        discover((tmp_path / name,))
