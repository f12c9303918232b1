"""Mistakes of masks and points picture by picture, as a training leaves them for its page.

charts/mistakes/01-truth.png   the worst one, with what is true
charts/mistakes/01-answer.png  the same, with what the model would draw
charts/mistakes/mistakes.json  key and error of each

What the model would draw it alone knows, and a page is made without it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from dsbuilder import typed_json
from dsbuilder.cache import store
from dsbuilder.report.canvas import picture
from dsbuilder.report.overlay import lay
from dsbuilder.report.page.blocks import Picture
from dsbuilder.report.page.pictures import SIDE, file_picture
from dsbuilder.report.sheet import write_png
from dsbuilder.report.strip import Cell

_INDEX = "mistakes.json"
_NAMES = ("truth", "answer")


@dataclass(frozen=True, kw_only=True)
class SingleMistake:
    """One mistake.

    Attributes:
      key: key of the sample.
      told: how large the error is.
    """

    key: str
    told: str


def write(folder: Path, cells: Sequence[Cell | None]) -> None:
    """Writes pairs of cells, what is true and what the model says, in place of earlier ones.

    Raises:
      DataError: a picture cannot be written.
    """
    remove(folder)
    folder.mkdir(parents=True, exist_ok=True)
    told = []
    for number, (truth, answer) in enumerate(zip(cells[::2], cells[1::2], strict=True), 1):
        if truth is None or answer is None:
            continue
        for path, cell in zip(_files(folder, number), (truth, answer), strict=True):
            if cell.image is not None:
                write_png(lay(picture(cell.image, SIDE), cell.overlays), path)
        told.append(asdict(SingleMistake(key=truth.name, told=answer.name)))
    store.write_text(folder / _INDEX, typed_json.dumps(told, indent=1) + "\n")


def remove(folder: Path) -> None:
    """Removes what an earlier model left, and nothing else."""
    if folder.is_symlink():
        folder.unlink()
    for path in [*folder.glob("[0-9][0-9]-truth.png"), *folder.glob("[0-9][0-9]-answer.png")]:
        path.unlink()
    (folder / _INDEX).unlink(missing_ok=True)


def read(folder: Path) -> Iterator[tuple[SingleMistake, list[Picture]]]:
    """Yields each mistake with its two pictures; nothing of one whose pictures are not there."""
    try:
        text = (folder / _INDEX).read_text(encoding="utf-8")
        known = typed_json.bind(tuple[SingleMistake, ...], typed_json.loads(text))
    except (OSError, ValueError):
        return
    for number, each in enumerate(known, 1):
        try:
            yield (
                each,
                [
                    _picture(*named, each)
                    for named in zip(_NAMES, _files(folder, number), strict=True)
                ],
            )
        except OSError:
            continue


def _picture(name: str, path: Path, mistake: SingleMistake) -> Picture:
    found = file_picture(path.read_bytes(), alt=f"{mistake.key}: {name}, {mistake.told}")
    return replace(found, lines=[name])


def _files(folder: Path, number: int) -> list[Path]:
    return [folder / f"{number:02}-{name}.png" for name in _NAMES]
