"""Several runs side by side: scores, curves over each other, and what differs between them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dsbuilder import typed_json
from dsbuilder.report.charts.lines import Curve, LineChart
from dsbuilder.report.page.blocks import (
    Block,
    Cell,
    Charts,
    DataRow,
    DataTable,
    Notes,
    PageSection,
    ReportPage,
)
from dsbuilder.tasks import evaluations_of, task_of
from dsbuilder.tasks.intervals import shown
from dsbuilder.train.monitor import Monitor
from dsbuilder.train.phases import best_row
from dsbuilder.train.run import EVALUATION, Row, Run
from dsbuilder.train.run_page import drawn_lines

_MOST_CURVES = 8
_SKIPPED = ("path", "plugins")


def comparison_page(runs: Sequence[Run]) -> ReportPage:
    """Returns the page of two runs or more.

    Raises:
      TrainError: a folder is no run, or its files say what no run writes.
    """
    names = _names(runs)
    configs = [run.config() for run in runs]
    rows = [run.rows() for run in runs]
    evaluations = [run.evaluation() if (run.path / EVALUATION).is_file() else None for run in runs]
    differing = list(_differing(configs))
    return ReportPage(
        kind="Comparison",
        title=f"{len(runs)} runs",
        lead=[", ".join(names)],
        classes=_classes(evaluations),
        sections=[
            PageSection(
                mark="scores",
                title="Scores",
                blocks=list(_scores(names, configs, rows, evaluations)),
            ),
            PageSection(
                mark="differences",
                title="What differs",
                blocks=[_differences(names, differing)]
                if differing
                else [Notes(notes=["Their configurations are the same."])],
            ),
            PageSection(mark="training", title="Training", blocks=list(_training(names, rows))),
            PageSection(
                mark="classes", title="Classes", blocks=list(_by_class(names, evaluations))
            ),
        ],
    )


def _names(runs: Sequence[Run]) -> list[str]:
    """Returns the names of runs, with the folders above as far as that tells them apart."""
    paths = [run.path.absolute() for run in runs]
    for depth in range(1, max(len(path.parts) for path in paths) + 1):
        names = ["/".join(path.parts[-depth:]) for path in paths]
        if len(set(names)) == len(names):
            return names
    return [f"{path.name} ({number})" for number, path in enumerate(paths, 1)]


def _classes(evaluations: Sequence[Mapping[str, Any] | None]) -> list[str]:
    found = [
        one["name"]
        for evaluation in evaluations
        if evaluation is not None
        for _, each in evaluations_of(evaluation)
        for one in each.get("classes", ())
    ]
    return list(dict.fromkeys(found))


def _scores(
    names: Sequence[str],
    configs: Sequence[Mapping[str, Any]],
    rows: Sequence[Sequence[Row]],
    evaluations: Sequence[Mapping[str, Any] | None],
) -> Iterator[Block]:
    """Yields a row for each run, the best of each score marked, and doubts of the comparison."""
    found = [_of_evaluation(evaluation) for evaluation in evaluations]
    scores = list(dict.fromkeys(name for each in found for name in each))
    table = []
    for name, config, own, told in zip(names, configs, rows, found, strict=True):
        best = best_row(own, Monitor.of(config["train"]))
        cells: list[Cell] = [name, config["dataset"]["name"], config["train"]["model"]["use"]]
        cells += [len(own), None if best is None else best.epoch]
        cells += [f"{sum(row.seconds for row in own):,.0f}", *(told.get(each) for each in scores)]
        table.append(DataRow(cells=cells))
    headings = ["run", "dataset", "model", "epochs", "best epoch", "seconds", *scores]
    yield DataTable(caption="Runs, scores with intervals of 95 %", headings=headings, rows=table)
    if len({config["dataset"]["fingerprint"] for config in configs}) > 1:
        yield Notes(
            notes=[
                "They were trained on datasets that are not the same: what differs between their "
                "scores may be the data's doing."
            ]
        )
    measured = {(each["dataset"], each["split"]) for each in evaluations if each is not None}
    if len(measured) > 1:
        yield Notes(notes=["They were not measured on the same split of the same dataset."])


def _of_evaluation(evaluation: Mapping[str, Any] | None) -> dict[str, Cell]:
    """Returns the headline score of each head, the loss, and what the model costs."""
    if evaluation is None:
        return {}
    found: dict[str, Cell] = {"samples": evaluation["samples"]}
    for head, each in evaluations_of(evaluation):
        name = task_of(each["kind"]).headline
        told = f"{head} {name}" if head else name
        interval = each.get("intervals", {}).get(name)
        found[told.replace("_", " ")] = shown(each.get(name), interval)
    found["loss"] = shown(evaluation.get("loss"), None, ".4f")
    cost = evaluation.get("cost") or {}
    if cost:
        found["weights"] = cost["parameters"]
        found["ms an image"] = f"{cost['single_ms']:.2f}"
    return found


def _differing(configs: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, list[str]]]:
    """Yields the path and the values of whatever is not the same in all configurations."""
    flat = [dict(_flat(config, "")) for config in configs]
    for path in dict.fromkeys(path for each in flat for path in each):
        values = [each.get(path, "-") for each in flat]
        if len(set(values)) > 1 and path.rpartition(".")[2] not in _SKIPPED:
            yield path, values


def _flat(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Yields the leaves of JSON values, each with its path."""
    if isinstance(value, Mapping) and value:
        for name, each in value.items():
            yield from _flat(each, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list) and any(isinstance(each, (Mapping, list)) for each in value):
        for place, each in enumerate(value):
            yield from _flat(each, f"{path}[{place}]")
    else:
        yield path, value if isinstance(value, str) else typed_json.dumps(value)


def _differences(names: Sequence[str], differing: Sequence[tuple[str, list[str]]]) -> DataTable:
    # The pipeline of the dataset repeats the train section that it was built with.
    rows = [
        DataRow(cells=[path, *values])
        for path, values in differing
        if not path.startswith("pipeline.train")
    ]
    headings = ["option", *names]
    return DataTable(caption="Options that are not the same", headings=headings, rows=rows)


def _training(names: Sequence[str], rows: Sequence[Sequence[Row]]) -> Iterator[Block]:
    """Yields charts with a line for each run: of each value on validation, else on train."""
    split = "validation" if any(row.validation for own in rows for row in own) else "train"
    values = dict.fromkeys(name for own in rows for row in own for name in getattr(row, split))
    charts = [
        LineChart(
            kind="training",
            title=f"{name[:1].upper()}{name[1:].replace('_', ' ')} on {split} by epoch",
            x_title="epoch",
            y_title=name,
            lines=tuple(
                Curve(
                    name=run,
                    x=tuple(float(row.epoch) for row in own),
                    y=tuple(getattr(row, split).get(name) for row in own),
                )
                for run, own in zip(names, rows, strict=True)
                if own
            )[:_MOST_CURVES],
        )
        for name in values
    ]
    if charts:
        yield Charts(charts=[drawn_lines(chart) for chart in charts])
    if len(names) > _MOST_CURVES:
        yield Notes(notes=[f"Charts show the first {_MOST_CURVES} runs alone."])


def _by_class(
    names: Sequence[str], evaluations: Sequence[Mapping[str, Any] | None]
) -> Iterator[Block]:
    """Yields the F1 of each class by run, or what else its task tells of a class first."""
    found: dict[str, dict[str, dict[str, str]]] = {}
    for run, evaluation in zip(names, evaluations, strict=True):
        for head, each in evaluations_of(evaluation) if evaluation is not None else ():
            told = task_of(each["kind"]).table(each)
            column = "F1" if "F1" in told.headings else (*told.headings, "", "")[1]
            place = told.headings.index(column) if column in told.headings else 1
            for row in told.rows:
                score = f"{column} of {head}" if head else column
                found.setdefault(score, {}).setdefault(row[0], {})[run] = row[place]
    for score, classes in found.items():
        yield DataTable(
            caption=f"{score[:1].upper()}{score[1:]} by class",
            headings=["class", *names],
            rows=[
                DataRow(cells=[name, *(own.get(run, "-") for run in names)], classes=[name])
                for name, own in classes.items()
            ],
        )
