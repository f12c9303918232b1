"""A trained model in the form that another program takes.

What a format is stands in `train/model_formats/`; here stands what all have in common: the model
appears whole or not at all, what was there is overwritten only where that is asked for, and what
was written is tried before it appears.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsbuilder.actions.arguments import path_of, paths_of
from dsbuilder.actions.document import Document
from dsbuilder.actions.plugins import folders_here
from dsbuilder.cache import temporary
from dsbuilder.dataset import StoredDataset, load
from dsbuilder.errors import (
    DsbuilderError,
    Problem,
    SpecError,
    TrainError,
    did_you_mean,
    option,
)
from dsbuilder.train.model_formats import FORMATS, ModelFormat
from dsbuilder.train.model_formats.model_format import install, quietly, version_of
from dsbuilder.train.run import BEST, CONFIG, Run

if TYPE_CHECKING:
    from dsbuilder.train.model_formats.exporting import ExportCheck, Exporting, Quantization

_STEM = "model"


@dataclass(frozen=True, kw_only=True)
class ExportModelDocument(Document):
    """What an export of a model came to.

    Attributes:
      path: file or folder that was made.
      to: name of the format.
      size_bytes: size of it.
      card: what it says of itself.
      check: whether it says what the model says, before values have 8 bits; None if nothing was
        there to read it.
      int8: what 8 bits bring and cost; None with 32.
    """

    path: Path
    to: str
    size_bytes: int
    card: Mapping[str, Any]
    check: "ExportCheck | None" = None
    int8: "Quantization | None" = None


def export_model(
    model: Path | str,
    *,
    to: str,
    out: Path | str | None = None,
    int8: bool = False,
    overwrite: bool = False,
    dataset: StoredDataset | None = None,
    plugins: Sequence[Path | str] | None = None,
    starting: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> ExportModelDocument:
    """Writes a trained model in a format of other programs, with class names inside.

    What is written takes images as the dataset holds them and says what `predict` says.

    Args:
      model: a run folder, of which the best model is taken, or a `.keras` file that a run wrote.
      to: name of the format.
      out: file or folder to make; None takes one beside the model.
      int8: whether weights and values have 8 bits, of `tflite`.
      overwrite: whether an export that is there gives way.
      dataset: None takes the one that it was trained on, if it is still there.
      plugins: folders of plugins that layers and the stream's stages are from; None takes the
        nearest `plugins/` folder.
      starting: what surrounds the start of TensorFlow and the conversion, which take seconds.

    Raises:
      SpecError: there is no such format, or it has no 8 bits.
      TrainError: there is no such model, the format cannot hold it, a package is missing, or what
        was written says something else than the model; then nothing is left.
    """
    model, form = Path(model), _format(to, int8=int8)
    home = model if model.is_dir() else model.parent
    target = path_of(out) or home / _usual_name(to, form, int8=int8)
    _check_target(target, form, overwrite=overwrite, source=model)
    folders = folders_here(paths_of(plugins), data=model)
    found, lacking = (dataset, "") if dataset is not None else _trained_on(home)
    if int8 and found is None:
        raise TrainError(f"{model}: int8: its ranges are chosen by the train split. {lacking}")
    with starting(), quietly():
        from dsbuilder.train.model_formats.exporting import begin

        exporting = begin(model, to, plugins=folders)
        try:
            with temporary.beside(target) as place:
                document = _written(exporting, place, target, dataset=found, int8=int8)
        except OSError as error:
            raise TrainError(
                f"{target}: expected a place that can be written, found that it fails "
                f"({error.strerror or error}). Make room, or choose another with {option('out')}."
            ) from error
    return replace(document, warnings=tuple(_doubts(document, model, form, lacking)))


def _written(
    exporting: "Exporting", place: Path, target: Path, *, dataset: StoredDataset | None, int8: bool
) -> ExportModelDocument:
    """Writes an export into a folder of its own, tries it, and moves it to its place."""
    from dsbuilder.train.model_formats.exporting import size_of

    suffix, quantization = exporting.form.suffix, None
    whole = place / f"whole{suffix}"
    exporting.write(whole)
    check = exporting.check(whole, dataset)
    if int8 and dataset is not None:
        small = place / f"small{suffix}"
        quantization = exporting.quantize(small, whole, dataset)
        whole = small
    size_bytes = size_of(whole)
    if target.is_dir():
        target.rename(place / "before")
    whole.replace(target)
    return ExportModelDocument(
        path=target.absolute(),
        to=exporting.to,
        size_bytes=size_bytes,
        card=exporting.card.to_json(),
        check=check,
        int8=quantization,
    )


def _doubts(
    found: ExportModelDocument, model: Path, form: ModelFormat, lacking: str
) -> Iterator[str]:
    """Yields what was not tried, or not on samples."""
    if found.check is None:
        yield (
            f"{model}: the export is not checked: nothing here reads {found.to}. "
            f"Run: {install([form.reader])}, and export it again."
        )
    elif found.check.split is None:
        yield f"{lacking} The export is checked on random images."


def _usual_name(to: str, form: ModelFormat, *, int8: bool) -> str:
    return f"{_STEM}{'_int8' if int8 else ''}{form.suffix}" if form.suffix else to


def _format(to: str, *, int8: bool) -> ModelFormat:
    if to not in FORMATS:
        hint = did_you_mean(to, FORMATS)
        raise SpecError([Problem("to", f"there is no format '{to}' of models.{hint}")])
    form = FORMATS[to]
    if int8 and form.quantize is None:
        able = ", ".join(name for name, each in FORMATS.items() if each.quantize)
        raise SpecError([Problem("int8", f"it is for {able}, found '{to}'. Leave it out.")])
    missing = [each for each in form.packages if version_of(each) is None]
    if missing:
        raise TrainError(
            f"{to}: expected packages that write it, found that {', '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} not installed. Run: "
            f"{install([*form.packages, form.reader])}"
        )
    return form


def _check_target(target: Path, form: ModelFormat, *, overwrite: bool, source: Path) -> None:
    if not os.path.lexists(target):
        return
    file = source / BEST if source.is_dir() else source
    if not overwrite or target.resolve() == file.resolve():
        raise TrainError(
            f"{target}: expected a free place, found a {'folder' if target.is_dir() else 'file'}. "
            f"Choose another with {option('out')}, or let an earlier export give way with "
            f"{option('overwrite')}."
        )
    if not form.is_export(target):
        raise TrainError(
            f"{target}: expected an export of this format to overwrite, found something else. "
            f"Choose another place with {option('out')}."
        )


def _trained_on(home: Path) -> tuple[StoredDataset | None, str]:
    """Returns the dataset of a run; or None, and why there is none."""
    if not (home / CONFIG).is_file():
        return None, f"{home}: it is no run, so the dataset of its model is not known."
    try:
        return load(Run(path=home).config()["dataset"]["path"]), ""
    except DsbuilderError as error:
        return None, f"{home}: the dataset that it was trained on is not there: {error}"
