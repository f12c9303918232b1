"""The layers: imports point strictly downwards, every module has a place, TensorFlow is rare.

The floors stand in `dsbuilder/README.md`, from top to bottom; those of one line stand side by side
and do not know each other. No import is excepted, and no circle of modules as they run.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import dsbuilder
from dsbuilder.cli.main import VERBS

PACKAGE = Path(dsbuilder.__file__).parent
README = (PACKAGE / "README.md").read_text(encoding="utf-8")

TENSORFLOW = {"tensorflow", "keras", "jax", "torch"}
TENSORFLOW_HOMES = ("stream/tensorflow", "train/")
IN_BODIES = (
    "builtin/models/",
    "tasks/",
    "testing/models.py",
    "testing/training.py",
    "testing/batches.py",
)
"""Where TensorFlow and Keras are imported; in the latter in bodies of functions alone."""

LINUX_HOMES = ("workers/", "memory.py", "cache/npy_joined.py")  # the last does without elsewhere
LINUX = {"sched_getaffinity", "memfd_create", "fork", "prctl", "CDLL", "send_fds", "recv_fds"}

OF_AUTHORS = {
    *("plugin", "images", "records", "layouts", "tasks", "errors", "paths", "typed_json"),
}
"""What plugins/README.md lets authors import; built-in plugins import no more, but for these:"""
PRIVILEGES = {
    "builtin/transforms/albumentations_recipe.py": {"processes"},  # for how it is imported
    "layouts/coco/reader.py": {"memory"},  # a set is one JSON document of a gigabyte
    "layouts/coco/format.py": {"memory"},
    "layouts/tfrecord/reader.py": {"names"},  # of what lies beside the shards of our own builds
    "layouts/tfrecord/schema.py": {"names"},
}

GENERATED = {"build", "dist", "env", "lib", "out", "spec", "target", "tmp", "venv"}
"""Names of folders that ignore files and tools take for generated output, or for tests."""


def floors() -> tuple[tuple[str, ...], ...]:
    """The floors of the README, from top to bottom, each with what stands side by side on it."""
    (block,) = re.findall(r"^```\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    names = (re.split(r" {3,}", line)[0].split() for line in block.splitlines())
    return tuple(tuple(each.removesuffix("/").removesuffix(".py") for each in on) for on in names)


LAYERS = floors()
RANK = {name: rank for rank, names in enumerate(reversed(LAYERS)) for name in names}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def within(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def layer_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def layered() -> list[Path]:
    """All modules but the package's own, whose names are fetched late, from any layer."""
    return [path for path in modules() if within(path) != "__init__.py"]


@cache
def imported(path: Path) -> tuple[tuple[str, ast.stmt], ...]:
    """Every module that a file imports, absolute, with its statement."""
    found: list[tuple[str, ast.stmt]] = []
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            found += [(alias.name, node) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative import; write it out"
            if node.module == "dsbuilder":
                found += [(f"dsbuilder.{alias.name}", node) for alias in node.names]
            else:
                found.append((node.module or "", node))
    return tuple(found)


@cache
def typing_only(path: Path) -> set[ast.stmt]:
    """The statements that only a type checker reads."""
    tests = (each for each in ast.walk(parsed(path)) if isinstance(each, ast.If))
    found = (each.body for each in tests if ast.unparse(each.test) == "TYPE_CHECKING")
    return {node for body in found for node in body}


def layers_of(path: Path) -> set[str]:
    """The layers that a module imports; the package itself is one that stands nowhere."""
    names = (f"{name}.".split(".") for name, _ in imported(path))
    return {parts[1] for parts in names if parts[0] == "dsbuilder"}


def test_every_module_is_on_a_floor_and_every_floor_is_there() -> None:
    names = {layer_of(path) for path in layered()}
    assert names == set(RANK), "give it a place among the floors of dsbuilder/README.md"
    assert sum(len(on) for on in LAYERS) == len(RANK), "a floor is named twice"


def test_imports_point_downwards() -> None:
    wrong = [
        f"{within(path)} imports {other or 'dsbuilder'}"
        for path in layered()
        for other in layers_of(path) - {layer_of(path)}
        if RANK.get(other, len(RANK)) >= RANK[layer_of(path)]
    ]
    assert not wrong


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Not in bodies of functions either: what an import would close is given from above."""
    try:
        TopologicalSorter(imports()).prepare()
    except CycleError as error:
        pytest.fail(f"each is imported by the next: {', '.join(error.args[1])}")


def imports() -> dict[str, set[str]]:
    """The modules of the package, each with those of the package that it imports as it runs."""
    names = {dotted(path): path for path in modules()}
    return {
        name: {
            inner if inner in names else outer
            for _, node in imported(path)
            if node not in typing_only(path)
            for outer, inner in told_by(node)
        }
        & set(names)
        for name, path in names.items()
    }


def dotted(path: Path) -> str:
    """The name that a module is imported by."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if path.name == "__init__.py" else parts)


def told_by(node: ast.stmt) -> Iterator[tuple[str, str]]:
    """Yields what a statement imports: a module, and the one that a name of it may be."""
    for alias in node.names if isinstance(node, ast.Import | ast.ImportFrom) else ():
        outer = alias.name if isinstance(node, ast.Import) else node.module or ""
        yield outer, alias.name if isinstance(node, ast.Import) else f"{outer}.{alias.name}"


def test_no_module_named_in_a_text_lies_above() -> None:
    """A module may be imported by its name, or started as a process: that is an import too."""
    wrong = [
        f"{within(path)} names {text}"
        for path in layered()
        for text, layer in named_in_texts(path)
        if RANK.get(layer, -1) > RANK[layer_of(path)]
    ]
    assert not wrong


def named_in_texts(path: Path) -> Iterator[tuple[str, str]]:
    """Yields texts that are the dotted name of a module, and its layer."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            match = re.fullmatch(r"dsbuilder\.(\w+)[\w.:]*", node.value)
            if match:
                yield node.value, match[1]


def test_builtin_plugins_import_what_an_author_may() -> None:
    text = (PACKAGE.parent / "plugins/README.md").read_text(encoding="utf-8")
    assert not [name for name in OF_AUTHORS if f"`dsbuilder.{name}`" not in text]
    wrong = {
        within(path): layers_of(path)
        - OF_AUTHORS
        - {"builtin"}
        - PRIVILEGES.get(within(path), set())
        for path in layered()
        if layer_of(path) in ("builtin", "layouts")
    }
    assert not {path: found for path, found in wrong.items() if found}


def test_tensorflow_is_imported_only_where_it_may_be() -> None:
    wrong = [
        f"{within(path)}:{node.lineno} imports {name}"
        for path in modules()
        for name, node in imported(path)
        if name.split(".")[0] in TENSORFLOW and not may_import(path, node)
    ]
    assert not wrong


def may_import(path: Path, node: ast.stmt) -> bool:
    """Whether a statement that imports TensorFlow, Keras or the like stands where it may."""
    if within(path).startswith(TENSORFLOW_HOMES) or node in typing_only(path):
        return True
    return within(path).startswith(IN_BODIES) and node not in parsed(path).body


def test_what_is_for_linux_alone_stays_where_workers_are() -> None:
    wrong = [
        f"{within(path)}:{node.lineno} calls {node.attr}"
        for path in modules()
        if not within(path).startswith(LINUX_HOMES)
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Attribute) and node.attr in LINUX
    ]
    assert not wrong


def test_nothing_is_said_to_a_log_that_somebody_must_listen_to() -> None:
    """What a user should know is a value of what a verb returns; `debug` is for a developer."""
    loud = {"info", "warning", "warn", "error", "exception", "critical", "log", "addHandler"}
    wrong = [
        f"{within(path)}:{node.lineno} {ast.unparse(node.func)}"
        for path in modules()
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and (node.func.attr == "warning" or is_of_logging(node.func, loud))
    ]
    assert not wrong


def is_of_logging(called: ast.Attribute, methods: set[str]) -> bool:
    """Whether a method is one of `logging` itself or of what is called as a logger is."""
    owner = ast.unparse(called.value)
    is_logger = re.search(r"(\b|_)log(ger)?$|^logging\b", owner) is not None
    return is_logger and (called.attr in methods or called.attr.endswith("Handler"))


def test_what_the_readme_names_is_there() -> None:
    """A path is one below the package, or one below the repository; NAME stands for any."""
    named = re.findall(r"`([\w./*]+(?:/|\.py))`", README)
    assert len(named) > 50
    for path in named:
        pattern = re.sub(r"\b[A-Z]+\b", "*", path).removesuffix("/")
        there = any(next(folder.glob(pattern), None) for folder in (PACKAGE, PACKAGE.parent))
        assert there, f"dsbuilder/README.md: {path}"


def test_what_a_folder_says_of_its_files_is_true() -> None:
    for path in modules():
        text = ast.get_docstring(parsed(path)) or ""
        listed = set(re.findall(r"^(\w+\.py) ", text, re.MULTILINE))
        if path.name == "__init__.py" and listed:
            there = {each.name for each in path.parent.glob("*.py")} - {"__init__.py"}
            assert listed <= there if "\nthe rest " in text else listed == there, path


def test_no_folder_is_taken_for_what_is_generated() -> None:
    folders = {part for path in modules() for part in path.relative_to(PACKAGE).parts[:-1]}
    assert not folders & GENERATED


def test_there_is_no_dumping_ground() -> None:
    names = {path.stem for path in modules()}
    assert not names & {"utils", "util", "helpers", "common", "misc", "tools"}


def test_every_module_says_what_it_is_for() -> None:
    bare = [path for path in modules() if not ast.get_docstring(parsed(path))]
    assert not bare


@pytest.mark.parametrize(
    "statement",
    [
        "import dsbuilder",
        "import dsbuilder; dsbuilder.load",
        "import dsbuilder; dsbuilder.open",
        "import dsbuilder.workers.fork_server, dsbuilder.builder.shard_role",
        "import dsbuilder.testing",
        "from dsbuilder.registry import discover; tuple(discover().plugins)",
    ],
)
def test_the_core_leaves_tensorflow_unimported(statement: str) -> None:
    code = (
        f"{statement}\nimport sys\n"
        "heavy = {'tensorflow', 'keras', 'jax', 'torch'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = (
        "import sys, dsbuilder\n"
        "assert not {'numpy', 'cv2', 'PIL', 'click', 'rich'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_public_names_are_these() -> None:
    assert dsbuilder.__all__ == [
        "CacheError",
        "DataError",
        "Dataset",
        "DsbuilderError",
        "LoadedRun",
        "PluginError",
        "Session",
        "SpecError",
        "TrainError",
        "check_plugins",
        "clean",
        "doctor",
        "export_model",
        "init",
        "join_boxes",
        "join_masks",
        "join_tiles",
        "load",
        "load_run",
        "new_plugin",
        "open",
        "params",
        "picture_plugins",
        "plugins",
        "predict",
        "presets",
        "report_runs",
        "runs",
        "schema",
        "synth_sample",
    ]
    for name in dsbuilder.__all__:
        assert getattr(dsbuilder, name).__name__ == name


def test_every_verb_is_there_from_python() -> None:
    """It is a function of the package, or a method of a session or a dataset."""
    homes = (dsbuilder, dsbuilder.Session, dsbuilder.Dataset)
    names = {verb: verb.replace("-", "_") for verb in VERBS} | {"synth": "synth_train"}
    missing = {
        verb
        for verb, name in names.items()
        if not any(callable(getattr(of, name, None)) for of in homes)
    }
    assert missing == {"completion"}, "only a script for a shell is for the command line alone"


def test_no_class_name_has_two_meanings() -> None:
    found = [
        (node.name, within(path))
        for path in modules()
        for node in parsed(path).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    ]
    homes: dict[str, list[str]] = {}
    for name, home in found:
        homes.setdefault(name, []).append(home)
    assert not {name: paths for name, paths in homes.items() if len(paths) > 1}


def test_attributes_are_described_by_nouns() -> None:
    """`samples: number of samples planned`, and neither `how many` nor `of the split`."""
    no_noun = r"(of|in|by|at|as|to|from|that|for|is|are|with|how many|how much|what\.|how\.)\b"
    wrong = [
        f"{within(path)}: {node.name}: {line.strip()}"
        for path in modules()
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.ClassDef)
        for line in (ast.get_docstring(node) or "").partition("\nAttributes:\n")[2].splitlines()
        if re.match(rf" +[\w, ]+: {no_noun}", line)
    ]
    assert not wrong


def test_what_is_missing_is_told_in_a_plain_sentence() -> None:
    """`no such folder`, not `expected a folder, found none`; but `found none of 12`."""
    wrong = [
        f"{within(path)}:{node.lineno}: {node.value}"
        for path in modules()
        if within(path) != "errors.py"  # states the rule
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if re.search(r"found none(?! (of|that|in)\b)", node.value)
    ]
    assert not wrong


def test_what_is_to_be_installed_is_named_as_an_index_knows_it() -> None:
    """`pip install "dsbuilder[parquet]"` finds nothing: this package is on no index."""
    assert not [within(path) for path in modules() if "dsbuilder[" in path.read_text("utf-8")]
    extras = (PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8")
    from dsbuilder.builtin.models.backbones.efficientnet_lite0 import INSTALL

    assert f'"{INSTALL.removeprefix("pip install ")}"' in extras
