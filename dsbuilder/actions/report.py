"""A dataset -> a page that shows it: `report.html`, one file that asks no other computer."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dsbuilder.actions.document import Document
from dsbuilder.actions.info import versions
from dsbuilder.dataset import StoredDataset, load
from dsbuilder.errors import DsbuilderError

if TYPE_CHECKING:
    from dsbuilder.builder.build import Built

REPORT = "report.html"


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
