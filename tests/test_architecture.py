"""The layers: imports point strictly downwards, every module has a place, TensorFlow is rare."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import dsbuilder

PACKAGE = Path(dsbuilder.__file__).parent

# From top to bottom. A layer is a folder or a module of the package; those of one tuple stand side
# by side and do not know each other. A layer may import any layer below it.
LAYERS = (
    ("__main__",),
    ("cli",),
    ("actions",),
    ("train",),
    ("stream",),
    ("builder",),
    ("report", "export"),
    ("dataset",),
    ("cache",),
    ("inspection",),
    ("binding",),
    ("pipeline", "proposal"),
    ("testing",),
    ("pipelinefile",),
    ("registry",),
    ("layouts", "builtin"),
    ("tasks",),
    ("plugin",),
    ("option",),
    ("targets",),
    ("images", "records"),
    ("sample", "paths"),
    ("seeding",),
    ("workers",),
    ("errors", "memory", "processes"),
)
RANK = {name: rank for rank, names in enumerate(reversed(LAYERS)) for name in names}

TENSORFLOW_HOMES = ("stream/tensorflow", "train/", "tasks/", "builtin/models/", "testing/training")


LINUX_HOMES = ("workers/", "memory.py")
LINUX = {"sched_getaffinity", "memfd_create", "fork", "prctl", "CDLL", "send_fds", "recv_fds"}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    relative = path.relative_to(PACKAGE)
    return relative.parts[0].removesuffix(".py")


def imported(path: Path) -> list[tuple[str, ast.stmt]]:
    """Every module that a file imports, absolute, with its statement."""
    found: list[tuple[str, ast.stmt]] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [(alias.name, node) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative import; write it out"
            found.append((node.module or "", node))
            if node.module == "dsbuilder":
                found += [(f"dsbuilder.{alias.name}", node) for alias in node.names]
    return found


def layers_of(path: Path) -> set[str]:
    names = (name.split(".") for name, _ in imported(path))
    return {parts[1] for parts in names if parts[0] == "dsbuilder" and len(parts) > 1}


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_downwards(path: Path) -> None:
    own = name_of(path)
    if own == "__init__":  # the package's own names are fetched late, from any layer
        return
    assert own in RANK, f"{own} is on no layer: give it a place in LAYERS"
    for other in layers_of(path) - {own}:
        if other in RANK:
            assert RANK[other] < RANK[own], (
                f"{path.name} ({own}) imports {other}, which is not below it"
            )


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_module_named_in_a_text_lies_above(path: Path) -> None:
    """A module may be imported by its name, or started as a process: that is an import too."""
    own = name_of(path)
    if own == "__init__":
        return
    texts = (node.value for node in ast.walk(ast.parse(path.read_text())) if is_text(node))
    for text in texts:
        parts = text.split(".")
        if parts[0] != "dsbuilder" or len(parts) < 2 or not text.isprintable() or " " in text:
            continue
        if parts[1] in RANK:
            assert RANK[parts[1]] <= RANK[own], f"{path.name} ({own}) names {text}, which is above"


def is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_builtin_plugins_import_what_an_author_may(path: Path) -> None:
    if name_of(path) in ("builtin", "layouts"):
        own = {"processes"} if path.name == "albumentations_recipe.py" else set()  # for its import
        allowed = {
            "plugin",
            "tasks",
            "images",
            "records",
            "builtin",
            "layouts",
            "errors",
            "paths",
            "memory",
        }
        assert layers_of(path) - own <= allowed


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_tensorflow_is_imported_only_where_it_may_be(path: Path) -> None:
    relative = path.relative_to(PACKAGE).as_posix()
    heavy = [
        (name, node)
        for name, node in imported(path)
        if name.split(".")[0] in {"tensorflow", "keras", "jax", "torch"}
    ]
    if not relative.startswith(TENSORFLOW_HOMES):
        typing_only = _under_type_checking(path)
        assert not [name for name, node in heavy if node.lineno not in typing_only]
    if relative.startswith(("builtin/models/", "tasks/", "testing/")):
        top = {node.lineno for node in ast.parse(path.read_text()).body}
        assert not [name for name, node in heavy if node.lineno in top], "import it in a body"


def _under_type_checking(path: Path) -> set[int]:
    """Lines of the statements that only a type checker reads."""
    tests = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.If))
    typing_only = (node for node in tests if ast.unparse(node.test) == "TYPE_CHECKING")
    return {statement.lineno for node in typing_only for statement in node.body}


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_what_is_for_linux_alone_stays_where_workers_are(path: Path) -> None:
    if path.relative_to(PACKAGE).as_posix().startswith(LINUX_HOMES):
        return
    nodes = ast.walk(ast.parse(path.read_text()))
    assert not {node.attr for node in nodes if isinstance(node, ast.Attribute)} & LINUX


def test_there_is_no_dumping_ground() -> None:
    names = {path.stem for path in modules()}
    assert not names & {"utils", "util", "helpers", "common", "misc", "tools"}


def test_every_module_says_what_it_is_for() -> None:
    bare = [path for path in modules() if not ast.get_docstring(ast.parse(path.read_text()))]
    assert not bare


@pytest.mark.parametrize(
    "statement",
    [
        "import dsbuilder",
        "import dsbuilder; dsbuilder.load",
        "import dsbuilder; dsbuilder.build_dataset",
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
        "Built",
        "CacheError",
        "DataError",
        "Dataset",
        "DsbuilderError",
        "PluginError",
        "Session",
        "SpecError",
        "TrainError",
        "build_dataset",
        "init",
        "load",
        "open",
    ]
    for name in dsbuilder.__all__:
        assert getattr(dsbuilder, name).__name__ == name
