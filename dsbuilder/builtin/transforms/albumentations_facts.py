"""What was found of a class of albumentations with its options, kept for the next process.

albumentations takes half a second to import, and trying a class on made-up images may take more,
where a pipeline is checked, planned and looked at far more often than its stages change. So what
was found lies in the user's cache, a file a class with options, under a name that says everything
it depends on: the options, the versions of libraries, the code that looked. What was refused is not
kept: who asks again is told again.
"""

import contextlib
import importlib.metadata
import json
import platform
import threading
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

from dsbuilder import typed_json
from dsbuilder.paths import user_cache, write_cached

_FOLDER = "albumentations"
_MOST_FILES = 4096
_LONGEST = 200
"""Letters of a question that is kept as it is."""
_LIBRARIES = ("albumentations", "albucore", "numpy", "opencv-python-headless", "pydantic", "scipy")


class StageFacts:
    """Answers to questions about one class with options; may be asked by several threads.

    Args:
      path: the file that they are kept in; None keeps them in this process alone.
    """

    def __init__(self, path: Path | None) -> None:
        self._path, self._lock = path, threading.Lock()
        self._known = {} if path is None else _read(path)

    def ask(self, question: str, find: Callable[[], Any]) -> Any:
        """Returns the answer to a question, JSON values; what `find` returns if it is not known.

        Raises:
          Exception: what `find` raises, which is no answer.
        """
        name = question if len(question) <= _LONGEST else _hash(question.encode())
        if name not in self._known:
            found = find()
            with self._lock:
                self._known[name] = found
                if self._path is not None:
                    _write(self._path, self._known)
        return self._known[name]


def facts_of(member: str, options: Mapping[str, Any]) -> StageFacts:
    """Returns the facts of a class with options, the same object for the same ones."""
    try:
        return _facts(member, json.dumps(options, sort_keys=True), True)
    except TypeError:  # files among them: what lies there may change
        return _facts(member, json.dumps(options, sort_keys=True, default=str), False)


@lru_cache(maxsize=512)
def _facts(member: str, options: str, lasting: bool) -> StageFacts:  # noqa: FBT001 - of a cache
    if not lasting:
        return StageFacts(None)
    key = json.dumps([member, options, _basis()])
    return StageFacts(user_cache() / _FOLDER / f"{_hash(key.encode())}.json")


@cache
def _basis() -> tuple[str, ...]:
    """Returns all that answers depend on, but a class and its options."""
    ours = sorted(Path(__file__).parent.glob("albumentations*.py"))
    code = _hash(b"\0".join(each.read_bytes() for each in ours))
    return (code, platform.python_version(), platform.machine(), *map(_version, _LIBRARIES))


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:  # OpenCV may have been built by hand
        return ""


def _hash(data: bytes) -> str:
    return blake2b(data, digest_size=16).hexdigest()


def _read(path: Path) -> dict[str, Any]:
    """Returns the answers of a file; none if there is no such file, or it is damaged."""
    with contextlib.suppress(OSError, ValueError):
        known = typed_json.loads(path.read_text(encoding="utf-8"))
        if isinstance(known, dict):
            return known
    return {}


def _write(path: Path, known: Mapping[str, Any]) -> None:
    if not path.exists():
        _forget_oldest(path.parent)
    write_cached(path, json.dumps(known))


def _forget_oldest(folder: Path) -> None:
    """Makes room where searches have left the facts of thousands of options."""
    files = list(folder.iterdir()) if folder.is_dir() else []
    if len(files) >= _MOST_FILES:
        for each in sorted(files, key=lambda path: path.stat().st_mtime)[: _MOST_FILES // 2]:
            each.unlink(missing_ok=True)
