"""The package of plugins/README.md, installed by pip beside another one that has its names."""

import json
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "plugins" / "README.md").read_text(encoding="utf-8")
TRIES = """
import json, runpy, sys
from pathlib import Path
import dsbuilder

runpy.run_path("bent/tests/test_shear.py")["test_shear_keeps_the_contract"]()

def said(stage):
    Path("a.yaml").write_text(
        "name: a\\nsource: {use: folder, path: shapes_images}\\n"
        f"augment: {{copies: 1, stages: [{stage}]}}\\n"
    )
    try:
        dsbuilder.open("a.yaml").check()
    except dsbuilder.SpecError as error:
        return str(error)
    return "right"

dsbuilder.new_plugin("shapes", kind="transform")
first = {stage: said(stage) for stage in json.loads(sys.argv[1])}
text = Path("plugins/shapes.py").read_text().replace("shapes", "shear")
Path("plugins/shear.py").write_text(text)
local = {stage: said(stage) for stage in ("{use: shear}", "{use: 'local:shear'}", "{use: shapes}")}
found = dsbuilder.plugins()
print(json.dumps({
    "first": first,
    "local": local,
    "origins": [each.origin for each in found.plugins if each.name == "shear"],
    "broken": {each.location: each.error for each in found.broken},
}))
"""


def write_bent(home: Path) -> None:
    """The package as the tutorial has it, file by file."""
    blocks = re.findall(r"^```(?:py|toml)\n# (\S+)\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 4
    for name, text in blocks:
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text, encoding="utf-8")


def write_other(home: Path, bent: Path) -> None:
    """Another package with a plugin of the same name, and an entry point that names nothing."""
    project = (bent / "pyproject.toml").read_text().replace("bent", "other")
    (home / "src" / "dsbuilder_other").mkdir(parents=True)
    (home / "pyproject.toml").write_text(f'{project}lost = "dsbuilder_other:LOST"\n')
    code = (bent / "src" / "dsbuilder_bent" / "shear.py").read_text()
    (home / "src" / "dsbuilder_other" / "_shear.py").write_text(code)
    text = "from ._shear import Shear\n\nLOST = 3\n"
    (home / "src" / "dsbuilder_other" / "__init__.py").write_text(text)


def environment(home: Path, *packages: Path) -> Path:
    """A fresh environment, in which what is installed here is found, with packages; its Python."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(home)], check=True)
    python = home / "bin" / "python"
    (site,) = home.glob("lib/*/site-packages")
    (site / "here.pth").write_text(f"{ROOT}\n{sysconfig.get_path('purelib')}\n")
    quiet = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--no-cache-dir"]
    line = [sys.executable, "-m", "pip", "--python", str(python), "install", *quiet]
    subprocess.run([*line, *map(str, packages)], check=True)
    return python


@pytest.mark.slow
def test_the_package_of_the_tutorial_is_installed_and_found(tmp_path: Path) -> None:
    write_bent(tmp_path / "bent")
    write_other(tmp_path / "other", tmp_path / "bent")
    python = environment(tmp_path / "venv", tmp_path / "bent", tmp_path / "other")
    stages = ["{use: shapes}", "{use: shear}", "{use: 'dsbuilder-bent:shear', slope: 0.2}"]
    run = subprocess.run(
        [str(python), "-c", TRIES, json.dumps(stages)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    others, both, one = (found["first"][stage] for stage in stages)
    assert (others, one) == ("right", "right")
    assert "'shear': expected one plugin, found one of dsbuilder-" in both
    assert "Say which: 'dsbuilder-" in both
    assert "'local:shear'" in found["local"]["{use: shear}"]
    assert found["local"]["{use: 'local:shear'}"] == "right"
    assert found["local"]["{use: shapes}"] == "right"
    assert sorted(each.split(" ")[0].rpartition("/")[2] for each in found["origins"]) == [
        "dsbuilder-bent",
        "dsbuilder-other",
        "shear.py",
    ]
    assert list(found["broken"]) == ["dsbuilder_other:LOST of dsbuilder-other"]
    assert "expected a decorated class or a module that has one" in next(
        iter(found["broken"].values())
    )
