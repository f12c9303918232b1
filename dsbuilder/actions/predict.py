"""What a trained model says of images: classes, numbers, texts or masks."""

import contextlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from dsbuilder.actions.arguments import paths_of
from dsbuilder.actions.document import Document
from dsbuilder.actions.labeling import labeling_of
from dsbuilder.actions.plugins import folders_here
from dsbuilder.errors import DataError, Problem, SpecError
from dsbuilder.images import encoding
from dsbuilder.layouts.voc.format import mask_picture
from dsbuilder.report import overlay
from dsbuilder.report.sheet import write_png
from dsbuilder.report.strip import Cell, draw_strip
from dsbuilder.targets.stored import as_file_name
from dsbuilder.tasks import Heads, Task

if TYPE_CHECKING:
    from dsbuilder.train.prediction import Failure, Prediction, Reason

TOP = 3
"""How many classes of an image are named where nobody says."""

_REASON_SIDE = 256


@dataclass(frozen=True, kw_only=True)
class PredictDocument(Document):
    """What a model says of images.

    Attributes:
      model: the model as it was given.
      kinds: kinds of the targets that it learnt, by name.
      predictions: mapping for each image that is answered: its `path`; its `value`, or of a mask
        the files it was written to, `mask` and `overlay`; its `classes`, each with `name` and
        `probability` or, of a mask, the `share` of the area; and where it was asked the file that
        says `why`. A model of several targets has these by target, in `heads`.
      failures: mapping for each other image: its `path`, and the `error`.
      source: options of a source that reads the list of labels; None where none was asked for.
    """

    model: Path
    kinds: Mapping[str, str]
    predictions: tuple[Mapping[str, Any], ...]
    failures: tuple[Mapping[str, Any], ...] = ()
    source: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """What a model says of images, one by one as they are read.

    Attributes:
      model: the model as it was given.
      kinds: kinds of the targets that it learnt, by name.
      each: mappings as those of `PredictDocument.predictions`, and as those of its `failures` where
        an image is not answered, in the order of the images; to be iterated once.
      source: options as those of `PredictDocument`; the list is written after the last of `each`.
    """

    model: Path
    kinds: Mapping[str, str]
    each: Iterator[Mapping[str, Any]]
    source: Mapping[str, Any] | None = None

    def document(self) -> PredictDocument:
        """Returns all of them at once."""
        told = list(self.each)
        return PredictDocument(
            model=self.model,
            kinds=self.kinds,
            predictions=tuple(each for each in told if "error" not in each),
            failures=tuple(each for each in told if "error" in each),
            source=self.source,
        )


def predict(
    model: Path | str,
    paths: Sequence[Path | str],
    *,
    top: int | None = None,
    threshold: float | None = None,
    masks: Path | str | None = None,
    overlays: Path | str | None = None,
    why: Path | str | None = None,
    labels: Path | str | None = None,
    tta: str | None = None,
    tile: int | None = None,
    overlap: int | None = None,
    plugins: Sequence[Path | str] | None = None,
) -> PredictDocument:
    """Says what a trained model makes of images, all at once; see `predictions`."""
    told = predictions(
        model,
        paths,
        top=top,
        threshold=threshold,
        masks=masks,
        overlays=overlays,
        why=why,
        labels=labels,
        tta=tta,
        tile=tile,
        overlap=overlap,
        plugins=plugins,
    )
    return told.document()


def predictions(
    model: Path | str,
    paths: Sequence[Path | str],
    *,
    top: int | None = None,
    threshold: float | None = None,
    masks: Path | str | None = None,
    overlays: Path | str | None = None,
    why: Path | str | None = None,
    labels: Path | str | None = None,
    tta: str | None = None,
    tile: int | None = None,
    overlap: int | None = None,
    plugins: Sequence[Path | str] | None = None,
    starting: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> Predictions:
    """Says what a trained model makes of images, one by one.

    Args:
      model: a run folder, of which the best model is taken, or a `.keras` file.
      paths: image files, and folders, which stand for all images below them.
      top: of a class: how many to name of an image; None takes `TOP`.
      threshold: of several classes, the probability over which one is named; of two, over which
        the second is. None takes what the training chose, or a half.
      masks: of masks: folder that they are written to, PNGs whose palette indices are class ids; of
        several masks each in a folder of its own below, by the name of its target.
      overlays: of masks: folder of pictures, each image with its mask over it, likewise.
      why: of classes: folder of pictures that show where in each image the reason for its class
        lies, likewise; see `train/attribution.py`.
      labels: table to write the answers to as a list of labels, the least confident first, a CSV,
        TSV or JSONL file by its ending; see `labeling.py`.
      tta: test-time augmentation, `flip`, `shift`, `flip+shift`, or `auto` for those of them that
        leave the answer as it is; see `train/views.py`. None takes each image once.
      tile: of masks: side in pixels of the tiles that each image is cut into; what the model says
        of them is put together, averaged where they overlap. None shows it each image whole.
      overlap: pixels that neighboring tiles have in common; None takes an eighth of `tile`.
      plugins: folders of plugins that the pipeline's stages are from; None takes the nearest
        `plugins/` folder.
      starting: what surrounds the start of TensorFlow, which takes seconds.

    Raises:
      SpecError: an option is not for the kind of target that the model learnt, or a list does not
        hold it.
      TrainError: there is no such model, or it is asked why and has no feature map.
      DataError: a path leads nowhere, a folder holds no image, a picture would take the place of
        another or of an image, or a name is none that a list can hold.
    """
    model, files = Path(model), [Path(each) for each in paths]
    folders = folders_here(paths_of(plugins), data=model)
    with starting():
        from dsbuilder.train.archive import load_model
        from dsbuilder.train.prediction import predict as answers
        from dsbuilder.train.reading import image_files
        from dsbuilder.train.tiled import Tiling
    trained = load_model(model, plugins=folders)
    heads = trained.note.heads
    folders_of = {"masks": masks, "overlays": overlays, "why": why}
    given = {"top": top, "threshold": threshold, **folders_of}
    kinds = {name: task.target.kind for name, task in heads.items()}
    check_options(heads, given)
    if tile is None and overlap is not None:
        raise SpecError([Problem("overlap", "it is for tiles. Give a size of tiles, too.")])
    common = (tile or 0) // 8 if overlap is None else overlap
    tiling = None if tile is None else Tiling(size=tile, overlap=common)
    found = answers(
        trained,
        files,
        top=top or TOP,
        threshold=threshold,
        tta=tta,
        tiling=tiling,
        why=why is not None,
        plugins=folders,
    )
    into = {option: Path(each) for option, each in folders_of.items() if each is not None}
    writer = PictureWriter(folders=into, heads=heads)
    writer.check(image_files(files))
    source = None
    if labels is not None:
        labeling = labeling_of(heads, Path(labels), files, image_files(files))
        found, source = labeling.noted(found), labeling.listed.options
    told = (_described(each, heads, writer) for each in found)
    return Predictions(model=model, kinds=kinds, each=told, source=source)


def check_options(heads: Heads, given: Mapping[str, Any]) -> None:
    """Refuses options of answers that are not for what a model learnt.

    Args:
      given: options by name; None of one that is not given.

    Raises:
      SpecError: there are such.
    """
    takes = frozenset().union(*(task.takes for task in heads.values()))
    kinds = ", ".join(task.target.kind for task in heads.values())
    problems = [
        Problem(option, f"it is not for a model of '{kinds}'. Leave it out.")
        for option, value in given.items()
        if value is not None and option not in takes
    ]
    if problems:
        raise SpecError(problems)


def _described(
    found: "Prediction | Failure", heads: Heads, writer: "PictureWriter"
) -> dict[str, Any]:
    """Returns a prediction as JSON values; an array is written, and stands as its path."""
    from dsbuilder.train.prediction import Failure

    if isinstance(found, Failure):
        return {"path": str(found.path), "error": str(found.error)}
    parts = {name: dict(_answer(found, name, task, writer)) for name, task in heads.items()}
    told = {"heads": parts} if len(parts) > 1 else next(iter(parts.values()))
    return {"path": str(found.path), **told}


def _answer(
    found: "Prediction", head: str, task: Task, writer: "PictureWriter"
) -> Iterator[tuple[str, Any]]:
    """Yields what one head says, by name."""
    answer = found.answers[head]
    if task.target.of_pixels:
        yield from writer.written(found, head)
    else:
        yield "value", answer.value
    if found.reason is not None and head in found.reason.heads:
        yield "why", writer.reasoned(found, found.reason, head)
    if answer.scores:
        yield "classes", [{"name": name, task.scored_by: each} for name, each in answer.scores]


@dataclass(frozen=True, kw_only=True)
class PictureWriter:
    """Where pictures of answers are written.

    Attributes:
      folders: folder by option: of `masks`, PNGs whose palette indices are class ids; of
        `overlays`, these over the image; of `why`, where the reason for a class lies.
      heads: the heads of the model.
    """

    folders: Mapping[str, Path]
    heads: Heads

    def check(self, files: Iterable[tuple[Path, str]]) -> None:
        """Checks before the first is written that none takes the place of another, or an image.

        Args:
          files: images with their names, as `reading.image_files` yields them.
        """
        named = list(files) if self.folders else []
        taken = {path.resolve(): path for path, _ in named}
        for (path, name), option in itertools.product(named, self.folders):
            for head in self._heads(option):
                place = self._place(option, head, name)
                other = taken.get(place.resolve())
                if other is not None:
                    raise DataError(
                        f"{path}: expected a free place for its picture, found that {place} is "
                        f"taken by {other}. Write to another folder, or predict one of them by "
                        "itself."
                    )
                taken[place.resolve()] = path

    def written(self, found: "Prediction", head: str) -> Iterator[tuple[str, str]]:
        """Writes a head's mask and its picture; yields where, by `mask` and `overlay`."""
        ids = found.answers[head].value
        if "masks" in self.folders:
            yield "mask", _kept(self._place("masks", head, found.name), mask_picture(ids))
        if "overlays" in self.folders:
            picture = Image.fromarray(encoding.decode(found.path.read_bytes(), mode="rgb"))
            ignored = getattr(self.heads[head].target, "ignore", None)
            laid = overlay.lay(picture, [overlay.Tint(ids=ids, ignored=ignored)])
            yield "overlay", _kept(self._place("overlays", head, found.name), laid)

    def reasoned(self, found: "Prediction", reason: "Reason", head: str) -> str:
        """Writes the image as the model saw it beside where the reason lies; returns where."""
        told = [f"{name} {score:.3f}" for name, score in found.answers[head].scores[:1]]
        seen = Cell(image=reason.image, name=found.name, lines=told)
        cells = [seen, *reason.heads[head].cells(reason.image)]
        strip = draw_strip(cells, side=_REASON_SIDE)
        return _kept(self._place("why", head, found.name), strip)

    def _heads(self, option: str) -> list[str]:
        """Returns the heads that pictures of an option are of."""
        return [name for name, task in self.heads.items() if option in task.takes]

    def _place(self, option: str, head: str, name: str) -> Path:
        several = len(self._heads(option)) > 1
        folder = self.folders[option]
        below = folder / as_file_name(head) if several else folder
        return below / Path(name).with_suffix(".png")


def _kept(path: Path, picture: Image.Image) -> str:
    with contextlib.suppress(OSError):  # writing says what is wrong
        path.parent.mkdir(parents=True, exist_ok=True)
    write_png(picture, path)
    return str(path)
