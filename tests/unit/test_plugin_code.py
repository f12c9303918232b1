"""The code of an installed plugin is what it imports of its distribution, however that lies."""

import subprocess
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

from dsbuilder.cache.fingerprint import of_code
from dsbuilder.registry import Origin, discover

PLUGIN = '''
"""A transform."""
from dataclasses import dataclass
{imports}
from dsbuilder.plugin import Params, Sample, Transform, transform


@transform("painted", geometry="fixed")
@dataclass(frozen=True, kw_only=True)
class Painted(Transform):
    """Paints one pixel."""

    def apply(self, sample: Sample, params: Params) -> Sample:
        from .lazily import SHADE

        image = sample.image.copy()
        image[0, 0] = SHADE
        return sample.replace(image=image)
'''
IMPORTS = """
import json
import numpy
import acme.deep.down as there
from . import sibling
from acme_shared.colors import RED
"""
FILES = {
    "acme/__init__.py": "",
    "acme/plugins.py": PLUGIN.format(imports=IMPORTS),
    "acme/sibling.py": "def later():\n    from acme import far\n",
    "acme/far.py": "",
    "acme/lazily.py": "SHADE = 7\n",
    "acme/deep/__init__.py": "",
    "acme/deep/down.py": "",
    "acme_shared/colors.py": "RED = 1\n",
}
OTHERS = {"acme/unrelated.py": "", "acme_shared/unrelated.py": "", "stranger.py": ""}


class Installed:
    """A distribution `acme` in a site folder, its code there or elsewhere."""

    def __init__(self, folder: Path, how: str) -> None:
        self.site = folder / "site"
        self.code = self.site if how == "copied" else folder / "project/src"
        for name, text in (FILES | OTHERS).items():
            (self.code / name).parent.mkdir(parents=True, exist_ok=True)
            (self.code / name).write_text(text)
        self.information = self.site / "acme-1.0.dist-info"
        self.information.mkdir(parents=True)
        brought = [f"{name},sha256=x,1\n" for name in FILES]
        if how == "linked":
            (self.site / "__editable__.acme.pth").write_text(f"# here\n{self.code}\nimport sys\n")
            brought = ["__editable__.acme.pth,,\n"]
        elif how == "named":
            brought = []
            self._write("top_level.txt", "acme\nacme_shared\n")
        self._write("METADATA", "Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
        self._write("entry_points.txt", "[dsbuilder.plugins]\nacme = acme.plugins\n")
        self._write("RECORD", "".join(brought) + "acme-1.0.dist-info/METADATA,sha256=y,1\n")

    def _write(self, name: str, text: str) -> None:
        (self.information / name).write_text(text)

    @property
    def paths(self) -> list[str]:
        return list(dict.fromkeys([str(self.code), str(self.site)]))


def forget() -> None:
    """Lets what was imported of the distribution be imported anew, as in another process."""
    for name in [name for name in sys.modules if name.partition(".")[0].startswith("acme")]:
        del sys.modules[name]


@pytest.fixture(params=["copied", "linked", "named"])
def installed(request, tmp_path, monkeypatch):
    found = Installed(tmp_path, request.param)
    for path in reversed(found.paths):
        monkeypatch.syspath_prepend(path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield found
    forget()


def origin() -> Origin:
    return discover().get("painted").origin


def code_of_another_process() -> str:
    forget()
    return of_code(origin())


def test_it_is_what_it_imports_of_its_distribution_and_nothing_else(installed) -> None:
    code = origin().code
    assert code is not None
    assert {path.relative_to(installed.code).as_posix() for path in code.files} == set(FILES)
    assert code.record == ""


def test_an_edit_counts_of_what_it_imports_and_of_nothing_else(installed) -> None:
    seen = [code_of_another_process()]
    for name in FILES:
        path = installed.code / name
        path.write_text(path.read_text() + "# more\n")
        seen.append(code_of_another_process())
    assert len(set(seen)) == len(FILES) + 1
    assert {tuple(code.split()[:2]) for code in seen} == {("acme", "1.0")}
    for name in OTHERS:
        (installed.code / name).write_text("x = 2\n")
    assert code_of_another_process() == seen[-1]


def test_code_that_changed_after_it_was_imported_is_refused(installed) -> None:
    """Worker processes would import other code than this one runs."""
    origin()
    path = installed.code / "acme/lazily.py"
    path.write_text("SHADE = 9\n")
    (broken,) = discover().broken
    assert broken.error == (
        f"PluginError: {path}: expected the code that this process imported, found that it "
        "changed since. Start Python anew."
    )
    path.write_text("SHADE = 7\n")
    assert discover().get("painted")


@pytest.mark.parametrize("installed", ["copied"], indirect=True)
def test_a_compiled_module_counts_by_its_bytes_and_by_all_that_was_installed(installed) -> None:
    (installed.code / "acme/far.py").unlink()
    compiled = installed.code / f"acme/far{EXTENSION_SUFFIXES[0]}"
    compiled.write_bytes(b"one")
    before = code_of_another_process()
    compiled.write_bytes(b"two")
    after = code_of_another_process()
    record = installed.information / "RECORD"
    record.write_text(record.read_text() + "acme/library.so,sha256=z,1\n")
    assert len({before, after, code_of_another_process()}) == 3
    settled = code_of_another_process()
    record.write_text(record.read_text() + "acme-1.0.dist-info/direct_url.json,sha256=u,1\n")
    assert code_of_another_process() == settled


BUILD = """
import sys
from pathlib import Path
from dsbuilder.builder import build_dataset
built = build_dataset(Path(sys.argv[1]), Path(sys.argv[2]), workers=0)
print(built.made, built.reused)
"""
PIPELINE = """
name: toy
source: {use: folder, path: source}
split: {train: 1.0}
augment: {copies: 1, stages: [{use: painted}]}
"""


def test_a_build_makes_anew_what_edited_code_made(tmp_path, make_images, write_pipeline) -> None:
    make_images(count=2)
    pipeline, installed = write_pipeline(PIPELINE), Installed(tmp_path, "linked")

    def build() -> str:
        command = [sys.executable, "-c", f"import sys; sys.path[:0] = {installed.paths}\n{BUILD}"]
        arguments = [str(pipeline), str(tmp_path / "out")]
        run = subprocess.run([*command, *arguments], check=True, capture_output=True, text=True)
        return run.stdout.strip()

    assert build() == "12 0"
    (installed.code / "acme/lazily.py").write_text("SHADE = 200\n")
    assert build() == "6 6"
    assert build() == "0 12"
