"""Brings images to the pixels that a model takes, as its samples were: ahead of it, in threads.

A file is decoded in the pipeline's mode, upright, over its background, then passes the pipeline's
`prepare` and `finish`, which the model's file keeps. Files are decoded by several threads at once,
while the model is busy with those before. Stages pass one image at a time, since not every library
that they call is safe in threads. So a pixel array of full size is held by each thread alone, and
what waits for the model has the model's size, however many files there are.
"""

import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from threading import Lock

import numpy as np

from dsbuilder.binding import PlainPipeline
from dsbuilder.errors import DataError, DsbuilderError, SpecError, TrainError
from dsbuilder.images.encoding import IMAGE_EXTENSIONS
from dsbuilder.pipeline import Trace, apply_fixed, decode
from dsbuilder.pipelinefile.schema import ImageOptions
from dsbuilder.plugin import Stage
from dsbuilder.sample import Motion, Sample
from dsbuilder.train.archive import Note
from dsbuilder.train.restoring import placed, way_back
from dsbuilder.trust import noted

Source = Path | bytes | np.ndarray
"""An image: its file, what such a file holds, or its pixels, uint8 `(H, W)` or `(H, W, C)` with C
in 1, 3, 4."""

_THREADS = 4


@dataclass(frozen=True, kw_only=True)
class Look:
    """An image as a model sees it.

    Attributes:
      image: pixels `(H, W, C)` as the model's signature says.
      back: the way from there to the image as it came; None where no answer asks.
    """

    image: np.ndarray
    back: Motion | None


@dataclass(frozen=True, kw_only=True)
class Reader:
    """Brings an image into the form that a model was trained on; safe in threads.

    Attributes:
      image: how it is decoded.
      prepare, finish: the stages it passes then; none of them draws anything.
      note: note of the model.
    """

    image: ImageOptions
    prepare: tuple[Stage, ...]
    finish: tuple[Stage, ...]
    note: Note
    _one_at_a_time: Lock = field(default_factory=Lock, init=False, repr=False, compare=False)

    def look(self, source: Source, name: str) -> Look:
        """Returns an image as the model sees it.

        Args:
          name: what the image is called in errors.

        Raises:
          DataError: it cannot be read as an image, does not come out in the model's form, or the
            way back cannot be told.
        """
        try:
            pixels = decode(_content(source), self.image, self.prepare)
            with self._one_at_a_time:
                before = placed(pixels, name) if self._asks_back else _alone(pixels, name)
                sample = apply_fixed((*self.prepare, *self.finish), before, Trace())
                back = way_back(before, sample) if self._asks_back else None
        except OSError as error:
            raise DataError(f"{name}: expected a file to read, found {error.strerror}.") from None
        except DsbuilderError as error:
            raise DataError(f"{name}: {error}") from error
        expected = self.note.signature.image
        if not expected.accepts(sample.image):
            raise DataError(
                f"{name}: expected an image {expected} after the pipeline's finish, "
                f"found {sample.image.shape} {sample.image.dtype}. Resize it to that."
            )
        return Look(image=sample.image, back=back)

    @property
    def _asks_back(self) -> bool:
        """Whether an answer lies in the image."""
        return any(task.target.positional for task in self.note.heads.values())


def _alone(image: np.ndarray, key: str) -> Sample:
    return Sample(key=key, image=image, targets={})


def _content(source: Source) -> bytes | np.ndarray:
    if isinstance(source, Path):
        return source.read_bytes()
    if isinstance(source, bytes):
        return source
    pixels = source[:, :, None] if source.ndim == 2 else source
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] not in (1, 3, 4):
        raise DataError(
            "expected pixels uint8 (H, W), or (H, W, C) with C in 1, 3, 4, "
            f"found {source.dtype} {source.shape}. Convert them."
        )
    if not pixels.size:
        raise DataError(f"expected an image of a pixel or more, found {source.shape}.")
    return pixels


def make_reader(note: Note, *, origin: Path, plugins: Sequence[Path] = ()) -> Reader:
    """Returns the reader of a model's images.

    Args:
      origin: the model's file, for errors.
      plugins: folders of plugins that the pipeline's stages are from.

    Raises:
      TrainError: a stage of the pipeline is not known here.
    """
    plain = PlainPipeline(
        sections=note.pipeline, origin=str(origin), folder=origin.parent, plugins=tuple(plugins)
    )
    stages = tuple[Stage, ...]
    try:
        wanted = {"image": ImageOptions, "prepare": stages, "finish": stages}
        bound = plain.bind(wanted, hint=noted(note.plugins))
    except SpecError as error:
        raise TrainError(
            f"{origin}: expected the stages that its images pass, found that they cannot be made "
            f"here. Give the folder of their plugins. {error}"
        ) from None
    return Reader(**bound, note=note)


def read_ahead(
    reader: Reader, sources: Iterable[tuple[Source, str]], *, ahead: int
) -> Iterator[Look | DataError]:
    """Yields images as a model sees them, in their order, or why one cannot be read.

    Args:
      sources: images, each with what it is called in errors.
      ahead: how many images are read before they are asked for.
    """
    pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="read-image")
    waiting: deque[Future[Look]] = deque()
    left = iter(sources)
    try:
        waiting.extend(pool.submit(reader.look, *each) for each in islice(left, ahead))
        while waiting:
            first = waiting.popleft()
            waiting.extend(pool.submit(reader.look, *each) for each in islice(left, 1))
            try:
                yield first.result()
            except DataError as error:
                yield error
    finally:
        pool.shutdown(cancel_futures=True)


def image_files(paths: Sequence[Path | str]) -> Iterator[tuple[Path, str]]:
    """Yields image files, those named and of a folder all below it, sorted, with their names.

    Of a folder's tree no more is held than the entries of one folder on each level.

    Raises:
      DataError: now, not when it is iterated: a path leads nowhere, or a folder holds no image.
    """
    for path in map(Path, paths):
        if path.is_dir():
            if next(_below(path), None) is None:
                raise DataError(f"{path}: the folder has no images. Check the path.")
        elif not path.is_file():
            raise DataError(f"{path}: no such image or folder. Check the path.")
    return _listed(paths)


def _listed(paths: Sequence[Path | str]) -> Iterator[tuple[Path, str]]:
    for path in map(Path, paths):
        if path.is_dir():
            yield from ((each, each.relative_to(path).as_posix()) for each in _below(path))
        else:
            yield path, path.name


def _below(folder: Path) -> Iterator[Path]:
    """Yields the images below a folder, links to folders not followed, by the parts of paths."""
    with os.scandir(folder) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        if entry.is_dir(follow_symlinks=False):
            yield from _below(folder / entry.name)
        elif _is_image(entry):
            yield folder / entry.name


def _is_image(entry: "os.DirEntry[str]") -> bool:
    suffix = Path(entry.name).suffix[1:].lower()
    return not entry.name.startswith(".") and suffix in IMAGE_EXTENSIONS and entry.is_file()
