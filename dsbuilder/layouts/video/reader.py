"""Frames of videos, with the times that they are shown at, subtitles and labels of intervals."""

import contextlib
import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import blake2b
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import cv2
import numpy as np

from dsbuilder.errors import shortened
from dsbuilder.images.video import VIDEO_EXTENSIONS, FrameChoice, FrameReader, VideoFrame, frames
from dsbuilder.layouts.catalog import SourceCatalog, file_of
from dsbuilder.layouts.classes import check_class_count, check_classes, class_names
from dsbuilder.layouts.splits import in_splits
from dsbuilder.layouts.tree import Tree, check_extensions, extension, scan
from dsbuilder.layouts.video import format as video
from dsbuilder.layouts.video.format import LabeledInterval
from dsbuilder.layouts.video.signs import signs_of
from dsbuilder.paths import user_cache, write_cached
from dsbuilder.plugin import (
    Catalog,
    ClassLabel,
    DataError,
    Listing,
    MultiLabel,
    Record,
    Signs,
    Source,
    Target,
    Text,
    Value,
    source,
)

_FORMAT = 1
_SETTLED_S = 2.0


@source("video")
@dataclass(frozen=True, kw_only=True)
class Video(Source):
    """Reads frames of videos; all of one video are one group, hence of one split.

        path/                    path/
          tom.mp4                  train/
          tom.srt                    tom.mp4
          tom.csv                  test/
          in/rex.avi                 rex.mp4

    Candidates are every N-th frame (`every`), or the first frame of every T seconds (`every_s`, 1
    unless said); of these `change` takes those that differ enough from the frame taken before. The
    target `time` is the second at which a frame is shown.

    Subtitles (`tom.srt` or `tom.vtt` beside `tom.mp4`) are the target `text`: what is said while
    the frame is shown, empty where nothing is. Intervals are a table with the columns start, end
    and label, beside each video (`tom.csv`) or one for all with a column `file`; times are seconds
    or h:m:s. A frame has the label of the interval that it lies in, from its start on and before
    its end.

    Videos lie at any depth; folders at the top with splits' names are splits if every video lies in
    one. A video is decoded once, in order, when it is listed, which is kept in
    `$XDG_CACHE_HOME/dsbuilder`; one that cannot be decoded, or ends much earlier than it states, is
    a record with an error. The key of a frame is the path of its video, `@frame-` and its number.

    Attributes:
      path: the folder of the videos.
      every: frames from one candidate to the next, 1 or more, 1 for all.
      every_s: seconds from one candidate to the next, above 0; not beside `every`.
      change: least mean difference from the frame taken before, both gray and averaged to 32 x 32
        pixels, in levels in [0, 255]; 0 takes every candidate. Cuts are beyond 20, slow scenes
        below 5.
      time: whether the time in seconds is a target.
      subtitles: whether subtitles are read; a video without a file of them has none.
      intervals: `beside` for a table beside each video, a path for one of all; null reads none.
      overlapping: whether intervals may overlap: then a frame has several classes, or none.
      outside: the class of frames in no interval; without one these are left out, and counted. Not
        beside `overlapping`.
      classes: class names in id order; by default the labels found, sorted as text.
      extensions: extensions of videos, in any case of letters, without the dot.
    """

    path: Path
    every: int | None = None
    every_s: float | None = None
    change: float = 0.0
    time: bool = True
    subtitles: bool = False
    intervals: Literal["beside"] | Path | None = None
    overlapping: bool = False
    outside: str | None = None
    classes: tuple[str, ...] | None = None
    extensions: tuple[str, ...] = VIDEO_EXTENSIONS

    def __post_init__(self) -> None:
        check_classes(self.classes)
        check_extensions(self.extensions)
        if self.every is not None and self.every_s is not None:
            raise ValueError("expected `every` or `every_s`, found both. Remove one.")
        if self.every is not None and self.every < 1:
            raise ValueError(f"every: expected 1 frame or more, found {self.every}.")
        if self.every_s is not None and not self.every_s > 0:
            raise ValueError(f"every_s: expected more than 0 seconds, found {self.every_s:g}.")
        if not 0 <= self.change <= 255:
            raise ValueError(f"change: expected levels in [0, 255], found {self.change:g}.")
        if self.outside is not None and (self.overlapping or self.intervals is None):
            raise ValueError(
                "outside: expected intervals that do not overlap, found others. Remove it."
            )

    @property
    def choice(self) -> FrameChoice:
        """Which frames are taken."""
        if self.every is not None:
            return FrameChoice(every=self.every, change=self.change)
        return FrameChoice(every_s=self.every_s or 1.0, change=self.change)

    @classmethod
    def signs(cls, folder: Path) -> Signs:
        """Looks for videos, and for subtitles and tables of intervals beside them."""
        return signs_of(folder)

    def open(self) -> Catalog:
        """Returns the catalog of the frames.

        Raises (when it is listed):
          DataError: there is no video, a file of subtitles or a table is wrong, or an interval's
            label is none of `classes`. A video that cannot be decoded, and a frame in two intervals
            that may not overlap, is a record with an error.
        """
        return _VideoCatalog(self)


class _VideoCatalog(SourceCatalog[Video]):
    """The frames of videos; the place of one is its number, and the digest of its pixels."""

    def __init__(self, source: Video) -> None:
        super().__init__(source)
        self._reader, self._lock = FrameReader(), threading.Lock()

    def scan(self) -> Listing:
        source = self._source
        tree = scan(source.path)
        videos = _videos(tree, source)
        if not videos:
            found = "".join(f"; {note}" for note in tree.notes(tree.skipped(())))
            raise DataError(
                f"{source.path}: there are no videos{found}. Videos end in "
                f"{', '.join(source.extensions)}."
            )
        files = _Beside(source, tree)
        account = _Account()
        records = in_splits(
            [record for name in videos for record in self._frames(name, files, account)]
        )
        left = tree.skipped({*videos, *files.read})
        return Listing(
            records=records,
            targets=_targets(source, files, records),
            notes=[*tree.notes(left), *account.notes(), *files.notes(videos)],
        )

    def _frames(self, name: str, files: "_Beside", account: "_Account") -> Iterator[Record]:
        """Yields the frames of a video, or one record that says what is wrong with it."""
        source, path = self._source, self._source.path / name
        whole = Record(key=name, path=path, group=name)
        try:
            found = _listed(path, source.choice)
        except DataError as error:
            yield replace(whole, error=f"{path}: {error}")
            return
        said, labels = files.subtitles(name), files.intervals(name)
        for frame in found:
            key = f"{name}@frame-{frame.number:06d}"
            record = replace(whole, key=key, place={"frame": frame.number, "digest": frame.digest})
            targets: dict[str, Any] = {"time": frame.time_s} if source.time else {}
            if source.subtitles:
                targets["text"] = " ".join(video.at(said, frame.time_s))
            if source.intervals is None:
                yield replace(record, targets=targets)
                continue
            true = video.at(labels, frame.time_s)
            if source.overlapping:
                yield replace(record, targets={**targets, "labels": true})
            elif len(true) > 1:
                wrong = f"expected one interval at {frame.time_s:g} s, found {shortened(true)}"
                advice = "Correct the table, or set overlapping: true."
                yield replace(record, error=f"{path}: {wrong}. {advice}")
            elif true or source.outside is not None:
                label = true[0] if true else source.outside
                yield replace(record, targets={**targets, "label": label})
            else:
                account.outside += 1

    def watches(self) -> Sequence[Path]:
        source = self._source
        tree = scan(source.path)
        files = _Beside(source, tree)
        for name in _videos(tree, source):
            files.find(name)
        own = [source.intervals] if isinstance(source.intervals, Path) else []
        return [*tree.below(source.path, sorted(files.read)), *own]

    def read(self, record: Record) -> np.ndarray:
        with self._lock:
            return self._reader.read(
                file_of(record), int(record.place["frame"]), str(record.place["digest"])
            )

    def identity(self, record: Record) -> str:
        return str(record.place["digest"])


def _videos(tree: Tree, source: Video) -> list[str]:
    wanted = {each.lower() for each in source.extensions}
    return [path for path in tree.files if extension(path) in wanted]


def _listed(path: Path, choice: FrameChoice) -> list[VideoFrame]:
    """Returns the frames of a video; of one that is as it was, those that were listed before."""
    facts = path.stat()
    state = [facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_ino]
    key = json.dumps([_FORMAT, str(path.resolve()), state, asdict(choice), cv2.__version__])
    name = blake2b(key.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()
    kept = user_cache() / "videos" / f"{name}.json"
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
        rows = json.loads(kept.read_text(encoding="utf-8"))
        return [VideoFrame(number=int(n), time_s=float(t), digest=str(d)) for n, t, d in rows]
    found = frames(path, choice)
    if time.time() - max(facts.st_mtime, facts.st_ctime) > _SETTLED_S:
        rows = [[each.number, each.time_s, each.digest] for each in found]
        write_cached(kept, json.dumps(rows))  # where that cannot be, it is decoded again
    return found


@dataclass
class _Account:
    """What was left out.

    Attributes:
      outside: number of frames in no interval.
    """

    outside: int = 0

    def notes(self) -> list[str]:
        """Returns what to tell of it."""
        if not self.outside:
            return []
        return [f"frames in no interval, left out: {self.outside} (`outside` gives them a class)"]


class _Beside:
    """Subtitles and intervals of videos, each file read once.

    Attributes:
      read: paths below the folder of the files that are read.
    """

    def __init__(self, source: Video, tree: Tree) -> None:
        self._source, self._files = source, frozenset(tree.files)
        self.read: set[str] = set()
        self._without: list[str] = []
        self._tables: Mapping[str | None, list[LabeledInterval]] | None = None

    def find(self, name: str) -> tuple[str | None, str | None]:
        """Returns the files of subtitles and of intervals beside a video, as far as there are."""
        stem = str(PurePosixPath(name).with_suffix(""))
        source = self._source
        endings = video.SUBTITLES if source.subtitles else ()
        said = next((f"{stem}.{e}" for e in endings if f"{stem}.{e}" in self._files), None)
        table = f"{stem}.csv" if source.intervals == "beside" else ""
        found = (said, table if table in self._files else None)
        self.read.update(each for each in found if each is not None)
        return found

    def subtitles(self, name: str) -> list[LabeledInterval]:
        """Returns the cues of a video."""
        said, _ = self.find(name)
        return video.read_subtitles(self._source.path / said) if said is not None else []

    def intervals(self, name: str) -> list[LabeledInterval]:
        """Returns the intervals of a video."""
        table = self._source.intervals
        if table is None:
            return []
        if isinstance(table, Path):
            return self._of_all(table).get(name, [])
        _, beside = self.find(name)
        if beside is None:
            self._without.append(name)
            return []
        return [each for rows in self._table(beside).values() for each in rows]

    def _table(self, beside: str) -> Mapping[str | None, list[LabeledInterval]]:
        return video.read_intervals(self._source.path / beside)

    def _of_all(self, table: Path) -> Mapping[str | None, list[LabeledInterval]]:
        if self._tables is None:
            self._tables = video.read_intervals(table)
            inside = str(table).removeprefix(f"{self._source.path}/")
            self.read.update({inside} & self._files)
            if None in self._tables:
                raise DataError(
                    f"{table}: there is no column '{video.FILE}'. A table of all videos has one, "
                    "with their paths below the folder."
                )
        return self._tables

    def notes(self, videos: Sequence[str]) -> Iterator[str]:
        """Yields which videos have no intervals, and which rows no video."""
        named = {name for name in self._tables or () if name is not None}
        without = [*self._without, *(name for name in videos if named and name not in named)]
        if without:
            yield f"videos without intervals: {shortened(without)}"
        if unknown := sorted(named - set(videos)):
            yield f"intervals of files that are no videos: {shortened(unknown)}"


def _targets(source: Video, files: _Beside, records: Sequence[Record]) -> dict[str, Target]:
    targets: dict[str, Target] = {}
    sound = [each for each in records if each.error is None]
    if source.subtitles:
        targets["text"] = Text()
    if source.intervals is not None:
        name = "labels" if source.overlapping else "label"
        raws = (each.targets[name] for each in sound)
        found = {label for raw in raws for label in (raw if source.overlapping else [raw])}
        wrong = [each for each in records if each.error is not None]
        where = str(source.path)
        check_class_count(found, where=where, noun="labels", wrong=wrong, of=len(sound))
        unknown = sorted(found - set(source.classes or found))
        if unknown:
            raise DataError(
                f"{where}: expected labels that `classes` names, found {shortened(unknown)}. Add "
                "them, or correct the table."
            )
        kind = MultiLabel if source.overlapping else ClassLabel
        targets[name] = kind(names=class_names(found, source.classes))
    if source.time:
        targets["time"] = Value()
    return targets
