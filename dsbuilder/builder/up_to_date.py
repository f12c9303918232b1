"""Whether a dataset is up to date, so that a build is a no-op: told without binding its pipeline.

A plan is a pure function of files: the pipeline's, those of plugins and of `Path` options, and the
source's. So where all of them, and the folders that list them, are as they were when a dataset was
built, it stands. Asking takes one `stat` a file, no import of a transform, and no listing.

What a build looked at is noted beside it (`.builds/seen/`), with its warnings, which are told again
by every build that has nothing to do. Nothing is noted, so the next build looks at everything,
where that is not known to be all: a source that does not say what it watches, a plugin of
somebody's with `inputs()` of its own, inspectors, a sample that was lost to chance, a file so young
that it may change again within the clock's grain.
"""

import contextlib
import json
import os
import platform
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dsbuilder.builder.publish import read_whole
from dsbuilder.builder.survey import Survey
from dsbuilder.cache import fingerprint, store
from dsbuilder.cache.index import is_settled, state
from dsbuilder.cache.manifest import Manifest
from dsbuilder.cache.store import Store
from dsbuilder.layouts.corrections import Corrected
from dsbuilder.plugin import Synthesizer, Transform, defines
from dsbuilder.trust import nearest_folder

_FOLDER = "seen"
_FORMAT = 4


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is to be built, and with what.

    Attributes:
      out: output folder.
      pipeline: pipeline file.
      plugins: folders of plugins.
      key: hash of all that is no file of these.
    """

    out: Path
    pipeline: Path
    plugins: tuple[Path, ...]
    key: str

    @classmethod
    def of(
        cls, pipeline: Path, out: Path, overrides: Sequence[str], plugins: Sequence[Path] | None
    ) -> "Request":
        """Returns the request that `build_dataset` is given."""
        folders = nearest_folder(pipeline).folders if plugins is None else tuple(plugins)
        key = fingerprint.digest(
            _FORMAT,
            str(pipeline.absolute()),
            list(overrides),
            [str(folder.absolute()) for folder in folders],
            [sys.version, platform.machine()],
            _installed(),
        )
        return cls(out=out, pipeline=pipeline, plugins=folders, key=key)


@dataclass(frozen=True, kw_only=True)
class UpToDate:
    """A dataset that is still what a build would make.

    Attributes:
      path: path of the dataset, by its version's link.
      build: folder of the build.
      manifest: manifest of the dataset.
      warnings: what a user should know of its data, sentences that say where.
    """

    path: Path
    build: Path
    manifest: Manifest
    warnings: tuple[str, ...]


def find_up_to_date(request: Request) -> UpToDate | None:
    """Returns the dataset that is known to be what a request makes, or None.

    Raises:
      CacheError: another build is at work there.
    """
    for path in request.out.glob(f"*/.builds/{_FOLDER}/{request.key}.json"):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            seen = json.loads(path.read_text(encoding="utf-8"))
            known = Store(request.out.absolute() / path.parents[2].name)
            with known.locked():
                return _up_to_date(known, seen)
    return None


def _up_to_date(known: Store, seen: Mapping[str, Any]) -> UpToDate | None:
    build, version = known.finished(seen["fingerprint"]), seen["version"]
    if known.current(version) != build.resolve() or not _is_as_it_was(known, seen):
        return None
    made = read_whole(build, note=True)
    if made is None:
        return None
    return UpToDate(
        path=known.root / version, build=build, manifest=made, warnings=tuple(seen["warnings"])
    )


def _is_as_it_was(known: Store, seen: Mapping[str, Any]) -> bool:
    if state(known.index) != seen["index"]:
        return False  # the index now knows the files of another build
    index = _read(known.index)
    return all(state(path) == was for path, was in seen["looked_at"].items()) and all(
        state(path) == entry[1:5] for path, entry in index.items()
    )


def _read(index: Path) -> dict[str, Any]:
    """Returns the stat index; there is none where the source says what stands for its pixels."""
    found: dict[str, Any] = json.loads(index.read_text("utf-8")) if index.is_file() else {}
    return found


def record_inputs(
    request: Request, surveyed: Survey, known: Store, made: Manifest, since_ns: int
) -> None:
    """Notes what a build looked at, if that is certain to be all.

    Args:
      made: the dataset that was published.
      since_ns: when the build began to look at anything, in ns since 1970.
    """
    index = _read(known.index)
    listed = surveyed.catalog.watches() if surveyed.catalog is not None else ()
    if listed is None or not made.reproducible or not _can_be_known(surveyed, index):
        return
    fixed = {str(path): state(path) for path in _fixed(request, surveyed)}
    sources = {str(path): state(path) for path in listed}
    if _is_settled(fixed, since_ns) and (
        _is_settled(sources, since_ns) or _is_listed_the_same(surveyed, sources)
    ):
        seen = {
            "version": made.version,
            "fingerprint": made.fingerprint,
            "index": state(known.index),
            "looked_at": fixed | sources,
            "warnings": surveyed.warnings,
        }
        folder = known.builds / _FOLDER
        folder.mkdir(exist_ok=True)
        text = json.dumps(seen, separators=(",", ":"))
        store.write_text(folder / f"{request.key}.json", text)


def _can_be_known(surveyed: Survey, index: Mapping[str, Any]) -> bool:
    """Whether files alone decide the plan, and the index vouches for those of the records."""
    if surveyed.pipeline.settings.inspect:  # a record that was lost to time may be found anew
        return False
    if any(_asks_elsewhere(stage.plugin) for stage in surveyed.pipeline.stages):
        return False
    own = () if _identified(surveyed) else (record.path for record in surveyed.records)
    others = (file for record in surveyed.records for file in record.files)
    return all(str(path) in index for path in (*own, *others))


def _fixed(request: Request, surveyed: Survey) -> Iterator[Path]:
    """Yields the files and folders of the pipeline, its plugins, its options, odd records."""
    pipeline = surveyed.pipeline
    yield request.pipeline.absolute()
    if isinstance(pipeline.settings.source, Corrected):
        yield pipeline.settings.source.corrections.absolute()
    exclude = pipeline.settings.build.exclude
    if exclude is not None:
        yield exclude.absolute()
    options = (path for stage in pipeline.stages for path in fingerprint.paths_of(stage.plugin))
    for top in (*request.plugins, *options):
        yield from _below(top)
    installed = pipeline.spec.registry.installed_files()
    yield from installed | {path.parent for path in installed}  # a module may come to stand there
    yield from (record.path for record in surveyed.unread if record.path is not None)
    if _identified(surveyed):
        yield from {record.path for record in surveyed.records if record.path is not None}


def _identified(surveyed: Survey) -> bool:
    """Whether a source says itself what stands for its pixels, so that the index has no file."""
    return surveyed.catalog is not None and defines(surveyed.catalog, "identity")


def _asks_elsewhere(plugin: Any) -> bool:
    """Whether a plugin's fingerprint depends on what only the plugin knows."""
    base = next((each for each in (Transform, Synthesizer) if isinstance(plugin, each)), None)
    theirs = getattr(type(plugin), "inputs", None)
    foreign = not type(plugin).__module__.startswith("dsbuilder.")
    return foreign and theirs is not getattr(base, "inputs", None)


def _below(top: Path) -> Iterator[Path]:
    """Yields a path and, of a folder, all files and folders below that Python did not leave."""
    yield top.absolute()
    if top.is_dir():
        for folder, folders, files in os.walk(top):
            folders[:] = [name for name in folders if name != "__pycache__"]
            yield from (Path(folder, name).absolute() for name in (*folders, *files))


def _is_settled(states: Mapping[str, Sequence[int] | None], at_ns: int) -> bool:
    return all(was is not None and is_settled(was, at_ns) for was in states.values())


def _is_listed_the_same(surveyed: Survey, states: Mapping[str, Sequence[int] | None]) -> bool:
    """Looks again at folders so young that they might have changed unnoticed after the look."""
    source = surveyed.pipeline.settings.source
    if source is None or not _is_settled(states, time.time_ns()):
        return False
    again = sorted(source.open().records, key=lambda record: record.key)
    seen = sorted((*surveyed.records, *surveyed.unread), key=lambda record: record.key)
    return again == seen


def _installed() -> list[str]:
    """Returns the names of all distributions that Python finds, with their versions."""
    found: list[str] = []
    for folder in sys.path:
        with contextlib.suppress(OSError):
            names = os.listdir(folder or ".")  # noqa: PTH208 - hundreds of names, asked every time
            found += [name for name in names if name.endswith((".dist-info", ".egg-info"))]
    return sorted(found)
