"""A dataset, a run or several -> a page that shows it, one file that asks no other computer."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dsbuilder.actions.arguments import path_of
from dsbuilder.actions.document import Document
from dsbuilder.actions.info import versions
from dsbuilder.dataset import StoredDataset, load
from dsbuilder.errors import DataError, DsbuilderError
from dsbuilder.names import REPORT

if TYPE_CHECKING:
    from dsbuilder.builder.build import Built


@dataclass(frozen=True, kw_only=True)
class ReportDocument(Document):
    """A page that was written.

    Attributes:
      output: file of the page.
      about: what it shows: `dataset`, `run` or `comparison`.
      size_bytes: size of the file.
    """

    output: Path
    about: str
    size_bytes: int


def report_dataset(dataset: StoredDataset, output: Path | None = None) -> ReportDocument:
    """Writes the page of a dataset.

    What a build knows alone (its times, what it reused, findings of inspectors) is told as far as
    the dataset's log holds it.

    Args:
      output: file to write; None takes `report.html` in the folder of the dataset.

    Raises:
      CacheError: files of the dataset are damaged.
      DataError: the file cannot be written.
    """
    from dsbuilder.report.dataset_page import dataset_page
    from dsbuilder.report.page import html

    link = versions(dataset).get(dataset.manifest.version, dataset.path)
    written = dataset.path / REPORT if output is None else output
    html.write(written, dataset_page(dataset, where=_typed(link)))
    shown = link / REPORT if output is None else output.absolute()
    return ReportDocument(output=shown, about="dataset", size_bytes=written.stat().st_size)


def report_runs(*runs: Path | str, output: Path | str | None = None) -> ReportDocument:
    """Writes the page of a run, or of several runs side by side with what differs between them.

    No model is loaded: the files of a run say all but where its dataset lies, which has the
    pictures of its mistakes.

    Args:
      runs: run folders, one or more.
      output: file to write; None takes `report.html` in the folder of a run, and of several the
        first of `comparison.html`, `comparison-2.html`, ... that is free.

    Raises:
      TrainError: a folder is no run, or its files say what no run writes.
      DataError: no run is given, or the file cannot be written.
    """
    from dsbuilder.actions.preview import free_path
    from dsbuilder.report.page import html
    from dsbuilder.train.comparison_page import comparison_page
    from dsbuilder.train.run import Run
    from dsbuilder.train.run_page import run_page

    opened = [Run.of(Path(run)) for run in runs]
    if not opened:
        raise DataError("there is no run to report. Give the folder of one or more.")
    if len(opened) == 1:
        written = opened[0].path / REPORT if output is None else Path(output)
        page = run_page(opened[0])
    else:
        written = free_path(Path("comparison.html")) if output is None else Path(output)
        page = comparison_page(opened)
    html.write(written, page)
    about = "run" if len(opened) == 1 else "comparison"
    size = written.stat().st_size
    return ReportDocument(output=written.absolute(), about=about, size_bytes=size)


def report(*paths: Path | str, output: Path | str | None = None) -> ReportDocument:
    """Writes the page of what lies at some paths: a dataset, a run, or several runs.

    Raises:
      CacheError: there is no dataset, or files of it are damaged.
      TrainError: one of several is no run.
      DataError: the file cannot be written.
    """
    from dsbuilder.train.run import CONFIG

    first = Path(paths[0]) if paths else None
    if first is not None and len(paths) == 1 and not (first / CONFIG).is_file():
        return report_dataset(load(first), path_of(output))
    return report_runs(*paths, output=output)


def report_built(built: "Built") -> Iterator[str]:
    """Writes the page of a dataset that was built just now; yields what kept it from being written.

    A dataset that stood already has its page. One that is built is whole without, too.
    """
    if not built.is_new:
        return
    try:
        report_dataset(load(built.path))
    except (DsbuilderError, OSError, ImportError) as error:
        reason = str(error).rstrip(".")
        yield f"{built.path / REPORT}: the report is not written ({reason})."


def _typed(path: Path) -> str:
    """Returns a path as a user would type it: relative where it lies below the current folder."""
    here = Path.cwd()
    return (path.relative_to(here) if path.is_relative_to(here) else path).as_posix()
