"""Pictures taken one after another: what names of files and EXIF say of it.

  numbers  `cat/IMG_0012.jpg` is number 12 of the series `cat/IMG_`: the last word of its name that
           is a number, alone or after letters. Numbers of a series that follow each other are a
           run; a step of more than a bound (1: any number that is missing) begins the next one
  times    pictures of one camera (make, model, serial number), in whatever folder, in the order in
           which they were taken; a pause of more than a bound begins the next run

A run is called by its first key. A file that is added or removed lengthens a run, joins two, or
cuts one; it changes no other.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from dsbuilder.images import exif, jpeg, png, raster

Capture = tuple[str, float]
"""A camera, and when it took a picture: seconds on its own clock."""

Runs = Sequence[Sequence[str]]
"""Keys of each run, in order; a run may be of one."""

BURST_S = 5.0
"""The longest pause within what belongs together, unless somebody says another."""
ALIKE = 0.75
"""How like pictures of one scene are at least, unless somebody says another."""

_NUMBER = re.compile(r"(?:^|(?<=[^A-Za-z0-9]))[A-Za-z]*(\d+)(?![A-Za-z0-9])")
HEAD = 1 << 18
"""Bytes of a JPEG in which EXIF is looked for; the standard puts it first."""

_EXIF_DIRECTORY, _TAKEN, _FRACTION = 0x8769, 0x9003, 0x9291
_CAMERA = (0x010F, 0x0110, 0xA431)


def series(keys: Iterable[str]) -> dict[str, dict[str, int]]:
    """Returns folder and name up to the number -> key -> number, of keys that have one."""
    found: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for key in keys:
        folder, slash, name = key.rpartition("/")
        stem = name.rpartition(".")[0] or name
        last = next(reversed(list(_NUMBER.finditer(stem))), None)
        if last is not None:
            found[folder + slash + stem[: last.start(1)]][key] = int(last.group(1))
    return found


def runs_of_numbers(numbered: Mapping[str, int], step: int = 1) -> Runs:
    """Returns the runs of one series.

    Args:
      numbered: number of each key.
      step: by how much the next number of a run may be greater.
    """
    return list(_cut(sorted((number, key) for key, number in numbered.items()), step))


def runs_of_times(captures: Mapping[str, Capture], pause_s: float) -> Runs:
    """Returns the runs of all cameras.

    Args:
      captures: camera and time of each key.
      pause_s: by how much the next picture of a run may be later.
    """
    cameras: defaultdict[str, list[tuple[float, str]]] = defaultdict(list)
    for key, (camera, taken_s) in captures.items():
        cameras[camera].append((taken_s, key))
    return [run for camera in sorted(cameras) for run in _cut(sorted(cameras[camera]), pause_s)]


def _cut(ordered: Sequence[tuple[float, str]], most: float) -> Iterator[list[str]]:
    run: list[str] = []
    before = 0.0
    for value, key in ordered:
        if run and value - before > most:
            yield run
            run = []
        run.append(key)
        before = value
    if run:
        yield run


def read(data: bytes) -> Capture | None:
    """Returns what took a picture and when, as its EXIF says it; None where it does not.

    Args:
      data: an encoded image, or the beginning of a JPEG; may be damaged.

    Raises:
      DataError: a WebP file is damaged.
    """
    fields = _fields(_block(data))
    try:
        taken = datetime.strptime(fields.get(_TAKEN, ""), "%Y:%m:%d %H:%M:%S")
    except ValueError:  # blank or 0000:00:00, as cameras write whose clock was never set
        return None
    fraction = fields.get(_FRACTION, "")
    part = float(f"0.{fraction}") if re.fullmatch("[0-9]+", fraction) else 0.0
    camera = " ".join(fields[tag] for tag in _CAMERA if fields.get(tag))
    return camera, taken.replace(tzinfo=UTC).timestamp() + part


def is_jpeg(data: bytes) -> bool:
    """Whether a file that begins so is a JPEG, of which the front is enough."""
    return data.startswith(b"\xff\xd8")


def _block(data: bytes) -> bytes:
    """Returns the EXIF block of an encoded image; empty if there is none."""
    if is_jpeg(data):
        return jpeg.metadata(data[:HEAD])[0]
    if data.startswith(png.SIGNATURE):
        return png.metadata(data)[0]
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        with raster.opened(data) as image:
            return bytes(image.info.get("exif", b""))
    return data  # of a TIFF file, the file itself is one


def _fields(block: bytes) -> dict[int, str]:
    """Returns the texts of an EXIF block by tag; empty if it is none."""
    first = list(exif.entries(block))
    inner = next((each.long for each in first if each.tag == _EXIF_DIRECTORY), None)
    more = () if inner is None else exif.entries(block, inner)
    return {each.tag: each.text for each in (*first, *more)}
