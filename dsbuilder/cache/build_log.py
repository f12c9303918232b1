"""`log/build.json`: where, when and how a build ran; `log/states.json`: how it left its files;
`log/blamed.json`: which of them `verify` found to be wrong.

Nothing of it decides a byte of the dataset, and it differs between equal builds, so it lies outside
`SHA256SUMS`. It is what finds the pipeline and its source again, to make a sample once more.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from dsbuilder import typed_json
from dsbuilder.cache import store
from dsbuilder.cache.index import state

_NAME = "build.json"
_STATES = "states.json"
_BLAMED = "blamed.json"


@dataclass(frozen=True, kw_only=True)
class BuildLog:
    """What a build notes about itself.

    Attributes:
      pipeline: the pipeline file as errors call it.
      folder: what its paths are relative to.
      plugins: the folders that plugins were found in.
      targets: what the source said its targets are, as `targets.to_json`; None without a source.
      host, command: where it ran, and the command line.
      started, finished: times in UTC, ISO 8601.
      seconds: how long it took.
    """

    pipeline: str
    folder: str
    plugins: tuple[str, ...]
    targets: Mapping[str, Any] | None
    host: str
    command: tuple[str, ...]
    started: str
    finished: str
    seconds: float


def write(folder: Path, log: BuildLog) -> None:
    """Writes the log of a dataset's build."""
    (folder / store.LOG).mkdir(exist_ok=True)
    text = json.dumps(asdict(log), indent=1, ensure_ascii=False)
    store.write_text(folder / store.LOG / _NAME, text + "\n")


def read(folder: Path) -> BuildLog | None:
    """Returns the log of a dataset's build; None if it was lost, say when it was copied."""
    try:
        row = typed_json.loads((folder / store.LOG / _NAME).read_text(encoding="utf-8"))
        return typed_json.bind(BuildLog, row)
    except (OSError, ValueError):
        return None


def move(folder: Path, now: BuildLog) -> None:
    """Notes where the pipeline of a dataset lies now; when and where it was built stays."""
    known = read(folder)
    moved = now
    if known is not None:
        moved = replace(known, pipeline=now.pipeline, folder=now.folder, plugins=now.plugins)
    if moved != known:
        write(folder, moved)


def write_states(folder: Path, names: Iterable[str]) -> None:
    """Notes the size, times and inode of files whose checksums are known."""
    text = json.dumps({name: state(folder / name) for name in names})
    store.write_text(folder / store.LOG / _STATES, text)


def states(folder: Path) -> Mapping[str, Sequence[int]]:
    """Returns what `write_states` noted, by name; empty if nothing was.

    Linking a file, or removing another link to it, changes its ctime: then it is not what is noted
    here, and whoever asks must compare its checksum.
    """
    try:
        noted = typed_json.loads((folder / store.LOG / _STATES).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return noted if isinstance(noted, dict) else {}


def blame(folder: Path, names: Collection[str]) -> None:
    """Notes which files are not to be trusted, or that all are; the build that is next asks."""
    path = folder / store.LOG / _BLAMED
    if names:
        path.parent.mkdir(exist_ok=True)
        store.write_text(path, json.dumps(sorted(names), ensure_ascii=False) + "\n")
    else:
        path.unlink(missing_ok=True)


def blamed(folder: Path) -> frozenset[str]:
    """Returns what `blame` noted; a note that is damaged blames the manifest, and so everything."""
    path = folder / store.LOG / _BLAMED
    try:
        noted = typed_json.loads(path.read_text("utf-8"))
        return frozenset(typed_json.bind(tuple[str, ...], noted))
    except FileNotFoundError:
        return frozenset()
    except (OSError, ValueError):
        return frozenset({store.MANIFEST})
