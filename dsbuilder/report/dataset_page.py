"""A built dataset -> what a page tells of it: counts, pictures, findings, how it was built.

All of it comes from the manifest, the log and a few samples, so a page of a million samples is
made as quickly as one of a thousand.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from dsbuilder.cache import build_log, course, quarantine
from dsbuilder.cache.build_log import BuildLog
from dsbuilder.cache.course import Course, Origins
from dsbuilder.dataset import StoredDataset
from dsbuilder.errors import CacheError
from dsbuilder.report.charts import lines
from dsbuilder.report.charts.bars import Bars
from dsbuilder.report.charts.lines import Curve, LineChart
from dsbuilder.report.charts.svg import Heading
from dsbuilder.report.dataset_charts import MOST_BARS, drawn, shapes
from dsbuilder.report.dataset_samples import galleries
from dsbuilder.report.page.blocks import (
    Beside,
    Block,
    Cell,
    Code,
    DataRow,
    DataTable,
    DrawnChart,
    KeyNumbers,
    Notes,
    PageSection,
    Pairs,
    ReportPage,
)
from dsbuilder.report.page.pictures import Room
from dsbuilder.report.page.yaml_text import as_yaml
from dsbuilder.report.snippets import snippets

_MOST_CLASSES = 2_000
_MOST_ROWS = 200
_MOST_OF_INSPECTOR = 20
_STEPS = {
    "survey": "reading the pipeline and listing the source",
    "inspect": "inspecting records",
    "plan": "hashing files and planning",
    "make": "making samples",
}
_BESIDE = {"read": "reading files", "decode": "decoding images", "encode": "encoding samples"}


def dataset_page(dataset: StoredDataset, *, where: str) -> ReportPage:
    """Returns the page of a dataset.

    Args:
      where: its path as it is typed.

    Raises:
      CacheError: files of it are damaged.
    """
    page = _DatasetPage(
        dataset=dataset,
        where=where,
        log=build_log.read(dataset.path),
        course=course.read(dataset.path),
        lost=quarantine.read(dataset.path),
    )
    try:
        return page.page()
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise CacheError(
            f"{dataset.path}: expected a dataset as its manifest describes it, found another "
            f"({type(error).__name__}: {error}). Build it again."
        ) from error


@dataclass
class _DatasetPage:
    """A dataset, and what is known of its build; `course` and `log` may be lost."""

    dataset: StoredDataset
    where: str
    log: BuildLog | None
    course: Course | None
    lost: Sequence[Mapping[str, str]]
    room: Room = field(default_factory=Room)

    def __post_init__(self) -> None:
        known = self.dataset.manifest
        self._counts = {split: known.class_counts(split) for split in known.splits}
        self._samples = {split: known.num_samples(split) for split in known.splits}
        named = Counter[str]()
        for counts in self._counts.values():
            named.update(counts)
        names = dict.fromkeys((*self.dataset.class_names, *named))
        self._classes = {name: named.get(name, 0) for name in names}

    def page(self) -> ReportPage:
        known = self.dataset.manifest
        return ReportPage(
            kind="Dataset",
            title=f"{known.name} {known.version}",
            lead=self._lead(),
            classes=list(self._classes) if len(self._classes) > 1 else (),
            sections=[
                PageSection(mark="counts", title="Samples", blocks=list(self._overview())),
                PageSection(
                    mark="pictures",
                    title="Pictures",
                    blocks=list(galleries(self.dataset, self.room)),
                ),
                PageSection(mark="findings", title="Findings", blocks=list(self._findings())),
                PageSection(
                    mark="shapes",
                    title="Images and labels",
                    blocks=list(shapes(self.dataset, self.course)),
                ),
                PageSection(mark="pipeline", title="Pipeline", blocks=list(self._pipeline())),
                PageSection(mark="build", title="Build", blocks=list(self._build())),
                PageSection(
                    mark="open",
                    title="How to open it",
                    blocks=list(snippets(self.dataset, self.where)) if self._samples else [],
                ),
            ],
        )

    def _lead(self) -> list[str]:
        known = self.dataset.manifest
        quality = f" of quality {known.quality}" if known.image == "jpeg" else ""
        return [
            f"{self.dataset.signature}. Stored as {known.codec}, images as {known.image}{quality}."
        ]

    def _overview(self) -> Iterator[Block]:
        known, total = self.dataset.manifest, sum(self._samples.values())
        bytes_of = sum(shard.size_bytes for shard in known.all_shards)
        tiles = [(f"{total:,}", "samples"), (f"{len(self._samples)}", "splits")]
        if self._classes:
            tiles.append((f"{len(self._classes):,}", "classes"))
        for count, what in self._origins():
            tiles.append((f"{count:,}", what))
        tiles.append((_size(bytes_of), "of encoded samples"))
        if known.quarantined:
            tiles.append((f"{known.quarantined:,}", "set aside"))
        yield KeyNumbers(tiles=tiles)
        yield self._split_table()
        if self._classes:
            yield Beside(blocks=[self._class_table(), self._class_chart()])

    def _origins(self) -> Iterator[tuple[int, str]]:
        if self.course is not None:
            every = list(self.course.splits.values())
            for name, what in (
                ("records", "records of the source"),
                ("variants", "variants"),
                ("synthetic", "synthesized"),
            ):
                count = sum(getattr(each, name) for each in every)
                if count:
                    yield count, what

    def _split_table(self) -> DataTable:
        known = self.dataset.manifest
        headings = ["split", "samples", "shards", "size"]
        origins = {} if self.course is None else self.course.splits
        kinds = [
            name
            for name in ("records", "originals", "variants", "synthetic")
            if any(getattr(each, name) for each in origins.values())
        ]
        headings[1:1] = ["synthesized" if name == "synthetic" else name for name in kinds]
        rows = []
        for split, samples in self._samples.items():
            shards = known.splits[split]
            size = _size(sum(shard.size_bytes for shard in shards))
            cells: list[Cell] = [split, samples, len(shards), size]
            cells[1:1] = [getattr(origins.get(split, Origins()), name) for name in kinds]
            rows.append(DataRow(cells=cells))
        return DataTable(caption="Splits", headings=headings, rows=rows, sortable=False)

    def _class_chart(self) -> DrawnChart:
        splits = tuple(self._samples)
        ranked = sorted(self._classes, key=lambda name: -self._classes[name])
        if len(ranked) <= MOST_BARS:
            chart = Bars(
                title="Samples by class",
                kinds=splits,
                rows=tuple(
                    (name, tuple(self._counts[split].get(name, 0) for split in splits))
                    for name in self._classes
                ),
            )
            return drawn(chart)
        places = tuple(float(place) for place in range(1, len(ranked) + 1))
        curve = LineChart(
            kind="training",
            title="Samples by class, from the largest to the smallest",
            x_title="class, by its number of samples",
            y_title="samples",
            lines=tuple(
                Curve(
                    name=split,
                    x=places,
                    y=tuple(
                        float(each)
                        for each in sorted(
                            (self._counts[split].get(name, 0) for name in ranked), reverse=True
                        )
                    ),
                )
                for split in splits
            ),
        )
        heading = Heading(title=curve.title, dataset="", numbers="the table of classes")
        return DrawnChart(title=curve.title, svg=lines.draw(curve, heading), table=None)

    def _class_table(self) -> DataTable:
        splits = list(self._samples)
        records, made = Counter[str](), Counter[str]()
        for each in (self.course.splits if self.course is not None else {}).values():
            records.update(each.classes)
            made.update(each.synthesized)
        knows = any(name in records for name in self._classes)
        names = list(self._classes)[:_MOST_CLASSES]
        rows = [
            DataRow(
                cells=[
                    name,
                    *([records.get(name)] if knows else []),
                    *(self._counts[split].get(name, 0) for split in splits),
                    *([self._classes[name]] if len(splits) > 1 else []),
                    *([made.get(name, 0)] if made else []),
                ],
                classes=[name],
            )
            for name in names
        ]
        return DataTable(
            caption="Classes: records before, samples after" if knows else "Samples by class",
            headings=[
                "class",
                *(["records"] if knows else []),
                *splits,
                *(["all samples"] if len(splits) > 1 else []),
                *(["synthesized"] if made else []),
            ],
            rows=rows,
            more=len(self._classes) - len(names),
        )

    def _findings(self) -> Iterator[Block]:
        told = [*(self.course.warnings if self.course else ()), *self.dataset.manifest.warnings]
        warned = list(dict.fromkeys(told))
        found = self.course.findings if self.course is not None else ()
        if not (warned or found or self.lost):
            looked = self.dataset.pipeline.sections.get("inspect")
            yield Notes(
                notes=[
                    "Nothing was set aside, and there is nothing to warn of."
                    + ("" if looked else " No inspector looked: the pipeline has no section ")
                    + ("" if looked else "inspect; dsbuilder inspect PIPELINE looks.")
                ]
            )
        if warned:
            yield Notes(notes=warned[:_MOST_ROWS])
        if found:
            yield DataTable(
                caption="Findings of inspectors",
                headings=["inspector", "record", "finding", "what becomes of it"],
                rows=[
                    DataRow(cells=[each.inspector, one.key, one.text, each.action])
                    for each in found
                    for one in each.first[:_MOST_OF_INSPECTOR]
                ],
                more=sum(each.count - len(each.first[:_MOST_OF_INSPECTOR]) for each in found),
            )
        if self.lost:
            yield DataTable(
                caption="Set aside",
                headings=["sample", "stage", "reason"],
                rows=[
                    DataRow(cells=[row["key"], row["stage"], row["exception"]])
                    for row in self.lost[:_MOST_ROWS]
                ],
                more=max(0, len(self.lost) - _MOST_ROWS),
            )

    def _pipeline(self) -> Iterator[Block]:
        stages = self.dataset.manifest.stages
        if stages:
            yield DataTable(
                caption="Stages",
                headings=["stage", "plugin", "version"],
                rows=[
                    DataRow(cells=[name, stage.plugin, stage.version])
                    for name, stage in stages.items()
                ],
                sortable=False,
            )
        yield Code(
            title="The pipeline, every default filled in",
            text=as_yaml(self.dataset.pipeline.sections),
            language="yaml",
            folded=True,
        )

    def _build(self) -> Iterator[Block]:
        known, log, went = self.dataset.manifest, self.log, self.course
        pairs: list[tuple[str, str | Sequence[str]]] = []
        if log is not None:
            pairs.append(("built", f"{log.finished[:16].replace('T', ' ')} UTC"))
            pairs.append(("took", f"{log.seconds:.3g} s"))
        if went is not None:
            pairs.append(("samples", f"{went.made:,} made, {went.reused:,} reused"))
        pairs += [
            ("fingerprint", known.fingerprint),
            ("seed", str(known.seed)),
            ("reproducible", "yes" if known.reproducible else "no: samples were lost to chance"),
            ("packages", _versions(known.packages)),
            ("processor", known.machine),
        ]
        yield Pairs(pairs=pairs)
        if went is None:
            yield Notes(notes=["How long its stages took is not known: its log is not there."])
            return
        yield DataTable(
            caption="Time by step",
            headings=["step", "seconds"],
            rows=[
                DataRow(cells=[_STEPS.get(name, name), f"{seconds:.3f}"])
                for name, seconds in went.steps.items()
                if seconds >= 0.001
            ],
            sortable=False,
        )
        if went.paces:
            yield self._rates(went)

    def _rates(self, went: Course) -> DataTable:
        total = sum(pace.seconds for pace in went.paces.values()) or 1.0
        return DataTable(
            caption="Time and rate by stage, over all processes",
            headings=["stage", "times", "seconds", "share, %", "ms each", "a second"],
            rows=[
                DataRow(
                    cells=[
                        _BESIDE.get(name, name),
                        pace.count,
                        f"{pace.seconds:.3f}",
                        f"{100 * pace.seconds / total:.1f}",
                        f"{1e3 * pace.seconds / max(pace.count, 1):.3f}",
                        round(pace.count / pace.seconds) if pace.seconds else None,
                    ]
                )
                for name, pace in went.paces.items()
            ],
        )


def _versions(packages: Mapping[str, str]) -> str:
    """Returns packages with their versions in words."""
    return ", ".join(f"{name} {version}" for name, version in packages.items())


def _size(num_bytes: float) -> str:
    for unit in ("bytes", "kB", "MB"):
        if num_bytes < 1000:
            return f"{num_bytes:.3g} {unit}"
        num_bytes /= 1000
    return f"{num_bytes:.3g} GB"
