"""What was meant by a path at which no dataset lies: a pipeline's, a folder of datasets, a typo."""

import os
import shlex
from collections.abc import Iterator
from pathlib import Path

from dsbuilder.cache import store
from dsbuilder.errors import SpecError, printable
from dsbuilder.paths import near_path
from dsbuilder.pipelinefile.document import read

_OUT = Path("out")
"""Where pipelines are built unless someone says otherwise."""
_MOST = 3
_PIPELINES = (".yaml", ".yml")


def no_dataset(given: Path) -> str:
    """Returns what is wrong with a path that is to be a dataset's, and which was meant."""
    if given.is_file() and given.suffix in _PIPELINES:
        return f"expected a built dataset, found a pipeline. {_built_of(given)}"
    if given.is_file():
        return "expected the folder of a dataset, found a file. Give that of a version."
    if not given.is_dir():
        return f"no such folder.{near_path(given) or ' Check the path.'}"
    found = sorted(_within(given))
    if found:
        several = " or ".join(map(_quoted, found[:_MOST]))
        more = f", or another of the {len(found)} there" if len(found) > _MOST else ""
        return f"expected a built dataset, found a folder above. Did you mean {several}{more}?"
    return (
        f"expected a built dataset, found no manifest ({store.MANIFEST}). "
        "Give the folder of a version, such as out/flowers/1.0.0. "
        f"`dsbuilder init {shlex.quote(printable(str(given)))}` writes a pipeline, if these are "
        "images to build."
    )


def _built_of(pipeline: Path) -> str:
    """Says which dataset a pipeline builds, if it lies where it would by itself."""
    try:
        said = read(pipeline).root.plain()
    except SpecError:
        said = None
    name = said.get("name") if isinstance(said, dict) else None
    home = _OUT / str(name)
    if isinstance(said, dict) and home.is_dir():
        there = [home / str(said.get("version", "1.0.0")), *sorted(_within(home), reverse=True)]
        built = next((each for each in there if _is_dataset(each)), None)
        if built is not None:
            return f"Did you mean {_quoted(built)}, which was built of it?"
    return f"`dsbuilder build {printable(str(pipeline))}` builds one, and says where it lies."


def _within(folder: Path) -> Iterator[Path]:
    """Yields the datasets in a folder, or in the folders that it holds."""
    for each in folder.iterdir():
        if each.name.startswith(".") or not each.is_dir() or not os.access(each, os.R_OK | os.X_OK):
            continue
        if _is_dataset(each):
            yield each
        else:
            yield from (version for version in each.iterdir() if _is_dataset(version))


def _is_dataset(folder: Path) -> bool:
    return os.path.isfile(folder / store.MANIFEST)  # noqa: PTH113 - one that may not be asked is none


def _quoted(path: Path) -> str:
    return f"'{printable(str(path))}'"
