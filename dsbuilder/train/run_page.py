"""A run -> what a page tells of it: scores, curves, confusions, mistakes, configuration.

All of it stands in the files of the run, and pictures of mistakes in its dataset, so a page is made
without the model and without TensorFlow. A run that has not come to its end tells what it has.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dsbuilder.dataset import StoredDataset, load
from dsbuilder.errors import CacheError, DsbuilderError, TrainError
from dsbuilder.report.charts import lines, matrix
from dsbuilder.report.charts.axes import number
from dsbuilder.report.charts.lines import LineChart
from dsbuilder.report.charts.matrix import MOST_SHOWN, Confusions
from dsbuilder.report.charts.svg import Heading
from dsbuilder.report.page.blocks import (
    Beside,
    Block,
    Cell,
    ChartChoice,
    Charts,
    Code,
    DataRow,
    DataTable,
    DrawnChart,
    KeyNumbers,
    Notes,
    PageSection,
    Pairs,
    ReportPage,
    Strip,
    table_of,
)
from dsbuilder.report.page.pictures import Room
from dsbuilder.report.page.yaml_text import as_yaml
from dsbuilder.tasks import by_origin, evaluations_of, task_of
from dsbuilder.tasks.intervals import shown as with_interval
from dsbuilder.train.drawing import progress_charts
from dsbuilder.train.mistakes import mistakes_of
from dsbuilder.train.monitor import Monitor
from dsbuilder.train.phases import best_row
from dsbuilder.train.run import EVALUATION, REPORT, RESULTS, Row, Run


def run_page(run: Run) -> ReportPage:
    """Returns the page of a run.

    Raises:
      TrainError: the folder is no run, or its files say what no run writes.
    """
    config, rows = run.config(), run.rows()
    try:
        return _RunPage(run=run, config=config, rows=rows).page()
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise TrainError(
            f"{run.path}: expected what a run writes, found another ({type(error).__name__}: "
            f"{error}). Train it again."
        ) from error


def write_run_page(run: Run) -> Iterator[str]:
    """Writes `report.html` of a run; yields what kept it from being written.

    A run is whole without it.
    """
    try:
        from dsbuilder.report.page import html

        html.write(run.path / REPORT, run_page(run))
    except (DsbuilderError, OSError, ImportError) as error:
        reason = str(error).rstrip(".")
        yield f"{run.path / REPORT}: the report is not written ({reason})."


def dataset_of(run: Run, config: Mapping[str, Any]) -> StoredDataset | None:
    """Returns the dataset that a run was trained on; None where it is gone, or another by now."""
    try:
        found = load(config["dataset"]["path"])
    except CacheError:
        return None
    same = found.manifest.fingerprint == config["dataset"]["fingerprint"]
    return found if same else None


@dataclass
class _RunPage:
    """A run, and what its files say."""

    run: Run
    config: Mapping[str, Any]
    rows: Sequence[Row]
    evaluation: Mapping[str, Any] | None = None
    room: Room = field(default_factory=Room)

    def __post_init__(self) -> None:
        if (self.run.path / EVALUATION).is_file():
            self.evaluation = self.run.evaluation()
        self.best = best_row(self.rows, Monitor.of(self.config["train"]))
        self.dataset = dataset_of(self.run, self.config)
        several = len(self.heads) > 1
        self.galleries = {
            head: list(mistakes_of(self.run, self.dataset, head * several, each, self.room))
            for head, each in self.heads
        }

    @property
    def heads(self) -> list[tuple[str, Mapping[str, Any]]]:
        """The evaluation of each head, by the name of its target: empty of the only one."""
        return [] if self.evaluation is None else list(evaluations_of(self.evaluation))

    def page(self) -> ReportPage:
        trained = self.config["dataset"]
        model = self.config["train"]["model"]["use"]
        lead = f"{model}, trained on {trained['name']} {trained['version']}."
        return ReportPage(
            kind="Training run",
            title=self.run.path.absolute().name,
            lead=[lead],
            classes=self._classes(),
            sections=[
                PageSection(mark="result", title="Result", blocks=list(self._result())),
                PageSection(mark="training", title="Training", blocks=list(self._training())),
                PageSection(mark="confusion", title="Confusion", blocks=list(self._confusion())),
                PageSection(mark="curves", title="Curves", blocks=list(self._curves())),
                PageSection(mark="mistakes", title="Mistakes", blocks=list(self._mistakes())),
                PageSection(
                    mark="configuration",
                    title="Configuration",
                    blocks=list(self._configuration()),
                ),
            ],
        )

    def _classes(self) -> list[str]:
        names = [each["name"] for _, of in self.heads for each in of.get("classes", ())]
        return list(dict.fromkeys(names)) if len(names) > 1 else []

    def _result(self) -> Iterator[Block]:
        yield KeyNumbers(tiles=[*self._scores(), *self._course()])
        if not self.heads:
            yield Notes(notes=["The run has not come to its end: its best model is not measured."])
        for head, each in self.heads:
            found = task_of(each["kind"]).table(each)
            if found.rows:
                of = f" of {head}" if head else ""
                yield DataTable(
                    caption=f"Scores{of} by {self._row_name(each)}, with intervals of 95 %",
                    headings=["name", *found.headings[1:]],
                    rows=[DataRow(cells=row, classes=[row[0]]) for row in found.rows],
                )
            yield Notes(notes=[found.summary, *found.remarks, *by_origin(each)])

    def _row_name(self, each: Mapping[str, Any]) -> str:
        return "class" if "classes" in each else "name"

    def _scores(self) -> Iterator[tuple[str, str]]:
        for head, each in self.heads:
            name = task_of(each["kind"]).headline
            interval = each.get("intervals", {}).get(name)
            between = "" if interval is None else f" ({_interval(interval)})"
            told = f"{head} {name}" if head else name
            yield with_interval(each[name], None), f"{told.replace('_', ' ')}{between}"
        if self.evaluation is not None:
            yield f"{self.evaluation['samples']:,}", f"samples of {self.evaluation['split']}"

    def _course(self) -> Iterator[tuple[str, str]]:
        yield f"{len(self.rows):,}", "epochs"
        if self.best is not None:
            yield f"{self.best.epoch:,}", "best epoch"
        yield f"{sum(row.seconds for row in self.rows):,.0f} s", "of training"
        cost = (self.evaluation or {}).get("cost")
        if cost:
            yield f"{cost['parameters']:,}", "weights"
            yield f"{cost['single_ms']:.3g} ms", "an image alone"

    def _training(self) -> Iterator[Block]:
        charts = [
            drawn_lines(chart, numbers=RESULTS)
            for _, chart in progress_charts(self.rows, self.best)
        ]
        if charts:
            yield Charts(charts=charts)

    def _confusion(self) -> Iterator[Block]:
        for head, each in self.heads:
            found = task_of(each["kind"]).confusion(each)
            if found is None:
                continue
            of = f" of {head}" if head else ""
            confusions = Confusions(
                names=found.names,
                cells=[(true, taken, count) for true, taken, count in found.cells],
                class_samples=[each["samples"] for each in each["classes"]],
            )
            chart = _drawn_matrix(confusions, f"Confusion matrix{of}")
            shown: DrawnChart | ChartChoice = chart
            if 2 < len(found.names) <= MOST_SHOWN:
                again = f"Confusion matrix{of}, most errors first"
                chosen = [("by class", chart), ("most errors first", _by_errors(confusions, again))]
                shown = ChartChoice(title=f"Order of classes{of}", options=chosen)
            pictures = Counter(strip.pair for strip in self._strips(head) if strip.pair)
            caption = f"What is taken for what{of}"
            yield Beside(blocks=[shown, _pairs(confusions, caption, pictures)])

    def _curves(self) -> Iterator[Block]:
        found = self.run.curves()
        heads = {} if found is None else found.heads
        for head, charts in heads.items():
            named = f" of {head}" if len(heads) > 1 else ""
            if charts:
                yield Charts(charts=[drawn_lines(chart, of=named) for chart in charts])

    def _mistakes(self) -> Iterator[Block]:
        for galleries in self.galleries.values():
            yield from galleries

    def _strips(self, head: str) -> Iterator[Strip]:
        for gallery in self.galleries.get(head, ()):
            yield from gallery.strips

    def _configuration(self) -> Iterator[Block]:
        config = self.config
        trained, packages = config["dataset"], config.get("packages", {})
        pairs: list[tuple[str, str | Sequence[str]]] = [
            ("dataset", f"{trained['name']} {trained['version']}"),
            ("its fingerprint", trained["fingerprint"]),
            ("seed", str(config.get("seed", "-"))),
            ("backend", f"{config.get('backend', '-')} on {', '.join(config.get('devices', ()))}"),
            ("packages", ", ".join(f"{name} {found}" for name, found in packages.items())),
        ]
        if self.dataset is None:
            pairs.append(("now", "this dataset is not there any more, or was built anew"))
        yield Pairs(pairs=pairs)
        yield Code(
            title="The train section, every default filled in",
            text=as_yaml(config["train"]),
            language="yaml",
            folded=True,
        )


def drawn_lines(chart: LineChart, *, numbers: str = "", of: str = "") -> DrawnChart:
    """Returns a chart of lines with its table.

    Args:
      numbers: file that holds its numbers as well; empty for none.
      of: words that its title ends with.
    """
    title = f"{chart.title}{of}"
    where = f"the table behind it{f' and in {numbers}' if numbers else ''}"
    heading = Heading(title=title, dataset="", score=str(chart.score or ""), numbers=where)
    table = table_of(chart.table(), title)
    return DrawnChart(title=title, svg=lines.draw(chart, heading), table=table)


def _drawn_matrix(confusions: Confusions, title: str) -> DrawnChart:
    heading = Heading(title=title, dataset="", numbers="the table below it")
    return DrawnChart(title=title, svg=matrix.draw(confusions, heading), table=None)


def _by_errors(confusions: Confusions, title: str) -> DrawnChart:
    """Returns the matrix with those classes first that are in most errors."""
    wrong = [0] * len(confusions.names)
    for true, taken, count in confusions.cells:
        if true != taken:
            wrong[true] += count
            wrong[taken] += count
    order = sorted(range(len(wrong)), key=lambda place: (-wrong[place], place))
    place_of = {old: new for new, old in enumerate(order)}
    ordered = Confusions(
        names=[confusions.names[old] for old in order],
        cells=[(place_of[true], place_of[taken], n) for true, taken, n in confusions.cells],
        class_samples=[int(confusions.of_class[old]) for old in order],
    )
    return _drawn_matrix(ordered, title)


def _pairs(
    confusions: Confusions,
    caption: str,
    pictures: Mapping[tuple[str, str], int],
    *,
    most: int = 500,
) -> DataTable:
    """Returns the errors as a table, the most frequent first.

    Args:
      pictures: how many of a pair are shown, which its last cell leads to.
    """
    errors = confusions.errors()
    rows = []
    for count, true, taken, samples in errors[:most]:
        cells: list[Cell] = [true, taken, count, f"{100 * count / max(samples, 1):.1f}"]
        shown = [pictures.get((true, taken), 0)] if pictures else []
        pair = (true, taken) if pictures else None
        rows.append(DataRow(cells=[*cells, *shown], classes=[true, taken], pair=pair))
    headings = ["true class", "taken for", "samples", "% of class"]
    headings += ["pictures"] if pictures else []
    more = max(0, len(errors) - most)
    return DataTable(caption=caption, headings=headings, rows=rows, more=more)


def _interval(interval: Mapping[str, Any]) -> str:
    return f"{number(interval['low'], 3)} to {number(interval['high'], 3)}"
